//! Applies deliveries: a batch is one transaction and a few statements per table.

use std::borrow::Cow;
use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::rows::{Rows, Subject};
use super::topics::{self, Plan};
use super::{Error, wants};
use crate::message::{Payload, Resource, Webhook};
use crate::store::webhook_logs::{self, Entry, Status};
use crate::store::{self, AnyRow, Batch, Fate, Source, Store, Transaction, Written, pending_fetches, shops};

/// A delivery and how often it has been received.
pub type Received<'a> = (&'a Webhook, u32);

/// What became of a batch.
#[derive(Debug)]
pub struct Applied {
    /// One for each delivery: what the log says, or why this one alone cannot be applied.
    pub outcomes: Vec<Result<Status, Error>>,
    /// What must be fetched soon; already recorded.
    pub fetches: Vec<Resource>,
    /// What is fetched after a while for what no webhook tells; already recorded.
    pub refreshes: Vec<Resource>,
}

/// What the log will say of a delivery, once the statements have run.
enum Expectation {
    Known(Status),
    Subject(Subject),
    Uninstall {
        shop_id: i64,
        at: DateTime<Utc>,
    },
    Scopes {
        shop_id: i64,
        scopes: Vec<String>,
        at: DateTime<Utc>,
    },
    Impossible(Error),
}

/// Applies the deliveries and logs each. With `refresh`, resources are wanted for what no webhook tells of them. An error means that nothing was applied; deliveries that can never be applied
/// are no error of the batch but have one of their own, and are not logged here.
pub async fn apply(store: &Store, deliveries: &[Received<'_>], refresh: bool) -> Result<Applied, Error> {
    let mut tx = store.begin().await?;
    let domains: Vec<String> = deliveries
        .iter()
        .map(|(webhook, _)| webhook.shop.as_str().to_owned())
        .collect();
    let shop_ids = shops::ids(&mut tx, &domains).await?;

    let mut all = Rows::new(0, DateTime::UNIX_EPOCH);
    let expectations: Vec<Expectation> = deliveries
        .iter()
        .map(|(webhook, _)| expect(webhook, &shop_ids, &mut all))
        .collect();
    if all.nul_removed > 0 {
        tracing::warn!(
            removed = all.nul_removed,
            "NUL characters removed, which Postgres refuses"
        );
    }
    let rows = std::mem::take(&mut all.rows);
    let written = write(&mut tx, &rows, &mut all, Source::Webhook).await?;
    let mut wants = wants::of_mentions(&mut tx, &all.mentions).await?;
    wants.append(&mut all.wants);
    wants.extend(wants::of_ties(&written.ties, TIE));
    let wants = pending_fetches::want(&mut tx, &wants).await?;
    let refreshes = if refresh { wants::untold(&written) } else { Vec::new() };
    let refreshes = pending_fetches::want(&mut tx, &refreshes).await?;

    let mut outcomes = Vec::with_capacity(deliveries.len());
    for expectation in expectations {
        outcomes.push(outcome(&mut tx, expectation, &written).await?);
    }
    let entries: Vec<Entry<'_>> = deliveries
        .iter()
        .zip(&outcomes)
        .filter_map(|(received, outcome)| outcome.as_ref().ok().map(|status| entry(*received, *status, None)))
        .collect();
    webhook_logs::write(&mut tx, &entries).await?;
    store::commit(tx).await?;
    Ok(Applied {
        outcomes,
        fetches: wants::fetches(&wants, &shop_ids),
        refreshes: wants::fetches(&refreshes, &shop_ids),
    })
}

const TIE: &str = "a webhook and a bulk row of the same second differ";

/// Reads one delivery into rows of its own and adds them to `all`, unless it makes no sense.
fn expect(webhook: &Webhook, shop_ids: &HashMap<String, i64>, all: &mut Rows) -> Expectation {
    let Some(&shop_id) = shop_ids.get(webhook.shop.as_str()) else {
        return Expectation::Known(Status::UnknownShop);
    };
    let topic = webhook.topic.as_str();
    let at = webhook.triggered_at;
    let mut rows = Rows::new(shop_id, at);
    let plan = json(webhook).and_then(|raw| match webhook.oversized {
        true => topics::plan_oversized(&mut rows, topic, raw),
        false => topics::plan(&mut rows, topic, raw),
    });
    match plan {
        Ok(Plan::Rows(subject)) => {
            all.append(rows);
            Expectation::Subject(subject)
        }
        Ok(Plan::Uninstall) => Expectation::Uninstall { shop_id, at },
        Ok(Plan::Scopes(scopes)) => Expectation::Scopes { shop_id, scopes, at },
        Ok(Plan::Nothing) => Expectation::Known(Status::Unhandled),
        Err(error) => Expectation::Impossible(error),
    }
}

/// Writes rows with the sets and deletions that came with them.
pub(super) async fn write(
    tx: &mut Transaction,
    rows: &[AnyRow],
    with: &mut Rows,
    source: Source,
) -> Result<Written, Error> {
    let mut batch = Batch::default();
    rows.iter().for_each(|row| batch.add(row));
    batch.sets = std::mem::take(&mut with.sets);
    batch.deletions = std::mem::take(&mut with.deletions);
    Ok(batch.write(tx, source).await?)
}

async fn outcome(
    tx: &mut Transaction,
    expectation: Expectation,
    written: &Written,
) -> Result<Result<Status, Error>, Error> {
    let applied = |applied: bool| if applied { Status::Applied } else { Status::Stale };
    Ok(match expectation {
        Expectation::Known(status) => Ok(status),
        Expectation::Impossible(error) => Err(error),
        Expectation::Subject(Subject::Wanted) => Ok(Status::Waiting),
        Expectation::Subject(Subject::Deletion { table, key }) => Ok(applied(!written.is_kept(table, key))),
        Expectation::Subject(Subject::Row { table, key, version }) => Ok(match written.fate(table, key, version) {
            Fate::Applied | Fate::New => Status::Applied,
            Fate::Stale => Status::Stale,
            Fate::Tied => Status::Waiting,
        }),
        Expectation::Uninstall { shop_id, at } => Ok(applied(shops::uninstall(tx, shop_id, at).await?)),
        Expectation::Scopes { shop_id, scopes, at } => Ok(applied(shops::grant(tx, shop_id, &scopes, at).await?)),
    })
}

/// Logs that a delivery failed, and why.
pub async fn log_failure(store: &Store, received: Received<'_>, status: Status, error: &str) -> Result<(), Error> {
    let mut tx = store.begin().await?;
    webhook_logs::write(&mut tx, &[entry(received, status, Some(error.to_owned()))]).await?;
    store::commit(tx).await?;
    Ok(())
}

/// Commits a delivery to the log before it is answered.
pub async fn log_received(store: &Store, webhook: &Webhook) -> Result<(), Error> {
    let mut tx = store.begin().await?;
    webhook_logs::write(&mut tx, &[entry((webhook, 1), Status::Received, None)]).await?;
    store::commit(tx).await?;
    Ok(())
}

fn entry<'a>((webhook, attempts): Received<'a>, status: Status, error: Option<String>) -> Entry<'a> {
    let (payload, payload_bytes) = match &webhook.payload {
        Payload::Json(json) => (Some(crate::store::strip_nul(Cow::Borrowed(json.get())).0), None),
        Payload::Bytes(bytes) => (None, Some(bytes.0.as_slice())),
    };
    Entry {
        received_at: webhook.received_at,
        delivery_id: webhook.delivery_id,
        shop_domain: webhook.shop.as_str(),
        topic: webhook.topic.as_str(),
        webhook_id: webhook.webhook_id.as_deref(),
        event_id: webhook.event_id.as_deref(),
        triggered_at: webhook.triggered_at,
        api_version: webhook.api_version.as_deref(),
        status,
        attempts: i32::try_from(attempts).unwrap_or(i32::MAX),
        error,
        payload,
        payload_bytes,
    }
}

fn json(webhook: &Webhook) -> Result<&str, Error> {
    match &webhook.payload {
        Payload::Json(json) => Ok(json.get()),
        Payload::Bytes(_) => Err(Error::Payload {
            what: "JSON text",
            reason: "not JSON".to_owned(),
        }),
    }
}
