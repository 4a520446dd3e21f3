//! Removes what is older than anybody looks at.

use chrono::{DateTime, Days, Utc};
use shared::store::{self, retention};

use super::{Context, Error};

/// How long ended imports, walks' results and rejected lines are kept, in days.
const KEPT_DAYS: u64 = 90;

/// Removes what is due, table by table, each in its own transaction: what is held up by somebody is left for the next time.
pub(crate) async fn apply(context: &Context, now: DateTime<Utc>) -> Result<(), Error> {
    let days_ago = |days| now.checked_sub_days(Days::new(days)).unwrap_or(now);
    let oldest_log = days_ago(context.log_days);
    let mut dropped = 0;
    loop {
        let mut tx = context.store.begin().await?;
        match retention::drop_logs_before(&mut tx, oldest_log).await? {
            Some(partition) => {
                store::commit(tx).await?;
                dropped += 1;
                tracing::info!(partition, "log of a day dropped");
            }
            None => break,
        }
    }
    let mut tx = context.store.begin().await?;
    let removed = retention::remove_before(&mut tx, oldest_log, days_ago(KEPT_DAYS)).await?;
    store::commit(tx).await?;
    if dropped + removed > 0 {
        tracing::info!(dropped, removed, "retention applied");
    }
    Ok(())
}
