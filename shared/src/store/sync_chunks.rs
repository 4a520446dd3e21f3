//! `sync_chunks`: the byte ranges of bulk results, and how far each is applied.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Error, Transaction};

/// One chunk with what is needed to work on it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Chunk {
    pub shop_id: i64,
    pub job_status: String,
    pub phase: String,
    pub url: Option<String>,
    pub etag: Option<String>,
    pub ranges: bool,
    pub result_size: Option<i64>,
    pub bulk_created_at: Option<DateTime<Utc>>,
    /// Which submission of the operation wrote the file.
    pub submitted: i32,
    pub range_start: i64,
    pub range_end: i64,
    pub next_offset: i64,
    pub done: bool,
}

/// What one transaction adds to a chunk.
#[derive(Debug, Clone, Copy, Default)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Step {
    pub next_offset: i64,
    pub lines: i64,
    pub root_lines: i64,
    pub bytes: i64,
    pub applied: i64,
    pub stale: i64,
    pub rejected: i64,
    pub done: bool,
}

/// The sums over all chunks of an operation.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Sums {
    pub chunks: i64,
    pub done: i64,
    pub lines: i64,
    pub root_lines: i64,
    pub bytes: i64,
    pub rejected: i64,
    pub first_error: Option<String>,
}

/// Creates the chunks of an operation from the bounds of its ranges; those that exist stay as they are.
pub async fn create(tx: &mut Transaction, job_id: Uuid, operation: &str, bounds: &[(i64, i64)]) -> Result<(), Error> {
    let starts: Vec<i64> = bounds.iter().map(|(start, _)| *start).collect();
    let ends: Vec<i64> = bounds.iter().map(|(_, end)| *end).collect();
    sqlx::query!(
        r#"
        insert into sync_chunks (job_id, operation, chunk, range_start, range_end, next_offset)
        select $1, $2, (t.number - 1)::integer, t.range_start, t.range_end, t.range_start
        from unnest($3::bigint[], $4::bigint[]) with ordinality as t (range_start, range_end, number)
        on conflict (job_id, operation, chunk) do nothing
        "#,
        job_id,
        operation,
        &starts,
        &ends,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// The chunk, and the note that a drain has it; none if it is unknown.
pub async fn receive(tx: &mut Transaction, job_id: Uuid, operation: &str, chunk: i32) -> Result<Option<Chunk>, Error> {
    let row = sqlx::query_as!(
        Chunk,
        r#"
        update sync_chunks c
        set first_received_at = coalesce(c.first_received_at, clock_timestamp()), progressed_at = clock_timestamp()
        from sync_operations o join sync_jobs j on j.id = o.job_id
        where c.job_id = $1 and c.operation = $2 and c.chunk = $3 and o.job_id = c.job_id and o.operation = c.operation
        returning j.shop_id, j.status as job_status, o.phase, o.url, o.etag, o.ranges, o.result_size, o.bulk_created_at,
                  o.submitted,
                  c.range_start, c.range_end, c.next_offset, c.done
        "#,
        job_id,
        operation,
        chunk,
    )
    .fetch_optional(&mut *tx)
    .await?;
    Ok(row)
}

/// Adds `step`, whose rows [`super::sync_seen::keep`] has kept, to the chunk if it still stands at `from`, its import runs,
/// and its file is that of the submission `submitted`. False if another worker has moved it, or its import was canceled or
/// its file replaced: then the whole transaction must be given up and the chunk read again.
pub async fn advance(
    tx: &mut Transaction,
    job_id: Uuid,
    operation: &str,
    chunk: i32,
    (submitted, from): (i32, i64),
    step: Step,
) -> Result<bool, Error> {
    let moved = sqlx::query!(
        r#"
        update sync_chunks
        set next_offset = $5, lines = lines + $6, root_lines = root_lines + $7, bytes = bytes + $8,
            seen_lines = seen_lines + $6, applied = applied + $9, stale = stale + $10, rejected = rejected + $11,
            done = $12, error = null,
            progressed_at = clock_timestamp()
        where job_id = $1 and operation = $2 and chunk = $3 and next_offset = $4 and not done
          and exists (
              select from sync_operations o join sync_jobs j on j.id = o.job_id
              where o.job_id = $1 and o.operation = $2 and o.phase = 'draining' and o.submitted = $13
                and j.status = 'running'
          )
        "#,
        job_id,
        operation,
        chunk,
        from,
        step.next_offset,
        step.lines,
        step.root_lines,
        step.bytes,
        step.applied,
        step.stale,
        step.rejected,
        step.done,
        submitted,
    )
    .execute(&mut *tx)
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// Notes why a chunk does not advance.
pub async fn note_error(
    tx: &mut Transaction,
    job_id: Uuid,
    operation: &str,
    chunk: i32,
    error: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "update sync_chunks set error = $4 where job_id = $1 and operation = $2 and chunk = $3 and not done",
        job_id,
        operation,
        chunk,
        error,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// The sums over all chunks of an operation.
pub async fn sums(tx: &mut Transaction, job_id: Uuid, operation: &str) -> Result<Sums, Error> {
    let row = sqlx::query_as!(
        Sums,
        r#"
        select count(*) as "chunks!", count(*) filter (where done) as "done!", coalesce(sum(lines), 0)::bigint as "lines!",
               coalesce(sum(root_lines), 0)::bigint as "root_lines!", coalesce(sum(bytes), 0)::bigint as "bytes!",
               coalesce(sum(rejected), 0)::bigint as "rejected!", min(error) as first_error
        from sync_chunks where job_id = $1 and operation = $2
        "#,
        job_id,
        operation,
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(row)
}

/// A chunk that has not advanced for a while.
#[derive(Debug, Clone, Copy)]
pub struct Stalled {
    /// Which.
    pub chunk: i32,
    /// How often its message was sent.
    pub sends: i32,
}

/// Takes the chunks that have not advanced for `seconds` and counts them as sent once more.
pub async fn take_stalled(
    tx: &mut Transaction,
    job_id: Uuid,
    operation: &str,
    seconds: f64,
) -> Result<Vec<Stalled>, Error> {
    let rows = sqlx::query_as!(
        Stalled,
        r#"
        update sync_chunks
        set sends = sends + 1, progressed_at = clock_timestamp()
        where job_id = $1 and operation = $2 and not done and progressed_at < now() - make_interval(secs => $3)
        returning chunk, sends
        "#,
        job_id,
        operation,
        seconds,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows)
}

/// The numbers of the chunks that are not done.
pub async fn open(tx: &mut Transaction, job_id: Uuid, operation: &str) -> Result<Vec<i32>, Error> {
    let rows = sqlx::query!(
        "select chunk from sync_chunks where job_id = $1 and operation = $2 and not done order by chunk",
        job_id,
        operation,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows.into_iter().map(|row| row.chunk).collect())
}

/// Deletes the chunks of an operation whose result is replaced, with what they have seen.
pub(super) async fn discard(tx: &mut Transaction, job_id: Uuid, operation: &str) -> Result<(), Error> {
    sqlx::query!(
        "delete from sync_chunks where job_id = $1 and operation = $2",
        job_id,
        operation,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}
