//! What lies below `managed/` in a folder.

use super::{Failure, Folder, blocking, modified_at};
use crate::storage::{Found, Kind};
use futures_util::{Stream, StreamExt, stream};
use std::{
    fs::{self, DirEntry},
    io::{self, ErrorKind},
    path::Path,
};

impl Folder {
    /// One shard at a time is held in memory.
    pub(in crate::storage) fn list(&self) -> impl Stream<Item = Result<Found, Failure>> + Send {
        let managed = self.managed();
        stream::once(blocking(move || Ok(names_in(&managed)?))).flat_map(|shards| match shards {
            Ok(shards) => stream::iter(shards).then(|shard| self.list_in(shard)).flat_map(stream::iter).left_stream(),
            Err(error) => stream::iter([Err(error)]).right_stream(),
        })
    }

    async fn list_in(&self, shard: String) -> Vec<Result<Found, Failure>> {
        let path = self.managed().join(&shard);
        let found = blocking(move || Ok(found_in(&path, &shard)?)).await;
        found.map_or_else(|error| vec![Err(error)], |found| found.into_iter().map(Ok).collect())
    }
}

/// The folders in a folder, in order.
fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.extend(entry.file_name().into_string());
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn found_in(folder: &Path, shard: &str) -> io::Result<Vec<Found>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        match found(&entry?, shard) {
            // Published or removed since.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            found => all.extend(found?),
        }
    }
    all.sort_unstable_by(|one, other| one.file.cmp(&other.file));
    Ok(all)
}

/// Links are not followed: what they lead to is not ours.
fn found(entry: &DirEntry, shard: &str) -> io::Result<Option<Found>> {
    let facts = entry.metadata()?;
    let named = entry.file_name().to_str().and_then(|name| Kind::of(&format!("{shard}/{name}")));
    let is_here = |kind| matches!(kind, Kind::Object | Kind::Staged) && facts.is_file();
    Ok(named.filter(|(kind, _)| is_here(*kind)).map(|(kind, file)| Found {
        kind,
        file,
        size: facts.len(),
        modified_at: modified_at(&facts),
    }))
}
