//! What the catalog no longer stands for leaves the disk: [`Chunks::forget`] is the way out, [`Chunks::follow`] what
//! finds out.

use super::{
    Chunks,
    name::{ChunkId, ObjectId},
};
use crate::catalog::{Catalog, Touched};
use proto::{catalog::FileEntry, id::FileId};
use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::sleep;

/// Between two looks at the catalog: what is deleted leaves the disk within the contract's 2 s.
const PAUSE: Duration = Duration::from_secs(1);
/// Looks after a change: a reader that was admitted just before it may begin a fill just after.
const LOOKS: u32 = 3;
/// Looks without any change: files expire by themselves.
const LOOK_ANYWAY: u32 = 30;
/// Files asked for in one statement.
const BATCH: usize = 500;

impl Chunks {
    /// Removes all chunks of a file, whatever its versions. Streams that have them open finish.
    pub(super) fn forget(&self, file: &FileId) {
        let objects = self.index.change().objects_of(file);
        objects.into_iter().for_each(|object| self.forget_object(object));
    }

    /// Removes all chunks of one version of an object.
    pub(super) fn forget_object(&self, object: ObjectId) {
        let mut changing = self.index.change();
        let ids: Vec<ChunkId> = changing.take_object(object);
        drop(changing);
        if let Some(folder) = self.folder.load_full() {
            folder.remove(ids);
        }
        self.count_evicted(0);
    }

    /// Looks once a second at the files that the catalog's feed named, and now and then at every file of which there are
    /// chunks: files expire by themselves, and the feed can have a gap.
    pub(crate) fn follow(self: &Arc<Self>, catalog: Arc<Catalog>) {
        let weak = Arc::downgrade(self);
        self.threads.spawn(async move {
            let (mut seen, mut due, mut all_due, mut unchecked_for) = (0, HashMap::<FileId, u32>::new(), LOOKS, 0);
            loop {
                sleep(PAUSE).await;
                let Some(chunks) = weak.upgrade() else { return };
                let (generation, touched) = catalog.feed().touched_since(seen);
                seen = generation;
                unchecked_for += 1;
                match touched {
                    Touched::Files(files) => due.extend(files.into_iter().map(|file| (file, LOOKS))),
                    Touched::Any => all_due = LOOKS,
                }
                if unchecked_for >= LOOK_ANYWAY || chunks.is_unchecked.swap(false, Ordering::Relaxed) {
                    all_due = all_due.max(1);
                }
                if all_due > 0 && chunks.compare(&catalog, chunks.index.files()).await {
                    (all_due, unchecked_for) = (all_due - 1, 0);
                }
                if !due.is_empty() && chunks.compare(&catalog, chunks.held_of(due.keys())).await {
                    due.retain(|_, looks| {
                        *looks -= 1;
                        *looks > 0
                    });
                }
            }
        });
    }

    /// Those of the files that there are chunks of, with their objects.
    fn held_of<'a>(&self, files: impl Iterator<Item = &'a FileId>) -> Vec<(FileId, Vec<ObjectId>)> {
        let changing = self.index.change();
        let held = files.map(|file| (file.clone(), changing.objects_of(file)));
        held.filter(|(_, objects)| !objects.is_empty()).collect()
    }

    /// Forgets what the catalog has no ready row for. Without an answer nothing is forgotten, and it is asked again.
    async fn compare(&self, catalog: &Catalog, files: Vec<(FileId, Vec<ObjectId>)>) -> bool {
        for batch in files.chunks(BATCH) {
            let ids: Vec<_> = batch.iter().map(|(file, _)| file).collect();
            let kept = match catalog.kept(&ids).await {
                Ok(kept) => kept,
                Err(error) => {
                    tracing::debug!(%error, "the catalog does not say which chunks may stay");
                    return false;
                }
            };
            for (file, objects) in batch {
                self.forget_all_but(file, objects, kept.get(file));
            }
        }
        true
    }

    fn forget_all_but(&self, file: &FileId, objects: &[ObjectId], kept: Option<&FileEntry>) {
        let Some(kept) = kept else { return self.forget(file) };
        let current = self.object_id(&kept.object_key, &kept.etag, kept.size);
        objects.iter().filter(|object| **object != current).for_each(|object| self.forget_object(*object));
    }
}
