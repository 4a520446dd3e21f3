//! Applies deliveries: a batch is one transaction and one statement per table.

use std::borrow::Cow;
use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::error::place;
use super::product::Rows;
use super::{Error, wants};
use crate::message::{Payload, Resource, Webhook};
use crate::shopify::{Topic, rest};
use crate::store::pending_fetches::{self, Want};
use crate::store::product_variant_sets::{self, VariantSet};
use crate::store::product_variants::{self, Mention, ProductVariant};
use crate::store::products::{self, Deletion, Product};
use crate::store::webhook_logs::{self, Entry, Status};
use crate::store::{self, Key, Source, Store, Version, newest, shops};

/// A delivery and how often it has been received.
pub type Received<'a> = (&'a Webhook, u32);

/// What became of a batch.
#[derive(Debug)]
pub struct Applied {
    /// One for each delivery: what the log says, or why this one alone cannot be applied.
    pub outcomes: Vec<Result<Status, Error>>,
    /// What must be fetched; already recorded.
    pub fetches: Vec<Resource>,
}

/// Everything that a batch asks of the tables.
#[derive(Default)]
struct Plan {
    products: Vec<Product>,
    deletions: Vec<Deletion>,
    sets: Vec<VariantSet>,
    variants: Vec<ProductVariant>,
    mentions: Vec<(Mention, i64)>,
    wants: Vec<Want>,
    nul_removed: usize,
}

/// What the log will say of a delivery, once the statements have run.
enum Expectation {
    Known(Status),
    Product { key: Key, version: Version },
    Deletion { key: Key },
    Uninstall { shop_id: i64, at: DateTime<Utc> },
    Impossible(Error),
}

/// Applies the deliveries and logs each. An error means that nothing was applied; deliveries that can never be applied
/// are no error of the batch but have one of their own, and are not logged here.
pub async fn apply(store: &Store, deliveries: &[Received<'_>]) -> Result<Applied, Error> {
    let mut tx = store.begin().await?;
    let domains: Vec<String> = deliveries
        .iter()
        .map(|(webhook, _)| webhook.shop.as_str().to_owned())
        .collect();
    let shop_ids = shops::ids(&mut tx, &domains).await?;

    let mut plan = Plan::default();
    let expectations: Vec<Expectation> = deliveries
        .iter()
        .map(|(webhook, _)| plan.add(webhook, &shop_ids))
        .collect();
    if plan.nul_removed > 0 {
        tracing::warn!(
            removed = plan.nul_removed,
            "NUL characters removed, which Postgres refuses"
        );
    }
    newest(&mut plan.products, |row| (row.shop_id, row.id), |row| row.version);
    newest(&mut plan.variants, |row| (row.shop_id, row.id), |row| row.version);
    newest(
        &mut plan.deletions,
        |row| row.key,
        |row| Version::new(row.deleted_at, row.deleted_at),
    );
    newest(
        &mut plan.sets,
        |set| (set.shop_id, set.product_id),
        |set| Version::new(set.observed_at, set.observed_at),
    );

    let not_deleted = products::delete(&mut tx, &plan.deletions, Source::Webhook).await?;
    let product_rows: Vec<&Product> = plan.products.iter().collect();
    let verdicts = products::upsert(&mut tx, &product_rows, Source::Webhook).await?;
    product_variant_sets::upsert(&mut tx, &plan.sets).await?;
    let variant_rows: Vec<&ProductVariant> = plan.variants.iter().collect();
    let variant_verdicts = product_variants::upsert(&mut tx, &variant_rows, Source::Webhook).await?;
    product_variant_sets::remove_missing(&mut tx, &plan.sets, Source::Webhook).await?;

    let mut wants = plan.want_missing(&mut tx).await?;
    wants.extend(plan.wants.iter().cloned());
    for row in plan
        .products
        .iter()
        .filter(|row| verdicts.ties.contains(&(row.shop_id, row.id)))
    {
        wants.push(wants::product(row.shop_id, row.id, row.version.observed_at, TIE));
    }
    for row in plan
        .variants
        .iter()
        .filter(|row| variant_verdicts.ties.contains(&(row.shop_id, row.id)))
    {
        wants.extend(wants::variants(
            [(row.shop_id, row.product_id, row.id)],
            row.version.observed_at,
            TIE,
        ));
    }
    pending_fetches::want(&mut tx, &wants).await?;

    let kept: HashMap<Key, Version> = plan
        .products
        .iter()
        .map(|row| ((row.shop_id, row.id), row.version))
        .collect();
    let mut outcomes = Vec::with_capacity(deliveries.len());
    for expectation in expectations {
        outcomes.push(match expectation {
            Expectation::Known(status) => Ok(status),
            Expectation::Impossible(error) => Err(error),
            Expectation::Deletion { key } if not_deleted.contains(&key) => Ok(Status::Stale),
            Expectation::Deletion { .. } => Ok(Status::Applied),
            Expectation::Product { key, .. } if verdicts.ties.contains(&key) => Ok(Status::Waiting),
            Expectation::Product { key, version } if verdicts.stale.contains(&key) || kept[&key] != version => {
                Ok(Status::Stale)
            }
            Expectation::Product { .. } => Ok(Status::Applied),
            Expectation::Uninstall { shop_id, at } => match shops::uninstall(&mut tx, shop_id, at).await? {
                true => Ok(Status::Applied),
                false => Ok(Status::Stale),
            },
        });
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
    })
}

const TIE: &str = "a webhook and a bulk row of the same second differ";
const NOT_SHOWN: &str = "a body named more variants than it showed";
const NO_VERSION: &str = "a body without updated_at";
const OVERSIZED: &str = "a body too large for the queue";

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

impl Plan {
    /// Adds what one delivery asks for.
    fn add(&mut self, webhook: &Webhook, shop_ids: &HashMap<String, i64>) -> Expectation {
        let Some(&shop_id) = shop_ids.get(webhook.shop.as_str()) else {
            return Expectation::Known(Status::UnknownShop);
        };
        let planned = match &webhook.topic {
            Topic::ProductsCreate | Topic::ProductsUpdate => self.add_product(webhook, shop_id),
            Topic::ProductsDelete => self.add_deletion(webhook, shop_id),
            Topic::AppUninstalled => Ok(Expectation::Uninstall {
                shop_id,
                at: webhook.triggered_at,
            }),
            Topic::CustomersDataRequest | Topic::CustomersRedact | Topic::ShopRedact | Topic::Other(_) => {
                Ok(Expectation::Known(Status::Unhandled))
            }
        };
        planned.unwrap_or_else(Expectation::Impossible)
    }

    fn add_product(&mut self, webhook: &Webhook, shop_id: i64) -> Result<Expectation, Error> {
        let raw = json(webhook)?;
        if webhook.oversized {
            let stub: rest::Stub = parse(raw, "product")?;
            self.wants
                .push(wants::product(shop_id, stub.id, webhook.triggered_at, OVERSIZED));
            return Ok(Expectation::Known(Status::Waiting));
        }
        let body: rest::Product<'_> = parse(raw, "product")?;
        let (id, observed_at) = (body.id, webhook.triggered_at);
        let mut rows = Rows::new(shop_id, observed_at);
        let mut shown = Vec::with_capacity(body.variants.len());
        for variant in &body.variants {
            let parsed: rest::ProductVariant = parse(variant.get(), "variant")?;
            match rows.variant_of_webhook(parsed, id, variant.get()) {
                Some(row) => shown.push(row),
                None => self.wants.push(wants::product(shop_id, id, observed_at, NO_VERSION)),
            }
        }
        if let Some(gids) = &body.variant_gids {
            self.sets.push(VariantSet {
                shop_id,
                product_id: id,
                observed_at,
                variant_ids: gids.iter().map(|gid| gid.id).collect(),
            });
            for gid in gids.iter().filter(|gid| !shown.iter().any(|row| row.id == gid.id)) {
                let mention = Mention {
                    key: (shop_id, gid.id),
                    source_updated_at: gid.updated_at,
                    observed_at,
                };
                self.mentions.push((mention, id));
            }
        }
        self.variants.append(&mut shown);
        let product = rows.product_of_webhook(body, raw);
        self.nul_removed += rows.nul_removed;
        let Some(product) = product else {
            self.wants.push(wants::product(shop_id, id, observed_at, NO_VERSION));
            return Ok(Expectation::Known(Status::Waiting));
        };
        let expectation = Expectation::Product {
            key: (shop_id, id),
            version: product.version,
        };
        self.products.push(product);
        Ok(expectation)
    }

    fn add_deletion(&mut self, webhook: &Webhook, shop_id: i64) -> Result<Expectation, Error> {
        let stub: rest::Stub = parse(json(webhook)?, "deletion")?;
        let (key, deleted_at) = ((shop_id, stub.id), webhook.triggered_at);
        self.deletions.push(Deletion { key, deleted_at });
        self.sets.push(VariantSet {
            shop_id,
            product_id: stub.id,
            observed_at: deleted_at,
            variant_ids: Vec::new(),
        });
        Ok(Expectation::Deletion { key })
    }

    /// Wants for the variants that bodies named, did not show, and that are missing or older here.
    async fn want_missing(&self, tx: &mut crate::store::Transaction) -> Result<Vec<Want>, Error> {
        let mentions: Vec<Mention> = self.mentions.iter().map(|(mention, _)| *mention).collect();
        let missing = product_variants::missing(tx, &mentions).await?;
        let mut wants = Vec::new();
        for (product_id, observed_at, variants) in by_body(&self.mentions, &missing) {
            let named = variants
                .into_iter()
                .map(|(shop_id, id)| (shop_id, Some(product_id), id));
            wants.extend(wants::variants(named, observed_at, NOT_SHOWN));
        }
        Ok(wants)
    }
}

/// The missing variants, grouped by the body that named them: (product, when the body was true, variants).
fn by_body(mentions: &[(Mention, i64)], missing: &[Key]) -> Vec<(i64, DateTime<Utc>, Vec<Key>)> {
    let missing: std::collections::HashSet<Key> = missing.iter().copied().collect();
    let mut bodies: Vec<(i64, DateTime<Utc>, Vec<Key>)> = Vec::new();
    for (mention, product_id) in mentions.iter().filter(|(mention, _)| missing.contains(&mention.key)) {
        match bodies.last_mut() {
            Some((product, at, keys)) if product == product_id && *at == mention.observed_at => keys.push(mention.key),
            _ => bodies.push((*product_id, mention.observed_at, vec![mention.key])),
        }
    }
    bodies
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

fn parse<'a, T: serde::Deserialize<'a>>(raw: &'a str, what: &'static str) -> Result<T, Error> {
    serde_json::from_str(raw).map_err(|error| Error::Payload {
        what,
        reason: place(&error),
    })
}
