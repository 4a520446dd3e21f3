//! Orders: bodies, the window of sixty days, what belongs to an order.

use fake_shopify::{Config, Server, Table};
use serde_json::{Value, json};

use crate::support::{Receiver, bulk_lines, data, document, edit, same_keys, sample, store, told, topics};

const TOPICS: [&str; 13] = [
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
    "customers/purchasing_summary",
];

async fn start() -> (Server, Receiver) {
    let server = store(20, 20, 60, 0).await;
    let receiver = Receiver::start(&[]).await;
    server.subscribe(None, &receiver.url, &TOPICS);
    (server, receiver)
}

async fn order(server: &Server, id: &Value) -> Value {
    let gid = format!("gid://shopify/Order/{id}");
    let mut answer = data(server, &document("order_by_id"), json!({"id": gid})).await;
    answer["order"].take()
}

/// A paid order of several lines, of a customer.
async fn paid(server: &Server) -> Value {
    for seed in 1.. {
        let id = edit(server, json!({"create_order": {"seed": seed, "paid": true}})).await["id"].clone();
        let shown = order(server, &id).await;
        let lines = shown["lineItems"]["nodes"].as_array().unwrap();
        if lines.len() > 2 && shown["customer"].is_object() {
            return id;
        }
    }
    unreachable!("some seed gives three lines")
}

#[tokio::test]
async fn every_body_has_the_keys_of_its_sample() {
    let (server, receiver) = start().await;
    for (id, _) in server.rows(None, Table::Orders) {
        edit(&server, json!({"update_order": id})).await;
        let body = told(&receiver, "orders/updated");
        same_keys(&body, &sample("orders/create"), "order");
        for refund in body["refunds"].as_array().unwrap() {
            same_keys(refund, &without_details(sample("refunds/create")), "refund");
        }
        for parcel in body["fulfillments"].as_array().unwrap() {
            same_keys(parcel, &sample("fulfillments/create"), "fulfillment");
        }
    }
}

/// The sample's first payment has no details; ours neither.
fn without_details(mut refund: Value) -> Value {
    refund["refund_line_items"][0]["line_item"]["tax_lines"] = json!([]);
    refund
}

#[tokio::test]
async fn whatever_happens_to_an_order_also_updates_it() {
    let (server, receiver) = start().await;
    let id = paid(&server).await;
    let of = |from: usize| topics(&receiver)[from..].to_vec();
    let mut from = topics(&receiver).len();
    let mut next = || {
        let told_of = of(from);
        from = topics(&receiver).len();
        told_of
    };
    edit(&server, json!({"fulfill_order": {"id": id, "lines": 1}})).await;
    assert_eq!(
        next(),
        ["fulfillments/create", "orders/partially_fulfilled", "orders/updated"]
    );
    assert_eq!(told(&receiver, "orders/updated")["fulfillment_status"], "partial");
    edit(&server, json!({"fulfill_order": id})).await;
    assert_eq!(next(), ["fulfillments/create", "orders/fulfilled", "orders/updated"]);
    same_keys(
        &told(&receiver, "fulfillments/create"),
        &sample("fulfillments/create"),
        "fulfillment",
    );
    edit(&server, json!({"update_fulfillment": {"id": id, "number": "X1"}})).await;
    assert_eq!(next(), ["fulfillments/update", "orders/updated"]);
    assert_eq!(
        told(&receiver, "fulfillments/update")["tracking_numbers"],
        json!(["X1"])
    );
    edit(
        &server,
        json!({"refund_order": {"id": id, "note": "broken", "restock": true}}),
    )
    .await;
    let expected = [
        "refunds/create",
        "order_transactions/create",
        "orders/updated",
        "customers/purchasing_summary",
    ];
    assert_eq!(next(), expected);
    let refund = told(&receiver, "refunds/create");
    same_keys(&refund, &without_details(sample("refunds/create")), "refund");
    let line = &refund["refund_line_items"][0];
    assert!(line["subtotal"].is_f64() && line["total_tax"].is_f64());
    let written = format!("{:.2}", line["subtotal"].as_f64().unwrap());
    assert_eq!(line["subtotal_set"]["shop_money"]["amount"], written);
    same_keys(
        &told(&receiver, "order_transactions/create"),
        &sample("order_transactions/create"),
        "transaction",
    );
    assert_eq!(
        told(&receiver, "orders/updated")["financial_status"],
        "partially_refunded"
    );
    edit(&server, json!({"edit_order": {"id": id, "add": 5}})).await;
    assert_eq!(next(), ["orders/edited", "orders/updated"]);
    same_keys(&told(&receiver, "orders/edited"), &sample("orders/edited"), "edit");
    assert!(told(&receiver, "orders/edited").get("id").is_none());
    edit(&server, json!({"pay_order": id})).await;
    edit(&server, json!({"cancel_order": {"id": id, "reason": "fraud"}})).await;
    let body = told(&receiver, "orders/cancelled");
    assert_eq!(body["cancel_reason"], "fraud");
    let shown = order(&server, &id).await;
    assert_eq!(
        (&shown["cancelReason"], &shown["edited"], &shown["closed"]),
        (&json!("FRAUD"), &json!(true), &json!(true))
    );
    edit(&server, json!({"delete_order": id})).await;
    assert_eq!(told(&receiver, "orders/delete"), json!({"id": id}));
    assert_eq!(order(&server, &id).await, Value::Null);
}

#[tokio::test]
async fn what_one_action_tells_has_one_event_id_and_rising_instants() {
    let (server, receiver) = start().await;
    let id = paid(&server).await;
    let before = receiver.received().len();
    edit(&server, json!({"refund_order": id})).await;
    let told_of = receiver.received()[before..].to_vec();
    let event = told_of[0].header("X-Shopify-Event-Id");
    assert!(told_of.len() > 2 && told_of.iter().all(|one| one.header("X-Shopify-Event-Id") == event));
    assert!(
        told_of
            .is_sorted_by(|one, next| { one.header("X-Shopify-Triggered-At") < next.header("X-Shopify-Triggered-At") })
    );
}

#[tokio::test]
async fn an_order_can_have_more_lines_than_a_page_and_be_placed_long_ago() {
    let (server, receiver) = start().await;
    let id = edit(&server, json!({"create_order": {"lines": 60}})).await["id"].clone();
    assert_eq!(
        told(&receiver, "orders/create")["line_items"].as_array().unwrap().len(),
        60
    );
    let shown = order(&server, &id).await;
    assert_eq!(shown["lineItems"]["nodes"].as_array().unwrap().len(), 50);
    assert_eq!(shown["lineItems"]["pageInfo"]["hasNextPage"], true);
    let id = edit(&server, json!({"create_order": {"days_ago": 61}})).await["id"].clone();
    assert_eq!(told(&receiver, "orders/create")["id"], id);
    assert_eq!(order(&server, &id).await, Value::Null);
}

#[tokio::test]
async fn an_order_changes_what_its_customer_bought() {
    let (server, receiver) = start().await;
    let id = paid(&server).await;
    let shown = order(&server, &id).await;
    let summary = told(&receiver, "customers/purchasing_summary");
    assert_eq!(summary["customerId"], shown["customer"]["id"]);
    assert_eq!(summary["lastOrderId"], shown["id"]);
    let answer = data(
        &server,
        &document("customer_by_id"),
        json!({"id": shown["customer"]["id"]}),
    )
    .await;
    let customer = &answer["customer"];
    assert_eq!(
        summary["numberOfOrders"].to_string(),
        *customer["numberOfOrders"].as_str().unwrap()
    );
    assert_eq!(summary["amountSpent"], customer["amountSpent"]);
    assert_eq!(customer["lastOrder"]["id"], shown["id"]);
}

#[tokio::test]
async fn the_embedded_customer_does_not_say_when_it_changed() {
    let (server, receiver) = start().await;
    paid(&server).await;
    let customer = &told(&receiver, "orders/create")["customer"];
    assert_eq!(
        (&customer["created_at"], &customer["updated_at"]),
        (&Value::Null, &Value::Null)
    );
    assert!(customer.get("addresses").is_none());
}

#[tokio::test]
async fn some_orders_are_paid_in_another_currency() {
    let (server, _receiver) = start().await;
    let lines = bulk_lines(&server, "bulk_orders").await;
    let foreign = lines.iter().filter(|line| line["presentmentCurrencyCode"].is_string());
    let foreign = foreign.filter(|line| line["presentmentCurrencyCode"] != line["currencyCode"]);
    for order in foreign.clone() {
        let total = &order["totalPriceSet"];
        assert_ne!(total["shopMoney"]["amount"], total["presentmentMoney"]["amount"]);
        assert_eq!(
            total["presentmentMoney"]["currencyCode"],
            order["presentmentCurrencyCode"]
        );
    }
    assert!(foreign.count() > 5);
    let discounts: Vec<&Value> = lines
        .iter()
        .filter(|line| line["allocationMethod"].is_string())
        .collect();
    assert!(!discounts.is_empty() && discounts.iter().all(|line| line.get("id").is_none()));
}

#[tokio::test]
async fn orders_beyond_sixty_days_are_nowhere_without_the_scope() {
    let config = Config {
        products: 10,
        orders: Some(80),
        bucket: (1e9, 1e6),
        ..Config::default()
    };
    let mut scopes = config.scopes.clone();
    scopes.push("read_all_orders".to_owned());
    let all = Server::start(Config {
        scopes: scopes.clone(),
        ..config.clone()
    })
    .await
    .unwrap();
    let some = Server::start(config).await.unwrap();
    let count = "{ ordersCount(limit: null) { count } }";
    assert_eq!(data(&all, count, json!({})).await["ordersCount"]["count"], 80);
    let (every, seen) = (all.rows(None, Table::Orders), some.rows(None, Table::Orders));
    assert!(seen.len() > 40 && seen.len() < 80, "{}", seen.len());
    assert_eq!(data(&some, count, json!({})).await["ordersCount"]["count"], seen.len());
    let page = data(&some, &document("orders_page"), json!({"first": 250})).await;
    assert_eq!(page["orders"]["nodes"].as_array().unwrap().len(), seen.len());
    let lines = bulk_lines(&some, "bulk_orders").await;
    assert_eq!(
        lines.iter().filter(|line| line["__typename"] == "Order").count(),
        seen.len()
    );
    let hidden = every.iter().find(|row| !seen.contains(row)).unwrap();
    assert_eq!(order(&some, &hidden.0.into()).await, Value::Null);
    assert!(order(&all, &hidden.0.into()).await.is_object());
    // The scope opens them at once.
    edit(&some, json!({"set_scopes": scopes})).await;
    assert_eq!(some.rows(None, Table::Orders), every);
}

#[tokio::test]
async fn the_same_seed_and_day_give_the_same_store() {
    let config = Config {
        products: 30,
        today: Some(1_795_000_000),
        ..Config::default()
    };
    let (one, two) = (
        Server::start(config.clone()).await.unwrap(),
        Server::start(config).await.unwrap(),
    );
    for (_, table) in Table::ALL {
        assert_eq!(one.keyed_rows(None, table), two.keyed_rows(None, table), "{table:?}");
    }
}
