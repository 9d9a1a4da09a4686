//! An upload becomes a file: in one transaction, so that each byte counts once and clean-up never finds neither.

use super::{Catalog, Kind, Statement, Step, writing::held_by};
use crate::{catalog::FileRow, idempotency::Answered};

impl Catalog {
    /// Makes the open upload of this id the file, whose object is durable; together with the answer to the request, if
    /// that has an idempotency key. With `total`, if the owner's files and other uploads hold no more with it.
    ///
    /// An upload that has a URL stays as finished until it expires, so that whoever asks again is told.
    pub(crate) async fn finish_upload(
        &self,
        file: &FileRow,
        holder: Option<&str>,
        total: Option<u64>,
        answered: Option<&Answered>,
    ) -> sqlx::Result<Step> {
        let statement = Statement::new(
            "UPDATE uploads SET state = 'finished', received = $2, declared_size = $2, hash_state = NULL, \
             multipart_id = NULL, holder = NULL, held_until = NULL WHERE id = $1 AND state = 'open'",
        );
        let closing = held_by(statement.bind(file.id.as_str()).bind(file.size), holder);
        let mut transaction = self.database.begin().await?;
        transaction.take_turn(&file.owner, total).await?;
        if transaction.execute(closing).await? == 0 {
            return Ok(Step::Lost);
        }
        if transaction.execute(file.insertion()).await? == 0 {
            return Ok(Step::Blocked);
        }
        let parts = Statement::new("DELETE FROM upload_parts WHERE upload_id = $1");
        transaction.execute(parts.bind(file.id.as_str())).await?;
        let nameless = Statement::new("DELETE FROM uploads WHERE id = $1 AND kind = $2");
        transaction.execute(nameless.bind(file.id.as_str()).bind(Kind::Stream.name())).await?;
        if let Some(answered) = answered {
            transaction.settle(answered).await?;
        }
        transaction.commit_within(&file.owner, total).await
    }
}
