//! The HTTP API in front of the functions, with the routes and the limits of the deployed one.
//!
//! Failures are worded as AWS words them: 404 for a route that is not there, 413 for a body that is too large, 500 when
//! the function raised an error or answered nonsense, 503 when it did not answer in time or is throttled.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::event;
use super::invoke::{Invoker, SYNCHRONOUS_LIMIT};
use crate::functions::PREFIX;
use crate::runtime::Outcome;

/// An HTTP API takes no more.
const BODY_LIMIT: usize = 10 * 1024 * 1024;
/// It waits no longer.
const INTEGRATION_LIMIT: Duration = Duration::from_secs(30);

/// The API, all routes.
pub(super) fn routes(invoker: Invoker) -> Router {
    Router::new().fallback(handle).with_state(invoker)
}

async fn handle(State(invoker): State<Invoker>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Some(route) = Route::of(&head.method, head.uri.path()) else {
        return message(StatusCode::NOT_FOUND, "Not Found");
    };
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let event = event::of_request(&head, &body, route.key, route.proxy).to_string();
    if event.len() > SYNCHRONOUS_LIMIT {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    }
    let name = format!("{PREFIX}{}", route.function);
    let call = tokio::time::timeout(INTEGRATION_LIMIT, invoker.run(&name, event.into()));
    match call.await {
        Ok(Ok(Outcome::Succeeded(answer))) => event::to_response(&answer).unwrap_or_else(|error| {
            eprintln!("dev-stack: {name} answered what is no HTTP response: {error}");
            message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }),
        Ok(Ok(outcome)) => {
            eprintln!("dev-stack: {name} failed: {}", outcome.failure().unwrap_or_default());
            let timed_out = matches!(outcome, Outcome::TimedOut(_));
            unavailable(timed_out)
        }
        Ok(Err(error)) => {
            eprintln!("dev-stack: {name}: {error:#}");
            unavailable(true)
        }
        Err(_) => unavailable(true),
    }
}

/// The routes of `template.yaml`, each with its function; a test compares them.
const ROUTES: [(&str, &str); 3] = [
    ("POST /webhooks", "webhook-ingest"),
    ("GET /health", "admin"),
    ("ANY /trpc/{proxy+}", "admin"),
];

/// A route that matched.
struct Route<'a> {
    key: &'static str,
    function: &'static str,
    proxy: Option<&'a str>,
}

impl<'a> Route<'a> {
    fn of(method: &Method, path: &'a str) -> Option<Self> {
        ROUTES.iter().find_map(|(key, function)| {
            let (wanted, pattern) = key.split_once(' ')?;
            if wanted != "ANY" && wanted != method.as_str() {
                return None;
            }
            let proxy = match pattern.strip_suffix("{proxy+}") {
                Some(prefix) => Some(path.strip_prefix(prefix).filter(|tail| !tail.is_empty())?),
                None => (path == pattern).then_some(None)?,
            };
            Some(Self { key, function, proxy })
        })
    }
}

fn unavailable(temporarily: bool) -> Response {
    if temporarily {
        message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
    } else {
        message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    }
}

fn message(status: StatusCode, text: &str) -> Response {
    let body = serde_json::json!({ "message": text }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], Body::from(body)).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_routes_are_those_of_the_template() {
        let text = std::fs::read_to_string(crate::home::root().unwrap().join("template.yaml")).unwrap();
        let template: Value = serde_saphyr::from_str(&text).unwrap();
        let mut deployed = BTreeMap::new();
        for (_, resource) in template["Resources"].as_object().unwrap() {
            let properties = &resource["Properties"];
            for (_, event) in properties["Events"].as_object().into_iter().flatten() {
                if event["Type"] == "HttpApi" {
                    let route = &event["Properties"];
                    let key = format!(
                        "{} {}",
                        route["Method"].as_str().unwrap(),
                        route["Path"].as_str().unwrap()
                    );
                    let name = properties["FunctionName"].as_str().unwrap();
                    deployed.insert(key, name.trim_start_matches("${AWS::StackName}-").to_owned());
                }
            }
        }
        let local = ROUTES.map(|(key, function)| (key.to_owned(), function.to_owned()));
        assert_eq!(BTreeMap::from(local), deployed);
    }

    #[test]
    fn only_the_deployed_routes_are_there() {
        let function = |method: Method, path| Route::of(&method, path).map(|route| (route.function, route.proxy));
        assert_eq!(function(Method::POST, "/webhooks"), Some(("webhook-ingest", None)));
        assert_eq!(function(Method::GET, "/webhooks"), None);
        assert_eq!(
            function(Method::GET, "/trpc/sync.job"),
            Some(("admin", Some("sync.job")))
        );
        assert_eq!(function(Method::GET, "/"), None);
        assert_eq!(function(Method::GET, "/trpc/"), None);
    }
}
