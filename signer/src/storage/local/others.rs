//! What lies in a folder beside `managed/`.

use super::{Failure, Folder};
use futures_util::{Stream, stream};
use proto::storage::MANAGED_PREFIX;
use std::{
    fs::{self, ReadDir},
    io::{self, ErrorKind},
    path::Path,
    sync::Arc,
};
use tokio::{
    sync::mpsc::{Sender, channel},
    task::spawn_blocking,
};

/// Paths found and not taken yet.
const AHEAD: usize = 1_000;

type Found = Result<String, Failure>;

impl Folder {
    /// Everything below `prefix` that is no folder, in no order; and a folder that cannot be read. No link is followed.
    pub(in crate::storage) fn list_others(&self, prefix: &str) -> impl Stream<Item = Found> + Send + use<> {
        let (found, taken) = channel(AHEAD);
        let (root, from) = (Arc::clone(&self.root), self.at(prefix));
        spawn_blocking(move || {
            if let Err(error) = walk(&root, &from, &found) {
                let _ = found.blocking_send(Err(error.into()));
            }
        });
        stream::unfold(taken, async |mut taken| Some((taken.recv().await?, taken)))
    }
}

/// Holds a place in each folder from the first to where it is, and none of the names in them.
fn walk(root: &Path, from: &Path, found: &Sender<Found>) -> io::Result<()> {
    let mut open = vec![fs::read_dir(from)?];
    while let Some(folder) = open.last_mut() {
        let Some(entry) = folder.next().transpose()? else {
            open.pop();
            continue;
        };
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        if format!("{name}/") == MANAGED_PREFIX {
            continue;
        }
        let inner = if entry.file_type()?.is_dir() { opened(&path)? } else { None };
        match inner {
            Some(inner) => open.push(inner),
            None if found.blocking_send(Ok(name)).is_err() => return Ok(()),
            None => {}
        }
    }
    Ok(())
}

/// `None` for a folder that is closed to us, or gone since.
fn opened(folder: &Path) -> io::Result<Option<ReadDir>> {
    match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::NotFound) => Ok(None),
        opened => opened.map(Some),
    }
}
