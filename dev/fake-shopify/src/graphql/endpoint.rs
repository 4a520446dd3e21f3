//! `POST /{shop}/admin/api/{version}/graphql.json`.

use std::sync::Arc;
use std::time::Duration;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::Operation;
use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::validation::Valid;
use axum::body::Body;
use axum::extract::{Path, State as Extract};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, Response, StatusCode};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::cost;
use super::errors;
use super::execute::Executor;
use super::mutation::MutationRoot;
use super::plan::{Plan, Source};
use super::root::QueryRoot;
use super::schema;
use crate::clock;
use crate::faults::{self, Fault};
use crate::json::{self, Escape};
use crate::requests::Request;
use crate::shop::{Shop, State};

/// Versions that answer for themselves; any other is answered by the oldest of them, silently.
const SUPPORTED: [&str; 5] = ["2026-01", "2026-04", "2026-07", "2026-10", "unstable"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Posted {
    query: String,
    #[serde(default)]
    variables: Option<Map<String, Json>>,
    #[serde(default)]
    operation_name: Option<String>,
}

/// Answers one request.
pub async fn graphql(
    Extract(state): Extract<Arc<State>>,
    Path((shop, version)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let mut log = Request {
        at: clock::utc_micros(clock::micros()),
        kind: "graphql",
        shop: Some(shop.clone()),
        api_version: Some(version.clone()),
        ..Request::default()
    };
    let mut fault = None;
    let (status, answer) = answer(&state, &shop, &headers, &body, &mut log, &mut fault).await;
    log.status = status;
    log.errors = answer.starts_with(b"{\"errors\"") || find(&answer, b",\"errors\":[");
    log.fault = fault.as_ref().map(|fault| format!("{fault:?}"));
    state.requests.add(log);
    let served = SUPPORTED
        .iter()
        .find(|known| **known == version)
        .unwrap_or(&SUPPORTED[0]);
    let mut response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .header("X-Request-Id", Uuid::new_v4().to_string())
        .header("X-Shopify-API-Version", *served);
    if let Some(Fault::Reject {
        retry_after: Some(seconds),
        ..
    }) = fault
    {
        response = response.header(RETRY_AFTER, seconds);
    }
    let answer = Bytes::from(answer);
    let response = response
        .body(Body::from(answer.clone()))
        .expect("the headers are valid");
    match fault {
        Some(Fault::FailAfterWrite) => faults::cut(response, &answer, 0),
        Some(Fault::Truncate { after }) => faults::cut(response, &answer, after),
        _ => response,
    }
}

async fn answer(
    state: &Arc<State>,
    shop: &str,
    headers: &HeaderMap,
    body: &Bytes,
    log: &mut Request,
    fault: &mut Option<Fault>,
) -> (u16, Vec<u8>) {
    let Some(shop) = state.shop(Some(shop)) else {
        return refusal(404, "Not Found");
    };
    let token = headers
        .get("x-shopify-access-token")
        .and_then(|token| token.to_str().ok());
    if token != Some(&shop.token) || !shop.is_installed() {
        return refusal(
            401,
            "[API] Invalid API key or access token (unrecognized login or wrong password)",
        );
    }
    let Ok(posted) = serde_json::from_slice::<Posted>(body) else {
        return (
            400,
            json!({"errors": {"query": "Required parameter missing or invalid"}})
                .to_string()
                .into_bytes(),
        );
    };
    let checked = schema::document(&posted.query);
    let variables = posted.variables.unwrap_or_default();
    log.variables = if variables.is_empty() {
        Json::Null
    } else {
        Json::Object(variables.clone())
    };
    let found = checked
        .as_ref()
        .ok()
        .and_then(|document| named(document, posted.operation_name.as_deref()).ok());
    if let (Some(operation), Ok(document)) = (&found, &checked) {
        log.fields = operation
            .root_fields(document)
            .map(|field| field.name.to_string())
            .collect();
        let name = operation.name.as_ref().map(|name| name.to_string());
        log.operation = name.or_else(|| log.fields.first().cloned()).unwrap_or_default();
    }
    let named_so = std::iter::once(log.operation.as_str()).chain(log.fields.iter().map(String::as_str));
    *fault = state.faults.take(named_so.chain(["graphql"]));
    match fault {
        Some(Fault::Reject { status, .. }) => return refusal(*status, reason(*status)),
        Some(Fault::Slow { ms }) => clock::pause(Duration::from_millis(*ms)).await,
        _ => {}
    }
    let document = match checked {
        Ok(document) => document,
        Err(errors) => return (200, json!({"errors": *errors}).to_string().into_bytes()),
    };
    let throttled = *fault == Some(Fault::Throttled);
    let operation = match named(&document, posted.operation_name.as_deref()) {
        Ok(operation) => operation,
        Err(message) => return failure(errors::bad_request(&message)),
    };
    let variables = match coerced(operation, &variables) {
        Ok(variables) => variables,
        Err(message) => return failure(errors::variable(&message)),
    };
    (200, execute(state, &shop, &document, operation, &variables, throttled))
}

/// Runs an operation that is valid. Resolvers are quick and never wait, so no other task is needed for them.
fn execute(
    state: &Arc<State>,
    shop: &Arc<Shop>,
    document: &Valid<ExecutableDocument>,
    operation: &Operation,
    variables: &Map<String, Json>,
    throttled: bool,
) -> Vec<u8> {
    let source = Source {
        schema: schema::schema(),
        document,
        variables,
        bulk: false,
    };
    let requested = cost::requested(operation, &source);
    if requested > cost::QUERY_LIMIT {
        return errors_only(
            errors::max_cost(requested, cost::QUERY_LIMIT),
            shop.bucket.report(requested, None),
        );
    }
    if throttled || !shop.bucket.take(requested) {
        return errors_only(errors::throttled(), shop.bucket.report(requested, None));
    }
    let mut executor = Executor::new(source, Escape::Plain);
    let plan = Plan::new(&operation.selection_set);
    let mut out = b"{\"data\":".to_vec();
    let mut warnings = Vec::new();
    if operation.is_mutation() {
        executor.write(&MutationRoot { state, shop }, &plan, &mut out);
    } else {
        let catalogue = shop.catalogue.read().expect("the catalogue is never poisoned");
        executor.access = catalogue.facts.access();
        let root = QueryRoot::new(shop, &catalogue);
        executor.write(&root, &plan, &mut out);
        warnings = root.warnings();
    }
    let actual = match operation.is_mutation() {
        true => requested,
        // Nothing found is not free either.
        false => executor.points.max(1.0).min(requested),
    };
    shop.bucket.refund(requested - actual);
    if !executor.errors.is_empty() {
        out.extend_from_slice(b",\"errors\":");
        json::value(&mut out, &Json::Array(executor.errors), Escape::Plain);
    }
    let mut extensions = json!({"cost": shop.bucket.report(requested, Some(actual))});
    if !warnings.is_empty() {
        extensions["search"] = Json::Array(warnings);
    }
    out.extend_from_slice(b",\"extensions\":");
    json::value(&mut out, &extensions, Escape::Plain);
    out.push(b'}');
    out
}

fn named<'d>(document: &'d ExecutableDocument, name: Option<&str>) -> Result<&'d Operation, String> {
    match document.operations.get(name.filter(|name| !name.is_empty())) {
        Ok(operation) => Ok(operation),
        Err(_) if name.is_none() => Err("An operation name is required".to_owned()),
        Err(_) => Err(format!("No operation named \"{}\"", name.unwrap_or_default())),
    }
}

/// Variables checked against their types, defaults put in.
fn coerced(operation: &Operation, given: &Map<String, Json>) -> Result<Map<String, Json>, String> {
    let ours = Json::Object(given.clone());
    let theirs = serde_json::from_value(ours).map_err(|error| error.to_string())?;
    let coerced =
        coerce_variable_values(schema::schema(), operation, &theirs).map_err(|error| error.message().to_string())?;
    match serde_json::to_value(coerced.into_inner()) {
        Ok(Json::Object(variables)) => Ok(variables),
        _ => Err("variables must be an object".to_owned()),
    }
}

fn errors_only(error: Json, cost: Json) -> Vec<u8> {
    json!({"errors": [error], "extensions": {"cost": cost}})
        .to_string()
        .into_bytes()
}

fn failure(error: Json) -> (u16, Vec<u8>) {
    (200, json!({"errors": [error]}).to_string().into_bytes())
}

fn refusal(status: u16, message: &str) -> (u16, Vec<u8>) {
    let status = StatusCode::from_u16(status).map_or(500, |status| status.as_u16());
    (status, json!({"errors": message}).to_string().into_bytes())
}

/// What Shopify says with a status.
fn reason(status: u16) -> &'static str {
    match status {
        401 => "[API] Invalid API key or access token (unrecognized login or wrong password)",
        402 => "Unavailable Shop",
        403 => "[API] This action requires merchant approval for a scope.",
        404 => "Not Found",
        423 => "Locked Shop",
        429 => "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service.",
        504 => "Gateway Timeout",
        _ => "Internal Server Error",
    }
}

fn find(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
