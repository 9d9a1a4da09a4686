//! Objects that lay in storage before they became files.

use super::{
    Catalog, FileRow,
    changes::Change,
    database::{Statement, Transaction},
    files::COLUMNS,
};
use proto::id::FileId;
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

/// An object that is to become a file.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// As it is if nobody registered it before.
    pub(crate) file: FileRow,
    pub(crate) given: Description,
    /// It is this id or none; otherwise one that the object has already is as good.
    pub(crate) keeps_id: bool,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Registered {
    File {
        row: Box<FileRow>,
        is_new: bool,
    },
    /// The object is another user's, or its file is being deleted.
    Taken,
    /// The id is another object's.
    IdTaken,
    /// The object has this other id already.
    Known(FileId),
    /// Its owner is blocked or deleted.
    Barred,
}

/// What there was before of the same object.
struct Before {
    id: FileId,
    owner: String,
    size: u64,
    etag: String,
    filename: String,
    content_type: String,
}

impl Catalog {
    /// Adds a file at `now` (Unix milliseconds), or refreshes what is there of the same object and owner. Gateways are
    /// told if the bytes are others than before.
    pub(crate) async fn register(&self, candidate: &Candidate, now: i64) -> sqlx::Result<Registered> {
        let mut registered = self.register_all(std::slice::from_ref(candidate), now, true).await?;
        registered.pop().ok_or(sqlx::Error::RowNotFound)
    }

    /// The same of many, in one transaction; what comes of each stands in its place. Unless they are to be kept, it is
    /// only found out what would come of them.
    pub(crate) async fn register_all(
        &self,
        candidates: &[Candidate],
        now: i64,
        are_kept: bool,
    ) -> sqlx::Result<Vec<Registered>> {
        let mut transaction = self.database.begin().await?;
        let mut registered: Vec<_> = candidates.iter().map(|_| Registered::Taken).collect();
        let mut changed = Vec::new();
        // Whoever registers the same objects meanwhile waits for the same row first.
        let mut places: Vec<_> = (0..candidates.len()).collect();
        places.sort_by_key(|place| &candidates[*place].file.object_key);
        for place in places {
            let is_other;
            (registered[place], is_other) = transaction.register(&candidates[place]).await?;
            if let (Registered::File { row, .. }, true) = (&registered[place], is_other) {
                changed.push(row.id.clone());
            }
        }
        if !are_kept {
            return Ok(registered);
        }
        for file in &changed {
            transaction.append(Change::FileChanged(file), now).await?;
        }
        transaction.commit().await?;
        Ok(registered)
    }
}

impl Transaction {
    /// And whether it is a file with other bytes, or another name, than before.
    async fn register(&mut self, candidate: &Candidate) -> sqlx::Result<(Registered, bool)> {
        let Candidate { file, given, keeps_id } = candidate;
        if self.execute(file.insertion().push(" ON CONFLICT DO NOTHING")).await? == 1 {
            return Ok((Registered::File { row: Box::new(file.clone()), is_new: true }, false));
        }
        let Some(before) = self.before(&file.object_key).await? else {
            let holder = Statement::new("SELECT 1 FROM files WHERE id = $1").bind(file.id.as_str());
            let is_held = self.optional(holder).await?.is_some();
            return Ok((if is_held { Registered::IdTaken } else { Registered::Barred }, false));
        };
        if before.owner != file.owner.as_str() {
            return Ok((Registered::Taken, false));
        }
        if *keeps_id && before.id != file.id {
            return Ok((Registered::Known(before.id), false));
        }
        let Some(row) = self.optional(refreshing(file, given)).await? else { return Ok((Registered::Taken, false)) };
        let row = Box::new(FileRow::read(&row)?);
        let is_other = !before.is_same(&row);
        Ok((Registered::File { row, is_new: false }, is_other))
    }

    async fn before(&mut self, object_key: &str) -> sqlx::Result<Option<Before>> {
        let statement =
            Statement::new("SELECT id, user_id, size, etag, filename, content_type FROM files WHERE object_key = $1");
        let row = self.optional(statement.bind(object_key)).await?;
        row.map(|row| {
            Ok(Before {
                id: row.get::<String>("id")?.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
                owner: row.get("user_id")?,
                size: row.number("size")?,
                etag: row.get("etag")?,
                filename: row.get("filename")?,
                content_type: row.get("content_type")?,
            })
        })
        .transpose()
    }
}

impl Before {
    /// To a gateway.
    fn is_same(&self, row: &FileRow) -> bool {
        self.size == row.size
            && self.etag == row.etag.as_str()
            && self.filename == row.filename
            && self.content_type == row.content_type
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
