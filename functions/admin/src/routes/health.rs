//! `GET /health`: can this function reach what it needs?

use lambda_http::{Body, Response};
use serde_json::json;
use shared::telemetry::Chain;

use super::super::{Context, json_response};

/// 200 if Redis and Postgres answer, 503 with the names of what does not.
pub(crate) async fn get(context: &Context) -> Response<Body> {
    let (redis, postgres) = tokio::join!(context.redis.ping(), context.store.begin());
    if let Err(error) = &redis {
        tracing::error!(error = %Chain(error), "Redis is not available");
    }
    if let Err(error) = &postgres {
        tracing::error!(error = %Chain(error), "Postgres is not available");
    }
    let word = |ok| if ok { "ok" } else { "unavailable" };
    let healthy = redis.is_ok() && postgres.is_ok();
    let status = if healthy { 200 } else { 503 };
    json_response(
        status,
        &json!({ "redis": word(redis.is_ok()), "postgres": word(postgres.is_ok()) }),
    )
}
