//! Day partitions of `webhook_logs`, made ahead by the drains.

use chrono::{Days, NaiveDate};
use sqlx::AssertSqlSafe;

use super::{Error, Transaction};

/// Makes the partition of `day` (UTC) if it is not there. Without it rows go to the default partition: nothing is
/// lost, only retention gets slower. Returns whether it was made.
pub async fn ensure_day(tx: &mut Transaction, day: NaiveDate) -> Result<bool, Error> {
    let name = format!("webhook_logs_{}", day.format("%Y%m%d"));
    let row = sqlx::query!(r#"select to_regclass($1) is not null as "exists!""#, name)
        .fetch_one(&mut *tx)
        .await?;
    if row.exists {
        return Ok(false);
    }
    let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
    // A partition's bounds cannot be parameters; name and dates are made of digits.
    let statement = format!(
        "create table if not exists {name} partition of webhook_logs for values from ('{day}Z') to ('{next}Z')"
    );
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *tx).await?;
    Ok(true)
}
