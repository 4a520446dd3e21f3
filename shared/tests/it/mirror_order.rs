//! The version rule under every order of arrival: whatever comes first, last or twice, the mirror ends in the state of
//! the store.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use shared::message::Webhook;
use shared::store::tables::Product;
use shared::store::{AnyRow, Batch, Deletion, Key, Row, Source, Store, Version, commit};
use sqlx::PgPool;

use crate::mirror_support::{apply_all, at, delivery, product, rows, store_with_shop};

/// One thing that happened to a product at Shopify, in order of time.
#[derive(Debug, Clone)]
enum Event {
    /// It was created or changed; the title names the state.
    Changed { at: f64, title: String },
    /// It was deleted.
    Deleted { at: f64 },
}

/// What happened to one product, and when a bulk operation that was created before read it.
#[derive(Debug, Clone)]
struct History {
    events: Vec<Event>,
    /// (createdAt, moment of reading): the file shows the state at the latter and tells only the former.
    bulk: Option<(f64, f64)>,
}

impl History {
    /// The state at a moment: (title, updated_at), or nothing.
    fn state(&self, moment: f64) -> Option<(String, f64)> {
        let mut state = None;
        for event in &self.events {
            match event {
                Event::Changed { at, title } if *at <= moment => state = Some((title.clone(), at.floor())),
                Event::Deleted { at } if *at <= moment => state = None,
                _ => {}
            }
        }
        state
    }
}

/// A create, two to four updates often within one second, sometimes a deletion; sometimes a bulk operation that overlaps.
fn histories() -> impl Strategy<Value = History> {
    let gaps = prop::collection::vec(prop_oneof![0.1f64..0.4, 0.5f64..3.0], 3..6);
    let bulk = prop::option::weighted(0.7, (0.0f64..4.0, 0.0f64..3.0));
    // States repeat, so that two of the same second may be equal.
    (gaps, any::<bool>(), bulk, prop::collection::vec(0u8..3, 6)).prop_map(|(gaps, deleted, bulk, titles)| {
        let mut moment = 1.0;
        let mut events = Vec::new();
        let last = gaps.len() - 1;
        for (index, gap) in gaps.iter().enumerate() {
            moment += gap;
            events.push(if deleted && index == last {
                Event::Deleted { at: moment }
            } else {
                Event::Changed {
                    at: moment,
                    title: format!("state {}", titles[index]),
                }
            });
        }
        let bulk = bulk.map(|(created, read_after)| (f64::floor(created), created + read_after));
        History { events, bulk }
    })
}

/// What may arrive, each with its own way in.
#[derive(Debug, Clone)]
enum Arrival {
    Delivery(Event),
    BulkRow { created: f64, title: String, updated: f64 },
}

fn arrivals(history: &History) -> Vec<Arrival> {
    let mut arrivals: Vec<Arrival> = history.events.iter().cloned().map(Arrival::Delivery).collect();
    if let Some((created, read)) = history.bulk
        && let Some((title, updated)) = history.state(read)
    {
        arrivals.push(Arrival::BulkRow {
            created,
            title,
            updated,
        });
    }
    arrivals
}

/// Every order of `items`.
fn permutations(count: usize) -> Vec<Vec<usize>> {
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

fn webhook(id: i64, event: &Event) -> Webhook {
    // Shopify triggers some milliseconds after the change.
    match event {
        Event::Changed { at, title } => {
            delivery("products/update", &product(id, title, at.floor(), &[], &[]), at + 0.01)
        }
        Event::Deleted { at } => delivery("products/delete", &json!({ "id": id }), at + 0.01),
    }
}

fn row(shop_id: i64, id: i64, title: &str, updated: f64, observed: DateTime<Utc>) -> Product {
    let body = product(id, title, updated, &[], &[]);
    let text = |field: &str| body[field].as_str().map(str::to_owned);
    Product {
        shop_id,
        id,
        version: Version::new(at(updated), observed),
        title: text("title"),
        handle: text("handle"),
        status: text("status"),
        vendor: text("vendor"),
        product_type: text("product_type"),
        tags: vec!["a".to_owned(), "b".to_owned()],
        body_html: text("body_html"),
        template_suffix: None,
        has_variants_that_require_components: Some(false),
        created_at: text("created_at"),
        published_at: None,
        raw: "{}".to_owned(),
    }
}

/// Lets every order of arrival happen, each to a product of its own, the k-th arrivals of all in one batch. Every third
/// delivery comes twice.
async fn play(store: &Store, shop_id: i64, history: &History) {
    let arrivals = arrivals(history);
    let orders = permutations(arrivals.len());
    for step in 0..arrivals.len() {
        let mut deliveries = Vec::new();
        let mut bulk = Vec::new();
        for (order, id) in orders.iter().zip(1..) {
            match &arrivals[order[step]] {
                Arrival::Delivery(event) => deliveries.push(webhook(id, event)),
                Arrival::BulkRow {
                    created,
                    title,
                    updated,
                } => {
                    bulk.push(row(shop_id, id, title, *updated, at(*created)));
                }
            }
        }
        apply_all(store, &deliveries).await;
        let again: Vec<Webhook> = deliveries.into_iter().step_by(3).collect();
        apply_all(store, &again).await;
        write(store, &bulk, Source::Bulk, true).await;
    }
}

/// Writes rows; ties of bulk rows become wanted fetches, as a chunk makes them.
async fn write(store: &Store, rows: &[Product], source: Source, wants_ties: bool) {
    let rows: Vec<AnyRow> = rows.iter().cloned().map(AnyRow::from).collect();
    let mut batch = Batch::default();
    rows.iter().for_each(|row| batch.add(row));
    let mut tx = store.begin().await.unwrap();
    let written = batch.write(&mut tx, source).await.unwrap();
    if wants_ties {
        let wants: Vec<_> = written
            .ties
            .iter()
            .map(|tie| shared::store::pending_fetches::Want {
                shop_id: tie.shop_id,
                gid: format!("gid://shopify/{}/{}", tie.kind, tie.id),
                wanted_at: at(0.0),
                reason: "tie",
            })
            .collect();
        shared::store::pending_fetches::want(&mut tx, &wants).await.unwrap();
    }
    commit(tx).await.unwrap();
}

/// Makes the fetches that are wanted, after everything has happened.
async fn fetch_wanted(pool: &PgPool, store: &Store, shop_id: i64, history: &History) -> usize {
    let now = 1_000.0;
    let wanted = rows(pool, "delete from pending_fetches returning split_part(gid, '/', 5)").await;
    let ids = wanted.iter().map(|id| id.parse::<i64>().unwrap());
    match history.state(now) {
        Some((title, updated)) => {
            let fetched: Vec<Product> = ids.map(|id| row(shop_id, id, &title, updated, at(now))).collect();
            write(store, &fetched, Source::Fetch, false).await;
        }
        None => {
            let mut batch = Batch::default();
            batch.deletions = ids
                .map(|id| Deletion {
                    table: Product::table(),
                    key: Key::new(shop_id, id),
                    deleted_at: at(now),
                })
                .collect();
            let mut tx = store.begin().await.unwrap();
            batch.write(&mut tx, Source::Fetch).await.unwrap();
            commit(tx).await.unwrap();
        }
    }
    wanted.len()
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn every_order_of_arrival_ends_in_the_state_of_the_store(pool: PgPool) {
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    let (mut played, mut fetched) = (0, 0);
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::default()
    });
    let strategy = histories();
    // Until some of them were undecidable, or the rule for ties would not be tested.
    while played < 40 || fetched == 0 {
        played += 1;
        assert!(played < 1_000, "no history is ever undecidable");
        let history = strategy.new_tree(&mut runner).unwrap().current();
        play(&store, shop_id, &history).await;
        fetched += fetch_wanted(&pool, &store, shop_id, &history).await;
        let expected = history.state(1_000.0).map(|(title, _)| title);
        let live: Vec<(i64, String)> = sqlx::query_as("select id, title from live.products")
            .fetch_all(&pool)
            .await
            .unwrap();
        let live: BTreeMap<i64, String> = live.into_iter().collect();
        let arrivals = arrivals(&history);
        for (order, id) in permutations(arrivals.len()).iter().zip(1..) {
            let order: Vec<&Arrival> = order.iter().map(|index| &arrivals[*index]).collect();
            assert_eq!(
                live.get(&id),
                expected.as_ref(),
                "history {history:?}\narrived as {order:?}"
            );
        }
        sqlx::raw_sql("truncate products, product_variants, member_sets, webhook_logs")
            .execute(&pool)
            .await
            .unwrap();
    }
    assert!(
        fetched > 0,
        "no history was ever undecidable: the rule for ties is not tested"
    );
}
