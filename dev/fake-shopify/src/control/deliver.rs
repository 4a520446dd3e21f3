//! Subscriptions and hand-made deliveries.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State as Extract};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use uuid::Uuid;

use super::{Failure, shop};
use crate::shop::State;
use crate::webhook::{self, Delivery, sign};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    url: String,
    topics: Vec<String>,
    #[serde(default)]
    shop: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
pub struct ShopQuery {
    pub shop: Option<String>,
}

/// Subscribes as an app's configuration does: never deleted, not listed by the Admin API.
pub async fn subscribe(
    Extract(state): Extract<Arc<State>>,
    Json(body): Json<Subscribe>,
) -> Result<Json<Value>, Failure> {
    let shop = shop(&state, body.shop.as_deref())?;
    let version = &state.config.api_version;
    let ids: Vec<i64> = body
        .topics
        .iter()
        .filter_map(|topic| {
            shop.subscriptions
                .add(topic, &body.url, body.name.as_deref(), false, version)
                .ok()
        })
        .map(|subscription| subscription.id)
        .collect();
    Ok(Json(json!({"subscriptions": ids})))
}

/// All subscriptions of a shop.
pub async fn subscriptions(
    Extract(state): Extract<Arc<State>>,
    Query(query): Query<ShopQuery>,
) -> Result<Json<Value>, Failure> {
    let shop = shop(&state, query.shop.as_deref())?;
    let list: Vec<Value> = shop
        .subscriptions
        .all()
        .into_iter()
        .map(|it| json!({"id": it.id, "topic": it.topic, "url": it.url, "by_api": it.by_api, "name": it.name}))
        .collect();
    Ok(Json(json!({"subscriptions": list})))
}

/// Removes all subscriptions of a shop, without a word to anybody.
pub async fn clear_subscriptions(
    Extract(state): Extract<Arc<State>>,
    Query(query): Query<ShopQuery>,
) -> Result<Json<Value>, Failure> {
    shop(&state, query.shop.as_deref())?.subscriptions.clear();
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deliver {
    topic: String,
    /// A text is sent as it is; anything else as the very JSON text given.
    body: Box<RawValue>,
    /// Where to; if not given, to every address subscribed to the topic, or to anything at all.
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    shop: Option<String>,
    #[serde(default = "yes")]
    signed: bool,
    /// Signs with this secret instead.
    #[serde(default)]
    secret: Option<String>,
    /// Replaces headers; an empty value leaves one out.
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

/// Delivers any body once and tells what the receiver said.
pub async fn deliver(Extract(state): Extract<Arc<State>>, Json(body): Json<Deliver>) -> Result<Json<Value>, Failure> {
    // The domain in the header may be of no shop at all: that is a case worth testing.
    let known = state
        .shop(body.shop.as_deref())
        .or_else(|| state.shop(None))
        .ok_or_else(|| "no shop".to_owned())?;
    let subscriptions = known.subscriptions.all();
    let mut urls: Vec<String> = match &body.url {
        Some(url) => vec![url.clone()],
        None => subscriptions
            .iter()
            .filter(|it| it.topic == body.topic)
            .map(|it| it.url.clone())
            .collect(),
    };
    if urls.is_empty() {
        urls.extend(subscriptions.first().map(|it| it.url.clone()));
    }
    if urls.is_empty() {
        return Err("nobody is subscribed and no url is given".to_owned().into());
    }
    let text = serde_json::from_str::<String>(body.body.get()).unwrap_or_else(|_| body.body.get().to_owned());
    let bytes = Bytes::from(text);
    let secret = body.secret.as_deref().unwrap_or(&state.config.secret);
    let event_id = Uuid::new_v4().to_string();
    let triggered_at = known.clock.tick();
    let mut outcomes = Vec::new();
    for url in urls {
        let delivery = Delivery {
            subscription: None,
            url,
            topic: body.topic.clone(),
            shop: body.shop.clone().unwrap_or_else(|| known.domain.clone()),
            webhook_id: Uuid::new_v4().to_string(),
            event_id: event_id.clone(),
            triggered_at,
            api_version: state.config.api_version.clone(),
            name: None,
            signature: body.signed.then(|| sign(secret, &bytes)),
            body: bytes.clone(),
            resource_id: None,
            headers: body.headers.clone().into_iter().collect(),
        };
        outcomes.push(webhook::attempt(&state, &delivery).await);
    }
    Ok(Json(json!({"status": outcomes[0].status, "deliveries": outcomes})))
}
