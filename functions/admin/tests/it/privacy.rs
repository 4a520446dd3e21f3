//! What customers asked to know, as the merchant gets it.

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use shared::message::{Payload, Webhook};
use shared::mirror;
use shared::shopify::Topic;
use shared::store::Store;
use sqlx::PgPool;
use test_support::{SHOP, TOKEN, rows, shop, store_with_shop};
use uuid::Uuid;

use crate::support::Admin;

/// Larger than JavaScript's numbers.
const REQUEST: i64 = 900_719_925_474_099_301;

async fn deliver(store: &Store, topic: &str, body: &Value) {
    let now: DateTime<Utc> = Utc::now();
    let webhook = Webhook {
        delivery_id: Uuid::now_v7(),
        received_at: now,
        shop: shop(),
        topic: Topic::parse(topic),
        webhook_id: None,
        event_id: None,
        triggered_at: now,
        api_version: None,
        oversized: false,
        payload: Payload::Json(RawValue::from_string(body.to_string()).unwrap()),
    };
    let applied = mirror::webhook::apply(store, &[(&webhook, 1)], false).await.unwrap();
    assert!(applied.outcomes[0].is_ok(), "{applied:?}");
}

fn request(id: i64, customer: i64) -> Value {
    json!({
        "shop_id": 1, "shop_domain": SHOP, "orders_requested": [], "data_request": { "id": id },
        "customer": { "id": customer, "email": "john@example.com", "phone": null },
    })
}

async fn customer(store: &Store, id: i64) {
    let body = json!({
        "id": id, "first_name": "John", "email": "john@example.com", "updated_at": "2026-11-24T08:00:00Z",
        "created_at": "2026-11-24T08:00:00Z", "addresses": [],
    });
    deliver(store, "customers/create", &body).await;
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_export_is_listed_downloaded_audited_and_gone_with_its_customer(pool: PgPool) {
    let (store, _) = store_with_shop(&pool).await;
    let admin = Admin::start(&pool).await;
    customer(&store, 5).await;
    deliver(&store, "customers/data_request", &request(REQUEST, 5)).await;

    let (status, body) = admin.query("privacy.requests", &json!({ "shop": SHOP })).await;
    let listed = &body["result"]["data"];
    assert_eq!((status, listed.as_array().unwrap().len()), (200, 1), "{body}");
    assert_eq!(
        (
            &listed[0]["shop"],
            &listed[0]["requestId"],
            &listed[0]["customerId"],
            &listed[0]["state"]
        ),
        (&json!(SHOP), &json!(REQUEST.to_string()), &json!("5"), &json!("open"))
    );
    let at = |name: &str| listed[0][name].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    assert_eq!((at("dueAt") - at("requestedAt")).num_days(), 30);

    for id in [json!(REQUEST.to_string()), json!(REQUEST)] {
        let (status, body) = admin
            .query("privacy.export", &json!({ "shop": SHOP, "requestId": id }))
            .await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(
            body["result"]["data"]["customers"][0]["email"],
            json!("john@example.com")
        );
    }
    let (_, body) = admin.query("privacy.requests", &json!({})).await;
    assert_eq!(body["result"]["data"][0]["state"], json!("downloaded"));
    assert!(body["result"]["data"][0]["downloadedAt"].is_string());
    let audit = "select concat_ws(' ', procedure, detail ->> 'requestId') from admin_audit order by id";
    let export = format!("privacy.export {REQUEST}");
    assert_eq!(
        rows(&pool, audit).await,
        [format!("privacy.data_request {REQUEST}"), export.clone(), export]
    );

    let body = json!({ "customer": { "id": 5, "email": null, "phone": null }, "orders_to_redact": [] });
    deliver(&store, "customers/redact", &body).await;
    let (status, body) = admin
        .query("privacy.export", &json!({ "shop": SHOP, "requestId": REQUEST }))
        .await;
    assert_eq!(status, 404, "{body}");
    assert!(
        body["error"]["message"].as_str().unwrap().contains("was erased"),
        "{body}"
    );
    let (_, body) = admin.query("privacy.requests", &json!({})).await;
    assert_eq!(body["result"]["data"][0]["state"], json!("erased"));
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn requests_are_of_one_store_or_all_those_due_next_first(pool: PgPool) {
    let (store, _) = store_with_shop(&pool).await;
    let admin = Admin::start(&pool).await;
    for id in [1, 2, 3] {
        deliver(&store, "customers/data_request", &request(id, id)).await;
    }
    admin
        .query("privacy.export", &json!({ "shop": SHOP, "requestId": 1 }))
        .await;
    let (_, body) = admin.query("privacy.requests", &json!({})).await;
    let listed: Vec<&Value> = body["result"]["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|request| &request["requestId"])
        .collect();
    assert_eq!(listed, [&json!("2"), &json!("3"), &json!("1")]);
    let (_, body) = admin
        .query("privacy.requests", &json!({ "shop": "another.myshopify.com" }))
        .await;
    assert_eq!(body["result"]["data"], json!([]));
    for (input, status) in [
        (json!({ "shop": SHOP, "requestId": 4 }), 404),
        (json!({ "shop": SHOP, "requestId": "x" }), 400),
        (json!({ "shop": "evil.example", "requestId": 1 }), 400),
        (json!({ "shop": SHOP }), 400),
    ] {
        assert_eq!(admin.query("privacy.export", &input).await.0, status, "{input}");
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_store_is_not_added_again_before_it_is_erased_everywhere(pool: PgPool) {
    let (store, _) = store_with_shop(&pool).await;
    let admin = Admin::start(&pool).await;
    customer(&store, 5).await;
    deliver(&store, "shop/redact", &json!({ "shop_id": 1, "shop_domain": SHOP })).await;
    let add = json!({ "shop": SHOP, "accessToken": TOKEN });
    let (status, body) = admin.post("/trpc/shops.add", &add).await;
    assert_eq!(
        (status, &body["error"]["data"]["code"]),
        (409, &json!("CONFLICT")),
        "{body}"
    );

    let [sweep] = mirror::privacy::sweep::due(&store).await.unwrap().try_into().unwrap();
    sweep.sweep(&store).await.unwrap();
    sweep.made(&store).await.unwrap();
    assert_eq!(admin.post("/trpc/shops.add", &add).await.0, 200);
    let state = "select concat_ws(' ', (redacted_at is null)::text, (uninstalled_at is null)::text) from shops";
    assert_eq!(rows(&pool, state).await, ["true true"]);
    customer(&store, 5).await;
    assert_eq!(rows(&pool, "select id::text from live.customers").await, ["5"]);
}
