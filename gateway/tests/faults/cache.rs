//! The chunk cache: nothing wrong ever comes out of it (G5, G6), nothing that befalls its disk reaches a client (G7),
//! storage is asked once for all (G8, C18), and what is gone or replaced leaves it (G10).

mod contents;
mod disk;
mod restarts;
mod sharing;

use crate::{
    Stage, cached_setup,
    harness::{File, eventually},
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// The chunks of [`Stage::cached`].
const CHUNK: usize = 256 << 10;

/// Every file below a folder, and its size.
fn files_below(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeMap::new() };
    let mut files = BTreeMap::new();
    for entry in entries.flatten() {
        match entry.metadata() {
            Ok(meta) if meta.is_dir() => files.append(&mut files_below(&entry.path())),
            Ok(meta) if meta.is_file() => drop(files.insert(entry.path(), meta.len())),
            _ => {}
        }
    }
    files
}

impl Stage {
    /// Once nothing changes any more.
    #[track_caller]
    fn cached_files(&self) -> BTreeMap<PathBuf, u64> {
        eventually("the cache comes to rest", Duration::from_secs(20), || {
            let before = files_below(&self.cache());
            std::thread::sleep(Duration::from_millis(200));
            let is_filling = before.keys().any(|path| path.extension().is_some_and(|extension| extension == "part"));
            (!is_filling && files_below(&self.cache()) == before).then_some(before)
        })
    }

    /// A file of so many chunks, and the paths under which the cache now has them.
    #[track_caller]
    fn cached_film(&self, chunks: usize) -> (File, Vec<PathBuf>) {
        let before = self.cached_files();
        let film = self.film(chunks * CHUNK);
        self.outcome(self.gateway.get(&film.url()), &film.bytes).assert_exact();
        let new: Vec<_> = self.cached_files().into_keys().filter(|path| !before.contains_key(path)).collect();
        assert_eq!(new.len(), chunks, "one file a chunk");
        (film, new)
    }

    /// Bytes of this file that storage was asked for.
    fn fetched(&self, file: &File) -> u64 {
        let ranges = self.origin.gets(file).into_iter().map(|get| get.range.expect("every GET is bounded"));
        ranges.map(|range| range.end - range.start).sum()
    }

    /// Downloads the whole file and checks every byte.
    #[track_caller]
    fn assert_served(&self, film: &File) {
        self.outcome(self.gateway.get(&film.url()), &film.bytes).assert_exact();
    }

    /// How often the log warns of the cache.
    fn warnings(&self) -> usize {
        let log = self.gateway.log();
        log.lines().filter(|line| line.contains(" WARN ") && line.contains("cache")).count()
    }
}
