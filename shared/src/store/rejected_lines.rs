//! `sync_rejected_lines`: lines of a bulk file that could not be applied.

use uuid::Uuid;

use super::{Error, Transaction};

/// One line and why it was refused.
#[derive(Debug)]
pub struct RejectedLine {
    /// Where it starts in the file.
    pub byte_offset: i64,
    /// Why.
    pub error: String,
    /// The line as it came.
    pub line: Vec<u8>,
}

impl RejectedLine {
    /// The same with nothing of the line itself.
    pub fn without_line(&self) -> Self {
        Self {
            byte_offset: self.byte_offset,
            error: self.error.clone(),
            line: Vec::new(),
        }
    }
}

/// Forgets the lines of an operation whose result is replaced.
pub(super) async fn discard(tx: &mut Transaction, job_id: Uuid, operation: &str) -> Result<(), Error> {
    sqlx::query!(
        "delete from sync_rejected_lines where job_id = $1 and operation = $2",
        job_id,
        operation,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Keeps the lines; once more changes nothing.
pub async fn keep(tx: &mut Transaction, job_id: Uuid, operation: &str, lines: &[&RejectedLine]) -> Result<(), Error> {
    for line in lines {
        sqlx::query!(
            r#"
            insert into sync_rejected_lines (job_id, operation, byte_offset, error, line) values ($1, $2, $3, $4, $5)
            on conflict (job_id, operation, byte_offset) do nothing
            "#,
            job_id,
            operation,
            line.byte_offset,
            line.error,
            line.line,
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}
