//! One shop, and the server's state that holds them all.
//!
//! Every shop has its own goods, bucket, bulk operations and subscriptions; faults and the log belong to the server.
//! Locks are plain and short: no lock is held across an await, and the catalogue's is never taken while another is held.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use crate::bulk::Operations;
use crate::catalogue::{Catalogue, Change, Edit, delete_body, product_body};
use crate::clock::Clock;
use crate::config::Config;
use crate::faults::Faults;
use crate::graphql::Bucket;
use crate::requests::Log;
use crate::webhook::{Event, Subscriptions};

/// A shop.
#[derive(Debug)]
pub struct Shop {
    /// Its `myshopify.com` domain.
    pub domain: String,
    /// The only token it accepts.
    pub token: String,
    /// Its goods.
    pub catalogue: RwLock<Catalogue>,
    /// Its clock.
    pub clock: Clock,
    /// Query cost.
    pub bucket: Bucket,
    /// Bulk operations.
    pub bulk: Operations,
    /// Who is told of changes.
    pub subscriptions: Subscriptions,
    /// The scopes granted to the app.
    pub scopes: Vec<String>,
}

impl Shop {
    /// A shop with seeded goods.
    pub fn new(config: &Config, domain: &str, token: &str, products: usize, seed: u64) -> Self {
        Self {
            domain: domain.to_owned(),
            token: token.to_owned(),
            catalogue: RwLock::new(Catalogue::seeded(domain, config.offset_minutes, products, seed)),
            clock: Clock::default(),
            bucket: Bucket::new(config.bucket.0, config.bucket.1),
            bulk: Operations::default(),
            subscriptions: Subscriptions::default(),
            scopes: config.scopes.clone(),
        }
    }

    /// Makes a change and writes the body that tells of it, both under one lock, so that a body never shows a later
    /// state than its instant.
    pub fn edit(&self, edit: &Edit) -> Result<(Change, Event), String> {
        let mut catalogue = self.catalogue.write().expect("the catalogue is never poisoned");
        let change = catalogue.edit(edit, self.clock.tick())?;
        let body = match catalogue.products.get(&change.product_id) {
            Some(product) => product_body(product, catalogue.offset_minutes),
            None => delete_body(change.product_id),
        };
        let event = Event {
            topic: change.topic.to_owned(),
            resource_id: Some(change.product_id),
            triggered_at: self.clock.tick(),
            body: body.into(),
        };
        Ok((change, event))
    }
}

/// The state of a server.
#[derive(Debug)]
pub struct State {
    /// What it was started with.
    pub config: Config,
    /// Its own address, without a slash at the end.
    pub url: String,
    /// Shops by domain.
    pub shops: RwLock<BTreeMap<String, Arc<Shop>>>,
    /// Scripted faults.
    pub faults: Faults,
    /// What was received.
    pub requests: Log,
    /// The client that delivers webhooks.
    pub http: reqwest::Client,
}

impl State {
    /// The shop of this domain; without one, the first that was made.
    pub fn shop(&self, domain: Option<&str>) -> Option<Arc<Shop>> {
        let shops = self.shops.read().expect("the shops are never poisoned");
        shops.get(domain.unwrap_or(&self.config.shop)).cloned()
    }
}
