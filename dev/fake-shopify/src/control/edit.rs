//! Edits, traffic and further shops.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Failure, shop};
use crate::catalogue::{Edit, Numbers};
use crate::clock;
use crate::shop::{Shop, State};
use crate::traffic::{self, Report, Traffic};
use crate::webhook::{self, Outcome};

#[derive(Deserialize)]
pub struct EditRequest {
    #[serde(flatten)]
    edit: Edit,
    #[serde(default)]
    shop: Option<String>,
    /// Whether anybody is told.
    #[serde(default = "yes")]
    deliver: bool,
}

fn yes() -> bool {
    true
}

/// Makes one edit; its deliveries are tried once before the answer, and again later if they failed.
pub async fn edit(Extract(state): Extract<Arc<State>>, Json(body): Json<EditRequest>) -> Result<Json<Value>, Failure> {
    let shop = shop(&state, body.shop.as_deref())?;
    let (change, events) = shop.edit(&body.edit)?;
    let mut outcomes: Vec<Outcome> = Vec::new();
    if body.deliver {
        for delivery in webhook::deliveries(&state, &shop, &events) {
            let outcome = webhook::attempt(&state, &delivery).await;
            if !outcome.is_success() {
                tokio::spawn(webhook::retry(
                    Arc::clone(&state),
                    Arc::clone(&shop),
                    delivery,
                    outcome.clone(),
                ));
            }
            outcomes.push(outcome);
        }
    }
    let catalogue = shop.catalogue.read().expect("the catalogue is never poisoned");
    // An edit of a variant names its product.
    let product = catalogue.products.get(&change.id);
    Ok(Json(json!({
        "topic": change.topic,
        "topics": events.iter().map(|event| &event.topic).collect::<Vec<_>>(),
        "id": change.id,
        "product_id": change.topic.starts_with("products/").then_some(change.id),
        "changed_at": clock::utc_micros(change.at),
        "variant_ids": product.map(|product| product.variants.iter().map(|it| it.id).collect::<Vec<i64>>()),
        "deliveries": outcomes,
    })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    fields: Vec<String>,
    #[serde(default)]
    shop: Option<String>,
}

/// Says which protected fields the app may not see from now on.
pub async fn refuse(Extract(state): Extract<Arc<State>>, Json(body): Json<Refused>) -> Result<Json<Value>, Failure> {
    shop(&state, body.shop.as_deref())?.refuse(&body.fields)?;
    Ok(Json(json!({"refused": body.fields})))
}

/// Makes traffic; answers when all of it is delivered.
pub async fn traffic(Extract(state): Extract<Arc<State>>, Json(body): Json<Traffic>) -> Result<Json<Report>, Failure> {
    let shop = shop(&state, body.shop.as_deref())?;
    Ok(Json(traffic::run(&state, &shop, &body).await))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewShop {
    shop: String,
    token: String,
    #[serde(default)]
    products: usize,
    #[serde(default)]
    customers: Option<usize>,
    #[serde(default)]
    orders: Option<usize>,
    #[serde(default)]
    collections: Option<usize>,
    #[serde(default)]
    seed: u64,
}

/// Opens another shop on this server, or replaces one.
pub async fn add_shop(Extract(state): Extract<Arc<State>>, Json(body): Json<NewShop>) -> Json<Value> {
    let usual = state.config.numbers_of(body.products);
    let numbers = Numbers {
        customers: body.customers.unwrap_or(usual.customers),
        orders: body.orders.unwrap_or(usual.orders),
        collections: body.collections.unwrap_or(usual.collections),
        ..usual
    };
    let shop = Shop::new(&state.config, &body.shop, &body.token, numbers, body.seed);
    let mut shops = state.shops.write().expect("the shops are never poisoned");
    shops.insert(body.shop.clone(), Arc::new(shop));
    Json(json!({"shop": body.shop}))
}
