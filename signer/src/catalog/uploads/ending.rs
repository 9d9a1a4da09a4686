//! An upload ends without a file. It is expired first, so that nobody goes on with it and its bytes count no more;
//! then whatever storage holds of it goes; then it is forgotten, a day later if it has a URL.

use super::{Catalog, Kind, Statement};
use proto::id::{FileId, UserId};

/// Milliseconds for which whoever asks for an expired upload is told so.
const REMEMBERED: i64 = 24 * 60 * 60 * 1000;

impl Catalog {
    /// Ends an open upload. False if it is over already.
    pub(crate) async fn end_upload(&self, upload: &FileId) -> sqlx::Result<bool> {
        let statement = Statement::new("UPDATE uploads SET state = 'expired' WHERE id = $1 AND state = 'open'");
        Ok(self.database.execute(statement.bind(upload.as_str())).await? == 1)
    }

    /// Ends every open upload of a user.
    pub(crate) async fn end_uploads_of(&self, owner: &UserId) -> sqlx::Result<u64> {
        let statement = Statement::new("UPDATE uploads SET state = 'expired' WHERE user_id = $1 AND state = 'open'");
        self.database.execute(statement.bind(owner.as_str())).await
    }

    /// Ends some of the open uploads whose time is up at `now` (Unix milliseconds) and that nobody is writing. How many
    /// there were.
    pub(crate) async fn expire_uploads(&self, now: i64, limit: u32) -> sqlx::Result<u64> {
        // Twice, for somebody may take one up between the two.
        let statement = Statement::new(
            "UPDATE uploads SET state = 'expired' WHERE state = 'open' AND expires_at <= $1 \
             AND (held_until IS NULL OR held_until <= $1) AND id IN (SELECT id FROM uploads WHERE state = 'open' \
             AND expires_at <= $1 AND (held_until IS NULL OR held_until <= $1) LIMIT $2)",
        );
        self.database.execute(statement.bind(now).bind(i64::from(limit))).await
    }

    /// Uploads that ended without a file and of which storage may hold something, by id, from behind `after`: id and
    /// key.
    pub(crate) async fn ended_uploads(&self, after: &str, limit: u32) -> sqlx::Result<Vec<(String, String)>> {
        let statement = Statement::new(
            "SELECT id, object_key FROM uploads WHERE state = 'expired' AND gone_at IS NULL AND id > $1 \
             ORDER BY id LIMIT $2",
        );
        let rows = self.database.all(statement.bind(after).bind(i64::from(limit))).await?;
        rows.iter().map(|row| Ok((row.get("id")?, row.get("object_key")?))).collect()
    }

    /// Notes at `now` (Unix milliseconds) that storage holds nothing of an ended upload any more. One that has a URL
    /// is remembered.
    pub(crate) async fn upload_is_gone(&self, upload: &str, now: i64) -> sqlx::Result<()> {
        let mut transaction = self.database.begin().await?;
        let parts = Statement::new("DELETE FROM upload_parts WHERE upload_id = $1");
        transaction.execute(parts.bind(upload)).await?;
        let nameless = Statement::new("DELETE FROM uploads WHERE id = $1 AND state = 'expired' AND kind = $2");
        transaction.execute(nameless.bind(upload).bind(Kind::Stream.name())).await?;
        let gone = Statement::new("UPDATE uploads SET gone_at = $2 WHERE id = $1 AND state = 'expired'");
        transaction.execute(gone.bind(upload).bind(now)).await?;
        transaction.commit().await
    }

    /// Forgets an ended upload at once, as if it had never been. Storage must hold nothing of it any more.
    pub(crate) async fn remove_upload(&self, upload: &FileId) -> sqlx::Result<()> {
        let mut transaction = self.database.begin().await?;
        let parts = Statement::new("DELETE FROM upload_parts WHERE upload_id = $1");
        transaction.execute(parts.bind(upload.as_str())).await?;
        let row = Statement::new("DELETE FROM uploads WHERE id = $1 AND state = 'expired'");
        transaction.execute(row.bind(upload.as_str())).await?;
        transaction.commit().await
    }

    /// Forgets uploads that nobody is told of any more at `now` (Unix milliseconds).
    pub(crate) async fn forget_uploads(&self, now: i64) -> sqlx::Result<u64> {
        let statement = Statement::new(
            "DELETE FROM uploads WHERE expires_at <= $1 \
             AND (state = 'finished' OR (state = 'expired' AND gone_at <= $2))",
        );
        self.database.execute(statement.bind(now).bind(now - REMEMBERED)).await
    }
}
