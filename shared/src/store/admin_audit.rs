//! `admin_audit`: every change made through the admin API, and every erasure.

use super::{Error, Transaction};

/// Records one change. `detail` holds no secret and no personal data.
pub async fn record(
    tx: &mut Transaction,
    procedure: &str,
    shop_domain: Option<&str>,
    detail: &serde_json::Value,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into admin_audit (procedure, shop_domain, detail) values ($1, $2, $3)",
        procedure,
        shop_domain,
        detail,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}
