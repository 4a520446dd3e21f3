//! The store that is mirrored: fake-shopify, in this process.
//!
//! Its goods follow from the seed. Changes made to it are gone with the stack, as the store itself is.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use fake_shopify::{Config, Key, Server, Table, Traffic};

use crate::home::Home;
use crate::ports;

const PREFERRED_PORT: u16 = 8788;

/// What an app subscribes to when it mirrors a store.
const TOPICS: [&str; 46] = [
    "products/create",
    "products/update",
    "products/delete",
    "variants/in_stock",
    "variants/out_of_stock",
    "collections/create",
    "collections/update",
    "collections/delete",
    "customers/create",
    "customers/update",
    "customers/enable",
    "customers/disable",
    "customers/delete",
    "customers/merge",
    "customers/purchasing_summary",
    "customer.tags_added",
    "customer.tags_removed",
    "customers_email_marketing_consent/update",
    "customers_marketing_consent/update",
    "orders/create",
    "orders/updated",
    "orders/paid",
    "orders/cancelled",
    "orders/fulfilled",
    "orders/partially_fulfilled",
    "orders/edited",
    "orders/delete",
    "order_transactions/create",
    "refunds/create",
    "fulfillments/create",
    "fulfillments/update",
    "inventory_items/create",
    "inventory_items/update",
    "inventory_items/delete",
    "inventory_levels/connect",
    "inventory_levels/update",
    "inventory_levels/disconnect",
    "locations/create",
    "locations/update",
    "locations/activate",
    "locations/deactivate",
    "locations/delete",
    "shop/update",
    "app/scopes_update",
    "app/uninstalled",
    "bulk_operations/finish",
];

/// What the store is.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its domain.
    pub shop: String,
    /// How many products it has.
    pub products: u64,
    /// Which store of that size.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            shop: "mercury-demo.myshopify.com".to_owned(),
            products: 1_000,
            seed: 1,
        }
    }
}

/// What was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// All requests that were answered with 200.
    pub deliveries: usize,
    /// Of these, the ones sent a second time.
    pub duplicates: usize,
    /// The ones that came after a later one of the same product.
    pub reordered: usize,
    /// Products deleted.
    pub deletes: usize,
    /// The webhook ids, each once.
    pub ids: Vec<String>,
}

/// The running store.
#[derive(Debug)]
pub struct FakeShopify {
    server: Server,
}

impl FakeShopify {
    /// Starts the store; its webhooks go to `webhook_url`.
    pub async fn start(home: &Home, options: &Options, webhook_url: &str) -> Result<Self> {
        let config = Config {
            port: ports::free(Some(PREFERRED_PORT)),
            shop: options.shop.clone(),
            token: format!("shpat_{}", home.secret("access-token")?),
            secret: home.secret("webhook-secret")?,
            products: usize::try_from(options.products)?,
            seed: options.seed,
            short_decimals: true,
            ..Config::default()
        };
        let server = Server::start(config).await.context("the fake Shopify does not start")?;
        server.subscribe(None, webhook_url, &TOPICS);
        Ok(Self { server })
    }

    /// The server itself, to make it misbehave.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The base URL.
    pub fn url(&self) -> String {
        self.server.url().to_owned()
    }

    /// `SHOPIFY_ADMIN_URL`.
    pub fn admin_url(&self) -> String {
        self.server.admin_url()
    }

    /// The store's domain.
    pub fn shop(&self) -> &str {
        &self.server.config().shop
    }

    /// What opens its Admin API.
    pub fn access_token(&self) -> &str {
        &self.server.config().token
    }

    /// What its webhooks are signed with.
    pub fn webhook_secret(&self) -> &str {
        &self.server.config().secret
    }

    /// The rows of a table in their canonical form with their keys, by ascending key.
    pub fn rows(&self, table: &str) -> Result<Vec<(Vec<i64>, String)>> {
        let table = Table::parse(table).with_context(|| format!("the store has no table {table}"))?;
        let keyed = self.server.keyed_rows(None, table).into_iter();
        let keys = |key| match key {
            Key::One(id) => vec![id],
            Key::Two(one, other) => vec![one, other],
        };
        Ok(keyed.map(|(key, line)| (keys(key), line)).collect())
    }

    /// Changes the store `events` times and delivers webhooks as badly as it may happen: some never, some twice, some late.
    /// Returns how many were taken, given up and never sent.
    pub async fn bad_traffic(&self, events: u64, per_second: f64, seed: u64) -> Result<(usize, usize, usize)> {
        let traffic = Traffic {
            events: usize::try_from(events)?,
            seed,
            duplicates: 0.1,
            reorder: 0.15,
            drops: 0.05,
            deletes: 0.05,
            per_second: Some(per_second),
            concurrency: 32,
            products: 4.0,
            customers: 2.0,
            orders: 2.0,
            collections: 0.3,
            inventory: 2.0,
            ..Traffic::default()
        };
        let report = self.server.traffic(&traffic).await;
        Ok((report.delivered, report.failed, report.dropped))
    }

    /// Changes the store `events` times, at most `per_second` of them, and returns when all webhooks of it were taken.
    pub async fn traffic(&self, events: u64, per_second: Option<f64>) -> Result<Sent> {
        let traffic = Traffic {
            events: usize::try_from(events)?,
            duplicates: 0.1,
            reorder: 0.15,
            deletes: 0.05,
            per_second,
            products: 4.0,
            customers: 2.0,
            orders: 2.0,
            collections: 0.3,
            inventory: 2.0,
            ..Traffic::default()
        };
        let report = self.server.traffic(&traffic).await;
        ensure!(
            report.failed == 0,
            "{} of the store's webhooks were not taken",
            report.failed
        );
        let ids: BTreeSet<String> = report
            .deliveries
            .into_iter()
            .map(|delivery| delivery.webhook_id)
            .collect();
        Ok(Sent {
            deliveries: report.delivered,
            duplicates: report.duplicates,
            reordered: report.reordered,
            deletes: report.deletes,
            ids: ids.into_iter().collect(),
        })
    }
}
