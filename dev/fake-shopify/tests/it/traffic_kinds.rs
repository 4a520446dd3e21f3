//! Traffic of all kinds: put in order by its instants, what was told is the store.

use std::collections::HashMap;

use fake_shopify::{Report, Server, Table, Traffic};
use serde_json::Value;

use crate::support::{Received, Receiver, control, store};

const TOPICS: [&str; 38] = [
    "products/create",
    "products/update",
    "products/delete",
    "customers/create",
    "customers/update",
    "customers/delete",
    "customers/enable",
    "customers/disable",
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
    "collections/create",
    "collections/update",
    "collections/delete",
    "inventory_items/create",
    "inventory_items/update",
    "inventory_items/delete",
    "inventory_levels/connect",
    "inventory_levels/update",
    "inventory_levels/disconnect",
    "locations/update",
    "variants/in_stock",
    "variants/out_of_stock",
];

fn everything(events: usize) -> Traffic {
    Traffic {
        events,
        duplicates: 0.1,
        reorder: 0.2,
        customers: 1.0,
        orders: 2.0,
        collections: 0.5,
        inventory: 1.0,
        ..Traffic::default()
    }
}

async fn run(traffic: &Traffic) -> (Server, Vec<Received>, Report) {
    let server = store(40, 20, 30, 6).await;
    let receiver = Receiver::start(&[]).await;
    server.subscribe(None, &receiver.url, &TOPICS);
    let report = server.traffic(traffic).await;
    assert_eq!(report.failed, 0);
    (server, receiver.received(), report)
}

/// The latest body of each thing whose topic passes, by its key. A deletion counts as a body.
fn latest(
    received: &[Received],
    topic: fn(&str) -> bool,
    key: fn(&Value) -> Value,
) -> HashMap<String, (String, Value)> {
    let mut latest: HashMap<String, (String, Received)> = HashMap::new();
    for delivery in received.iter().filter(|one| topic(one.header("X-Shopify-Topic"))) {
        let at = delivery.header("X-Shopify-Triggered-At").to_owned();
        let key = key(&delivery.json()).to_string();
        if latest.get(&key).is_none_or(|(known, _)| *known < at) {
            latest.insert(key, (at, delivery.clone()));
        }
    }
    let told = |one: &Received| (one.header("X-Shopify-Topic").to_owned(), one.json());
    latest.into_iter().map(|(key, (_, one))| (key, told(&one))).collect()
}

fn columns(server: &Server, table: Table) -> Vec<Vec<String>> {
    let rows = server.keyed_rows(None, table).into_iter();
    rows.map(|(_, line)| line.split('|').map(str::to_owned).collect())
        .collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "\\N".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn instant(value: &Value) -> String {
    let local = chrono::DateTime::parse_from_rfc3339(value.as_str().unwrap()).unwrap();
    local.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[tokio::test]
async fn the_latest_bodies_are_the_store() {
    let (server, received, report) = run(&everything(600)).await;
    let counted = format!(
        "{:?}",
        Report {
            deliveries: Vec::new(),
            ..report.clone()
        }
    );
    assert!(
        report.customers > 60 && report.orders > 120 && report.collections > 15 && report.inventory > 60,
        "{counted}"
    );
    assert!(
        report.refused < 100 && report.reordered > 50 && report.duplicates > 50,
        "{report:?}"
    );

    let whole = |topic: &str| topic.starts_with("orders/") && topic != "orders/edited";
    let orders = latest(&received, whole, |body| body["id"].clone());
    let mut told = 0;
    for row in columns(&server, Table::Orders) {
        let Some((_, body)) = orders.get(&row[0]) else { continue };
        told += 1;
        let ours = [&row[6], &row[7], &row[11], &row[16], row.iter().rev().nth(6).unwrap()];
        let theirs = [
            text(&body["financial_status"]),
            body["fulfillment_status"].as_str().unwrap_or("unfulfilled").to_owned(),
            text(&body["total_price"]),
            text(&body["current_total_price"]),
            instant(&body["updated_at"]),
        ];
        assert_eq!(
            ours.map(String::as_str),
            theirs.each_ref().map(String::as_str),
            "order {}",
            row[0]
        );
    }
    assert!(told > 30);

    let items = |topic: &str| topic.starts_with("inventory_levels/");
    let levels = latest(&received, items, |body| {
        serde_json::json!([body["inventory_item_id"], body["location_id"]])
    });
    let mut told = 0;
    for row in columns(&server, Table::InventoryLevels) {
        let Some((topic, body)) = levels.get(&format!("[{},{}]", row[0], row[1])) else {
            continue;
        };
        told += 1;
        assert_ne!(topic, "inventory_levels/disconnect");
        assert_eq!(
            (&row[2], &row[3]),
            (&text(&body["available"]), &instant(&body["updated_at"]))
        );
    }
    assert!(told > 30);

    let collections = latest(
        &received,
        |topic| topic.starts_with("collections/"),
        |body| body["id"].clone(),
    );
    for row in columns(&server, Table::Collections) {
        if let Some((_, body)) = collections.get(&row[0]) {
            assert_eq!(
                (&row[1], row.last().unwrap()),
                (&text(&body["title"]), &instant(&body["updated_at"]))
            );
        }
    }
    let summaries = latest(
        &received,
        |topic| topic == "customers/purchasing_summary",
        |body| body["customerId"].clone(),
    );
    for (_, body) in summaries.values() {
        let gid = body["customerId"].as_str().unwrap();
        let mut rows = server.rows(None, Table::Customers).into_iter();
        let Some((_, line)) = rows.find(|(id, _)| gid.ends_with(&format!("/{id}"))) else {
            continue;
        };
        let amount = format!(
            "|{}|{}|USD|",
            body["numberOfOrders"],
            body["amountSpent"]["amount"].as_str().unwrap()
        );
        assert!(line.contains(&amount), "{line} lacks {amount}");
    }
}

#[tokio::test]
async fn the_same_seed_makes_the_same_traffic_of_all_kinds() {
    let once = run(&everything(150)).await;
    let twice = run(&everything(150)).await;
    let counts = |report: &Report| {
        [
            report.customers,
            report.orders,
            report.collections,
            report.inventory,
            report.refused,
        ]
    };
    assert_eq!(counts(&once.2), counts(&twice.2));
    assert_eq!(once.1.len(), twice.1.len());
}

#[tokio::test]
async fn other_kinds_leave_the_sequence_of_products_alone() {
    let products = Traffic {
        events: 60,
        ..Traffic::default()
    };
    let (_, _, report) = run(&products).await;
    assert_eq!(
        [report.customers, report.orders, report.collections, report.inventory],
        [0; 4]
    );
    assert!(report.updates > 20);
}

#[tokio::test]
async fn weights_come_in_by_the_control_api() {
    let server = store(10, 5, 5, 3).await;
    let traffic = serde_json::json!({"events": 30, "products": 0, "orders": 1, "customers": 1});
    let report = control(&server, "traffic", traffic).await;
    assert_eq!((&report["updates"], &report["collections"]), (&0.into(), &0.into()));
    assert!(report["orders"].as_i64().unwrap() > 5 && report["customers"].as_i64().unwrap() > 5);
}
