//! `sync_operations`: the bulk operations of imports.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Error, Transaction, rejected_lines, sync_chunks, sync_seen};
use crate::import::Range;

/// One bulk operation of an import.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Operation {
    pub shop_id: i64,
    pub job_status: String,
    pub phase: String,
    pub bulk_operation_gid: Option<String>,
    pub bulk_created_at: Option<DateTime<Utc>>,
    pub object_count: Option<i64>,
    pub root_object_count: Option<i64>,
    pub file_size: Option<i64>,
    pub url: Option<String>,
    pub etag: Option<String>,
    pub ranges: bool,
    pub partial: bool,
    pub submitted: i32,
    pub scopes: Option<Vec<String>>,
    pub sweep: Option<String>,
    pub started_at: DateTime<Utc>,
    pub end_told: Option<i32>,
    pub from_id: Option<i64>,
    pub to_id: Option<i64>,
}

impl Operation {
    /// The ids that it lists.
    pub fn range(&self) -> Range {
        Range {
            from: self.from_id,
            to: self.to_id,
        }
    }
}

/// Notes that an execution takes a step, whatever becomes of it.
pub async fn stepped(tx: &mut Transaction, job_id: Uuid, operation: &str) -> Result<(), Error> {
    sqlx::query!(
        r#"
        insert into sync_operations (job_id, operation) select id, $2 from sync_jobs where id = $1 and $2 = any (operations)
        on conflict (job_id, operation) do update set stepped_at = now()
        "#,
        job_id,
        operation,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Makes sure that the operation is recorded, and locks it: two executions of one step take turns.
pub async fn lock(tx: &mut Transaction, job_id: Uuid, operation: &str) -> Result<Option<Operation>, Error> {
    sqlx::query!(
        r#"
        insert into sync_operations (job_id, operation) select id, $2 from sync_jobs where id = $1 and $2 = any (operations)
        on conflict (job_id, operation) do nothing
        "#,
        job_id,
        operation,
    )
    .execute(&mut *tx)
    .await?;
    // By itself: while it waits for the lock, the import may be canceled, and the next statement sees that.
    sqlx::query!(
        "select operation from sync_operations where job_id = $1 and operation = $2 for update",
        job_id,
        operation,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let row = sqlx::query_as!(
        Operation,
        r#"
        select j.shop_id, j.status as job_status, o.phase, o.bulk_operation_gid, o.bulk_created_at, o.object_count,
               o.root_object_count, o.file_size, o.url, o.etag, o.ranges, o.partial, o.submitted, o.scopes,
               o.sweep, o.started_at, o.end_told, o.from_id, o.to_id
        from sync_operations o join sync_jobs j on j.id = o.job_id
        where o.job_id = $1 and o.operation = $2
        "#,
        job_id,
        operation,
    )
    .fetch_optional(&mut *tx)
    .await?;
    Ok(row)
}

/// Records that Shopify runs the operation as `gid`, and which scopes it had then; none if nobody can say.
pub async fn submitted(
    tx: &mut Transaction,
    job_id: Uuid,
    operation: &str,
    gid: &str,
    created_at: DateTime<Utc>,
    scopes: Option<&[String]>,
) -> Result<(), Error> {
    sqlx::query!(
        r#"
        update sync_operations
        set phase = 'running', bulk_operation_gid = $3, bulk_created_at = $4, scopes = $5, submitted = submitted + 1
        where job_id = $1 and operation = $2
        "#,
        job_id,
        operation,
        gid,
        created_at,
        scopes,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// What a poll told.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Polled {
    pub bulk_status: String,
    pub object_count: Option<i64>,
    pub root_object_count: Option<i64>,
    pub file_size: Option<i64>,
    pub url: Option<String>,
    pub partial: bool,
}

/// Records what a poll told.
pub async fn polled(tx: &mut Transaction, job_id: Uuid, operation: &str, polled: &Polled) -> Result<(), Error> {
    sqlx::query!(
        r#"
        update sync_operations
        set bulk_status = $3, object_count = $4, root_object_count = $5, file_size = $6, url = $7, partial = $8
        where job_id = $1 and operation = $2
        "#,
        job_id,
        operation,
        polled.bulk_status,
        polled.object_count,
        polled.root_object_count,
        polled.file_size,
        polled.url,
        polled.partial,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Forgets an operation that Shopify ended without a result, or whose result is gone, so that another is started. What was
/// read of it counts no more.
pub async fn resubmit(tx: &mut Transaction, job_id: Uuid, operation: &str) -> Result<(), Error> {
    sqlx::query!(
        r#"
        update sync_operations
        set phase = 'starting', bulk_operation_gid = null, bulk_created_at = null, bulk_status = null, object_count = null,
            root_object_count = null, file_size = null, url = null, etag = null, result_size = null, ranges = true,
            partial = false, scopes = null
        where job_id = $1 and operation = $2
        "#,
        job_id,
        operation,
    )
    .execute(&mut *tx)
    .await?;
    // Chunks first: that waits for a transaction of theirs, which may keep lines, too.
    sync_chunks::discard(tx, job_id, operation).await?;
    rejected_lines::discard(tx, job_id, operation).await
}

/// Puts parts, with the ranges of their ids, in the place of an operation that is too much for Shopify.
pub async fn split(
    tx: &mut Transaction,
    job_id: Uuid,
    operation: &str,
    parts: &[(String, Range)],
) -> Result<(), Error> {
    let names: Vec<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
    let from: Vec<Option<i64>> = parts.iter().map(|(_, range)| range.from).collect();
    let to: Vec<Option<i64>> = parts.iter().map(|(_, range)| range.to).collect();
    sqlx::query!(
        "update sync_jobs set operations = array_remove(operations, $2) || $3 where id = $1",
        job_id,
        operation,
        &names as &[&str],
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "delete from sync_operations where job_id = $1 and operation = $2",
        job_id,
        operation,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        r#"
        insert into sync_operations (job_id, operation, from_id, to_id)
        select $1, name, from_id, to_id from unnest($2::text[], $3::bigint[], $4::bigint[]) as t (name, from_id, to_id)
        "#,
        job_id,
        &names as &[&str],
        &from as &[Option<i64>],
        &to as &[Option<i64>],
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Records another address of the same result.
pub async fn readdress(tx: &mut Transaction, job_id: Uuid, operation: &str, url: &str) -> Result<(), Error> {
    sqlx::query!(
        "update sync_operations set url = $3 where job_id = $1 and operation = $2 and phase in ('running', 'draining')",
        job_id,
        operation,
        url,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Whether the operation is recorded.
pub async fn is_known(tx: &mut Transaction, job_id: Uuid, operation: &str) -> Result<bool, Error> {
    let row = sqlx::query!(
        r#"select exists (select from sync_operations where job_id = $1 and operation = $2) as "known!""#,
        job_id,
        operation,
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(row.known)
}

/// The result as its host describes it.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct ResultFile<'a> {
    pub size: Option<i64>,
    pub etag: Option<&'a str>,
    pub ranges: bool,
}

/// Records that the result, as its host describes it, is cut into chunks.
pub async fn fanned_out(
    tx: &mut Transaction,
    job_id: Uuid,
    operation: &str,
    result: &ResultFile<'_>,
) -> Result<(), Error> {
    sqlx::query!(
        r#"
        update sync_operations
        set phase = 'draining', etag = $3, ranges = $4, result_size = $5, fanned_out_at = coalesce(fanned_out_at, now())
        where job_id = $1 and operation = $2
        "#,
        job_id,
        operation,
        result.etag,
        result.ranges,
        result.size,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Counts one more execution as used up and returns how many are.
pub async fn continued(tx: &mut Transaction, job_id: Uuid, operation: &str) -> Result<i32, Error> {
    let row = sqlx::query!(
        r#"
        update sync_operations set continuations = continuations + 1 where job_id = $1 and operation = $2
        returning continuations
        "#,
        job_id,
        operation,
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(row.continuations)
}

/// An operation that another execution is to go on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoesOn {
    /// The import.
    pub job_id: Uuid,
    /// Which of its operations.
    pub operation: String,
    /// Executions used up before; none if there has been no execution at all.
    pub part: i32,
}

/// Shopify says that its operation `gid` has ended. Returns what does not wait until it asks by itself; none if that will
/// be soon, if it was told before, or if nobody waits.
pub async fn told_end(tx: &mut Transaction, shop_id: i64, gid: &str) -> Result<Option<GoesOn>, Error> {
    // Who holds the lock is just asking Shopify.
    let row = sqlx::query_as!(
        GoesOn,
        r#"
        update sync_operations o set end_told = submitted, continuations = continuations + 1
        where (o.job_id, o.operation) = (
            select w.job_id, w.operation from sync_operations w join sync_jobs j on j.id = w.job_id
            where j.shop_id = $1 and j.status = 'running' and w.bulk_operation_gid = $2 and w.phase = 'running'
              and w.end_told is distinct from w.submitted and w.started_at < now() - interval '2 minutes'
            for update of w skip locked
        )
        returning o.job_id, o.operation, o.continuations as part
        "#,
        shop_id,
        gid,
    )
    .fetch_optional(&mut *tx)
    .await?;
    Ok(row)
}

/// The operations of a store's imports that nobody carries: whose first message or whose execution got lost. Another
/// execution is counted for each, so that it is told once an hour.
pub async fn take_stranded(tx: &mut Transaction, shop_id: i64) -> Result<Vec<GoesOn>, Error> {
    let rows = sqlx::query_as!(
        GoesOn,
        r#"
        with stranded as (
            select j.id, n.name, o.job_id is not null as known
            from sync_jobs j
            cross join unnest(j.operations) as n (name)
            left join sync_operations o on o.job_id = j.id and o.operation = n.name
            where j.shop_id = $1 and j.status in ('queued', 'running')
              and case when o.job_id is null then coalesce(j.started_at, j.requested_at) < now() - interval '10 minutes'
                  else o.phase <> 'finished' and o.stepped_at < now() - interval '1 hour' end
        ),
        counted as (
            update sync_operations o set continuations = continuations + 1, stepped_at = now()
            from stranded s where s.known and o.job_id = s.id and o.operation = s.name
            returning o.job_id, o.operation, o.continuations
        )
        select s.id as "job_id!", s.name as "operation!", coalesce(c.continuations, 0) as "part!"
        from stranded s left join counted c on c.job_id = s.id and c.operation = s.name
        order by s.id, s.name
        "#,
        shop_id,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows)
}

/// Ends the operation; an end that was reached before stays. Neither the signed URL nor what was seen is needed any more.
pub async fn finish(
    tx: &mut Transaction,
    job_id: Uuid,
    operation: &str,
    status: &str,
    error: Option<&str>,
) -> Result<(), Error> {
    sqlx::query!(
        r#"
        update sync_operations set phase = 'finished', status = $3, error = $4, finished_at = now(), url = null
        where job_id = $1 and operation = $2 and phase <> 'finished'
        "#,
        job_id,
        operation,
        status,
        error,
    )
    .execute(&mut *tx)
    .await?;
    sync_seen::forget(tx, job_id, operation).await
}

/// How the operation ended; none while it is under way.
pub async fn end(tx: &mut Transaction, job_id: Uuid, operation: &str) -> Result<Option<String>, Error> {
    let row = sqlx::query!(
        "select status from sync_operations where job_id = $1 and operation = $2 and phase = 'finished'",
        job_id,
        operation,
    )
    .fetch_optional(&mut *tx)
    .await?;
    Ok(row.and_then(|row| row.status))
}
