//! What the sender is told while something of ours hangs, and what the log never shows.

use std::time::{Duration, Instant};

use lambda_http::request::from_str;
use serde_json::json;
use shared::config::Environment;
use sqlx::PgPool;
use test_support::{Log, SECRET, Useless, database_url, event, event_json};
use webhook_ingest::{Context, handle};

use crate::{Function, signed};

/// What Shopify waits for an answer.
const SHOPIFY_WAITS: Duration = Duration::from_secs(5);

/// A function with these services, in whatever state they are.
fn context(redis_port: &str, database_url: &str) -> Context {
    let environment = Environment::from_values([
        ("REDIS_HOST", "127.0.0.1"),
        ("REDIS_PORT", redis_port),
        ("DATABASE_URL", database_url),
        ("SHOPIFY_WEBHOOK_SECRET", SECRET),
    ]);
    Context::load(&environment).unwrap()
}

/// The status of the answer, which must come in time.
async fn status_in_time(context: &Context, event: &str) -> u16 {
    let begin = Instant::now();
    let status = handle(context, from_str(event).unwrap()).await.status().as_u16();
    assert!(begin.elapsed() < SHOPIFY_WAITS, "{:?}", begin.elapsed());
    status
}

#[tokio::test]
async fn a_redis_that_does_not_answer_is_told_as_in_time_as_one_that_is_away() {
    let (redis, postgres) = (Useless::silent().await, Useless::closing().await);
    let context = context(&redis.port(), &postgres.database_url());
    assert_eq!(
        status_in_time(&context, &event("webhook-ingest/products-create.json")).await,
        503
    );
    // One that cannot prove where it comes from is refused all the same.
    assert_eq!(
        status_in_time(&context, &event("webhook-ingest/bad-signature.json")).await,
        401
    );
}

#[tokio::test]
async fn a_postgres_that_does_not_answer_is_told_in_time() {
    let (redis, postgres) = (Useless::silent().await, Useless::silent().await);
    let context = context(&redis.port(), &postgres.database_url());
    assert_eq!(
        status_in_time(&context, &event("webhook-ingest/customers-redact.json")).await,
        503
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_slow_postgres_and_a_silent_redis_together_do_not_use_up_the_senders_patience(pool: PgPool) {
    let redis = Useless::silent().await;
    let context = context(&redis.port(), &database_url(&pool));
    // The log's table is locked for half of the time that there is.
    let mut lock = pool.begin().await.unwrap();
    sqlx::raw_sql("lock table webhook_logs in exclusive mode")
        .execute(&mut *lock)
        .await
        .unwrap();
    let unlock = async {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        lock.rollback().await.unwrap();
    };
    let redact = event("webhook-ingest/customers-redact.json");
    let (status, ()) = tokio::join!(status_in_time(&context, &redact), unlock);
    assert_eq!(status, 503);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn no_payload_secret_or_mail_address_is_in_the_log(pool: PgPool) {
    let log = Log::start();
    let mut function = Function::start(&pool).await;
    let mut forged = event_json("webhook-ingest/customers-redact.json");
    forged["headers"]["x-shopify-hmac-sha256"] = json!("c2VjcmV0LXNpZ25hdHVyZS1vZi0zMi1ieXRlcy1sb25nISE=");
    let statuses = [
        (
            function.status(&event("webhook-ingest/products-create.json")).await,
            200,
        ),
        (
            function.status(&event("webhook-ingest/customers-redact.json")).await,
            200,
        ),
        (
            function.status(&event("webhook-ingest/app-uninstalled.json")).await,
            200,
        ),
        (function.status(&forged.to_string()).await, 401),
        (function.status(&event("webhook-ingest/missing-topic.json")).await, 400),
        (
            function
                .status(&signed("products/update", b"{\"email\": \"john@example.com\","))
                .await,
            200,
        ),
    ];
    assert!(
        statuses.iter().all(|(status, expected)| status == expected),
        "{statuses:?}"
    );
    function.redis.stop().await;
    assert_eq!(
        function.status(&event("webhook-ingest/products-update.json")).await,
        503
    );
    let gone = Useless::closing().await;
    let without_postgres = context(&function.redis.port(), &gone.database_url());
    assert_eq!(
        status_in_time(&without_postgres, &event("webhook-ingest/customers-redact.json")).await,
        503
    );

    log.assert_with(&[
        "delivery accepted",
        "delivery refused",
        "Redis unavailable",
        "Postgres unavailable",
    ]);
    log.assert_without(&[
        SECRET,
        "pa55word",
        "john@example.com",
        "555-625-1199",
        "super@supertoys.com",
        "Super Toys",
        "Example T-Shirt",
        "191167",
        "c2VjcmV0",
        "gMgpnNqCQMYwuTRRWyebW11zQH4MUCOZsK9VkPK2TFw=",
    ]);
}
