//! What the tests of several functions need: a Redis of their own, Lambda events, and a store that is known.
//!
//! Queue names are fixed in the functions, so tests that share a Redis would take each other's messages.

mod log;
mod useless;

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use fake_shopify::{BulkConfig, Config, Server};
use serde_json::Value;
use shared::message::QueueName;
use shared::queue::{Peeked, Policy, Queue, Settings};
use shared::shopify::{Call, Priority, ShopDomain};
use shared::store::shops::{self, Profile};
use shared::store::{Store, commit, credentials};
use sqlx::{ConnectOptions, PgPool};
use tokio::process::{Child, Command};

pub use log::Log;
pub use useless::Useless;

/// The store that the files under `events/` come from.
pub const SHOP: &str = "demo.myshopify.com";
/// Its access token.
pub const TOKEN: &str = "shpat_test";
/// What signs its webhooks.
pub const SECRET: &str = "hush";

/// A private Redis without persistence. It ends with this value.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    child: Option<Child>,
}

impl Redis {
    /// Starts a server on a free port.
    pub async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let mut redis = Self { port, child: None };
        redis.resume().await;
        redis
    }

    /// The port, as an environment variable holds it.
    pub fn port(&self) -> String {
        self.port.to_string()
    }

    /// Ends the server and forgets what it held.
    pub async fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.expect("the server can be ended");
        }
    }

    /// Starts the server again, empty, on the same port.
    pub async fn resume(&mut self) {
        let child = Command::new("redis-server")
            .args([
                "--port",
                &self.port(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("redis-server is not installed: run `make setup`");
        let redis = self.client();
        let child = self.child.insert(child);
        while redis.ping().await.is_err() {
            // Else the test would wait for ever, as when another process took the port meanwhile.
            assert_eq!(
                child.try_wait().expect("a child has a state"),
                None,
                "redis-server ended"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A queue as the functions see it.
    pub fn queue(&self, name: QueueName) -> Queue {
        Queue::new(self.client(), name.as_str(), Policy::default()).expect("a queue of ours is valid")
    }

    /// The first messages of a queue, left where they are.
    pub async fn waiting(&self, name: QueueName) -> Vec<Peeked> {
        self.queue(name).peek(0, 10).await.expect("Redis answers").items
    }

    /// A connection to it.
    pub fn client(&self) -> shared::queue::Redis {
        shared::queue::Redis::new(&Settings::new("127.0.0.1", self.port)).expect("plain settings are valid")
    }
}

/// The URL of a test's database, as `DATABASE_URL` holds it.
pub fn database_url(pool: &PgPool) -> String {
    pool.connect_options().to_url_lossy().to_string()
}

/// A Lambda event by its path under `events/`.
pub fn event(path: &str) -> String {
    let file = format!("{}/../../events/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The same as JSON, to be changed.
pub fn event_json(path: &str) -> Value {
    serde_json::from_str(&event(path)).expect("an event is JSON")
}

/// A database in which the store is known.
pub async fn store_with_shop(pool: &PgPool) -> (Store, i64) {
    let store = Store::from_pool(pool.clone());
    let profile = Profile {
        shopify_id: 1,
        name: "Demo".to_owned(),
        email: None,
        currency_code: "EUR".to_owned(),
        iana_timezone: "Europe/Berlin".to_owned(),
        plan: "Basic".to_owned(),
        created_at: Default::default(),
    };
    let mut tx = store.begin().await.expect("Postgres answers");
    let shop_id = shops::add(&mut tx, SHOP, &profile)
        .await
        .expect("the store can be added");
    credentials::keep(&mut tx, shop_id, TOKEN)
        .await
        .expect("the token can be kept");
    commit(tx).await.expect("the store can be added");
    (store, shop_id)
}

/// The store over HTTP, with so many products, quick bulk operations and as many points as anybody wants.
pub async fn shopify(products: usize) -> Server {
    shopify_at(products, 1e9).await
}

/// The same, with bulk operations of so many objects a second.
pub async fn shopify_at(products: usize, objects_per_second: f64) -> Server {
    let bulk = BulkConfig {
        start_delay: Duration::ZERO,
        objects_per_second,
        ..BulkConfig::default()
    };
    let config = Config {
        shop: SHOP.to_owned(),
        token: TOKEN.to_owned(),
        secret: SECRET.to_owned(),
        products,
        bulk,
        bucket: (1e9, 1e9),
        ..Config::default()
    };
    Server::start(config).await.expect("a free port")
}

/// The store's name.
pub fn shop() -> ShopDomain {
    ShopDomain::parse(SHOP).expect("a valid name")
}

/// A call in the foreground that needs so many points.
pub fn call(points: f64) -> Call<'static> {
    Call {
        document: "Test",
        points,
        priority: Priority::Foreground,
    }
}

/// The first column of a query, as text.
pub async fn rows(pool: &PgPool, query: &'static str) -> Vec<String> {
    sqlx::query_scalar(query)
        .fetch_all(pool)
        .await
        .expect("the test's query is right")
}

/// The signature of a body, made by the fake store's code and not by ours.
pub fn sign(secret: &str, body: &[u8]) -> String {
    fake_shopify::sign(secret, body)
}
