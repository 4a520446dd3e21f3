//! All calls to AWS that are not for Lambda are passed on to moto as they are.

use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// No request of ours to Step Functions or Secrets Manager is larger.
const LIMIT: usize = 16 * 1024 * 1024;
/// Of one connection, not of the message.
const HOP_BY_HOP: [HeaderName; 4] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::DATE,
];

#[derive(Debug, Clone)]
struct Upstream {
    client: reqwest::Client,
    address: String,
}

pub(super) fn routes(address: String) -> Result<Router> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(120))
        .build()?;
    Ok(Router::new().fallback(handle).with_state(Upstream { client, address }))
}

async fn handle(State(upstream): State<Upstream>, request: Request) -> Response {
    forward(&upstream, request).await.unwrap_or_else(|error| {
        eprintln!("dev-stack: the local AWS services do not answer: {error:#}");
        StatusCode::BAD_GATEWAY.into_response()
    })
}

async fn forward(upstream: &Upstream, request: Request) -> Result<Response> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, LIMIT).await?;
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let url = format!("http://{}{path}", upstream.address);
    let answer = upstream
        .client
        .request(head.method, url)
        .headers(kept(&head.headers))
        .body(body)
        .send()
        .await?;
    let (status, headers) = (answer.status(), kept(answer.headers()));
    let mut response = Response::new(Body::from(answer.bytes().await?));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

fn kept(headers: &HeaderMap) -> HeaderMap {
    let kept = headers.iter().filter(|(name, _)| !HOP_BY_HOP.contains(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}
