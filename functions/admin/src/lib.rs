//! The admin API: `/trpc/*` in tRPC's wire form, and `/health`.
//!
//! Every procedure needs the admin token, every change is in the audit log. A cause goes to the log, never to the caller.

mod auth;
mod routes;
mod trpc;

use std::sync::Arc;

use lambda_http::http::Method;
use lambda_http::{Body, Error, Request, Response};
use serde_json::{Value, json};
use shared::config::Environment;
use shared::message::QueueName;
use shared::policies::Policies;
use shared::queue::{Queue, Redis};
use shared::shopify::Client;
use shared::store::Store;
use shared::throttle::Throttle;

use auth::AdminToken;

/// What one process holds.
pub struct Context {
    token: AdminToken,
    redis: Redis,
    policies: Policies,
    store: Store,
    client: Client,
}

impl Context {
    /// Reads the configuration. Touches no network.
    pub fn load(environment: &Environment) -> Result<Self, Error> {
        let redis = Redis::new(&environment.redis()?)?;
        let budget = Arc::new(Throttle::new(redis.clone()));
        Ok(Self {
            token: AdminToken::load(environment)?,
            redis,
            policies: Policies::load(environment)?,
            store: Store::new(&environment.postgres()?)?,
            client: Client::new(environment.shopify()?)?.with_budget(budget),
        })
    }

    fn queue(&self, name: QueueName) -> Result<Queue, shared::queue::Error> {
        Queue::new(self.redis.clone(), name.as_str(), self.policies.of(name).policy)
    }
}

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    let path = request.uri().path().to_owned();
    if let Some(procedures) = path.strip_prefix("/trpc/") {
        return trpc::handle(context, procedures, &request).await;
    }
    match (request.method(), path.as_str()) {
        (&Method::GET, "/health") => routes::health::get(context).await,
        _ => json_response(404, &json!({ "error": format!("there is nothing at {path}") })),
    }
}

fn json_response(status: u16, body: &Value) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .header("cache-control", "no-store")
        .body(Body::Text(body.to_string()))
        .expect("a status and JSON are a response")
}
