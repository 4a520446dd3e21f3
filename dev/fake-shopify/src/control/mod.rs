//! The control API under `/_fake`: what a test or a person does to the fake, as opposed to what Shopify offers.
//!
//! JSON in, JSON out, no authentication. Unknown keys are refused, so that a misspelt option never passes silently.

mod deliver;
mod edit;
mod script;
mod view;

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;

use crate::shop::{Shop, State};

/// The routes below `/_fake`.
pub fn router() -> Router<Arc<State>> {
    Router::new()
        .route("/subscribe", post(deliver::subscribe))
        .route(
            "/subscriptions",
            get(deliver::subscriptions).delete(deliver::clear_subscriptions),
        )
        .route("/deliver", post(deliver::deliver))
        .route("/edit", post(edit::edit))
        .route("/refused", post(edit::refuse))
        .route("/traffic", post(edit::traffic))
        .route("/shops", post(edit::add_shop))
        .route("/faults", post(script::add).get(script::list).delete(script::clear))
        .route("/requests", get(script::requests).delete(script::clear_requests))
        .route("/rows/{table}", get(view::rows))
        .route("/products", get(view::products))
        .route("/stats", get(view::stats))
}

/// What went wrong, in words, with its status.
struct Failure(StatusCode, String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self(StatusCode::UNPROCESSABLE_ENTITY, message)
    }
}

fn shop(state: &State, domain: Option<&str>) -> Result<Arc<Shop>, Failure> {
    state
        .shop(domain)
        .ok_or_else(|| Failure(StatusCode::NOT_FOUND, format!("no shop {}", domain.unwrap_or_default())))
}
