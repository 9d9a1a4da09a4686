//! What an operator is told of the bucket and the cache.

use super::*;
use crate::store::Source;

impl Stage {
    fn origin_metrics(&self, file: &File) -> OriginMetrics {
        self.chunks.object(&file.id, &file.row).unwrap().version.origin.origin.metrics.clone()
    }
}

#[tokio::test]
async fn a_part_says_whether_it_was_there_before_it_was_wanted() {
    let stage = Stage::new().await;
    let file = stage.file("film", 2 * CHUNK + 5, 1);
    for source in [Source::Origin, Source::Cache] {
        let mut reader = stage.start(&file, 0..file.row.size).await.unwrap();
        while let Some(part) = next(&mut reader).await {
            part.unwrap();
            assert_eq!(reader.source(), source);
        }
        stage.chunk_files(3).await;
    }
    assert_eq!(stage.origin_metrics(&file).received.get(), file.row.size, "the second time was free");
}

#[tokio::test]
async fn what_the_object_store_asks_again_is_counted() {
    let stage = Stage::new().await;
    let file = stage.file("film", 2 * CHUNK, 1);
    let repeats = stage.origin_metrics(&file).repeats;
    stage.assert_read(&file, 0..CHUNK).await;
    assert_eq!(repeats.get(), 0);
    stage.origin.be_busy_for(2);
    stage.assert_read(&file, CHUNK..2 * CHUNK).await;
    assert_eq!(repeats.get(), 2);
    stage.origin.be_busy_for(1);
    stage.chunks.object(&file.id, &file.row).unwrap().check().await.unwrap();
    assert_eq!(repeats.get(), 3, "of a HEAD, too");
}

#[tokio::test]
async fn a_chunk_that_does_not_come_is_counted_by_what_was_lacking() {
    let stage = Stage::new().await;
    let file = stage.file("film", CHUNK, 1);
    stage.origin.remove("film");
    assert!(matches!(stage.read(&file, 0..CHUNK).await, Err(Failed::Refused(StorageError::Missing))));
    let unfilled = &stage.chunks.metrics.unfilled;
    assert_eq!((unfilled.origin.get(), unfilled.disk.get(), unfilled.reader.get()), (1, 0, 0));
}
