//! `sync_jobs`: imports.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::sync_sweeps::State;
use super::{Error, Transaction, sync_sweeps};

/// An import with the sums over its operations and chunks.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Progress {
    pub id: Uuid,
    pub shop_domain: String,
    pub kinds: Vec<String>,
    pub status: String,
    pub error: Option<String>,
    pub requested_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// Of the operation that is furthest behind; none before the first has started.
    pub phase: Option<String>,
    /// Lines that Shopify counted so far.
    pub total_lines: i64,
    pub lines: i64,
    pub applied: i64,
    pub stale: i64,
    pub rejected: i64,
    pub chunks: i64,
    pub chunks_done: i64,
    /// Our clock: when a drain received the first chunk.
    pub first_received_at: Option<DateTime<Utc>>,
    /// Our clock: the last commit of a chunk.
    pub progressed_at: Option<DateTime<Utc>>,
}

/// An import that is under way.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct UnderWay {
    pub id: Uuid,
    pub kinds: Vec<String>,
    pub operations: Vec<String>,
}

/// The imports of a store that are under way, the oldest first. Nobody creates another until the transaction ends.
pub async fn under_way(tx: &mut Transaction, shop_id: i64) -> Result<Vec<UnderWay>, Error> {
    sqlx::query!("select id from shops where id = $1 for update", shop_id)
        .fetch_one(&mut *tx)
        .await?;
    let rows = sqlx::query_as!(
        UnderWay,
        r#"
        select id, kinds, operations from sync_jobs
        where shop_id = $1 and status in ('queued', 'running') order by requested_at
        "#,
        shop_id,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows)
}

/// Creates an import of `kinds` (sorted), which are these operations. What earlier ones left unswept is theirs no more.
pub async fn create(
    tx: &mut Transaction,
    id: Uuid,
    shop_id: i64,
    kinds: &[String],
    operations: &[String],
) -> Result<(), Error> {
    sqlx::query!(
        "insert into sync_jobs (id, shop_id, kinds, operations) values ($1, $2, $3, $4)",
        id,
        shop_id,
        kinds,
        operations,
    )
    .execute(&mut *tx)
    .await?;
    sync_sweeps::supersede(tx, shop_id, Some(operations)).await
}

/// Finds the import that is under way of these kinds, or creates one, called `id`, of those that are not. The flag tells
/// whether it is new. `operations_of` says what kinds are made of.
pub async fn request(
    tx: &mut Transaction,
    id: Uuid,
    shop_id: i64,
    asked: &[String],
    operations_of: fn(&[String]) -> Vec<String>,
) -> Result<(UnderWay, bool), Error> {
    let mut under_way = under_way(tx, shop_id).await?;
    let runs = |kind: &String| under_way.iter().any(|job| job.kinds.contains(kind));
    let kinds: Vec<String> = asked.iter().filter(|kind| !runs(kind)).cloned().collect();
    if kinds.is_empty() {
        let place = under_way.iter().position(|job| job.kinds.contains(&asked[0]));
        let job = under_way.swap_remove(place.expect("every kind asked for is under way"));
        return Ok((job, false));
    }
    let job = UnderWay {
        id,
        operations: operations_of(&kinds),
        kinds,
    };
    create(tx, job.id, shop_id, &job.kinds, &job.operations).await?;
    Ok((job, true))
}

/// The domain of the store that an import is for; none for an unknown import.
pub async fn shop_domain(tx: &mut Transaction, id: Uuid) -> Result<Option<String>, Error> {
    let row = sqlx::query!(
        "select s.domain from sync_jobs j join shops s on s.id = j.shop_id where j.id = $1",
        id
    )
    .fetch_optional(&mut *tx)
    .await?;
    Ok(row.map(|row| row.domain))
}

/// Marks a queued import as running. False if it has ended meanwhile.
pub async fn start(tx: &mut Transaction, id: Uuid) -> Result<bool, Error> {
    let changed = sqlx::query!(
        r#"
        update sync_jobs set status = 'running', started_at = coalesce(started_at, now())
        where id = $1 and status in ('queued', 'running')
        "#,
        id,
    )
    .execute(&mut *tx)
    .await?;
    Ok(changed.rows_affected() > 0)
}

/// Ends an import whose operations have all ended: with the worst of their ends. Does nothing while one is under way.
pub async fn finish(tx: &mut Transaction, id: Uuid) -> Result<(), Error> {
    // Two operations that end at the same moment take turns, or neither would see that the other has ended.
    sqlx::query!("select id from sync_jobs where id = $1 for no key update", id)
        .fetch_optional(&mut *tx)
        .await?;
    sqlx::query!(
        r#"
        update sync_jobs j
        set status = o.status, error = o.error, finished_at = now()
        from (
            select case
                       when bool_or(status = 'failed') then 'failed'
                       when bool_or(status = 'canceled') then 'canceled'
                       when bool_or(status = 'partial') then 'partial'
                       else 'completed'
                   end as status,
                   string_agg(error, '; ' order by operation) as error,
                   count(*) as operations,
                   bool_and(phase = 'finished') as ended
            from sync_operations where job_id = $1
        ) o
        where j.id = $1 and j.status in ('queued', 'running') and o.ended and o.operations >= cardinality(j.operations)
        "#,
        id,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// How an operation of an import stands.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Standing {
    pub operation: String,
    pub shop_id: i64,
    pub status: Option<String>,
    pub bulk_created_at: Option<DateTime<Utc>>,
}

/// How the operations of an import stand that were started.
pub async fn standings(tx: &mut Transaction, id: Uuid) -> Result<Vec<Standing>, Error> {
    let standings = sqlx::query_as!(
        Standing,
        r#"
        select o.operation, j.shop_id, o.status, o.bulk_created_at
        from sync_operations o join sync_jobs j on j.id = o.job_id where o.job_id = $1
        "#,
        id,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(standings)
}

/// Cancels an import that is under way; false if it has ended. Waits for steps and slices of its sweep that are at work: when
/// this is committed, no operation ends but as canceled, and no sweep goes on that belongs to one under way.
pub async fn cancel(tx: &mut Transaction, id: Uuid) -> Result<bool, Error> {
    // Operations before their import, as every step.
    let operations = sqlx::query!(
        "select operation, phase, sweep from sync_operations where job_id = $1 order by operation for update",
        id,
    )
    .fetch_all(&mut *tx)
    .await?;
    let canceled = sqlx::query!(
        "update sync_jobs set status = 'canceled', finished_at = now() where id = $1 and status in ('queued', 'running')",
        id,
    )
    .execute(&mut *tx)
    .await?;
    if canceled.rows_affected() == 0 {
        return Ok(false);
    }
    for operation in operations {
        if operation.phase != "finished" && operation.sweep.is_some() {
            let note = Some("not swept to the end: the import was canceled");
            sync_sweeps::set_state(tx, id, &operation.operation, State::Skipped, note).await?;
        }
    }
    Ok(true)
}

/// How far an import has come.
pub async fn progress(tx: &mut Transaction, id: Uuid) -> Result<Option<Progress>, Error> {
    let row = sqlx::query_as!(
        Progress,
        r#"
        select j.id, s.domain as shop_domain, j.kinds, j.status, j.error, j.requested_at, j.started_at, j.finished_at,
               o.phase, coalesce(o.total_lines, 0) as "total_lines!", coalesce(c.lines, 0) as "lines!",
               coalesce(c.applied, 0) as "applied!", coalesce(c.stale, 0) as "stale!",
               coalesce(c.rejected, 0) as "rejected!", coalesce(c.chunks, 0) as "chunks!",
               coalesce(c.chunks_done, 0) as "chunks_done!", c.first_received_at, c.progressed_at
        from sync_jobs j
        join shops s on s.id = j.shop_id
        left join lateral (
            select (array_agg(phase order by array_position(array['starting', 'running', 'draining', 'finished'], phase)))[1] as phase,
                   sum(object_count)::bigint as total_lines
            from sync_operations where job_id = j.id
        ) o on true
        left join lateral (
            select sum(lines)::bigint as lines, sum(applied)::bigint as applied, sum(stale)::bigint as stale,
                   sum(rejected)::bigint as rejected, count(*) as chunks, count(*) filter (where done) as chunks_done,
                   min(first_received_at) as first_received_at, max(progressed_at) as progressed_at
            from sync_chunks where job_id = j.id
        ) c on true
        where j.id = $1
        "#,
        id,
    )
    .fetch_optional(&mut *tx)
    .await?;
    Ok(row)
}
