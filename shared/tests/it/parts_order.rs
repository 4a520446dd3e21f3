//! Parts under every order of arrival: the lines of an order, the parts of a customer, what is in a collection. Whatever
//! comes first, last or twice, once the wanted fetches are made the mirror is in the state of the store.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::live::clear;
use crate::mirror_support::{at, whole};
use crate::scene::Arrival::{Answer, Delivery, Lines};
use crate::scene::{Arrival, ROOM, Scene, child, gid, list, node};

/// How many histories are played. Each is played in every order.
const HISTORIES: usize = 4;
/// After everything has happened.
const END: f64 = 1_000.0;

/// Moments one after another, often several within a second.
fn moments(count: usize) -> impl Strategy<Value = Vec<f64>> {
    let gap = prop_oneof![0.1f64..0.4, 0.5f64..3.0];
    prop::collection::vec(gap, count).prop_map(|gaps| {
        let mut moment = 1.0;
        gaps.iter()
            .map(|gap| {
                moment += gap;
                moment
            })
            .collect()
    })
}

/// When an operation was created, as Shopify tells it, and when it read.
fn operations() -> impl Strategy<Value = (f64, f64)> {
    (1.0f64..8.0, 0.0f64..3.0).prop_map(|(created, later)| (created.floor(), created + later))
}

/// The state at a moment.
fn state<T: Clone + Default>(changes: &[(f64, T)], moment: f64) -> T {
    let before = changes.iter().rev().find(|(at, _)| *at <= moment);
    before.map(|(_, state)| state.clone()).unwrap_or_default()
}

/// Plays histories until some of them needed a fetch, and looks at every copy.
async fn hold<H: std::fmt::Debug>(
    scene: &Scene,
    histories: impl Strategy<Value = H>,
    story: impl Fn(&H, i64) -> Vec<Arrival>,
    fetched: impl Fn(&H, i64) -> (String, Value),
    possible: impl Fn(&H, &[usize]) -> bool,
    query: &str,
    expected: impl Fn(&H, i64) -> Vec<String>,
) {
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::default()
    });
    let (mut played, mut wanted) = (0, 0);
    while played < HISTORIES || wanted == 0 {
        played += 1;
        assert!(played < 100, "no history ever wants a fetch");
        let history = histories.new_tree(&mut runner).unwrap().current();
        let orders = scene.in_every_order(|base| story(&history, base)).await;
        let mut answers = Vec::new();
        for gid in scene.wanted().await {
            let id: i64 = gid.rsplit('/').next().unwrap().parse().unwrap();
            let answer = fetched(&history, id / ROOM * ROOM);
            assert_eq!(gid, answer.0, "nothing else is wanted");
            answers.push(answer);
        }
        wanted += answers.len();
        assert!(scene.fetch_all(answers, END).await);
        let mut seen = BTreeMap::<i64, Vec<String>>::new();
        for line in scene.rows(query).await {
            let id: i64 = line.split(' ').next().unwrap().parse().unwrap();
            seen.entry(id / ROOM).or_default().push(line);
        }
        let played = orders.iter().zip(0..);
        for (order, copy) in played.filter(|(order, _)| possible(&history, order)) {
            let arrivals = story(&history, 0);
            let arrived: Vec<&Arrival> = order.iter().map(|index| &arrivals[*index]).collect();
            assert_eq!(
                seen.remove(&copy).unwrap_or_default(),
                expected(&history, copy * ROOM),
                "history {history:?}\narrived as {arrived:#?}"
            );
        }
        clear(&scene.pool).await;
    }
}

/// The lines of an order over time, how many pieces of each, and one bulk operation.
#[derive(Debug)]
struct OrderHistory {
    changes: Vec<(f64, Vec<(i64, i32)>)>,
    bulk: (f64, f64),
}

fn order_histories() -> impl Strategy<Value = OrderHistory> {
    let lines = subsequence(vec![11, 12, 13], 0..=3);
    let state = (lines, 1..3).prop_map(|(lines, pieces)| lines.into_iter().map(|line| (line, pieces)).collect());
    let changes = (moments(3), prop::collection::vec(state, 3));
    (changes, operations()).prop_map(|((moments, states), bulk)| OrderHistory {
        changes: moments.into_iter().zip(states).collect(),
        bulk,
    })
}

impl OrderHistory {
    fn updated(&self, moment: f64) -> Option<f64> {
        let changes = self.changes.iter().rev();
        changes.map(|(at, _)| *at).find(|at| *at <= moment)
    }

    fn line_nodes(&self, base: i64, moment: f64) -> Vec<Value> {
        let line = |(id, pieces): (i64, i32)| json!({ "__typename": "LineItem", "id": gid("LineItem", base + id), "quantity": pieces });
        state(&self.changes, moment).into_iter().map(line).collect()
    }

    fn story(&self, base: i64) -> Vec<Arrival> {
        let deliveries = self.changes.iter().map(|(moment, lines)| {
            let lines: Vec<Value> = lines
                .iter()
                .map(|(id, pieces)| json!({ "id": base + id, "quantity": pieces }))
                .collect();
            let body = json!({ "id": base + 1, "name": format!("at {moment}"), "updated_at": whole(at(moment.floor())),
                "line_items": lines, "refunds": [], "fulfillments": [] });
            Delivery("orders/updated", body, moment + 0.01)
        });
        let (created, read) = self.bulk;
        let mut story: Vec<Arrival> = deliveries.collect();
        if self.updated(read).is_some() {
            story.push(Lines("orders", vec![self.order_node(base, read)], created));
            let lines = self.line_nodes(base, read).into_iter();
            let lines = lines.map(|line| child(line, "Order", base + 1)).collect();
            story.push(Lines("orders", lines, created));
        }
        story
    }

    fn order_node(&self, base: i64, moment: f64) -> Value {
        let updated = self.updated(moment).expect("the order was there");
        let with = json!({ "name": format!("at {updated}"), "displayFulfillmentStatus": "UNFULFILLED",
            "totalTaxSet": null, "totalDiscountsSet": null });
        node("Order", base + 1, updated.floor(), with)
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn the_lines_of_an_order(pool: PgPool) {
    let scene = Scene::new(pool).await;
    hold(
        &scene,
        order_histories(),
        OrderHistory::story,
        |history, base| {
            let mut node = history.order_node(base, END);
            node["lineItems"] = list(history.line_nodes(base, END));
            (gid("Order", base + 1), node)
        },
        |_, _| true,
        "select id || ' ' || name from live.orders union all \
         select id || ' of ' || order_id % 1000 || ': ' || quantity from live.order_line_items order by 1",
        |history, base| {
            let updated = history.updated(END).unwrap();
            let lines = state(&history.changes, END).into_iter();
            let mut expected: Vec<String> = lines
                .map(|(id, pieces)| format!("{} of 1: {pieces}", base + id))
                .collect();
            expected.push(format!("{} at {updated}", base + 1));
            expected.sort();
            expected
        },
    )
    .await;
}

/// A customer over time: each change is of one part, and tags do not move the customer's own clock.
#[derive(Debug)]
struct CustomerHistory {
    /// Name, and the addresses.
    told: Vec<(f64, (String, Vec<i64>))>,
    tags: Vec<(f64, Vec<String>)>,
    consent: Vec<(f64, String)>,
    bulk: (f64, f64),
}

fn customer_histories() -> impl Strategy<Value = CustomerHistory> {
    let told = (select(vec!["Jane", "Joan"]), subsequence(vec![21, 22], 0..=2));
    let told = told.prop_map(|(name, addresses)| (name.to_owned(), addresses));
    let tags = subsequence(vec!["a".to_owned(), "b".to_owned()], 0..=2);
    let consent = select(vec!["subscribed".to_owned(), "unsubscribed".to_owned()]);
    let parts = (prop::collection::vec(told, 2), prop::collection::vec(tags, 2), consent);
    // The creation, then one change of each part, in any order.
    let order = Just(vec![1, 2, 3]).prop_shuffle();
    (parts, moments(4), order, operations()).prop_map(|((told, tags, consent), moments, order, bulk)| {
        let mut told = told.into_iter();
        let mut tags = tags.into_iter();
        CustomerHistory {
            told: vec![
                (moments[0], told.next().unwrap()),
                (moments[order[0]], told.next().unwrap()),
            ],
            tags: vec![
                (moments[0], tags.next().unwrap()),
                (moments[order[1]], tags.next().unwrap()),
            ],
            consent: vec![(moments[0], "not_subscribed".to_owned()), (moments[order[2]], consent)],
            bulk,
        }
    })
}

impl CustomerHistory {
    fn updated(&self, moment: f64) -> Option<f64> {
        let told = self.told.iter().rev();
        told.map(|(at, _)| at.floor()).find(|at| *at <= moment)
    }

    fn address_nodes(&self, base: i64, moment: f64) -> Vec<Value> {
        let (_, addresses) = state(&self.told, moment);
        let address = |id| json!({ "__typename": "MailingAddress", "id": gid("MailingAddress", base + id) });
        addresses.into_iter().map(address).collect()
    }

    fn customer_node(&self, base: i64, moment: f64) -> Value {
        let with = json!({
            "firstName": state(&self.told, moment).0,
            "tags": state(&self.tags, moment),
            "defaultEmailAddress": { "marketingState": state(&self.consent, moment).to_uppercase() },
        });
        node(
            "Customer",
            base + 1,
            self.updated(moment).expect("the customer was there"),
            with,
        )
    }

    fn story(&self, base: i64) -> Vec<Arrival> {
        let told = self.told.iter().map(|(moment, (name, addresses))| {
            let addresses: Vec<Value> = addresses.iter().map(|id| json!({ "id": base + id })).collect();
            let body = json!({ "id": base + 1, "first_name": name, "addresses": addresses,
                "updated_at": whole(at(moment.floor())) });
            Delivery("customers/update", body, moment + 0.01)
        });
        let mut story: Vec<Arrival> = told.collect();
        let (moment, tags) = &self.tags[1];
        let body = json!({ "customerId": gid("Customer", base + 1), "tags": tags });
        story.push(Delivery("customer.tags_added", body, moment + 0.01));
        let (moment, consent) = &self.consent[1];
        let body = json!({ "customer_id": base + 1, "email_marketing_consent": { "state": consent } });
        story.push(Delivery(
            "customers_email_marketing_consent/update",
            body,
            moment + 0.01,
        ));
        let (created, read) = self.bulk;
        if self.told[0].0 <= read {
            let addresses = self.address_nodes(base, read).into_iter();
            let mut lines: Vec<Value> = addresses.map(|line| child(line, "Customer", base + 1)).collect();
            lines.push(self.customer_node(base, read));
            story.push(Lines("customers", lines, created));
        }
        story
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn the_parts_of_a_customer(pool: PgPool) {
    let scene = Scene::new(pool).await;
    hold(
        &scene,
        customer_histories(),
        CustomerHistory::story,
        |history, base| {
            let mut node = history.customer_node(base, END);
            node["addressesV2"] = list(history.address_nodes(base, END));
            (gid("Customer", base + 1), node)
        },
        |_, _| true,
        "select id || ' ' || concat_ws(' ', first_name, tags::text, email_marketing_state) from live.customers union all \
         select id || ' of ' || customer_id % 1000 from live.customer_addresses order by 1",
        |history, base| {
            let (name, addresses) = state(&history.told, END);
            let tags = state(&history.tags, END).join(",");
            let consent = state(&history.consent, END);
            let mut expected: Vec<String> = addresses.iter().map(|id| format!("{} of 1", base + id)).collect();
            expected.push(format!("{} {name} {{{tags}}} {consent}", base + 1));
            expected.sort();
            expected
        },
    )
    .await;
}

/// What is in a collection over time, which nothing tells but two fetches and one bulk operation; perhaps its end.
#[derive(Debug)]
struct CollectionHistory {
    changes: Vec<(f64, Vec<i64>)>,
    fetches: [f64; 2],
    bulk: (f64, f64),
    deleted: bool,
}

fn collection_histories() -> impl Strategy<Value = CollectionHistory> {
    let sets = prop::collection::vec(subsequence(vec![11, 12, 13], 0..=3), 3);
    let operation =
        (1i32..14, 0.0f64..6.0).prop_map(|(created, later)| (f64::from(created), f64::from(created) + later));
    (sets, subsequence(vec![11, 12, 13], 0..=3), operation, any::<bool>()).prop_map(|(sets, more, bulk, deleted)| {
        // At 4.5 and 8.5 the collection changes between fetches. What leaves it after the last fetch is seen by
        // nobody, so after that some products only join.
        let mut last = sets[2].clone();
        last.extend(more.iter().filter(|id| !sets[2].contains(id)));
        last.sort_unstable();
        let moments = [0.5, 4.5, 8.5];
        let mut changes: Vec<(f64, Vec<i64>)> = moments.into_iter().zip(sets).collect();
        // Where no operation reads it, nobody sees that either.
        let (_, read) = bulk;
        if read > 12.5 {
            changes.push((12.5, last));
        }
        CollectionHistory {
            changes,
            fetches: [6.0, 10.0],
            bulk,
            deleted,
        }
    })
}

impl CollectionHistory {
    fn collection_node(base: i64) -> Value {
        node("Collection", base + 1, 0.0, json!({ "title": "x" }))
    }

    /// An answer is applied at once, so not after a file that was read later.
    fn is_possible(&self, order: &[usize]) -> bool {
        let place = |index| order.iter().position(|found| *found == index);
        let (_, read) = self.bulk;
        let mut answers = self.fetches.iter().zip(2..);
        answers.all(|(moment, index)| *moment >= read || place(index) < place(1))
    }

    fn answer(&self, base: i64, moment: f64) -> (String, Value) {
        if self.deleted && moment > 20.0 {
            return (gid("Collection", base + 1), Value::Null);
        }
        let products = state(&self.changes, moment).into_iter();
        let mut node = Self::collection_node(base);
        node["products"] = list(products.map(|id| json!({ "id": gid("Product", base + id) })).collect());
        (gid("Collection", base + 1), node)
    }

    fn story(&self, base: i64) -> Vec<Arrival> {
        let (created, read) = self.bulk;
        let products = state(&self.changes, read).into_iter();
        let product = |id| json!({ "__typename": "Product", "id": gid("Product", base + id) });
        let lines = products.map(|id| child(product(id), "Collection", base + 1)).collect();
        let mut story = vec![
            Lines("collections", vec![Self::collection_node(base)], created),
            Lines("collections", lines, created),
        ];
        for moment in self.fetches {
            let (gid, node) = self.answer(base, moment);
            story.push(Answer(gid, node, moment));
        }
        if self.deleted {
            story.push(Delivery("collections/delete", json!({ "id": base + 1 }), 20.5));
        }
        story
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_is_in_a_collection(pool: PgPool) {
    let scene = Scene::new(pool).await;
    hold(
        &scene,
        collection_histories(),
        CollectionHistory::story,
        |history, base| history.answer(base, END),
        CollectionHistory::is_possible,
        "select product_id || ' in ' || collection_id % 1000 from live.collection_products union all \
         select id || ' ' || title from live.collections order by 1",
        |history, base| {
            if history.deleted {
                return Vec::new();
            }
            let products = state(&history.changes, END).into_iter();
            let mut expected: Vec<String> = products.map(|id| format!("{} in 1", base + id)).collect();
            expected.push(format!("{} x", base + 1));
            expected.sort();
            expected
        },
    )
    .await;
}
