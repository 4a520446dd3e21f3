//! What is asked of the mirrored orders themselves.

use chrono::{DateTime, Utc};

use super::{Error, Transaction};

/// When the store made a live order; none if the mirror has none, or was not told.
pub async fn created_at(tx: &mut Transaction, shop_id: i64, id: i64) -> Result<Option<DateTime<Utc>>, Error> {
    let row = sqlx::query!(
        "select created_at from orders where shop_id = $1 and id = $2 and deleted_at is null",
        shop_id,
        id,
    )
    .fetch_optional(&mut *tx)
    .await?;
    Ok(row.and_then(|row| row.created_at))
}
