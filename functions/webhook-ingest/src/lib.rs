//! `POST /webhooks`: is it Shopify's? Then into the queue, and 200.
//!
//! A delivery that was answered 200 is in Redis, or, if no later reading of the store could make up for its loss, in
//! Postgres too. Nothing here reads what a payload says.

mod rate_limit;
mod response;

use std::time::Duration;

use chrono::{DateTime, Utc};
use lambda_http::{Body, Error, Request, Response};
use serde_json::value::RawValue;
use shared::carrier::carry;
use shared::config::Environment;
use shared::message::{self, Encoded, Payload, QueueName, Rejected, Webhook};
use shared::mirror;
use shared::policies::Policies;
use shared::queue::{self, Queue, Redis, Send};
use shared::shopify::webhook::{Delivery, Refusal, header, verify};
use shared::store::Store;
use shared::telemetry::Chain;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use rate_limit::RateLimit;
use response::Answer;

/// A larger body is accepted, since refusals cost the subscription, but only what it is about is kept and the rest
/// fetched; of a topic that cannot be fetched, all.
const LARGEST_BODY: usize = 2 << 20;
/// Of a refused body only this much is kept.
const LARGEST_REJECTED: usize = 16 << 10;
/// Unsigned headers are cut to this many characters.
const LONGEST_CLAIM: usize = 255;
/// Shopify waits five seconds in all; a timeout of its own must not be mistaken for ours.
const PATIENCE: Duration = Duration::from_millis(3_500);

/// What one process holds.
pub struct Context {
    secrets: Vec<String>,
    deliveries: Queue,
    store: Store,
    /// Refused deliveries are kept at this rate only: anybody can send them.
    rejections: RateLimit,
}

impl Context {
    /// Reads the configuration. Touches no network, so that Redis may be down at a cold start.
    pub fn load(environment: &Environment) -> Result<Self, Error> {
        let redis = Redis::new(&environment.redis()?)?;
        let name = QueueName::WebhookProcess;
        Ok(Self {
            secrets: environment.webhook_secrets()?,
            deliveries: Queue::new(redis, name.as_str(), Policies::load(environment)?.of(name).policy)?,
            store: Store::new(&environment.postgres()?)?,
            rejections: RateLimit::new(5.0, 20.0),
        })
    }
}

/// Answers one delivery.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    let received_at = Utc::now();
    let (parts, body) = request.into_parts();
    let answer = match verify(&context.secrets, &parts.headers, &body) {
        Ok(delivery) => accept(context, delivery, &body, received_at).await,
        Err(refusal) => {
            tracing::warn!(reason = %refusal, body_bytes = body.len(), "delivery refused");
            if refusal.is_unauthenticated() {
                let claim = |name| header(&parts.headers, name).map(cut);
                let rejected = rejected(refusal, &body, received_at, claim);
                keep_rejected(context, rejected).await;
            }
            Answer::Refused(refusal)
        }
    };
    answer.into_response()
}

/// Puts a verified delivery where it cannot be lost.
async fn accept(context: &Context, delivery: Delivery, body: &[u8], received_at: DateTime<Utc>) -> Answer {
    // One for all that follows: two services that are slow together must not use up Shopify's patience.
    let deadline = Instant::now() + PATIENCE;
    // Unsigned text of any length: a long one names nothing.
    let dedup_id = delivery
        .webhook_id
        .as_ref()
        .map(|webhook_id| format!("{}/{}/{webhook_id}", delivery.shop, delivery.topic))
        .filter(|id| id.len() <= LONGEST_CLAIM);
    let webhook = webhook(delivery, body, received_at);
    let (shop, topic) = (webhook.shop.clone(), webhook.topic.clone());
    if topic.is_irrecoverable() {
        match timeout_at(deadline, mirror::log::received(&context.store, &webhook)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(shop.domain = %shop, webhook.topic = %topic, error = %Chain(&error), "Postgres unavailable");
                return Answer::Unavailable;
            }
            Err(_) => {
                tracing::error!(shop.domain = %shop, webhook.topic = %topic, "Postgres does not answer");
                return Answer::Unavailable;
            }
        }
    }
    let mut send = carry(&message::Body::Webhook(webhook));
    if let Some(dedup_id) = dedup_id {
        send = send.dedup_id(dedup_id);
    }
    match enqueue(&context.deliveries, &send, deadline).await {
        Ok(sent) => {
            tracing::info!(shop.domain = %shop, webhook.topic = %topic, message.id = %sent.message_id, outcome = ?sent.outcome, "delivery accepted");
            Answer::Accepted
        }
        Err(reason) => {
            tracing::error!(shop.domain = %shop, webhook.topic = %topic, error = reason, "Redis unavailable");
            Answer::Unavailable
        }
    }
}

async fn enqueue(queue: &Queue, send: &Send, deadline: Instant) -> Result<queue::Sent, String> {
    match timeout_at(deadline, queue.send(send)).await {
        Ok(Ok(sent)) => Ok(sent),
        Ok(Err(error)) => Err(Chain(&error).to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

fn webhook(delivery: Delivery, body: &[u8], received_at: DateTime<Utc>) -> Webhook {
    let json = serde_json::from_slice::<&RawValue>(body).ok();
    let oversized = body.len() > LARGEST_BODY && !delivery.topic.is_irrecoverable();
    let payload = match json {
        Some(json) if oversized => stub(json.get()),
        Some(json) => Payload::Json(json.to_owned()),
        None => Payload::Bytes(Encoded(body[..body.len().min(LARGEST_BODY)].to_vec())),
    };
    Webhook {
        delivery_id: Uuid::now_v7(),
        received_at,
        shop: delivery.shop,
        topic: delivery.topic,
        webhook_id: delivery.webhook_id,
        event_id: delivery.event_id,
        triggered_at: delivery.triggered_at.unwrap_or(received_at),
        api_version: delivery.api_version,
        oversized,
        payload,
    }
}

/// Of a body too large, only what it is about.
fn stub(json: &str) -> Payload {
    let kept = match serde_json::from_str::<shared::shopify::rest::Stub>(json) {
        Ok(stub) => serde_json::value::to_raw_value(&stub),
        Err(_) => serde_json::value::to_raw_value(&serde_json::json!({})),
    };
    Payload::Json(kept.expect("a stub is always JSON"))
}

fn rejected(
    refusal: Refusal,
    body: &[u8],
    received_at: DateTime<Utc>,
    claim: impl Fn(&'static str) -> Option<String>,
) -> Rejected {
    Rejected {
        delivery_id: Uuid::now_v7(),
        received_at,
        reason: refusal.to_string(),
        shop_domain: claim("x-shopify-shop-domain"),
        topic: claim("x-shopify-topic"),
        webhook_id: claim("x-shopify-webhook-id"),
        body_size: i32::try_from(body.len()).unwrap_or(i32::MAX),
        body: Encoded(body[..body.len().min(LARGEST_REJECTED)].to_vec()),
    }
}

/// Keeps a refused delivery for the operator, if that costs little. The answer does not depend on it.
async fn keep_rejected(context: &Context, rejected: Rejected) {
    if !context.rejections.allows() {
        return;
    }
    let body = message::Body::Rejected(rejected);
    if let Err(error) = enqueue(&context.deliveries, &carry(&body), Instant::now() + PATIENCE).await {
        tracing::warn!(error, "refused delivery not kept");
    }
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST_CLAIM).collect()
}
