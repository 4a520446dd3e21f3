//! `webhook_logs`: one row per delivery, and what became of it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Error, Transaction};

/// What became of a delivery. The migration says what each means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "described in the migration")]
pub enum Status {
    Received,
    Applied,
    Stale,
    Unhandled,
    UnknownShop,
    Waiting,
    Coalesced,
    Retrying,
    Dead,
}

impl Status {
    /// The name in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Applied => "applied",
            Self::Stale => "stale",
            Self::Unhandled => "unhandled",
            Self::UnknownShop => "unknown_shop",
            Self::Waiting => "waiting",
            Self::Coalesced => "coalesced",
            Self::Retrying => "retrying",
            Self::Dead => "dead",
        }
    }
}

/// One row.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Entry<'a> {
    pub received_at: DateTime<Utc>,
    pub delivery_id: Uuid,
    pub shop_domain: &'a str,
    pub topic: &'a str,
    pub webhook_id: Option<&'a str>,
    pub event_id: Option<&'a str>,
    pub triggered_at: DateTime<Utc>,
    pub api_version: Option<&'a str>,
    pub status: Status,
    pub attempts: i32,
    pub error: Option<String>,
    pub payload: Option<std::borrow::Cow<'a, str>>,
    pub payload_bytes: Option<&'a [u8]>,
}

/// Writes the rows; a delivery that is handled again replaces its row, and one that has ended keeps its end.
pub async fn write(tx: &mut Transaction, entries: &[Entry<'_>]) -> Result<(), Error> {
    if entries.is_empty() {
        return Ok(());
    }
    let received: Vec<DateTime<Utc>> = entries.iter().map(|entry| entry.received_at).collect();
    let deliveries: Vec<Uuid> = entries.iter().map(|entry| entry.delivery_id).collect();
    let shops: Vec<&str> = entries.iter().map(|entry| entry.shop_domain).collect();
    let topics: Vec<&str> = entries.iter().map(|entry| entry.topic).collect();
    let webhooks: Vec<Option<&str>> = entries.iter().map(|entry| entry.webhook_id).collect();
    let events: Vec<Option<&str>> = entries.iter().map(|entry| entry.event_id).collect();
    let triggered: Vec<DateTime<Utc>> = entries.iter().map(|entry| entry.triggered_at).collect();
    let versions: Vec<Option<&str>> = entries.iter().map(|entry| entry.api_version).collect();
    let statuses: Vec<&str> = entries.iter().map(|entry| entry.status.as_str()).collect();
    let attempts: Vec<i32> = entries.iter().map(|entry| entry.attempts).collect();
    let errors: Vec<Option<&str>> = entries.iter().map(|entry| entry.error.as_deref()).collect();
    let payloads: Vec<Option<&str>> = entries.iter().map(|entry| entry.payload.as_deref()).collect();
    let bytes: Vec<Option<&[u8]>> = entries.iter().map(|entry| entry.payload_bytes).collect();
    sqlx::query!(
        r#"
        insert into webhook_logs (
            received_at, delivery_id, shop_domain, topic, webhook_id, event_id, triggered_at, api_version, status,
            attempts, error, processed_at, payload, payload_bytes
        )
        select received_at, delivery_id, shop_domain, topic, webhook_id, event_id, triggered_at, api_version, status,
               attempts, error, case when status = 'received' then null else clock_timestamp() end, payload::jsonb,
               payload_bytes
        from unnest(
            $1::timestamptz[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[],
            $9::text[], $10::integer[], $11::text[], $12::text[], $13::bytea[]
        ) as t (
            received_at, delivery_id, shop_domain, topic, webhook_id, event_id, triggered_at, api_version, status,
            attempts, error, payload, payload_bytes
        )
        order by received_at, delivery_id
        on conflict (received_at, delivery_id) do update
        set status = excluded.status, attempts = excluded.attempts, error = excluded.error,
            processed_at = excluded.processed_at, payload = coalesce(webhook_logs.payload, excluded.payload),
            payload_bytes = coalesce(webhook_logs.payload_bytes, excluded.payload_bytes)
        where webhook_logs.status in ('received', 'retrying', 'dead')
        "#,
        &received,
        &deliveries,
        &shops as &[&str],
        &topics as &[&str],
        &webhooks as &[Option<&str>],
        &events as &[Option<&str>],
        &triggered,
        &versions as &[Option<&str>],
        &statuses as &[&str],
        &attempts,
        &errors as &[Option<&str>],
        &payloads as &[Option<&str>],
        &bytes as &[Option<&[u8]>],
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Forgets the payloads of these deliveries, by their keys. What became of them stays.
pub async fn forget_payloads(tx: &mut Transaction, keys: &[(DateTime<Utc>, Uuid)]) -> Result<(), Error> {
    if keys.is_empty() {
        return Ok(());
    }
    let received: Vec<DateTime<Utc>> = keys.iter().map(|(received_at, _)| *received_at).collect();
    let deliveries: Vec<Uuid> = keys.iter().map(|(_, delivery_id)| *delivery_id).collect();
    sqlx::query!(
        r#"
        update webhook_logs w set payload = null, payload_bytes = null
        from unnest($1::timestamptz[], $2::uuid[]) as t (received_at, delivery_id)
        where w.received_at = t.received_at and w.delivery_id = t.delivery_id
          and (w.payload is not null or w.payload_bytes is not null)
        "#,
        &received,
        &deliveries,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}
