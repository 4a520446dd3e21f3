//! What the sender of a webhook is told, and what is kept of it.

mod trouble;

use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lambda_http::request::from_str;
use serde_json::json;
use shared::config::Environment;
use shared::message::{Body, Payload, QueueName, Rejected, Webhook, decode};
use shared::queue::State;
use sqlx::PgPool;
use test_support::{Redis, SECRET, database_url, event, event_json, rows};
use webhook_ingest::{Context, handle};

/// A function with a Redis of its own.
struct Function {
    redis: Redis,
    context: Context,
}

impl Function {
    async fn start(pool: &PgPool) -> Self {
        Self::with_secrets(pool, SECRET).await
    }

    async fn with_secrets(pool: &PgPool, secrets: &str) -> Self {
        Self::with(&database_url(pool), secrets).await
    }

    async fn with(database_url: &str, secrets: &str) -> Self {
        let redis = Redis::start().await;
        let environment = Environment::from_values([
            ("REDIS_HOST", "127.0.0.1"),
            ("REDIS_PORT", &redis.port()),
            ("DATABASE_URL", database_url),
            ("SHOPIFY_WEBHOOK_SECRET", secrets),
        ]);
        let context = Context::load(&environment).unwrap();
        Self { redis, context }
    }

    /// The status of the answer to one event.
    async fn status(&self, event: &str) -> u16 {
        handle(&self.context, from_str(event).unwrap()).await.status().as_u16()
    }

    /// What lies in the queue.
    async fn messages(&self) -> Vec<Body> {
        let page = self.redis.queue(QueueName::WebhookProcess).peek(0, 100).await.unwrap();
        page.items
            .iter()
            .map(|message| {
                assert_eq!(message.state, State::Visible);
                decode(&message.body).unwrap()
            })
            .collect()
    }

    async fn webhooks(&self) -> Vec<Webhook> {
        self.messages()
            .await
            .into_iter()
            .map(|body| match body {
                Body::Webhook(webhook) => webhook,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    async fn rejected(&self) -> Vec<Rejected> {
        self.messages()
            .await
            .into_iter()
            .filter_map(|body| match body {
                Body::Rejected(rejected) => Some(rejected),
                _ => None,
            })
            .collect()
    }
}

/// An event with this body, signed.
fn signed(topic: &str, body: &[u8]) -> String {
    let mut event = event_json("webhook-ingest/products-update.json");
    event["headers"]["x-shopify-hmac-sha256"] = json!(fake_signature(body));
    event["headers"]["x-shopify-topic"] = json!(topic);
    event["isBase64Encoded"] = json!(true);
    event["body"] = json!(BASE64_STANDARD.encode(body));
    event.to_string()
}

/// Computed by the fake store's own code, not by ours.
fn fake_signature(body: &[u8]) -> String {
    test_support::sign(SECRET, body)
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_genuine_delivery_is_accepted_and_queued_byte_for_byte(pool: PgPool) {
    let function = Function::start(&pool).await;
    let update = event_json("webhook-ingest/products-update.json");
    assert_eq!(function.status(&update.to_string()).await, 200);
    let webhooks = function.webhooks().await;
    assert_eq!(webhooks.len(), 1);
    assert_eq!(webhooks[0].shop.as_str(), "demo.myshopify.com");
    assert_eq!(webhooks[0].topic.as_str(), "products/update");
    let Payload::Json(json) = &webhooks[0].payload else {
        panic!("the payload is JSON")
    };
    // The queue's body drops nothing but the blank space around the document.
    assert_eq!(json.get(), update["body"].as_str().unwrap().trim());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_body_in_base64_is_decoded_before_it_is_verified(pool: PgPool) {
    let function = Function::start(&pool).await;
    assert_eq!(function.status(&event("webhook-ingest/base64-body.json")).await, 200);
    assert_eq!(function.webhooks().await.len(), 1);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_unknown_topic_is_accepted_and_queued(pool: PgPool) {
    let function = Function::start(&pool).await;
    assert_eq!(function.status(&event("webhook-ingest/unknown-topic.json")).await, 200);
    assert_eq!(function.webhooks().await.len(), 1);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_delivery_sent_twice_is_queued_once_and_accepted_twice(pool: PgPool) {
    let function = Function::start(&pool).await;
    let update = event("webhook-ingest/products-update.json");
    assert_eq!(
        (function.status(&update).await, function.status(&update).await),
        (200, 200)
    );
    assert_eq!(function.webhooks().await.len(), 1);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn one_webhook_id_under_two_topics_is_two_deliveries(pool: PgPool) {
    let function = Function::start(&pool).await;
    for topic in ["products/update", "products/create"] {
        assert_eq!(function.status(&signed(topic, br#"{"id":1}"#)).await, 200);
    }
    assert_eq!(function.webhooks().await.len(), 2);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_missing_or_wrong_signature_is_401_and_only_the_rejection_is_kept(pool: PgPool) {
    let function = Function::start(&pool).await;
    for file in ["bad-signature", "missing-signature"] {
        assert_eq!(
            function.status(&event(&format!("webhook-ingest/{file}.json"))).await,
            401,
            "{file}"
        );
    }
    let rejected = function.rejected().await;
    assert_eq!((rejected.len(), function.messages().await.len()), (2, 2));
    assert!(
        rejected[0].reason.contains("SHOPIFY_WEBHOOK_SECRET"),
        "{}",
        rejected[0].reason
    );
    assert!(rows(&pool, "select topic from webhook_logs").await.is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_anybody_can_send_is_kept_only_in_small_measure(pool: PgPool) {
    let function = Function::start(&pool).await;
    let mut flood = event_json("webhook-ingest/bad-signature.json");
    flood["body"] = json!("x".repeat(100_000));
    flood["headers"]["x-shopify-topic"] = json!("t".repeat(5_000));
    for _ in 0..60 {
        assert_eq!(function.status(&flood.to_string()).await, 401);
    }
    let rejected = function.rejected().await;
    assert!(rejected.len() < 40, "{} kept", rejected.len());
    assert!(
        rejected
            .iter()
            .all(|kept| kept.body.0.len() <= 16 << 10 && kept.body_size == 100_000)
    );
    assert!(rejected.iter().all(|kept| kept.topic.as_ref().unwrap().len() <= 255));
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_genuine_delivery_with_unusable_headers_is_400(pool: PgPool) {
    let function = Function::start(&pool).await;
    for file in ["missing-topic", "missing-shop", "foreign-domain"] {
        assert_eq!(
            function.status(&event(&format!("webhook-ingest/{file}.json"))).await,
            400,
            "{file}"
        );
    }
    let mut tricky = event_json("webhook-ingest/products-update.json");
    tricky["headers"]["x-shopify-shop-domain"] = json!("x.myshopify.com.evil.example");
    assert_eq!(function.status(&tricky.to_string()).await, 400);
    assert!(function.messages().await.is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_signature_of_any_secret_of_a_rotation_is_accepted(pool: PgPool) {
    let function = Function::with_secrets(&pool, &format!("newest,{SECRET}")).await;
    assert_eq!(
        function.status(&event("webhook-ingest/products-update.json")).await,
        200
    );
    let other = Function::with_secrets(&pool, "newest,older").await;
    assert_eq!(other.status(&event("webhook-ingest/products-update.json")).await, 401);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_signed_body_that_is_no_json_is_accepted_and_kept_as_it_came(pool: PgPool) {
    let function = Function::start(&pool).await;
    let broken = b"{\"id\": 1, \xff";
    assert_eq!(function.status(&signed("products/update", broken)).await, 200);
    let Payload::Bytes(bytes) = &function.webhooks().await[0].payload else {
        panic!("it is not JSON")
    };
    assert_eq!(bytes.0, broken);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn of_a_genuine_body_too_large_for_the_queue_what_it_is_about_is_kept(pool: PgPool) {
    let function = Function::start(&pool).await;
    let large = "x".repeat(3 << 20);
    for (topic, body, kept) in [
        (
            "products/update",
            json!({ "id": 788_032_119_674_292_922i64, "body_html": large }),
            r#"{"id":788032119674292922}"#,
        ),
        (
            "refunds/create",
            json!({ "id": 1, "order_id": 2, "note": large }),
            r#"{"id":1,"order_id":2}"#,
        ),
    ] {
        assert_eq!(function.status(&signed(topic, body.to_string().as_bytes())).await, 200);
        let webhooks = function.webhooks().await;
        let webhook = webhooks.iter().find(|webhook| webhook.topic.as_str() == topic).unwrap();
        let Payload::Json(json) = &webhook.payload else {
            panic!("a stub is JSON")
        };
        assert!(webhook.oversized);
        assert_eq!(json.get(), kept);
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_compliance_body_is_kept_whole_however_large(pool: PgPool) {
    let function = Function::start(&pool).await;
    let orders: Vec<i64> = (7_000_000_000_000..7_000_000_200_000).collect();
    let body = json!({ "customer": { "id": 1 }, "orders_to_redact": orders }).to_string();
    assert!(body.len() > 2 << 20);
    assert_eq!(function.status(&signed("customers/redact", body.as_bytes())).await, 200);
    let webhooks = function.webhooks().await;
    let Payload::Json(json) = &webhooks[0].payload else {
        panic!("it is JSON")
    };
    assert!(!webhooks[0].oversized);
    assert_eq!(json.get(), body);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn without_redis_the_sender_is_told_in_time_to_try_again(pool: PgPool) {
    let mut function = Function::start(&pool).await;
    let update = event("webhook-ingest/products-update.json");
    function.redis.stop().await;
    let begin = Instant::now();
    assert_eq!(function.status(&update).await, 503);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    function.redis.resume().await;
    // The same process, without a restart.
    assert_eq!(function.status(&update).await, 200);
    assert_eq!(function.webhooks().await.len(), 1);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_no_reconcile_could_heal_is_committed_before_the_answer(pool: PgPool) {
    let mut function = Function::start(&pool).await;
    assert_eq!(
        function.status(&event("webhook-ingest/app-uninstalled.json")).await,
        200
    );
    assert_eq!(
        function.status(&event("webhook-ingest/customers-redact.json")).await,
        200
    );
    let logged = rows(&pool, "select topic || ' ' || status from webhook_logs order by topic").await;
    assert_eq!(logged, ["app/uninstalled received", "customers/redact received"]);
    // Redis may be gone: the log has it all the same, and the sender comes again.
    function.redis.stop().await;
    assert_eq!(function.status(&signed("shop/redact", b"{}")).await, 503);
    assert_eq!(
        rows(&pool, "select topic from webhook_logs where topic = 'shop/redact'")
            .await
            .len(),
        1
    );
}

#[tokio::test]
async fn what_cannot_be_committed_is_not_accepted() {
    let nowhere = "postgres://nobody@127.0.0.1:1/none";
    let function = Function::with(nowhere, SECRET).await;
    assert_eq!(
        function.status(&event("webhook-ingest/app-uninstalled.json")).await,
        503
    );
    assert!(function.messages().await.is_empty());
    // Everything else needs no Postgres.
    assert_eq!(
        function.status(&event("webhook-ingest/products-update.json")).await,
        200
    );
}

#[test]
fn a_missing_setting_stops_the_cold_start_with_its_name() {
    let error = Context::load(&Environment::from_values([])).err().unwrap().to_string();
    assert!(error.starts_with("REDIS_HOST is not set"), "{error}");
}
