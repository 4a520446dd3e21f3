//! Looks for what was erased where one must look through much: the log of deliveries, refused deliveries, lines that
//! could not be applied, the tables of a store that is gone, and, by whoever knows Redis, dead letters.
//!
//! A sweep is recorded in the transaction that erases. It goes step by step, each a transaction, so it may stop anywhere
//! and be taken up again, also by two at once; it counts as made only when all places were looked through.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::mentions::{Mentions, Needles};
use crate::message::{self, Body, Payload};
use crate::mirror::Error;
use crate::store::redaction_sweeps::{self, Kept, KeptKey, OTHERS, Sweep as Row};
use crate::store::{self, Store, admin_audit, erasure, redactions, tables, webhook_logs};

/// Sweeps that are made together.
const MOST_SWEEPS: i64 = 200;
/// Logged payloads that are read at once: some megabytes.
const LOGGED_AT_ONCE: i64 = 500;
/// A sweep that is made again looks only at what came so long before it was wanted: all earlier was looked through.
const LOOK_BACK: TimeDelta = TimeDelta::days(1);

/// What is looked for in one store.
#[derive(Debug)]
pub struct Sweep {
    rows: Vec<Row>,
    needles: Needles,
}

/// The sweeps that have not been made, or are to be made again.
pub async fn due(store: &Store) -> Result<Vec<Sweep>, Error> {
    let mut tx = store.begin().await?;
    let rows = redaction_sweeps::due(&mut tx, MOST_SWEEPS).await?;
    drop(tx);
    let mut sweeps: Vec<Sweep> = Vec::new();
    for row in rows {
        let like = |other: &Row| {
            !row.whole_shop && !other.whole_shop && (row.shop_id, row.runs == 0) == (other.shop_id, other.runs == 0)
        };
        match sweeps.iter_mut().find(|sweep| like(sweep.first())) {
            Some(sweep) => sweep.add(row),
            None => {
                let mut sweep = Sweep {
                    rows: Vec::new(),
                    needles: Needles {
                        shop_id: row.shop_id,
                        ..Needles::default()
                    },
                };
                sweep.add(row);
                sweeps.push(sweep);
            }
        }
    }
    Ok(sweeps)
}

impl Sweep {
    fn add(&mut self, row: Row) {
        self.needles.customers.extend(&row.customer_ids);
        self.needles.orders.extend(&row.order_ids);
        self.needles.emails.extend(row.email_sha256.iter().cloned());
        self.needles.phones.extend(row.phone_sha256.iter().cloned());
        self.needles.redacted_at = self.needles.redacted_at.max(row.redacted_at);
        self.rows.push(row);
    }

    fn first(&self) -> &Row {
        self.rows.first().expect("a sweep is made of rows")
    }

    fn ids(&self) -> Vec<i64> {
        self.rows.iter().map(|row| row.id).collect()
    }

    /// The store.
    pub fn shop_domain(&self) -> &str {
        &self.first().shop_domain
    }

    /// Whether a message of any queue must be deleted where it lies dead.
    pub fn concerns(&self, body: &[u8]) -> bool {
        let (shop, whole) = (self.shop_domain(), self.first().whole_shop);
        match message::decode(body) {
            Ok(Body::Webhook(webhook)) => {
                webhook.shop.as_str() == shop
                    && (whole || self.needles.are_in(&mentions(webhook.topic.as_str(), &webhook.payload)))
            }
            Ok(Body::Resource(resource)) => {
                let id = resource.gid.id();
                let meant = match resource.gid.kind() {
                    "Customer" => self.needles.customers.contains(&id),
                    "Order" => self.needles.orders.contains(&id),
                    _ => false,
                };
                resource.shop.as_str() == shop && (whole || meant)
            }
            Ok(Body::Chunk(chunk)) => whole && chunk.shop.as_str() == shop,
            Ok(Body::Page(page)) => whole && page.shop.as_str() == shop,
            Ok(Body::Import(import)) => whole && import.shop.as_str() == shop,
            Ok(Body::Rejected(rejected)) => {
                let claimed = rejected.shop_domain.as_deref().map(str::to_ascii_lowercase);
                match claimed.as_deref() {
                    Some(claimed) if claimed == shop => whole || self.are_in_bytes(&rejected.body.0),
                    Some(_) => false,
                    None => !whole && self.are_in_bytes(&rejected.body.0),
                }
            }
            // Nobody knows whose it is, unless it says so.
            Err(_) => {
                let text = String::from_utf8_lossy(body);
                let is_ours = text.contains(shop);
                let is_anothers = !is_ours && text.contains(".myshopify.com");
                match whole {
                    true => is_ours,
                    false => !is_anothers && self.needles.are_in(&Mentions::of_text(&text)),
                }
            }
        }
    }

    fn are_in_bytes(&self, bytes: &[u8]) -> bool {
        self.needles
            .are_in(&Mentions::of(None, &String::from_utf8_lossy(bytes)))
    }

    /// Looks through everything in Postgres. May be dropped at any time. False if the store has installed the app again
    /// since it was erased: then nothing is to be looked for any more, neither here nor elsewhere.
    pub async fn sweep(&self, store: &Store) -> Result<bool, Error> {
        if self.first().whole_shop {
            return self.clear_shop(store).await;
        }
        self.erase_again(store).await?;
        self.sweep_logs(store).await?;
        self.sweep_rejections(store).await?;
        self.sweep_lines(store).await?;
        Ok(true)
    }

    /// Records that everything was looked through.
    pub async fn made(&self, store: &Store) -> Result<(), Error> {
        let mut tx = store.begin().await?;
        redaction_sweeps::made(&mut tx, &self.ids()).await?;
        store::commit(tx).await?;
        Ok(())
    }

    /// Erases what two writers wrote at the same moment, of which one recognised the customer and the other could not.
    async fn erase_again(&self, store: &Store) -> Result<(), Error> {
        let shop_id = self.needles.shop_id;
        let mut tx = store.begin().await?;
        redactions::lock(&mut tx, shop_id).await?;
        if redaction_sweeps::is_shop_erased(&mut tx, shop_id).await? {
            return Ok(());
        }
        let customers: Vec<i64> = self.needles.customers.iter().copied().collect();
        let orders: Vec<i64> = self.needles.orders.iter().copied().collect();
        erasure::bury_customers(&mut tx, shop_id, &customers).await?;
        erasure::erase_orders(&mut tx, shop_id, &orders).await?;
        store::commit(tx).await?;
        Ok(())
    }

    async fn sweep_logs(&self, store: &Store) -> Result<(), Error> {
        let start = if self.first().runs == 0 {
            let reached = self.rows.iter().map(|row| row.logs_until).min().flatten();
            reached.unwrap_or(DateTime::UNIX_EPOCH)
        } else {
            let wanted = self.rows.iter().map(|row| row.wanted_at).min();
            wanted.map_or(DateTime::UNIX_EPOCH, |wanted| wanted - LOOK_BACK)
        };
        let mut after = (start, Uuid::nil());
        loop {
            let mut tx = store.begin().await?;
            let logged = redaction_sweeps::logged(&mut tx, self.shop_domain(), after, LOGGED_AT_ONCE).await?;
            let Some(last) = logged.last() else { return Ok(()) };
            after = (last.received_at, last.delivery_id);
            let meant = logged.iter().filter(|logged| {
                let bytes = logged.payload_bytes.as_deref().unwrap_or_default();
                let text = match &logged.payload {
                    Some(payload) => payload.into(),
                    None => String::from_utf8_lossy(bytes),
                };
                self.needles.are_in(&Mentions::of(Some(&logged.topic), &text))
            });
            let keys: Vec<(DateTime<Utc>, Uuid)> =
                meant.map(|logged| (logged.received_at, logged.delivery_id)).collect();
            webhook_logs::forget_payloads(&mut tx, &keys).await?;
            redaction_sweeps::advance(&mut tx, &self.ids(), after.0).await?;
            store::commit(tx).await?;
        }
    }

    async fn sweep_rejections(&self, store: &Store) -> Result<(), Error> {
        let mut after = Uuid::nil();
        loop {
            let mut tx = store.begin().await?;
            let kept = redaction_sweeps::rejections(&mut tx, self.shop_domain(), after, LOGGED_AT_ONCE).await?;
            match kept.last().map(|kept| &kept.key) {
                Some(KeptKey::Rejection(id)) => after = *id,
                _ => return Ok(()),
            }
            self.empty(tx, &kept).await?;
        }
    }

    async fn sweep_lines(&self, store: &Store) -> Result<(), Error> {
        let mut after = (Uuid::nil(), String::new(), 0);
        loop {
            let mut tx = store.begin().await?;
            let from = (after.0, after.1.as_str(), after.2);
            let kept = redaction_sweeps::rejected_lines(&mut tx, self.needles.shop_id, from, LOGGED_AT_ONCE).await?;
            match kept.last().map(|kept| kept.key.clone()) {
                Some(KeptKey::Line {
                    job_id,
                    operation,
                    byte_offset,
                }) => after = (job_id, operation, byte_offset),
                _ => return Ok(()),
            }
            self.empty(tx, &kept).await?;
        }
    }

    async fn empty(&self, mut tx: store::Transaction, kept: &[Kept]) -> Result<(), Error> {
        for kept in kept.iter().filter(|kept| self.are_in_bytes(&kept.bytes)) {
            redaction_sweeps::empty(&mut tx, &kept.key).await?;
        }
        store::commit(tx).await?;
        Ok(())
    }

    /// Deletes everything of a store, table by table, some rows at a time, unless it has installed the app again.
    async fn clear_shop(&self, store: &Store) -> Result<bool, Error> {
        let row = self.first();
        let (mut rows, is_first) = (0, row.runs == 0);
        for table in tables() {
            loop {
                let mut tx = store.begin().await?;
                if !redaction_sweeps::is_shop_erased(&mut tx, row.shop_id).await? {
                    return Ok(false);
                }
                let cleared = erasure::clear(&mut tx, table, row.shop_id).await?;
                store::commit(tx).await?;
                rows += cleared;
                if cleared == 0 {
                    break;
                }
            }
        }
        // The last of all is what is left in the log of deliveries that came later.
        for table in OTHERS.into_iter().map(Some).chain([None]) {
            loop {
                let mut tx = store.begin().await?;
                if !redaction_sweeps::is_shop_erased(&mut tx, row.shop_id).await? {
                    return Ok(false);
                }
                let cleared = match table {
                    Some(table) => redaction_sweeps::clear_other(&mut tx, table, row).await?,
                    None => redaction_sweeps::forget_payloads_of_shop(&mut tx, &row.shop_domain).await?,
                };
                store::commit(tx).await?;
                rows += cleared;
                if cleared == 0 {
                    break;
                }
            }
        }
        if is_first {
            let mut tx = store.begin().await?;
            let detail = serde_json::json!({ "shopId": row.shop_id, "rows": rows, "done": true });
            admin_audit::record(&mut tx, "privacy.shop_redact", Some(&row.shop_domain), &detail).await?;
            store::commit(tx).await?;
        }
        Ok(true)
    }
}

fn mentions(topic: &str, payload: &Payload) -> Mentions {
    match payload {
        Payload::Json(json) => Mentions::of(Some(topic), json.get()),
        Payload::Bytes(bytes) => Mentions::of(Some(topic), &String::from_utf8_lossy(&bytes.0)),
    }
}
