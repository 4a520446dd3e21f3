//! Metafields of variants have a file of their own. It may tell those of a variant that was deleted before the file of the
//! products was written, so that nothing speaks of the variant itself. When both are complete, such variants are fetched,
//! which shows that they are gone.

use std::time::Duration;

use chrono::{DateTime, Utc};
use shared::carrier::carry;
use shared::import;
use shared::message::{Body, QueueName, Resource};
use shared::queue::Send;
use shared::shopify::Gid;
use shared::store::pending_fetches::{self, Want};
use shared::store::sync_jobs::{self, Standing};
use shared::store::{Transaction, ownerless, tables};

use super::{Error, Run};

/// The operations whose files tell variants and their metafields.
const TOLD_IN: [&str; 2] = ["products", "variant_metafields"];
/// The kind of the owners.
const OWNER: &str = "ProductVariant";
/// Fetches of one import: a comparison of all ids finds the rest.
const MOST: i64 = 1_000;
/// Shopify's clock shows whole seconds: what a file tells was observed in the very second in which it was begun.
const TICK: Duration = Duration::from_secs(1);

/// Wants fetched what has metafields and is not mirrored, if all that tells of it is complete. The import must be locked:
/// of two operations that end at once, the later one must see the earlier.
pub(crate) async fn want(run: &Run<'_>, tx: &mut Transaction) -> Result<Vec<Resource>, Error> {
    if !TOLD_IN.contains(&run.definition.name) {
        return Ok(Vec::new());
    }
    let Some((shop_id, created_at)) = complete_since(&sync_jobs::standings(tx, run.job_id).await?) else {
        return Ok(Vec::new());
    };
    let table = tables().into_iter().find(|table| table.kind == OWNER);
    let table = table.expect("variants have a table");
    let owners = ownerless::owners(tx, table, shop_id, created_at + TICK, MOST).await?;
    let wants: Vec<Want> = owners
        .into_iter()
        .map(|id| Want {
            shop_id,
            gid: Gid::new(OWNER, id).as_str().to_owned(),
            wanted_at: created_at,
            reason: "has metafields and was not in the file of the products",
        })
        .collect();
    let wants = pending_fetches::want(tx, &wants).await?;
    if wants.is_empty() {
        return Ok(Vec::new());
    }
    let shop = run.shop(tx).await?;
    let fetches = wants
        .iter()
        .filter_map(|want| Resource::parse(shop.as_str(), &want.gid));
    Ok(fetches.collect())
}

/// The store, and when Shopify began to write the last of the files, if all are complete.
fn complete_since(standings: &[Standing]) -> Option<(i64, DateTime<Utc>)> {
    let mut latest = None;
    for name in TOLD_IN {
        let is_of = |operation: &str| import::find(operation).is_some_and(|definition| definition.name == name);
        let mut parts = standings
            .iter()
            .filter(|standing| is_of(&standing.operation))
            .peekable();
        parts.peek()?;
        for part in parts {
            if part.status.as_deref() != Some("completed") {
                return None;
            }
            latest = latest.max(Some((part.shop_id, part.bulk_created_at?)));
        }
    }
    latest
}

/// Sends the messages of these fetches. One that is lost here is sent again by the reconcile.
pub(crate) async fn fetch(run: &Run<'_>, resources: Vec<Resource>) -> Result<(), Error> {
    let sends: Vec<Send> = resources
        .into_iter()
        .map(|resource| carry(&Body::Resource(resource)))
        .collect();
    if !sends.is_empty() {
        run.context.queue(QueueName::VariantSync)?.send_batch(&sends).await?;
    }
    Ok(())
}
