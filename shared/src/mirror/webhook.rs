//! Applies deliveries: a batch is one transaction and a few statements per table.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::privacy::screen::{self, Screened, Told};
use super::rows::{Rows, Subject};
use super::topics::{self, Plan};
use super::{Error, privacy, wants};
use crate::message::{Payload, Rejected, Resource, Webhook};
use crate::store::redaction_sweeps;
use crate::store::redactions::{self, Held};
use crate::store::tables::CustomerAddress;
use crate::store::webhook_logs::{self, Entry, Status};
use crate::store::webhook_rejections::{self, Rejection};
use crate::store::{
    self, AnyRow, Batch, Fate, MemberSet, Row, Source, Store, Transaction, Written, pending_fetches, shops,
};

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
    let about_erased = about_erased(&mut tx, deliveries, &shop_ids, &held).await?;

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
    let screened = screen::rows(&mut tx, &held, rows.iter(), &told).await?;
    let written = write(&mut tx, &rows, &screened, &mut all, Source::Webhook).await?;
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
    let (mut entries, mut forgotten) = (Vec::with_capacity(deliveries.len()), Vec::new());
    for (place, (received, outcome)) in deliveries.iter().zip(&outcomes).enumerate() {
        let Done::Outcome(Ok(status)) = outcome else { continue };
        let mut entry = entry(*received, *status, None);
        if about_erased.contains_key(&place) {
            forgotten.push(without_payload(&mut entry));
        }
        entries.push(entry);
    }
    webhook_logs::write(&mut tx, &entries).await?;
    webhook_logs::forget_payloads(&mut tx, &forgotten).await?;
    store::commit(tx).await?;
    let applied = Applied {
        outcomes: Vec::with_capacity(deliveries.len()),
        fetches: wants::fetches(&wants, &shop_ids),
        refreshes: wants::fetches(&refreshes, &shop_ids),
        sweep: screened.sweep,
    };
    Ok((outcomes, applied))
}

/// The places of deliveries that are not to be logged with their payload: those that tell of somebody or something that
/// was erased (with whom), those of an erased store, and those that ask for an erasure.
async fn about_erased(
    tx: &mut Transaction,
    deliveries: &[Received<'_>],
    shop_ids: &HashMap<String, i64>,
    held: &Held,
) -> Result<HashMap<usize, Told>, Error> {
    let texts: Vec<Cow<'_, str>> = match held.any() {
        true => deliveries.iter().map(|(webhook, _)| text(webhook)).collect(),
        false => Vec::new(),
    };
    let asked: Vec<(i64, Option<&str>, &str)> = deliveries
        .iter()
        .zip(&texts)
        .map(|((webhook, _), text)| {
            let shop_id = shop_ids.get(webhook.shop.as_str()).copied().unwrap_or_default();
            (shop_id, Some(webhook.topic.as_str()), text.as_ref())
        })
        .collect();
    let mut found = screen::texts(tx, held, &asked).await?;
    let others = deliveries.iter().enumerate().filter(|(_, (webhook, _))| {
        let is_erased = shop_ids
            .get(webhook.shop.as_str())
            .is_some_and(|shop_id| held.is_erased(*shop_id));
        is_erased || topics::is_privacy(webhook.topic.as_str())
    });
    for (place, _) in others {
        found.entry(place).or_default();
    }
    Ok(found)
}

const TIE: &str = "a webhook and a bulk row of the same second differ";

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
        Ok(Plan::Privacy(request)) => Expectation::Privacy { shop_id, request },
        Ok(Plan::Nothing) => Expectation::Known(Status::Unhandled),
        Err(error) => Expectation::Impossible(error),
    }
}

/// Writes rows, as they are after the screening, with the sets and deletions that came with them.
pub(super) async fn write(
    tx: &mut Transaction,
    rows: &[AnyRow],
    screened: &Screened,
    with: &mut Rows,
    source: Source,
) -> Result<Written, Error> {
    let mut batch = Batch::default();
    let rows = rows.iter().enumerate();
    rows.for_each(|(place, row)| batch.add(screened.row(place, row)));
    batch.sets = std::mem::take(&mut with.sets);
    spare_refused(tx, &mut batch.sets).await?;
    batch.deletions = std::mem::take(&mut with.deletions);
    Ok(batch.write(tx, source).await?)
}

/// A customer whose addresses are refused is shown without any: that tells nothing about which there are.
async fn spare_refused(tx: &mut Transaction, sets: &mut Vec<MemberSet>) -> Result<(), Error> {
    let table = CustomerAddress::table();
    let of_addresses = sets.iter().filter(|set| set.is_of(table));
    let shop_ids: Vec<i64> = of_addresses.map(|set| set.shop_id).collect();
    if !shop_ids.is_empty() {
        let refusing = shops::refusing(tx, &shop_ids).await?;
        sets.retain(|set| !set.is_of(table) || !refusing.contains(&set.shop_id));
    }
    Ok(())
}

async fn outcome(tx: &mut Transaction, expectation: Expectation, written: &Written) -> Result<Done, Error> {
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
        Expectation::Scopes { shop_id, scopes, at } => applied(shops::grant(tx, shop_id, &scopes, at).await?),
    };
    Ok(Done::Outcome(Ok(status)))
}

/// Logs that a delivery failed, and why.
pub async fn log_failure(store: &Store, received: Received<'_>, status: Status, error: &str) -> Result<(), Error> {
    let mut tx = store.begin().await?;
    let shop_ids = shops::ids(&mut tx, &[received.0.shop.as_str().to_owned()]).await?;
    let held = redactions::hold(&mut tx, &shop_ids.values().copied().collect::<Vec<_>>()).await?;
    let mut entry = entry(received, status, Some(error.to_owned()));
    let mut about_erased = about_erased(&mut tx, &[received], &shop_ids, &held).await?;
    // A request under the law that failed is kept until it is done.
    let erased = about_erased
        .remove(&0)
        .filter(|_| !topics::is_privacy(received.0.topic.as_str()));
    let forgotten = erased.is_some().then(|| without_payload(&mut entry));
    webhook_logs::write(&mut tx, &[entry]).await?;
    webhook_logs::forget_payloads(&mut tx, forgotten.as_slice()).await?;
    if let (Some(told), Some(shop_id), Status::Dead) = (erased, shop_ids.values().next(), status) {
        // Its message, which has the payload, becomes a dead letter.
        redaction_sweeps::want(&mut tx, *shop_id, told.erased_at, &told.wanted).await?;
    }
    store::commit(tx).await?;
    Ok(())
}

/// Keeps a delivery that was refused for its signature, for people to look at: of one that tells of somebody erased, only
/// that it came.
pub async fn keep_refused(store: &Store, refused: &Rejected) -> Result<(), Error> {
    let mut tx = store.begin().await?;
    let claimed: Vec<String> = refused.shop_domain.iter().map(|domain| domain.to_lowercase()).collect();
    let shop_ids = shops::ids(&mut tx, &claimed).await?;
    let held = redactions::hold(&mut tx, &shop_ids.values().copied().collect::<Vec<_>>()).await?;
    let text = String::from_utf8_lossy(&refused.body.0);
    let asked: Vec<(i64, Option<&str>, &str)> = shop_ids
        .values()
        .map(|shop_id| (*shop_id, refused.topic.as_deref(), text.as_ref()))
        .collect();
    let about_erased = !screen::texts(&mut tx, &held, &asked).await?.is_empty()
        || shop_ids.values().any(|shop_id| held.is_erased(*shop_id));
    let rejection = Rejection {
        id: refused.delivery_id,
        received_at: refused.received_at,
        reason: &refused.reason,
        shop_domain: refused.shop_domain.as_deref(),
        topic: refused.topic.as_deref(),
        webhook_id: refused.webhook_id.as_deref(),
        body_size: refused.body_size,
        body: if about_erased { &[] } else { &refused.body.0 },
    };
    webhook_rejections::write(&mut tx, &rejection).await?;
    store::commit(tx).await?;
    Ok(())
}

/// Logs what became of a delivery whose payload must not be kept, and forgets it if it is.
pub(super) async fn log_without_payload(
    tx: &mut Transaction,
    received: Received<'_>,
    status: Status,
) -> Result<(), Error> {
    let mut entry = entry(received, status, None);
    let forgotten = without_payload(&mut entry);
    webhook_logs::write(tx, &[entry]).await?;
    webhook_logs::forget_payloads(tx, &[forgotten]).await?;
    Ok(())
}

/// Takes the payload out of the entry. Returns its key, by which an earlier entry loses it too.
fn without_payload(entry: &mut Entry<'_>) -> (DateTime<Utc>, Uuid) {
    (entry.payload, entry.payload_bytes) = (None, None);
    (entry.received_at, entry.delivery_id)
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

/// The payload, to be searched.
fn text(webhook: &Webhook) -> Cow<'_, str> {
    match &webhook.payload {
        Payload::Json(json) => Cow::Borrowed(json.get()),
        Payload::Bytes(bytes) => String::from_utf8_lossy(&bytes.0),
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
