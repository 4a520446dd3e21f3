//! A drain with a Redis of its own, and deliveries to drain.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lambda_runtime::LambdaEvent;
use queue_drain::{Context, Event, Report, handle};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use shared::config::Environment;
use shared::message::{Body, Payload, QueueName, Webhook, encode};
use shared::queue::Send;
use shared::shopify::Topic;
use sqlx::PgPool;
use test_support::{Redis, database_url, event_json, shop};
use uuid::Uuid;

pub struct Drain {
    pub redis: Redis,
    pub context: Context,
}

impl Drain {
    pub async fn start(pool: &PgPool) -> Self {
        Self::start_with(pool, []).await
    }

    /// With other settings.
    pub async fn start_with<const N: usize>(pool: &PgPool, settings: [(&str, &str); N]) -> Self {
        let redis = Redis::start().await;
        let context = Self::context(pool, &redis, settings);
        Self { redis, context }
    }

    pub fn context<const N: usize>(pool: &PgPool, redis: &Redis, settings: [(&str, &str); N]) -> Context {
        let (port, database_url) = (redis.port(), database_url(pool));
        let plain = [
            ("REDIS_HOST", "127.0.0.1"),
            ("REDIS_PORT", &port),
            ("DATABASE_URL", &database_url),
            // But for the tests that are about it.
            ("REFRESH_SECONDS", "0"),
        ];
        let environment = Environment::from_values(plain.into_iter().chain(settings));
        Context::load(&environment).unwrap()
    }

    pub async fn send(&self, queue: QueueName, body: &Body) {
        self.redis.queue(queue).send(&Send::new(encode(body))).await.unwrap();
    }

    /// One invocation with a minute's time.
    pub async fn run(&self, queue: QueueName) -> Report {
        self.run_for(queue, Duration::from_secs(60)).await
    }

    pub async fn run_for(&self, queue: QueueName, time: Duration) -> Report {
        let deadline = Utc::now() + time;
        self.run_with_deadline(queue, deadline.timestamp_millis() as u64).await
    }

    /// One invocation by the very event that the schedule sends.
    pub async fn run_with_deadline(&self, queue: QueueName, deadline_ms: u64) -> Report {
        let event: Event = serde_json::from_value(event_json(&format!("queue-drain/{queue}.json"))).unwrap();
        assert_eq!(event.queue, queue);
        let mut context = lambda_runtime::Context::default();
        context.deadline = deadline_ms;
        context.env_config = Arc::default();
        handle(&self.context, LambdaEvent::new(event, context)).await.unwrap()
    }

    /// Invocations until nothing is left, also nothing that is hidden.
    pub async fn run_until_empty(&self, queue: QueueName) {
        for _ in 0..200 {
            self.run(queue).await;
            if self.count(queue).await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let left = self.redis.waiting(queue).await;
        let left: Vec<_> = left
            .iter()
            .map(|message| (message.receive_count, &message.last_error))
            .collect();
        panic!("{queue} does not get empty: {left:?}");
    }

    /// Messages in the queue, whatever their state.
    pub async fn count(&self, queue: QueueName) -> u64 {
        let attributes = self.redis.queue(queue).attributes().await.unwrap();
        attributes.visible + attributes.in_flight + attributes.delayed
    }

    /// The reasons in the dead-letter queue.
    pub async fn dead(&self, queue: QueueName) -> Vec<String> {
        let page = self.redis.queue(queue).dead_letter_queue().peek(0, 100).await.unwrap();
        page.items.into_iter().map(|message| message.reason).collect()
    }
}

/// A delivery of `body`, triggered now.
pub fn webhook(topic: &str, body: &Value) -> Webhook {
    let now: DateTime<Utc> = Utc::now();
    Webhook {
        delivery_id: Uuid::now_v7(),
        received_at: now,
        shop: shop(),
        topic: Topic::parse(topic),
        webhook_id: Some(Uuid::now_v7().to_string()),
        event_id: None,
        triggered_at: now,
        api_version: None,
        oversized: false,
        payload: Payload::Json(RawValue::from_string(body.to_string()).unwrap()),
    }
}

/// The official sample of a product's body, with an id and a title.
pub fn product(id: i64, title: &str) -> Value {
    let sample = event_json("webhook-ingest/products-update.json");
    let mut body: Value = serde_json::from_str(sample["body"].as_str().unwrap()).unwrap();
    body["id"] = json!(id);
    body["title"] = json!(title);
    body["variants"] = json!([body["variants"][0].clone()]);
    body["variants"][0]["id"] = json!(id * 10);
    body["variants"][0]["product_id"] = json!(id);
    body["variant_gids"] = json!([{
        "admin_graphql_api_id": format!("gid://shopify/ProductVariant/{}", id * 10),
        "updated_at": body["variants"][0]["updated_at"],
    }]);
    body
}
