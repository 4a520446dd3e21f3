//! What the sweeps of an import found and did, for people. Reads `sync_operations` and `sync_sweeps`, writes nothing.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Error, Transaction};

/// The sweep of one operation, for people.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Report {
    pub operation: String,
    pub state: String,
    pub note: Option<String>,
    /// Our clock.
    pub confirmed_at: Option<DateTime<Utc>>,
    pub tables: Vec<TableReport>,
}

/// What a sweep found in one table, and what it has done.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct TableReport {
    pub operation: String,
    pub table_name: String,
    pub owner_type: Option<String>,
    pub live: i64,
    pub missing: i64,
    pub swept: i64,
    pub spared: i64,
}

/// The sweeps of an import, by operation.
pub async fn reports(tx: &mut Transaction, job_id: Uuid) -> Result<Vec<Report>, Error> {
    let operations = sqlx::query!(
        r#"
        select operation, sweep as "sweep!", sweep_note, sweep_confirmed_at from sync_operations
        where job_id = $1 and sweep is not null order by operation
        "#,
        job_id,
    )
    .fetch_all(&mut *tx)
    .await?;
    let tables = sqlx::query_as!(
        TableReport,
        r#"
        select operation, table_name, owner_type, live, missing, swept, spared from sync_sweeps
        where job_id = $1 order by operation, place
        "#,
        job_id,
    )
    .fetch_all(&mut *tx)
    .await?;
    let report = |row: &str| -> Vec<TableReport> {
        let of_operation = tables.iter().filter(|table| table.operation == row);
        of_operation.cloned().collect()
    };
    Ok(operations
        .into_iter()
        .map(|row| Report {
            tables: report(&row.operation),
            operation: row.operation,
            state: row.sweep,
            note: row.sweep_note,
            confirmed_at: row.sweep_confirmed_at,
        })
        .collect())
}
