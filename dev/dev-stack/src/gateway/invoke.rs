//! Lambda's Invoke API, in AWS's form: what the SDK, Step Functions and `aws lambda invoke` expect.
//!
//! A function's error is a 200 with the header `X-Amz-Function-Error`; an asynchronous call is a 202 and is repeated
//! twice if it fails; a call that finds no free environment is a 429.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::runtime::{Outcome, Runtime, THROTTLE_LIMIT};

/// A synchronous call takes no larger payload.
pub(super) const SYNCHRONOUS_LIMIT: usize = 6 * 1024 * 1024;
/// An asynchronous one even less.
const ASYNCHRONOUS_LIMIT: usize = 1024 * 1024;

/// Invokes functions as AWS's services do.
#[derive(Debug, Clone)]
pub struct Invoker {
    runtime: Arc<Runtime>,
    /// How long an asynchronous call waits before its first and its second repetition.
    retries: [Duration; 2],
    /// Closed when the stack stops: no repetition starts any more.
    running: Arc<Semaphore>,
}

/// Why there was no invocation.
#[derive(Debug)]
pub enum Refusal {
    /// No function has this name.
    Unknown,
    /// All environments were taken for as long as one waits.
    Throttled,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Unknown => "no such function",
            Self::Throttled => "no free environment",
        })
    }
}

impl std::error::Error for Refusal {}

impl Invoker {
    pub(super) fn new(runtime: Arc<Runtime>, retries: [Duration; 2]) -> Self {
        Self {
            runtime,
            retries,
            running: Arc::new(Semaphore::new(1)),
        }
    }

    pub(super) fn stop(&self) {
        self.running.close();
    }

    /// Invokes and waits for the end. An error is a [`Refusal`], or a failure of the stack itself.
    pub async fn run(&self, name: &str, payload: Bytes) -> Result<Outcome> {
        self.run_within(name, payload, THROTTLE_LIMIT).await
    }

    /// The same, but waits for a free environment no longer than `patience`.
    pub async fn run_within(&self, name: &str, payload: Bytes, patience: Duration) -> Result<Outcome> {
        if self.runtime.function(name).is_none() {
            return Err(Refusal::Unknown.into());
        }
        let Some(slot) = self.runtime.slot(name, patience).await else {
            return Err(Refusal::Throttled.into());
        };
        slot.invoke(payload).await
    }

    /// Invokes without waiting for the end. A failure is logged, and the call repeated as AWS does.
    pub fn start(&self, name: &str, payload: Bytes) {
        let (invoker, name) = (self.clone(), name.to_owned());
        tokio::spawn(async move { invoker.run_asynchronously(&name, payload).await });
    }

    /// One tick of a schedule: the failure, if there is one. Dropped if all environments are busy, and not repeated if
    /// it fails: the next tick comes sooner than a repetition would.
    pub async fn tick(&self, name: &str, payload: Bytes) -> Option<String> {
        match self.run_within(name, payload, Duration::ZERO).await {
            Ok(outcome) => outcome.failure(),
            Err(error) if error.is::<Refusal>() => None,
            Err(error) => Some(format!("{error:#}")),
        }
    }

    async fn run_asynchronously(&self, name: &str, payload: Bytes) {
        let Some(function) = self.runtime.function(name) else {
            return;
        };
        let delays = self.retries.iter().take(function.asynchronous_retries());
        for delay in delays.map(Some).chain([None]) {
            // A throttled event stays in AWS's own queue for hours and does not count as a try.
            let outcome = loop {
                match self.run(name, payload.clone()).await {
                    Err(error) if error.is::<Refusal>() && !self.running.is_closed() => {}
                    other => break other,
                }
            };
            let failure = match outcome {
                Ok(Outcome::Succeeded(_)) => return,
                Ok(outcome) => outcome.failure().unwrap_or_default(),
                Err(error) => format!("{error:#}"),
            };
            if self.running.is_closed() {
                return;
            }
            let Some(delay) = delay else {
                eprintln!("dev-stack: {name} failed ({failure}); the event is given up");
                return;
            };
            eprintln!("dev-stack: {name} failed ({failure}); again in {} s", delay.as_secs());
            tokio::time::sleep(*delay).await;
        }
    }
}

/// The one route of the API that is ours.
pub(super) fn routes(invoker: Invoker) -> Router {
    Router::new()
        .route("/2015-03-31/functions/{name}/invocations", post(handle))
        .route("/2015-03-31/functions/{name}/invocations/", post(handle))
        .with_state(invoker)
}

async fn handle(State(invoker): State<Invoker>, Path(name): Path<String>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let name = plain_name(&name);
    let kind = header_of(&head.headers, "x-amz-invocation-type");
    if invoker.runtime.function(name).is_none() {
        let text = format!("Function not found: arn:aws:lambda:local:012345678912:function:{name}");
        return refusal(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            json!({ "Type": "User", "Message": text }),
        );
    }
    let limit = if kind == "Event" {
        ASYNCHRONOUS_LIMIT
    } else {
        SYNCHRONOUS_LIMIT
    };
    let Ok(payload) = to_bytes(body, limit).await else {
        let text = format!("Request must be smaller than {limit} bytes for the InvokeFunction operation");
        let body = json!({ "Type": "User", "message": text });
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", body);
    };
    let payload = if payload.is_empty() {
        Bytes::from_static(b"{}")
    } else {
        payload
    };
    if serde_json::from_slice::<serde::de::IgnoredAny>(&payload).is_err() {
        let body = json!({ "Type": "User", "Message": "Could not parse request body into json" });
        return refusal(StatusCode::BAD_REQUEST, "InvalidRequestContentException", body);
    }
    match kind {
        "DryRun" => StatusCode::NO_CONTENT.into_response(),
        "Event" => {
            invoker.start(name, payload);
            StatusCode::ACCEPTED.into_response()
        }
        _ => answer(name, invoker.run(name, payload).await),
    }
}

fn answer(name: &str, outcome: Result<Outcome>) -> Response {
    match outcome {
        Ok(outcome) => {
            let mut response = Response::new(Body::from(outcome.body().clone()));
            let headers = response.headers_mut();
            headers.insert(
                header::CONTENT_TYPE,
                header::HeaderValue::from_static("application/json"),
            );
            headers.insert("x-amz-executed-version", header::HeaderValue::from_static("$LATEST"));
            if !matches!(outcome, Outcome::Succeeded(_)) {
                headers.insert("x-amz-function-error", header::HeaderValue::from_static("Unhandled"));
            }
            response
        }
        Err(error) if error.is::<Refusal>() => {
            let body =
                json!({ "Reason": "ConcurrentInvocationLimitExceeded", "Type": "User", "message": "Rate Exceeded." });
            refusal(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", body)
        }
        Err(error) => {
            eprintln!("dev-stack: {name}: {error:#}");
            let body = json!({ "Type": "Service", "Message": "The stack cannot run the function; see its log" });
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "ServiceException", body)
        }
    }
}

fn refusal(status: StatusCode, kind: &'static str, body: serde_json::Value) -> Response {
    (
        status,
        [
            ("x-amzn-errortype", kind.to_owned()),
            ("content-type", "application/json".to_owned()),
            // Without it, the client inside moto fails on the answer itself and not by its error.
            ("x-amzn-requestid", uuid::Uuid::new_v4().to_string()),
        ],
        body.to_string(),
    )
        .into_response()
}

/// A function may be named by its name, its ARN or a part of it, each with or without a version at its end.
fn plain_name(name: &str) -> &str {
    let tail = name.rsplit_once("function:").map_or(name, |(_, tail)| tail);
    tail.split(':').next().unwrap_or(tail)
}

fn header_of<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_known_by_all_its_names() {
        let arn = "arn:aws:lambda:eu-west-1:012345678912:function:mercury-admin";
        for name in [
            "mercury-admin",
            "mercury-admin:live",
            arn,
            &format!("{arn}:3"),
            "0123:function:mercury-admin",
        ] {
            assert_eq!(plain_name(name), "mercury-admin");
        }
    }
}
