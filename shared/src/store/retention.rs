//! Removes old rows.

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;

use super::{Error, Transaction};

/// Drops one partition of `webhook_logs` whose rows are all older than `oldest`, and says which. Waits two seconds for
/// whoever uses the table; then it fails, and is tried another time.
pub async fn drop_logs_before(tx: &mut Transaction, oldest: DateTime<Utc>) -> Result<Option<String>, Error> {
    let oldest_day = format!("webhook_logs_{}", oldest.format("%Y%m%d"));
    let row = sqlx::query!(
        r#"
        select c.relname as "name!"
        from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'webhook_logs'::regclass and c.relname ~ '^webhook_logs_[0-9]{8}$' and c.relname < $1
        order by c.relname limit 1
        "#,
        oldest_day,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    sqlx::query!("set local lock_timeout = '2s'").execute(&mut *tx).await?;
    // The catalogue's own name, made of letters and digits.
    let statement = format!("drop table {}", row.name);
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *tx).await?;
    Ok(Some(row.name))
}

/// Deletes what has no partition: logs of the default one and rejections older than `oldest_log`; imports that ended, and
/// comparisons, before `oldest_job`. Returns how many rows.
pub async fn remove_before(
    tx: &mut Transaction,
    oldest_log: DateTime<Utc>,
    oldest_job: DateTime<Utc>,
) -> Result<u64, Error> {
    let logs = sqlx::query!("delete from webhook_logs_default where received_at < $1", oldest_log)
        .execute(&mut *tx)
        .await?;
    let rejections = sqlx::query!("delete from webhook_rejections where received_at < $1", oldest_log)
        .execute(&mut *tx)
        .await?;
    let drift = sqlx::query!("delete from drift where recorded_at < $1", oldest_job)
        .execute(&mut *tx)
        .await?;
    let parts = sqlx::query!("delete from drift_parts where recorded_at < $1", oldest_job)
        .execute(&mut *tx)
        .await?;
    // The last complete import of an operation tells since when changes are known.
    let jobs = sqlx::query!(
        r#"
        delete from sync_jobs j
        where j.finished_at < $1 and not exists (
            select from sync_operations o
            where o.job_id = j.id and o.status = 'completed' and not exists (
                select from sync_operations later join sync_jobs l on l.id = later.job_id
                where l.shop_id = j.shop_id and l.status = 'completed' and later.bulk_created_at > o.bulk_created_at
                  and split_part(later.operation, '-', 1) = split_part(o.operation, '-', 1)
            )
        )
        "#,
        oldest_job,
    )
    .execute(&mut *tx)
    .await?;
    Ok([logs, rejections, drift, parts, jobs]
        .iter()
        .map(|done| done.rows_affected())
        .sum())
}
