//! The store that is mirrored: fake-shopify, in this process.
//!
//! Its goods follow from the seed. Changes made to it are gone with the stack, as the store itself is.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use fake_shopify::{Config, Server, Table, Traffic};

use crate::home::Home;
use crate::ports;

const PREFERRED_PORT: u16 = 8788;

/// What an app subscribes to when it mirrors products.
const TOPICS: [&str; 4] = [
    "products/create",
    "products/update",
    "products/delete",
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

    /// The rows of a table in their canonical form, by ascending id.
    pub fn rows(&self, table: &str) -> Result<Vec<(i64, String)>> {
        let table = Table::parse(table).with_context(|| format!("the store has no table {table}"))?;
        Ok(self.server.rows(None, table))
    }

    /// Changes the store `events` times, at most `per_second` of them, and returns when all webhooks of it were taken.
    pub async fn traffic(&self, events: u64, per_second: Option<f64>) -> Result<Sent> {
        let traffic = Traffic {
            events: usize::try_from(events)?,
            duplicates: 0.1,
            reorder: 0.15,
            deletes: 0.05,
            per_second,
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
