//! Applies deliveries: a batch is one transaction and a few statements per table.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::privacy::screen;
use super::rows::{Rows, Subject};
use super::topics::{self, Plan};
use super::{Error, log, privacy, wants, write};
use crate::message::{Import, Payload, Resource, Webhook};
use crate::shopify::ShopDomain;
use crate::store::redactions::{self, Held};
use crate::store::webhook_logs::Status;
use crate::store::{self, Fate, Source, Store, Transaction, Written, pending_fetches, shops, sync_operations};

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
    /// Something was erased, and a sweep is wanted; already recorded.
    pub sweep: bool,
    /// Imports that need wait no longer; already recorded. If the message is not sent, they ask by themselves.
    pub imports: Vec<Import>,
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
    BulkEnd {
        shop_id: i64,
        shop: ShopDomain,
        gid: String,
    },
    /// Done by itself, after the others.
    Privacy {
        shop_id: i64,
        request: privacy::Request,
    },
    Impossible(Error),
}

/// Applies the deliveries and logs each. With `refresh`, resources are wanted for what no webhook tells of them. An error
/// means that nothing was applied; deliveries that can never be applied are no error of the batch but have one of their
/// own, and are not logged here.
///
/// What is asked for under the law is done after the others, each in a transaction of its own.
pub async fn apply(store: &Store, deliveries: &[Received<'_>], refresh: bool) -> Result<Applied, Error> {
    let (done, mut applied) = apply_batch(store, deliveries, refresh).await?;
    for (done, received) in done.into_iter().zip(deliveries) {
        let outcome = match done {
            Done::Outcome(outcome) => outcome,
            Done::Later { shop_id, request } => privacy::apply(store, *received, shop_id, &request)
                .await
                .inspect(|status| applied.sweep |= *status == Status::Applied),
        };
        applied.outcomes.push(outcome);
    }
    Ok(applied)
}

/// What became of one delivery, or what is still to be done.
enum Done {
    Outcome(Result<Status, Error>),
    Later { shop_id: i64, request: privacy::Request },
}

/// Applies what can be applied together. The outcomes are still to be told.
async fn apply_batch(store: &Store, deliveries: &[Received<'_>], refresh: bool) -> Result<(Vec<Done>, Applied), Error> {
    let mut tx = store.begin().await?;
    let domains: Vec<String> = deliveries
        .iter()
        .map(|(webhook, _)| webhook.shop.as_str().to_owned())
        .collect();
    let shop_ids = shops::ids(&mut tx, &domains).await?;
    let held = redactions::hold(&mut tx, &shop_ids.values().copied().collect::<Vec<_>>()).await?;
    let about_erased = log::about_erased(&mut tx, deliveries, &shop_ids, &held).await?;

    let mut all = Rows::new(0, DateTime::UNIX_EPOCH);
    // Rows that do not say whose they are, of deliveries that do.
    let mut told = HashSet::new();
    let mut expectations: Vec<Expectation> = Vec::with_capacity(deliveries.len());
    for (place, (webhook, _)) in deliveries.iter().enumerate() {
        let before = all.rows.len();
        expectations.push(expect(webhook, &shop_ids, &held, &mut all));
        if about_erased.contains_key(&place) && !screen::says_whose(&all.rows[before..]) {
            told.extend(before..all.rows.len());
        }
    }
    if all.nul_removed > 0 {
        tracing::warn!(
            removed = all.nul_removed,
            "NUL characters removed, which Postgres refuses"
        );
    }
    let rows = std::mem::take(&mut all.rows);
    let write::Outcome { written, sweep } =
        write::write(&mut tx, &held, rows.iter(), &told, &mut all, Source::Webhook).await?;
    let mut wants = wants::of_mentions(&mut tx, &all.mentions).await?;
    wants.append(&mut all.wants);
    wants.extend(wants::of_ties(&written.ties));
    let wants = pending_fetches::want(&mut tx, &wants).await?;
    let refreshes = if refresh { wants::untold(&written) } else { Vec::new() };
    let refreshes = pending_fetches::want(&mut tx, &refreshes).await?;

    let mut outcomes = Vec::with_capacity(deliveries.len());
    let mut imports = Vec::new();
    for expectation in expectations {
        outcomes.push(outcome(&mut tx, expectation, &written, &mut imports).await?);
    }
    let logged = deliveries.iter().zip(&outcomes).enumerate();
    let logged = logged.filter_map(|(place, (received, outcome))| match outcome {
        Done::Outcome(Ok(status)) => Some((*received, *status, about_erased.contains_key(&place))),
        Done::Outcome(Err(_)) | Done::Later { .. } => None,
    });
    log::write(&mut tx, logged).await?;
    store::commit(tx).await?;
    let applied = Applied {
        outcomes: Vec::with_capacity(deliveries.len()),
        fetches: wants::fetches(&wants, &shop_ids),
        refreshes: wants::fetches(&refreshes, &shop_ids),
        sweep,
        imports,
    };
    Ok((outcomes, applied))
}

/// Reads one delivery into rows of its own and adds them to `all`, unless it makes no sense.
fn expect(webhook: &Webhook, shop_ids: &HashMap<String, i64>, held: &Held, all: &mut Rows) -> Expectation {
    let Some(&shop_id) = shop_ids.get(webhook.shop.as_str()) else {
        return Expectation::Known(Status::UnknownShop);
    };
    if held.is_erased(shop_id) {
        return Expectation::Known(Status::Stale);
    }
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
        Ok(Plan::BulkEnd(gid)) => Expectation::BulkEnd {
            shop_id,
            shop: webhook.shop.clone(),
            gid,
        },
        Ok(Plan::Privacy(request)) => Expectation::Privacy { shop_id, request },
        Ok(Plan::Nothing) => Expectation::Known(Status::Unhandled),
        Err(error) => Expectation::Impossible(error),
    }
}

async fn outcome(
    tx: &mut Transaction,
    expectation: Expectation,
    written: &Written,
    imports: &mut Vec<Import>,
) -> Result<Done, Error> {
    let applied = |applied: bool| if applied { Status::Applied } else { Status::Stale };
    let status = match expectation {
        Expectation::Known(status) => status,
        Expectation::Impossible(error) => return Ok(Done::Outcome(Err(error))),
        Expectation::Privacy { shop_id, request } => return Ok(Done::Later { shop_id, request }),
        Expectation::Subject(Subject::Wanted) => Status::Waiting,
        Expectation::Subject(Subject::Deletion { table, key }) => applied(!written.is_kept(table, key)),
        Expectation::Subject(Subject::Row { table, key, version }) => match written.fate(table, key, version) {
            Fate::Applied | Fate::New => Status::Applied,
            Fate::Stale => Status::Stale,
            Fate::Tied => Status::Waiting,
        },
        Expectation::Uninstall { shop_id, at } => applied(shops::uninstall(tx, shop_id, at).await?),
        Expectation::BulkEnd { shop_id, shop, gid } => {
            let goes_on = sync_operations::told_end(tx, shop_id, &gid).await?;
            let before = imports.len();
            imports.extend(goes_on.map(|on| Import::going_on(shop, on.job_id, on.operation, on.part)));
            applied(imports.len() > before)
        }
        Expectation::Scopes { shop_id, scopes, at } => applied(shops::grant(tx, shop_id, &scopes, at).await?),
    };
    Ok(Done::Outcome(Ok(status)))
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
