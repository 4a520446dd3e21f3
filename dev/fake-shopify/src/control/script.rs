//! Scripted faults and the log of requests.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State as Extract};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Failure;
use crate::faults::Fault;
use crate::shop::State;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    operation: String,
    fault: Fault,
    #[serde(default = "once")]
    times: usize,
}

fn once() -> usize {
    1
}

/// Adds to the script.
pub async fn add(Extract(state): Extract<Arc<State>>, Json(body): Json<Script>) -> Result<Json<Value>, Failure> {
    state.faults.script(&body.operation, &body.fault, body.times)?;
    Ok(list(Extract(state)).await)
}

/// What has not happened yet.
pub async fn list(Extract(state): Extract<Arc<State>>) -> Json<Value> {
    Json(json!({"pending": state.faults.pending()}))
}

/// Forgets the script.
pub async fn clear(Extract(state): Extract<Arc<State>>) -> Json<Value> {
    state.faults.clear();
    Json(json!({"pending": {}}))
}

#[derive(Deserialize)]
pub struct Wanted {
    operation: Option<String>,
}

/// The log, of one operation, root field or kind, or all of it.
pub async fn requests(Extract(state): Extract<Arc<State>>, Query(query): Query<Wanted>) -> Json<Value> {
    Json(json!({"requests": state.requests.list(query.operation.as_deref())}))
}

/// Forgets the log.
pub async fn clear_requests(Extract(state): Extract<Arc<State>>) -> Json<Value> {
    state.requests.clear();
    Json(json!({"requests": []}))
}
