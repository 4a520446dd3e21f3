//! `walks`: how far comparing a store's lists with its mirror has come.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::part_differences::Part;
use super::{Error, Transaction, drift};

/// A walk that is going on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Walk {
    pub since: Option<DateTime<Utc>>,
    pub window_since: Option<DateTime<Utc>>,
    pub window_rows: i32,
    pub cursor: Option<String>,
    pub after_id: i64,
    pub bound: Option<DateTime<Utc>>,
    pub pages: i32,
    /// Differences so far.
    pub different: i64,
    pub unsettled: i64,
}

/// Names a walk.
#[derive(Debug, Clone, Copy)]
pub struct Name<'a> {
    /// The store.
    pub shop_id: i64,
    /// Which list of it.
    pub list: &'a str,
    /// `changes` or `all`.
    pub reach: &'a str,
    /// Which walk.
    pub run: Uuid,
}

/// What a page added.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Step {
    pub window_since: Option<DateTime<Utc>>,
    pub window_rows: i32,
    pub cursor: Option<String>,
    pub after_id: i64,
    pub bound: DateTime<Utc>,
    pub listed: i64,
    pub missing: i64,
    pub stale: i64,
    pub gone: i64,
    pub unsettled: i64,
    pub mirrored: i64,
    /// Sums travel as text: they outgrow 64 bits.
    pub listed_sum: String,
    pub mirrored_sum: String,
    /// Of all: what was compared inside the resources.
    pub parts: Vec<Part>,
    /// None: it goes on.
    pub status: Option<&'static str>,
}

/// What a walk found so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Totals {
    pub listed: i64,
    pub missing: i64,
    pub stale: i64,
    pub gone: i64,
}

impl Totals {
    /// How many resources differ. Zero: the mirror is equal.
    pub fn differences(&self) -> i64 {
        self.missing + self.stale + self.gone
    }
}

/// Begins a walk through a list of a store, if what is listed was imported once, and no walk is going on. One that has
/// not advanced for `stalled_seconds` is sent again. Of all ids, a walk is due once the last one is `every_seconds` old.
/// Returns the walk that a message must carry, if one must.
pub async fn begin(
    tx: &mut Transaction,
    name: Name<'_>,
    operation: &str,
    every_seconds: f64,
    stalled_seconds: f64,
) -> Result<Option<Uuid>, Error> {
    let begun = sqlx::query!(
        r#"
        with known as (
            select greatest(w.watermark, i.imported_at) - interval '2 minutes' as since
            from (
                select max(whole.created_at) as imported_at
                from (
                    -- An operation, or all its parts.
                    select min(o.bulk_created_at) as created_at
                    from sync_operations o join sync_jobs j on j.id = o.job_id
                    where j.shop_id = $1 and split_part(o.operation, '-', 1) = $5
                    group by o.job_id having every(o.status is not distinct from 'completed')
                ) whole
            ) i
            left join walks w on w.shop_id = $1 and w.list = $2 and w.reach = 'changes'
            where i.imported_at is not null or w.watermark is not null
        )
        insert into walks as w (shop_id, list, reach, run, status, since)
        select $1, $2, $3, $4, 'running', case when $3 = 'changes' then since end from known
        on conflict (shop_id, list, reach) do update
        set run = excluded.run, status = 'running', since = excluded.since, window_since = null, window_rows = 0,
            cursor = null, after_id = 0, bound = null, pages = 0, listed = 0, missing = 0, stale = 0, gone = 0, unsettled = 0,
            mirrored = 0, listed_sum = 0, mirrored_sum = 0, error = null, started_at = now(), progressed_at = now(),
            sent_at = now(), finished_at = null
        where w.status <> 'running'
          and (w.reach = 'changes' or w.finished_at < now() - make_interval(secs => $6))
        returning run
        "#,
        name.shop_id,
        name.list,
        name.reach,
        name.run,
        operation,
        every_seconds,
    )
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(begun) = begun {
        return Ok(Some(begun.run));
    }
    let stalled = sqlx::query!(
        r#"
        update walks set sent_at = now()
        where shop_id = $1 and list = $2 and reach = $3 and status = 'running'
          and greatest(progressed_at, sent_at) < now() - make_interval(secs => $4)
        returning run
        "#,
        name.shop_id,
        name.list,
        name.reach,
        stalled_seconds,
    )
    .fetch_optional(&mut *tx)
    .await?;
    Ok(stalled.map(|walk| walk.run))
}

/// The lists of a store that differ too much for single fetches.
pub async fn overrun(tx: &mut Transaction, shop_id: i64) -> Result<Vec<String>, Error> {
    let rows = sqlx::query!(
        "select distinct list from walks where shop_id = $1 and status = 'overrun' order by list",
        shop_id
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows.into_iter().map(|row| row.list).collect())
}

/// Records that an import takes care of what differs in these lists.
pub async fn handed_over(tx: &mut Transaction, shop_id: i64, lists: &[String]) -> Result<(), Error> {
    sqlx::query!(
        "update walks set status = 'completed' where shop_id = $1 and list = any ($2) and status = 'overrun'",
        shop_id,
        lists,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// The walk, if it is still going on. Locked, for the rest of the transaction, if it is to be moved on.
pub async fn running(tx: &mut Transaction, name: Name<'_>, lock: bool) -> Result<Option<Walk>, Error> {
    if lock {
        sqlx::query!(
            "select run from walks where shop_id = $1 and list = $2 and reach = $3 for update",
            name.shop_id,
            name.list,
            name.reach,
        )
        .fetch_optional(&mut *tx)
        .await?;
    }
    let walk = sqlx::query_as!(
        Walk,
        r#"
        select since, window_since, window_rows, cursor, after_id, bound, pages,
               missing + stale + gone as "different!", unsettled
        from walks where shop_id = $1 and list = $2 and reach = $3 and run = $4 and status = 'running'
        "#,
        name.shop_id,
        name.list,
        name.reach,
        name.run,
    )
    .fetch_optional(&mut *tx)
    .await?;
    Ok(walk)
}

/// Moves a locked walk on by a page; if it ends with this, its result is kept.
pub async fn step(tx: &mut Transaction, name: Name<'_>, step: &Step) -> Result<Totals, Error> {
    let totals = sqlx::query_as!(
        Totals,
        r#"
        update walks
        set window_since = $5, window_rows = $6, cursor = $7, after_id = $8, bound = coalesce(bound, $9),
            pages = pages + 1, listed = listed + $10, missing = missing + $11, stale = stale + $12, gone = gone + $13,
            mirrored = mirrored + $14, listed_sum = listed_sum + $15::text::numeric,
            mirrored_sum = mirrored_sum + $16::text::numeric, unsettled = unsettled + $18, status = coalesce($17, status), progressed_at = now(),
            finished_at = case when $17::text is not null then now() end,
            watermark = case when $17 = 'completed' then greatest(watermark, coalesce(bound, $9)) else watermark end
        where shop_id = $1 and list = $2 and reach = $3 and run = $4
        returning listed, missing, stale, gone
        "#,
        name.shop_id,
        name.list,
        name.reach,
        name.run,
        step.window_since,
        step.window_rows,
        step.cursor,
        step.after_id,
        step.bound,
        step.listed,
        step.missing,
        step.stale,
        step.gone,
        step.mirrored,
        step.listed_sum,
        step.mirrored_sum,
        step.status,
        step.unsettled,
    )
    .fetch_one(&mut *tx)
    .await?;
    for part in &step.parts {
        drift::add_part(tx, name, part).await?;
    }
    drift::record(tx, name).await?;
    Ok(totals)
}

/// Ends a walk that cannot be made, with the reason.
pub async fn fail(tx: &mut Transaction, name: Name<'_>, error: &str) -> Result<(), Error> {
    sqlx::query!(
        r#"
        update walks set status = 'failed', error = $5, finished_at = now()
        where shop_id = $1 and list = $2 and reach = $3 and run = $4 and status = 'running'
        "#,
        name.shop_id,
        name.list,
        name.reach,
        name.run,
        error,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}
