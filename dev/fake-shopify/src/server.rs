//! A running server.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::bulk;
use crate::catalogue::{Change, Edit, Key, Table, lines};
use crate::config::Config;
use crate::control;
use crate::faults::{Fault, Faults};
use crate::graphql;
use crate::requests::{Log, Request};
use crate::shop::{Shop, State};
use crate::traffic::{self, Report, Traffic};
use crate::webhook;

/// A fake Shopify on 127.0.0.1. It stops when dropped.
#[derive(Debug)]
pub struct Server {
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts one and seeds its first shop.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", config.port)).await?;
        let url = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(1))
            .timeout(Duration::from_secs(5))
            .http1_title_case_headers()
            .build()?;
        let seeding = config.clone();
        let first = tokio::task::spawn_blocking(move || {
            graphql::schema::schema();
            Shop::new(&seeding, &seeding.shop, &seeding.token, seeding.numbers(), seeding.seed)
        });
        let first = first.await?;
        first.refuse(&config.refused).map_err(anyhow::Error::msg)?;
        let shops = BTreeMap::from([(config.shop.clone(), Arc::new(first))]);
        let state = Arc::new(State {
            config,
            url,
            shops: RwLock::new(shops),
            faults: Faults::default(),
            requests: Log::default(),
            http,
        });
        let app = router(Arc::clone(&state));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                eprintln!("fake-shopify stopped: {error}");
            }
        });
        Ok(Self { state, task })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.state.url
    }

    /// The address of a shop's Admin API, in the form `SHOPIFY_ADMIN_URL` has: `{shop}` stays to be replaced.
    pub fn admin_url(&self) -> String {
        format!("{}/{{shop}}", self.state.url)
    }

    /// What it was started with.
    pub fn config(&self) -> &Config {
        &self.state.config
    }

    /// Opens another shop, or replaces one.
    pub fn add_shop(&self, domain: &str, token: &str, products: usize, seed: u64) {
        let shop = Shop::new(
            &self.state.config,
            domain,
            token,
            self.state.config.numbers_of(products),
            seed,
        );
        self.state
            .shops
            .write()
            .expect("the shops are never poisoned")
            .insert(domain.to_owned(), Arc::new(shop));
    }

    /// Subscribes an address to topics (header form), as an app's configuration does.
    pub fn subscribe(&self, shop: Option<&str>, url: &str, topics: &[&str]) {
        let shop = self.shop(shop);
        for topic in topics {
            // An address that has the topic already keeps it.
            let _ = shop
                .subscriptions
                .add(topic, url, None, false, &self.state.config.api_version);
        }
    }

    /// From now on the app may not see these fields (`Customer.firstName`) of a shop.
    pub fn refuse(&self, shop: Option<&str>, fields: &[&str]) -> Result<(), String> {
        let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        self.shop(shop).refuse(&fields)
    }

    /// Makes one edit and tells whom it concerns, retries included; none of them when `quiet`.
    pub async fn edit(
        &self,
        shop: Option<&str>,
        edit: &Edit,
        quiet: bool,
    ) -> Result<(Change, Vec<webhook::Outcome>), String> {
        let shop = self.shop(shop);
        let (change, events) = shop.edit(edit)?;
        let mut outcomes = Vec::new();
        if !quiet {
            for delivery in webhook::deliveries(&self.state, &shop, &events) {
                outcomes.push(webhook::deliver(Arc::clone(&self.state), Arc::clone(&shop), delivery).await);
            }
        }
        Ok((change, outcomes))
    }

    /// Makes traffic and waits until it is delivered.
    pub async fn traffic(&self, traffic: &Traffic) -> Report {
        traffic::run(&self.state, &self.shop(traffic.shop.as_deref()), traffic).await
    }

    /// Scripts a fault.
    pub fn fault(&self, operation: &str, fault: Fault, times: usize) -> Result<(), String> {
        self.state.faults.script(operation, &fault, times)
    }

    /// Received requests, of one operation, root field or kind, or all.
    pub fn requests(&self, operation: Option<&str>) -> Vec<Request> {
        self.state.requests.list(operation)
    }

    /// Canonical lines by ascending id; of a row that joins two things, the id of the first.
    pub fn rows(&self, shop: Option<&str>, table: Table) -> Vec<(i64, String)> {
        let rows = self.keyed_rows(shop, table).into_iter();
        rows.map(|(key, line)| (key.first(), line)).collect()
    }

    /// Canonical lines by ascending key.
    pub fn keyed_rows(&self, shop: Option<&str>, table: Table) -> Vec<(Key, String)> {
        lines(
            &self
                .shop(shop)
                .catalogue
                .read()
                .expect("the catalogue is never poisoned"),
            table,
        )
    }

    /// Products with their variants, by ascending id.
    pub fn products(&self, shop: Option<&str>) -> Vec<(i64, Vec<i64>)> {
        let shop = self.shop(shop);
        let catalogue = shop.catalogue.read().expect("the catalogue is never poisoned");
        catalogue
            .products
            .values()
            .map(|product| (product.id, product.variants.iter().map(|variant| variant.id).collect()))
            .collect()
    }

    /// Runs until the server ends by itself.
    pub async fn wait(mut self) {
        // The task only ends when the listener breaks, and says so itself.
        let _ = (&mut self.task).await;
    }

    fn shop(&self, domain: Option<&str>) -> Arc<Shop> {
        self.state
            .shop(domain)
            .unwrap_or_else(|| panic!("no shop {domain:?} on this server"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/{shop}/admin/api/{version}/graphql.json", post(graphql::graphql))
        .route("/bulk/{token}/{name}", get(bulk::download))
        .nest("/_fake", control::router())
        .with_state(state)
}
