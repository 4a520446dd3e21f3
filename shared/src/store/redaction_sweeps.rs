//! `redaction_sweeps`: where an erasure must still look, and the places in Postgres where it does.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::erasure::MOST_CLEARED;
use super::{Error, Transaction};

/// A sweep is made again every hour at first, because most messages that are under way die within a few …
const SOON_HOURS: i32 = 1;
const SOON_RUNS: i32 = 4;
/// … and then every day …
const LATER_HOURS: i32 = 24;
/// … until it is so old: no message lives as long as that.
const OVER_AFTER_HOURS: i32 = 24 * 7;

/// One row.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Sweep {
    pub id: i64,
    pub shop_id: i64,
    pub shop_domain: String,
    pub whole_shop: bool,
    pub customer_ids: Vec<i64>,
    pub order_ids: Vec<i64>,
    pub email_sha256: Vec<Vec<u8>>,
    pub phone_sha256: Vec<Vec<u8>>,
    pub redacted_at: DateTime<Utc>,
    pub wanted_at: DateTime<Utc>,
    pub logs_until: Option<DateTime<Utc>>,
    pub runs: i32,
}

/// What is to be swept for.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Wanted {
    pub whole_shop: bool,
    pub customer_ids: Vec<i64>,
    pub order_ids: Vec<i64>,
    pub email_sha256: Vec<Vec<u8>>,
    pub phone_sha256: Vec<Vec<u8>>,
}

/// Records that a sweep is wanted.
pub async fn want(
    tx: &mut Transaction,
    shop_id: i64,
    redacted_at: DateTime<Utc>,
    wanted: &Wanted,
) -> Result<(), Error> {
    sqlx::query!(
        r#"
        insert into redaction_sweeps
            (shop_id, shop_domain, redacted_at, whole_shop, customer_ids, order_ids, email_sha256, phone_sha256)
        select id, domain, $2, $3, $4, $5, $6, $7 from shops where id = $1
        "#,
        shop_id,
        redacted_at,
        wanted.whole_shop,
        &wanted.customer_ids,
        &wanted.order_ids,
        &wanted.email_sha256,
        &wanted.phone_sha256,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Up to `limit` sweeps that have not been made, or are to be made again.
pub async fn due(tx: &mut Transaction, limit: i64) -> Result<Vec<Sweep>, Error> {
    let sweeps = sqlx::query_as!(
        Sweep,
        r#"
        select id, shop_id, shop_domain, whole_shop, customer_ids, order_ids, email_sha256, phone_sha256, redacted_at,
               wanted_at, logs_until, runs
        from redaction_sweeps
        where swept_at is null or swept_at < now() - make_interval(hours => case when runs < $2 then $1::integer else $3 end)
        order by swept_at is not null, id
        limit $4
        "#,
        SOON_HOURS,
        SOON_RUNS,
        LATER_HOURS,
        limit,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(sweeps)
}

/// Records how far these sweeps of the log have come.
pub async fn advance(tx: &mut Transaction, ids: &[i64], logs_until: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "update redaction_sweeps set logs_until = greatest(logs_until, $2) where id = any ($1)",
        ids,
        logs_until,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Records that these sweeps were made, and forgets those that need not be made again.
pub async fn made(tx: &mut Transaction, ids: &[i64]) -> Result<(), Error> {
    sqlx::query!(
        "update redaction_sweeps set swept_at = now(), runs = runs + 1, logs_until = null where id = any ($1)",
        ids,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "delete from redaction_sweeps where id = any ($1) and wanted_at < now() - make_interval(hours => $2)",
        ids,
        OVER_AFTER_HOURS,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Whether a store was erased and is not yet gone from every table.
pub async fn is_under_way(tx: &mut Transaction, shop_domain: &str) -> Result<bool, Error> {
    let row = sqlx::query!(
        r#"
        select exists (
            select from redaction_sweeps where shop_domain = $1 and whole_shop and swept_at is null
        ) as "under_way!"
        "#,
        shop_domain,
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(row.under_way)
}

/// Whether a store is still erased; it stays so until the transaction ends.
pub async fn is_shop_erased(tx: &mut Transaction, shop_id: i64) -> Result<bool, Error> {
    let row = sqlx::query!("select redacted_at from shops where id = $1 for share", shop_id)
        .fetch_optional(&mut *tx)
        .await?;
    Ok(row.is_some_and(|row| row.redacted_at.is_some()))
}

/// A delivery in the log, with its payload in either form.
#[derive(Debug)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Logged {
    pub received_at: DateTime<Utc>,
    pub delivery_id: Uuid,
    pub topic: String,
    pub payload: Option<String>,
    pub payload_bytes: Option<Vec<u8>>,
}

/// Some logged deliveries of a store that have a payload, in the order of their keys, after one of them. Topics that
/// tell of no customer are left out: they are most of a log.
pub async fn logged(
    tx: &mut Transaction,
    shop_domain: &str,
    after: (DateTime<Utc>, Uuid),
    limit: i64,
) -> Result<Vec<Logged>, Error> {
    let logged = sqlx::query_as!(
        Logged,
        r#"
        select received_at, delivery_id, topic, payload::text as payload, payload_bytes
        from webhook_logs
        where shop_domain = $1 and (received_at, delivery_id) > ($2, $3)
          and (payload is not null or payload_bytes is not null)
          and topic !~ '^(products|variants|collections|inventory_items|inventory_levels|locations|bulk_operations)/'
        order by received_at, delivery_id
        limit $4
        "#,
        shop_domain,
        after.0,
        after.1,
        limit,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(logged)
}

/// A refused delivery or a line that could not be applied.
#[derive(Debug)]
pub struct Kept {
    /// Its key in its own table.
    pub key: KeptKey,
    /// What was kept.
    pub bytes: Vec<u8>,
}

/// The key of something kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub enum KeptKey {
    Rejection(Uuid),
    Line {
        job_id: Uuid,
        operation: String,
        byte_offset: i64,
    },
}

/// Some refused deliveries that claim to be of a store or say nothing of one, after one of them.
pub async fn rejections(tx: &mut Transaction, shop_domain: &str, after: Uuid, limit: i64) -> Result<Vec<Kept>, Error> {
    let rows = sqlx::query!(
        r#"
        select id, body from webhook_rejections
        where id > $2 and octet_length(body) > 0 and (shop_domain is null or lower(shop_domain) = $1)
        order by id
        limit $3
        "#,
        shop_domain,
        after,
        limit,
    )
    .fetch_all(&mut *tx)
    .await?;
    let kept = rows.into_iter().map(|row| Kept {
        key: KeptKey::Rejection(row.id),
        bytes: row.body,
    });
    Ok(kept.collect())
}

/// Some lines of a store's bulk files that could not be applied, after one of them.
pub async fn rejected_lines(
    tx: &mut Transaction,
    shop_id: i64,
    after: (Uuid, &str, i64),
    limit: i64,
) -> Result<Vec<Kept>, Error> {
    let rows = sqlx::query!(
        r#"
        select l.job_id, l.operation, l.byte_offset, l.line
        from sync_rejected_lines l join sync_jobs j on j.id = l.job_id
        where j.shop_id = $1 and octet_length(l.line) > 0 and (l.job_id, l.operation, l.byte_offset) > ($2, $3, $4)
        order by l.job_id, l.operation, l.byte_offset
        limit $5
        "#,
        shop_id,
        after.0,
        after.1,
        after.2,
        limit,
    )
    .fetch_all(&mut *tx)
    .await?;
    let kept = rows.into_iter().map(|row| Kept {
        key: KeptKey::Line {
            job_id: row.job_id,
            operation: row.operation,
            byte_offset: row.byte_offset,
        },
        bytes: row.line,
    });
    Ok(kept.collect())
}

/// Empties what was kept.
pub async fn empty(tx: &mut Transaction, key: &KeptKey) -> Result<(), Error> {
    match key {
        KeptKey::Rejection(id) => {
            sqlx::query!("update webhook_rejections set body = '' where id = $1", id)
                .execute(&mut *tx)
                .await?
        }
        KeptKey::Line {
            job_id,
            operation,
            byte_offset,
        } => {
            sqlx::query!(
                "update sync_rejected_lines set line = '' where job_id = $1 and operation = $2 and byte_offset = $3",
                job_id,
                operation,
                byte_offset,
            )
            .execute(&mut *tx)
            .await?
        }
    };
    Ok(())
}

/// What belongs to a store beside the mirrored tables, in the order in which it is deleted.
pub const OTHERS: [&str; 6] = [
    "member_sets",
    "pending_fetches",
    "data_requests",
    "sync_jobs",
    "webhook_logs",
    "webhook_rejections",
];

/// Deletes some rows of one of [`OTHERS`] that belong to an erased store. Returns how many there were.
///
/// The log keeps a line for the erasure itself, and for whatever came after it.
pub async fn clear_other(tx: &mut Transaction, table: &str, sweep: &Sweep) -> Result<u64, Error> {
    let cleared = match table {
        "member_sets" => {
            sqlx::query!(
                "delete from member_sets where ctid = any (array(select ctid from member_sets where shop_id = $1 limit $2))",
                sweep.shop_id,
                MOST_CLEARED,
            )
            .execute(&mut *tx)
            .await?
        }
        "pending_fetches" => {
            sqlx::query!("delete from pending_fetches where shop_id = $1", sweep.shop_id)
                .execute(&mut *tx)
                .await?
        }
        "data_requests" => {
            sqlx::query!("delete from data_requests where shop_id = $1", sweep.shop_id)
                .execute(&mut *tx)
                .await?
        }
        // With its operations, chunks and rejected lines.
        "sync_jobs" => {
            sqlx::query!(
                "delete from sync_jobs where id = any (array(select id from sync_jobs where shop_id = $1 limit 10))",
                sweep.shop_id,
            )
            .execute(&mut *tx)
            .await?
        }
        "webhook_logs" => {
            sqlx::query!(
                r#"
                delete from webhook_logs
                where (received_at, delivery_id) in (
                    select received_at, delivery_id from webhook_logs
                    where shop_domain = $1 and received_at <= $2 and topic <> 'shop/redact'
                    limit $3
                )
                "#,
                sweep.shop_domain,
                sweep.wanted_at,
                MOST_CLEARED,
            )
            .execute(&mut *tx)
            .await?
        }
        "webhook_rejections" => {
            sqlx::query!("delete from webhook_rejections where lower(shop_domain) = $1", sweep.shop_domain)
                .execute(&mut *tx)
                .await?
        }
        _ => unreachable!("a table that is not in the list"),
    };
    Ok(cleared.rows_affected())
}

/// Forgets the payloads that are still in the log of an erased store. Returns how many there were.
pub async fn forget_payloads_of_shop(tx: &mut Transaction, shop_domain: &str) -> Result<u64, Error> {
    let forgotten = sqlx::query!(
        r#"
        update webhook_logs set payload = null, payload_bytes = null
        where (received_at, delivery_id) in (
            select received_at, delivery_id from webhook_logs
            where shop_domain = $1 and (payload is not null or payload_bytes is not null)
            limit $2
        )
        "#,
        shop_domain,
        MOST_CLEARED,
    )
    .execute(&mut *tx)
    .await?;
    Ok(forgotten.rows_affected())
}
