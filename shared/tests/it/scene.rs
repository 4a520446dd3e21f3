//! A store of which a test tells all that happens, by every way in.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use shared::message::Resource;
use shared::mirror::resource;
use shared::shopify::Gid;
use shared::store::Store;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};

use crate::import_support::{Import, shop};
use crate::mirror_support::{apply_all, at, delivery, store_with_shop, whole};
use crate::stand_in::StandIn;

pub struct Scene {
    pub pool: PgPool,
    pub store: Store,
    pub shop_id: i64,
    pub shopify: StandIn,
}

impl Scene {
    pub async fn new(pool: PgPool) -> Self {
        // A test database need not outlive a crash, and a story has thousands of commits.
        let options = (*pool.connect_options())
            .clone()
            .options([("synchronous_commit", "off")]);
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .connect_with(options)
            .await
            .unwrap();
        let (store, shop_id) = store_with_shop(pool.clone()).await;
        let shopify = StandIn::start().await;
        Self {
            pool,
            store,
            shop_id,
            shopify,
        }
    }

    /// A delivery, triggered at `seconds`. Returns what the log says.
    pub async fn deliver(&self, topic: &str, body: Value, seconds: f64) -> &'static str {
        let applied = apply_all(&self.store, &[delivery(topic, &body, seconds)]).await;
        applied.outcomes.into_iter().next().unwrap().unwrap().as_str()
    }

    /// The file of a bulk operation that was created at `created`.
    pub async fn import(&self, operation: &'static str, lines: &[Value], created: f64) {
        let file: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let import = Import::of_file(&self.store, self.shop_id, &self.shopify, operation, &file, at(created)).await;
        import.apply(0).await.unwrap();
        assert_eq!(import.sums().await.rejected, 0, "{file}");
        sqlx::raw_sql("truncate sync_jobs cascade")
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// A fetch that is answered, observed at `seconds` or some milliseconds before. True if nothing later is wanted.
    pub async fn fetch(&self, gid: &str, node: Value, seconds: f64) -> bool {
        self.fetch_all(vec![(gid.to_owned(), node)], seconds).await
    }

    /// The same for many.
    pub async fn fetch_all(&self, answers: Vec<(String, Value)>, seconds: f64) -> bool {
        // A client takes an answer for a second older than its date says.
        self.shopify.set_clock(at(seconds + 1.0));
        let outcomes = answers.into_iter().map(async |(gid, node)| {
            self.shopify.tell(&gid, node);
            let resource = Resource {
                shop: shop(),
                gid: Gid::parse(&gid).unwrap(),
            };
            resource::apply(&self.store, &self.shopify.client, &resource)
                .await
                .unwrap()
        });
        let outcomes = stream::iter(outcomes).buffer_unordered(8);
        outcomes
            .all(async |outcome| outcome == resource::Outcome::Settled)
            .await
    }

    /// The first column of a query, as text.
    pub async fn rows(&self, query: &str) -> Vec<String> {
        let query = format!("select row_text.* from ({query}) as row_text (line)");
        sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    /// What must be fetched.
    pub async fn wanted(&self) -> Vec<String> {
        self.rows("select gid from pending_fetches order by gid").await
    }
}

pub fn gid(kind: &str, id: i64) -> String {
    format!("gid://shopify/{kind}/{id}")
}

/// A node of the Admin API: its kind, its number, and what else is said of it.
pub fn node(kind: &str, id: i64, updated: f64, with: Value) -> Value {
    let mut node = json!({ "__typename": kind, "id": gid(kind, id), "updatedAt": whole(at(updated)) });
    let fields = node.as_object_mut().unwrap();
    fields.extend(with.as_object().unwrap().clone());
    node
}

/// The same as a line below another in a bulk file.
pub fn child(mut node: Value, parent_kind: &str, parent: i64) -> Value {
    node["__parentId"] = gid(parent_kind, parent).into();
    node
}

/// A list in the answer to a fetch, whole.
pub fn list(nodes: Vec<Value>) -> Value {
    json!({ "nodes": nodes, "pageInfo": { "hasNextPage": false, "endCursor": null } })
}

/// Something that comes to the mirror.
#[derive(Debug, Clone)]
pub enum Arrival {
    /// A delivery and when it was triggered.
    Delivery(&'static str, Value, f64),
    /// Lines of the file of an operation that was created at this moment.
    Lines(&'static str, Vec<Value>, f64),
    /// The answer to a fetch and when it was read.
    Answer(String, Value, f64),
}

/// The room that one copy of a story has for its ids.
pub const ROOM: i64 = 1_000;

impl Scene {
    /// Lets a story arrive in every order, each a copy with ids of its own: those of the k-th order begin at `k * ROOM`.
    /// The n-th arrivals of all copies come together, deliveries in one batch and lines in one file. Every third
    /// delivery comes twice. Returns the orders.
    pub async fn in_every_order(&self, story: impl Fn(i64) -> Vec<Arrival>) -> Vec<Vec<usize>> {
        let orders = permutations(story(0).len());
        let stories: Vec<Vec<Arrival>> = (0..).take(orders.len()).map(|copy| story(copy * ROOM)).collect();
        for step in 0..stories[0].len() {
            let mut deliveries = Vec::new();
            let mut files = BTreeMap::<_, Vec<Value>>::new();
            let mut fetches = BTreeMap::<_, Vec<(String, Value)>>::new();
            for (story, order) in stories.iter().zip(&orders) {
                match &story[order[step]] {
                    Arrival::Delivery(topic, body, seconds) => deliveries.push(delivery(topic, body, *seconds)),
                    Arrival::Lines(operation, lines, created) => {
                        let file = files.entry((*operation, (*created * 1_000.0) as i64)).or_default();
                        file.extend(lines.iter().cloned());
                    }
                    Arrival::Answer(gid, node, seconds) => {
                        let answers = fetches.entry((*seconds * 1_000.0) as i64).or_default();
                        answers.push((gid.clone(), node.clone()));
                    }
                }
            }
            apply_all(&self.store, &deliveries).await;
            let again: Vec<_> = deliveries.into_iter().step_by(3).collect();
            apply_all(&self.store, &again).await;
            for ((operation, created), lines) in files {
                self.import(operation, &lines, created as f64 / 1_000.0).await;
            }
            for (seconds, answers) in fetches {
                self.fetch_all(answers, seconds as f64 / 1_000.0).await;
            }
        }
        orders
    }
}

/// Every order of so many things.
pub fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in permutations(count - 1) {
        for place in 0..count {
            let mut order = shorter.clone();
            order.insert(place, count - 1);
            all.push(order);
        }
    }
    all
}
