//! One delivery, and its retries.
//!
//! One second to connect, five in all, any 2xx is success, redirects are not followed. Eight retries over four hours,
//! each twice as long after the last: 56 s, 113 s, 226 s, … 7,228 s, all times the configured scale. A retry has
//! the same ids and the same body. When the last one fails, a subscription made by API is deleted, as Shopify does.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use crate::clock;
use crate::shop::{Shop, State};

const RETRIES: u32 = 8;
/// The first interval: 2^8 − 1 of them are four hours.
const FIRST_INTERVAL: f64 = 4.0 * 3_600.0 / 255.0;

/// A delivery.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The API-made subscription it belongs to.
    pub subscription: Option<i64>,
    /// Where it goes.
    pub url: String,
    /// Header form of the topic.
    pub topic: String,
    /// The shop's domain.
    pub shop: String,
    /// Unique to the delivery.
    pub webhook_id: String,
    /// Shared by all deliveries of one event.
    pub event_id: String,
    /// Microseconds since 1970.
    pub triggered_at: i64,
    /// The version of the body.
    pub api_version: String,
    /// The subscription's name.
    pub name: Option<String>,
    /// The signature; none for an unsigned one.
    pub signature: Option<String>,
    /// The raw body.
    pub body: Bytes,
    /// The product concerned.
    pub resource_id: Option<i64>,
    /// Headers that replace the usual ones; an empty value leaves the header out.
    pub headers: Vec<(String, String)>,
}

/// What became of a delivery.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Its id.
    pub webhook_id: String,
    /// Its topic.
    pub topic: String,
    /// When the event fired.
    pub triggered_at: String,
    /// The product concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<i64>,
    /// The last answer's status; none if there was no answer.
    pub status: Option<u16>,
    /// How often it was tried.
    pub attempts: u32,
    /// Why there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Outcome {
    /// Whether it was taken.
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// Delivers once.
pub async fn attempt(state: &State, delivery: &Delivery) -> Outcome {
    let mut headers: Vec<(&str, String)> = vec![
        ("Content-Type", "application/json".to_owned()),
        ("User-Agent", "Shopify-Captain-Hook".to_owned()),
        ("X-Shopify-Topic", delivery.topic.clone()),
        ("X-Shopify-Shop-Domain", delivery.shop.clone()),
        ("X-Shopify-API-Version", delivery.api_version.clone()),
        ("X-Shopify-Webhook-Id", delivery.webhook_id.clone()),
        ("X-Shopify-Event-Id", delivery.event_id.clone()),
        ("X-Shopify-Triggered-At", clock::utc_micros(delivery.triggered_at)),
    ];
    headers.extend(
        delivery
            .signature
            .clone()
            .map(|signature| ("X-Shopify-Hmac-Sha256", signature)),
    );
    headers.extend(delivery.name.clone().map(|name| ("X-Shopify-Name", name)));
    for (name, value) in &delivery.headers {
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        if !value.is_empty() {
            headers.push((name, value.clone()));
        }
    }
    let mut request = state
        .http
        .post(&delivery.url)
        .timeout(Duration::from_secs(5))
        .body(delivery.body.clone());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let (status, error) = match request.send().await {
        Ok(response) => (Some(response.status().as_u16()), None),
        Err(error) => (None, Some(error.without_url().to_string())),
    };
    Outcome {
        webhook_id: delivery.webhook_id.clone(),
        topic: delivery.topic.clone(),
        triggered_at: clock::utc_micros(delivery.triggered_at),
        resource_id: delivery.resource_id,
        status,
        attempts: 1,
        error,
    }
}

/// Delivers until it is taken or the retries are spent.
pub async fn deliver(state: Arc<State>, shop: Arc<Shop>, delivery: Delivery) -> Outcome {
    let first = attempt(&state, &delivery).await;
    retry(state, shop, delivery, first).await
}

/// Goes on after a first attempt with this outcome.
pub async fn retry(state: Arc<State>, shop: Arc<Shop>, delivery: Delivery, first: Outcome) -> Outcome {
    let mut outcome = first;
    for retry in 0..RETRIES {
        if outcome.is_success() {
            return outcome;
        }
        let interval = FIRST_INTERVAL * f64::from(1 << retry) * state.config.retry_scale;
        clock::pause(Duration::from_secs_f64(interval)).await;
        outcome = Outcome {
            attempts: retry + 2,
            ..attempt(&state, &delivery).await
        };
    }
    if !outcome.is_success()
        && let Some(id) = delivery.subscription
    {
        shop.subscriptions.remove(id);
    }
    outcome
}
