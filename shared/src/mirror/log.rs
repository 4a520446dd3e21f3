//! What the log of deliveries says, and what it must not: a payload that tells of somebody erased.

use std::borrow::Cow;
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::privacy::screen::{self, Told};
use super::webhook::Received;
use super::{Error, topics};
use crate::message::{Payload, Rejected, Superseded, Webhook};
use crate::store::redactions::{self, Held};
use crate::store::webhook_logs::{self, Entry, Status};
use crate::store::webhook_rejections::{self, Rejection};
use crate::store::{self, Store, Transaction, redaction_sweeps, shops};

/// The places of deliveries that are not to be logged with their payload: those that tell of somebody or something that
/// was erased (with whom), those of an erased store, and those that ask for an erasure.
pub(super) async fn about_erased(
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

/// Logs what became of deliveries; of those with the flag, without their payload.
pub(super) async fn write(
    tx: &mut Transaction,
    deliveries: impl Iterator<Item = (Received<'_>, Status, bool)>,
) -> Result<(), Error> {
    let (mut entries, mut forgotten) = (Vec::new(), Vec::new());
    for (received, status, without) in deliveries {
        let mut entry = entry(received, status, None);
        if without {
            forgotten.push(without_payload(&mut entry));
        }
        entries.push(entry);
    }
    webhook_logs::write(tx, &entries).await?;
    webhook_logs::forget_payloads(tx, &forgotten).await?;
    Ok(())
}

/// Logs that a delivery failed, and why.
pub async fn failure(store: &Store, received: Received<'_>, status: Status, error: &str) -> Result<(), Error> {
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
pub async fn refused(store: &Store, refused: &Rejected) -> Result<(), Error> {
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

/// Logs deliveries that nobody received, because a later one of the same resource took their place: the second of each
/// pair, by the first.
pub async fn superseded(store: &Store, pairs: &[(&Webhook, Superseded)]) -> Result<(), Error> {
    let entries: Vec<Entry<'_>> = pairs
        .iter()
        .map(|(by, superseded)| Entry {
            received_at: superseded.received_at,
            delivery_id: superseded.delivery_id,
            triggered_at: superseded.triggered_at,
            webhook_id: superseded.webhook_id.as_deref(),
            event_id: superseded.event_id.as_deref(),
            api_version: superseded.api_version.as_deref(),
            payload: None,
            payload_bytes: None,
            ..entry((by, 1), Status::Coalesced, None)
        })
        .collect();
    let mut tx = store.begin().await?;
    webhook_logs::write(&mut tx, &entries).await?;
    store::commit(tx).await?;
    Ok(())
}

/// Takes the payload out of the entry. Returns its key, by which an earlier entry loses it too.
fn without_payload(entry: &mut Entry<'_>) -> (DateTime<Utc>, Uuid) {
    (entry.payload, entry.payload_bytes) = (None, None);
    (entry.received_at, entry.delivery_id)
}

/// Commits a delivery to the log before it is answered.
pub async fn received(store: &Store, webhook: &Webhook) -> Result<(), Error> {
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
