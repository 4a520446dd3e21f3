//! The admin function with a Redis of its own and a store that it can ask.

use admin::{Context, handle};
use fake_shopify::Server;
use lambda_http::request::from_str;
use serde_json::{Value, json};
use shared::config::Environment;
use sqlx::PgPool;
use test_support::{Redis, database_url, event, event_json, shopify};

/// What the events under `events/admin` carry.
pub const ADMIN_TOKEN: &str = "hush-hush-admin-token";

pub struct Admin {
    pub redis: Redis,
    context: Context,
    pub server: Server,
}

impl Admin {
    pub async fn start(pool: &PgPool) -> Self {
        Self::start_on(&database_url(pool)).await
    }

    /// With a database in whatever state it is.
    pub async fn start_on(database_url: &str) -> Self {
        let (redis, server) = (Redis::start().await, shopify(3).await);
        let context = Context::load(&Environment::from_values([
            ("REDIS_HOST", "127.0.0.1"),
            ("REDIS_PORT", redis.port().as_str()),
            ("DATABASE_URL", database_url),
            ("SHOPIFY_ADMIN_URL", server.admin_url().as_str()),
            ("ADMIN_TOKEN", ADMIN_TOKEN),
        ]))
        .unwrap();
        Self { redis, context, server }
    }

    /// The answer to one of the events under `events/`.
    pub async fn event(&self, path: &str) -> (u16, Value) {
        self.answer(&event(path)).await
    }

    pub async fn post(&self, path: &str, input: &Value) -> (u16, Value) {
        self.post_as(Some(ADMIN_TOKEN), path, input).await
    }

    pub async fn post_as(&self, token: Option<&str>, path: &str, input: &Value) -> (u16, Value) {
        self.answer(&request(token, "POST", path, Some(&input.to_string())))
            .await
    }

    pub async fn query(&self, procedure: &str, input: &Value) -> (u16, Value) {
        self.get(&format!("/trpc/{procedure}?input={}", encoded(input))).await
    }

    pub async fn query_batch(&self, procedures: &str, input: &Value) -> (u16, Value) {
        self.get(&format!("/trpc/{procedures}?batch=1&input={}", encoded(input)))
            .await
    }

    pub async fn get(&self, target: &str) -> (u16, Value) {
        self.answer(&request(Some(ADMIN_TOKEN), "GET", target, None)).await
    }

    pub async fn raw(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        self.answer(&request(Some(ADMIN_TOKEN), method, path, Some(body))).await
    }

    /// The answer to an event of API Gateway.
    pub async fn answer(&self, event: &str) -> (u16, Value) {
        let response = handle(&self.context, from_str(event).unwrap()).await;
        let status = response.status().as_u16();
        (status, serde_json::from_slice(response.body()).unwrap())
    }
}

fn encoded(input: &Value) -> String {
    input.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The event that API Gateway makes of a request.
pub fn request(token: Option<&str>, method: &str, target: &str, body: Option<&str>) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut event = event_json("admin/bulk-import.json");
    event["rawPath"] = json!(path);
    event["rawQueryString"] = json!(query);
    event["requestContext"]["http"]["method"] = json!(method);
    event["requestContext"]["http"]["path"] = json!(path);
    event["headers"] = json!({ "content-type": "application/json", "host": "localhost" });
    if let Some(token) = token {
        event["headers"]["authorization"] = json!(format!("Bearer {token}"));
    }
    event["body"] = json!(body);
    event["isBase64Encoded"] = json!(false);
    event.to_string()
}
