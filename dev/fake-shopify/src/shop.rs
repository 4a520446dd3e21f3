//! One shop, and the server's state that holds them all.
//!
//! Every shop has its own goods, bucket, bulk operations and subscriptions; faults and the log belong to the server.
//! Locks are plain and short: no lock is held across an await, and the catalogue's is never taken while another is held.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use crate::bulk::Operations;
use crate::catalogue::{Catalogue, Change, Edit, Facts, Numbers, Tell};
use crate::clock::Clock;
use crate::config::Config;
use crate::faults::Faults;
use crate::graphql::{self, Bucket};
use crate::requests::Log;
use crate::webhook::{Event, Subscriptions};

/// A shop.
#[derive(Debug)]
pub struct Shop {
    /// Its `myshopify.com` domain.
    pub domain: String,
    /// The only token it accepts.
    pub token: String,
    /// What it holds.
    pub catalogue: RwLock<Catalogue>,
    /// Its clock.
    pub clock: Clock,
    /// Query cost.
    pub bucket: Bucket,
    /// Bulk operations.
    pub bulk: Operations,
    /// Who is told of changes.
    pub subscriptions: Subscriptions,
}

impl Shop {
    /// A shop with seeded goods.
    pub fn new(config: &Config, domain: &str, token: &str, numbers: Numbers, seed: u64) -> Self {
        let facts = Facts::new(domain, &config.scopes, &config.refused, config.short_decimals);
        Self {
            domain: domain.to_owned(),
            token: token.to_owned(),
            catalogue: RwLock::new(Catalogue::seeded(domain, config.offset_minutes, facts, numbers, seed)),
            clock: Clock::default(),
            bucket: Bucket::new(config.bucket.0, config.bucket.1),
            bulk: Operations::default(),
            subscriptions: Subscriptions::default(),
        }
    }

    /// Whether the app is installed.
    pub fn is_installed(&self) -> bool {
        self.catalogue
            .read()
            .expect("the catalogue is never poisoned")
            .facts
            .installed
    }

    /// From now on the app may not see these `Type.field` names. `Err` names one that is none, or that is never null.
    pub fn refuse(&self, fields: &[String]) -> Result<(), String> {
        fields.iter().try_for_each(|field| graphql::schema::nullable(field))?;
        let mut catalogue = self.catalogue.write().expect("the catalogue is never poisoned");
        catalogue.facts.refused = fields.iter().cloned().collect();
        Ok(())
    }

    /// Makes a change and writes the bodies that tell of it, all under one lock, so that a body never shows a later
    /// state than its instant.
    pub fn edit(&self, edit: &Edit) -> Result<(Change, Vec<Event>), String> {
        let mut catalogue = self.catalogue.write().expect("the catalogue is never poisoned");
        let (change, tells) = catalogue.edit(edit, self.clock.tick())?;
        let event = |tell: Tell| Event {
            topic: tell.topic.to_owned(),
            resource_id: Some(tell.id),
            triggered_at: self.clock.tick(),
            body: tell.body.into(),
        };
        Ok((change, tells.into_iter().map(event).collect()))
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
