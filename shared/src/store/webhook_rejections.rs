//! `webhook_rejections`: deliveries refused for their signature.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Error, Transaction};

/// One row.
#[derive(Debug)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Rejection<'a> {
    pub id: Uuid,
    pub received_at: DateTime<Utc>,
    pub reason: &'a str,
    pub shop_domain: Option<&'a str>,
    pub topic: Option<&'a str>,
    pub webhook_id: Option<&'a str>,
    pub body_size: i32,
    pub body: &'a [u8],
}

/// Writes a row; once more changes nothing.
pub async fn write(tx: &mut Transaction, rejection: &Rejection<'_>) -> Result<(), Error> {
    sqlx::query!(
        r#"
        insert into webhook_rejections (id, received_at, reason, shop_domain, topic, webhook_id, body_size, body)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (id) do nothing
        "#,
        rejection.id,
        rejection.received_at,
        rejection.reason,
        rejection.shop_domain,
        rejection.topic,
        rejection.webhook_id,
        rejection.body_size,
        rejection.body,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}
