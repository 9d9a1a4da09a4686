//! The `uploads` table.

mod ending;
mod finishing;
mod holding;
mod reserving;

use super::{NOW, SECOND, file, fresh, id, user};
use crate::{
    catalog::{Advance, Catalog, FileRow, Held, Hold, Kind, State, Step, UploadRow},
    storage::Progress,
    uploads::Description,
};

const HOUR: i64 = 60 * 60 * 1000;
/// A holder's moment, in milliseconds.
const LEASE: i64 = 10_000;

/// An open upload of this owner, with a URL.
fn upload(owner: &str, name: &str, declared_size: Option<u64>) -> UploadRow {
    UploadRow {
        id: id(name),
        owner: user(owner),
        kind: Kind::Tus,
        handle: Some(format!("sha256-of-{name}")),
        state: State::Open,
        object_key: format!("managed/{name}"),
        declared_size,
        description: Description { filename: format!("{name} é\u{0}.mp4"), ..Description::default() },
        received: 0,
        created_at: NOW,
        expires_at: NOW + HOUR,
    }
}

/// The same in one request, and so without a URL.
fn stream(owner: &str, name: &str, declared_size: Option<u64>) -> UploadRow {
    UploadRow { kind: Kind::Stream, handle: None, ..upload(owner, name, declared_size) }
}

/// The file that an upload becomes.
fn made_of(owner: &str, name: &str, size: u64) -> FileRow {
    FileRow { size, ..file(owner, name) }
}

fn at(offset: u64) -> Progress {
    Progress { offset, ..Progress::default() }
}

impl Catalog {
    async fn begins(&self, upload: &UploadRow, total: Option<u64>) -> Step {
        self.begin_upload(upload, &Progress::default(), total).await.unwrap()
    }

    /// Of an upload that may begin.
    async fn begun(&self, upload: &UploadRow, total: Option<u64>) {
        assert_eq!(self.begins(upload, total).await, Step::Done);
    }

    async fn holds(&self, name: &str, holder: &str, now: i64) -> Hold {
        self.hold_upload(&id(name), holder, now).await.unwrap()
    }

    /// Of an upload that can be held.
    async fn held(&self, name: &str, holder: &str, now: i64) -> Held {
        match self.holds(name, holder, now).await {
            Hold::Yes(held) => *held,
            other => panic!("{other:?}"),
        }
    }

    async fn advances(&self, (owner, name): (&str, &str), holder: Option<&str>, offset: u64, now: i64) -> Step {
        let progress = at(offset);
        let step = Advance { holder, progress: &progress, hash_state: None, expires_at: now + HOUR };
        self.advance_upload((&id(name), &user(owner)), step, Some(100), now).await.unwrap()
    }

    async fn finishes(&self, file: &FileRow, holder: Option<&str>, total: Option<u64>) -> Step {
        self.finish_upload(file, holder, total, None).await.unwrap()
    }

    /// How the upload stands, if it is known.
    async fn state(&self, owner: &str, name: &str) -> Option<State> {
        self.own_upload(&user(owner), &id(name)).await.unwrap().map(|upload| upload.state)
    }
}
