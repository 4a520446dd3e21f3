//! Stores, deliveries and rows for the tests of the mirror.

use chrono::{DateTime, Duration, Utc};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use shared::message::{Encoded, Payload, Webhook};
use shared::mirror::webhook::{Applied, apply};
use shared::shopify::{ShopDomain, Topic};
use shared::store::shops::{self, Profile};
use shared::store::{Store, commit, credentials};
use sqlx::PgPool;
use uuid::Uuid;

pub const SHOP: &str = "snowdevil.myshopify.com";

/// A moment of Shopify's clock.
pub fn at(seconds: f64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).unwrap() + Duration::milliseconds((seconds * 1_000.0) as i64)
}

/// The whole second of a moment, as `updated_at` tells it.
pub fn whole(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A database with one store in it.
pub async fn store_with_shop(pool: PgPool) -> (Store, i64) {
    let store = Store::from_pool(pool);
    let profile = Profile {
        shopify_id: 1,
        name: "Snowdevil".to_owned(),
        email: None,
        currency_code: "EUR".to_owned(),
        iana_timezone: "Europe/Berlin".to_owned(),
        plan: "Basic".to_owned(),
        created_at: at(-1_000_000.0),
    };
    let mut tx = store.begin().await.unwrap();
    let shop_id = shops::add(&mut tx, SHOP, &profile).await.unwrap();
    credentials::keep(&mut tx, shop_id, "token").await.unwrap();
    commit(tx).await.unwrap();
    (store, shop_id)
}

/// A delivery of `body`, triggered at `seconds`.
pub fn delivery(topic: &str, body: &Value, seconds: f64) -> Webhook {
    Webhook {
        delivery_id: Uuid::now_v7(),
        received_at: at(seconds),
        shop: ShopDomain::parse(SHOP).unwrap(),
        topic: Topic::parse(topic),
        webhook_id: Some(Uuid::now_v7().to_string()),
        event_id: None,
        triggered_at: at(seconds),
        api_version: Some("2026-10".to_owned()),
        oversized: false,
        payload: Payload::Json(RawValue::from_string(body.to_string()).unwrap()),
    }
}

/// A delivery whose body is not JSON.
pub fn broken_delivery(topic: &str, seconds: f64) -> Webhook {
    Webhook {
        payload: Payload::Bytes(Encoded(b"{broken".to_vec())),
        ..delivery(topic, &json!({}), seconds)
    }
}

/// A product's body with the variants `shown`, of all that `all` names.
pub fn product(id: i64, title: &str, updated: f64, shown: &[(i64, &str)], all: &[i64]) -> Value {
    let updated_at = whole(at(updated));
    let variants: Vec<Value> = shown
        .iter()
        .map(|(variant, price)| {
            json!({
                "id": variant, "product_id": id, "title": "Small", "sku": format!("SKU-{variant}"), "barcode": null,
                "position": 1, "price": price, "compare_at_price": null, "taxable": true, "inventory_policy": "deny",
                "inventory_quantity": 5, "inventory_item_id": variant + 1_000, "option1": "Small", "option2": null,
                "option3": null, "created_at": whole(at(-10.0)), "updated_at": updated_at,
            })
        })
        .collect();
    let gids: Vec<Value> = all
        .iter()
        .map(|variant| {
            json!({ "admin_graphql_api_id": format!("gid://shopify/ProductVariant/{variant}"), "updated_at": updated_at })
        })
        .collect();
    json!({
        "id": id, "title": title, "handle": "h", "status": "active", "vendor": "Acme", "product_type": "Shirts",
        "tags": "a, b", "body_html": "<p>x</p>", "template_suffix": null,
        "has_variants_that_requires_components": false, "created_at": whole(at(-10.0)), "updated_at": updated_at,
        "published_at": null, "variants": variants, "variant_gids": gids,
    })
}

/// Applies deliveries as one batch.
pub async fn apply_all(store: &Store, deliveries: &[Webhook]) -> Applied {
    let received: Vec<_> = deliveries.iter().map(|delivery| (delivery, 1)).collect();
    apply(store, &received, false).await.unwrap()
}

/// The live products as `id title`.
pub async fn live_products(pool: &PgPool) -> Vec<String> {
    rows(pool, "select id || ' ' || title from live.products order by id").await
}

/// The live variants as `id price`.
pub async fn live_variants(pool: &PgPool) -> Vec<String> {
    rows(pool, "select id || ' ' || price from live.product_variants order by id").await
}

/// The first column of a query, as text.
pub async fn rows(pool: &PgPool, query: &'static str) -> Vec<String> {
    sqlx::query_scalar(query).fetch_all(pool).await.unwrap()
}
