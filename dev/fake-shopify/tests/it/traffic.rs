//! Live traffic: what arrives, put in order, is the store.

use std::collections::HashMap;

use fake_shopify::{Report, Table, Traffic};
use serde_json::Value;

use crate::support::{Received, Receiver, client, control, server};

const ALL: [&str; 3] = ["products/create", "products/update", "products/delete"];

fn product_id(delivery: &Received) -> i64 {
    delivery.json()["id"].as_i64().unwrap()
}

/// The latest delivery of each product by Triggered-At.
fn latest(received: &[Received]) -> HashMap<i64, Received> {
    let mut latest: HashMap<i64, Received> = HashMap::new();
    for delivery in received {
        let newer =
            |known: &Received| known.header("X-Shopify-Triggered-At") < delivery.header("X-Shopify-Triggered-At");
        let id = product_id(delivery);
        if latest.get(&id).is_none_or(newer) {
            latest.insert(id, delivery.clone());
        }
    }
    latest
}

#[tokio::test]
async fn the_latest_delivery_of_each_product_is_the_store() {
    let server = server(80).await;
    let receiver = Receiver::start(&[]).await;
    server.subscribe(None, &receiver.url, &ALL);
    let before: HashMap<i64, String> = server.rows(None, Table::Products).into_iter().collect();
    let traffic = Traffic {
        events: 400,
        duplicates: 0.1,
        reorder: 0.2,
        deletes: 0.05,
        creates: 0.1,
        ..Traffic::default()
    };
    let report = server.traffic(&traffic).await;
    let received = receiver.received();
    assert_eq!(report.events, 400);
    assert_eq!(report.failed, 0);
    assert_eq!(received.len(), report.delivered);
    let after: HashMap<i64, String> = server.rows(None, Table::Products).into_iter().collect();
    let latest = latest(&received);
    let mut changed = 0;
    for (id, line) in &after {
        match latest.get(id) {
            None => assert_eq!(before.get(id), Some(line), "a change nobody was told of"),
            Some(delivery) => {
                let body = delivery.json();
                let columns: Vec<&str> = line.split('|').collect();
                assert_eq!(body["title"], columns[1]);
                assert_eq!(body["body_html"], columns[7]);
                changed += 1;
            }
        }
    }
    assert!(changed > 30);
    for id in before.keys().filter(|id| !after.contains_key(id)) {
        assert_eq!(latest[id].header("X-Shopify-Topic"), "products/delete");
    }
    assert!(report.creates > 0 && report.deletes > 0 && report.updates > 0 && report.variant_edits > 0);
}

#[tokio::test]
async fn deliveries_come_twice_and_out_of_order() {
    let server = server(50).await;
    let receiver = Receiver::start(&[]).await;
    server.subscribe(None, &receiver.url, &ALL);
    let traffic = Traffic {
        events: 200,
        duplicates: 0.2,
        reorder: 0.3,
        hot_products: Some(10),
        ..Traffic::default()
    };
    let report = server.traffic(&traffic).await;
    let received = receiver.received();
    let mut by_id: HashMap<&str, Vec<&Received>> = HashMap::new();
    for delivery in &received {
        by_id
            .entry(delivery.header("X-Shopify-Webhook-Id"))
            .or_default()
            .push(delivery);
    }
    let twice = by_id.values().filter(|same| same.len() == 2).count();
    assert_eq!(twice, report.duplicates);
    assert!(
        by_id
            .values()
            .all(|same| same.iter().all(|one| one.body == same[0].body))
    );
    let mut late = 0;
    let mut newest: HashMap<i64, String> = HashMap::new();
    for delivery in &received {
        let triggered = delivery.header("X-Shopify-Triggered-At").to_owned();
        let known = newest.entry(product_id(delivery)).or_insert_with(|| triggered.clone());
        if triggered < *known {
            late += 1;
        } else {
            *known = triggered;
        }
    }
    assert!(
        report.reordered > 10 && late >= report.reordered,
        "{late} late of {}",
        report.reordered
    );
}

#[tokio::test]
async fn the_same_seed_makes_the_same_edits() {
    let outline = |report: &Report| {
        let mut topics: Vec<(Option<i64>, String)> = report
            .deliveries
            .iter()
            .map(|outcome| (outcome.resource_id, outcome.topic.clone()))
            .collect();
        topics.sort_unstable();
        topics
    };
    let mut outlines = Vec::new();
    for seed in [5, 5, 6] {
        let server = server(40).await;
        let receiver = Receiver::start(&[]).await;
        server.subscribe(None, &receiver.url, &ALL);
        outlines.push(outline(
            &server
                .traffic(&Traffic {
                    events: 100,
                    seed,
                    ..Traffic::default()
                })
                .await,
        ));
    }
    assert_eq!(outlines[0], outlines[1]);
    assert_ne!(outlines[0], outlines[2]);
}

#[tokio::test]
async fn traffic_and_rows_by_the_control_api() {
    let server = server(20).await;
    let receiver = Receiver::start(&[]).await;
    server.subscribe(None, &receiver.url, &ALL);
    let report = control(
        &server,
        "traffic",
        serde_json::json!({"events": 30, "seed": 3, "concurrency": 2}),
    )
    .await;
    assert_eq!(report["events"], 30);
    assert_eq!(
        report["deliveries"].as_array().unwrap().len(),
        receiver.received().len()
    );
    assert!(
        report["deliveries"]
            .as_array()
            .unwrap()
            .iter()
            .all(|delivery| delivery["status"] == 200)
    );
    let url = format!("{}/_fake/rows/product_variants", server.url());
    let text = client().get(url).send().await.unwrap().text().await.unwrap();
    let rows: Vec<(i64, String)> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|row| (row["id"].as_i64().unwrap(), row["line"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(rows, server.rows(None, Table::ProductVariants));
    assert!(rows.is_sorted());
}
