//! Objects that lay in storage before they became files.

use super::{Catalog, FileRow, changes::Change, database::Statement, files::COLUMNS};
use serde::Serialize;
use std::collections::BTreeMap;

/// What is said of a file beside where it lies; what is not given stays as it is.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Description {
    pub(crate) filename: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) job_id: Option<String>,
    pub(crate) metadata: Option<BTreeMap<String, String>>,
}

/// What came of it.
pub(crate) enum Registered {
    File(Box<FileRow>),
    /// The object is another user's, or its file is being deleted.
    Taken,
}

impl Catalog {
    /// Adds `file` at `now` (Unix milliseconds), or refreshes what is there of the same object and owner. Gateways are
    /// told if the bytes are others than before.
    pub(crate) async fn register(&self, file: &FileRow, given: &Description, now: i64) -> sqlx::Result<Registered> {
        let mut transaction = self.database.begin().await?;
        let insertion = file.insertion().push(" ON CONFLICT (object_key) DO NOTHING");
        if transaction.execute(insertion).await? == 1 {
            transaction.commit().await?;
            return Ok(Registered::File(Box::new(file.clone())));
        }
        let before = Statement::new("SELECT size, etag, filename, content_type FROM files WHERE object_key = $1")
            .bind(file.object_key.as_str());
        let before = transaction.optional(before).await?;
        let Some(row) = transaction.optional(refreshing(file, given)).await? else { return Ok(Registered::Taken) };
        let refreshed = FileRow::read(&row)?;
        let Some(before) = before else { return Ok(Registered::Taken) };
        let is_same = before.number("size")? == refreshed.size
            && before.get::<String>("etag")? == refreshed.etag.as_str()
            && before.get::<String>("filename")? == refreshed.filename
            && before.get::<String>("content_type")? == refreshed.content_type;
        if !is_same {
            transaction.append(Change::FileChanged(&refreshed.id), now).await?;
        }
        transaction.commit().await?;
        Ok(Registered::File(Box::new(refreshed)))
    }
}

fn refreshing(file: &FileRow, given: &Description) -> Statement {
    let metadata = given.metadata.as_ref().map(|map| serde_json::to_string(map).expect("strings always serialise"));
    Statement::new(
        "UPDATE files SET size = $1, etag = $2, modified_at_seconds = $3, \
         sha256 = CASE WHEN size = $1 AND etag = $2 THEN sha256 END, filename = COALESCE($4, filename), \
         content_type = COALESCE($5, content_type), job_id = COALESCE($6, job_id), metadata = COALESCE($7, metadata) \
         WHERE object_key = $8 AND user_id = $9 AND state = 'ready' RETURNING ",
    )
    .push(COLUMNS)
    .bind(file.size)
    .bind(file.etag.as_str())
    .bind(file.modified_at)
    .bind(given.filename.as_deref())
    .bind(given.content_type.as_deref())
    .bind(given.job_id.as_deref())
    .bind(metadata.as_deref())
    .bind(file.object_key.as_str())
    .bind(file.owner.as_str())
}
