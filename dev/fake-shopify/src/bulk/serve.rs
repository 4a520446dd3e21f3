//! Downloads of result files, as Google Cloud Storage serves them: ranges, entity tags, no Shopify headers wanted.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State as Extract};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MATCH, IF_RANGE, RANGE,
    RETRY_AFTER,
};
use axum::http::{HeaderMap, Response, StatusCode};
use bytes::Bytes;
use std::convert::Infallible;
use std::time::Duration;

use super::ResultFile;
use crate::clock;
use crate::faults::{self, Fault};
use crate::requests::Request;
use crate::shop::State;

/// `GET` and `HEAD /bulk/{token}/{name}`.
pub async fn download(
    Extract(state): Extract<Arc<State>>,
    Path((token, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response<Body> {
    let fault = state.faults.take(["bulk_result"]);
    if let Some(Fault::Slow { ms }) = fault {
        clock::pause(Duration::from_millis(ms)).await;
    }
    let response = answer(&state, &token, &name, &headers, fault.as_ref());
    state.requests.add(Request {
        at: clock::utc_micros(clock::micros()),
        kind: "bulk_result",
        operation: "bulk_result".to_owned(),
        range: header(&headers, RANGE.as_str()).map(str::to_owned),
        status: response.status().as_u16(),
        fault: fault.map(|fault| format!("{fault:?}")),
        ..Request::default()
    });
    response
}

fn answer(state: &State, token: &str, name: &str, headers: &HeaderMap, fault: Option<&Fault>) -> Response<Body> {
    if headers.contains_key("x-shopify-access-token") {
        return plain(
            StatusCode::BAD_REQUEST,
            "An access token must not be sent to the storage host.",
        );
    }
    if let Some(Fault::Reject { status, retry_after }) = fault {
        let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        let mut response = plain(status, "refused by script");
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, (*seconds).into());
        }
        return response;
    }
    let Some(file) = find(state, token, name) else {
        return plain(StatusCode::NOT_FOUND, "The specified key does not exist.");
    };
    if header(headers, IF_MATCH.as_str()).is_some_and(|tag| tag != "*" && tag != file.etag) {
        return plain(
            StatusCode::PRECONDITION_FAILED,
            "At least one of the pre-conditions you specified did not hold.",
        );
    }
    let ranged =
        fault != Some(&Fault::NoRange) && header(headers, IF_RANGE.as_str()).is_none_or(|tag| tag == file.etag);
    let wanted = header(headers, RANGE.as_str())
        .filter(|_| ranged)
        .map_or(Wanted::All, |text| wanted(text, file.size()));
    let (status, range) = match wanted {
        Wanted::All => (StatusCode::OK, 0..file.size()),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Beyond => {
            let mut response = plain(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "The requested range cannot be satisfied.",
            );
            let whole = format!("bytes */{}", file.size());
            response
                .headers_mut()
                .insert(CONTENT_RANGE, whole.parse().expect("digits are a header value"));
            return response;
        }
    };
    let mut response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/jsonl")
        .header(CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))
        .header(ETAG, &file.etag)
        .header(CONTENT_LENGTH, range.end - range.start);
    if fault != Some(&Fault::NoRange) {
        response = response.header(ACCEPT_RANGES, "bytes");
    }
    if status == StatusCode::PARTIAL_CONTENT {
        response = response.header(
            CONTENT_RANGE,
            format!("bytes {}-{}/{}", range.start, range.end - 1, file.size()),
        );
    }
    let response = response.body(Body::empty()).expect("the headers are valid");
    if let Some(Fault::Truncate { after }) = fault {
        let mut body = Vec::new();
        let mut at = range.start;
        while at < range.end && body.len() <= *after {
            let piece = file.piece(at..range.end);
            at += piece.len() as u64;
            body.extend_from_slice(&piece);
        }
        let announced = range.end - range.start;
        let mut response = faults::cut(response, &Bytes::from(body), *after);
        response.headers_mut().insert(CONTENT_LENGTH, announced.into());
        return response;
    }
    response.map(|_| stream(file, range))
}

fn stream(file: Arc<ResultFile>, range: Range<u64>) -> Body {
    Body::from_stream(futures_util::stream::unfold(range, move |range| {
        let piece = file.piece(range.clone());
        let rest = range.start + piece.len() as u64..range.end;
        std::future::ready((!piece.is_empty()).then_some((Ok::<_, Infallible>(piece), rest)))
    }))
}

fn find(state: &State, token: &str, name: &str) -> Option<Arc<ResultFile>> {
    let id = name.strip_suffix(".jsonl")?.parse().ok()?;
    let shops = state.shops.read().expect("the shops are never poisoned");
    shops.values().find_map(|shop| shop.bulk.file(token, id))
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    Part(Range<u64>),
    Beyond,
}

/// What a `Range` header asks for. What is not understood, several ranges among it, is answered with the whole.
fn wanted(text: &str, size: u64) -> Wanted {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wanted::All;
    };
    match (first.trim().parse::<u64>(), last.trim()) {
        (Ok(first), "") if first < size => Wanted::Part(first..size),
        (Ok(first), last) => match last.parse::<u64>() {
            Ok(last) if last < first => Wanted::All,
            Ok(last) if first < size => Wanted::Part(first..size.min(last + 1)),
            Ok(_) => Wanted::Beyond,
            Err(_) if last.is_empty() => Wanted::Beyond,
            Err(_) => Wanted::All,
        },
        (Err(_), last) if first.trim().is_empty() => match last.parse::<u64>() {
            Ok(0) => Wanted::Beyond,
            Ok(tail) if size > 0 => Wanted::Part(size.saturating_sub(tail)..size),
            Ok(_) => Wanted::Beyond,
            Err(_) => Wanted::All,
        },
        _ => Wanted::All,
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    Response::builder()
        .status(status)
        .body(Body::from(text))
        .expect("a status and a text are a response")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_range() {
        for (text, expected) in [
            ("bytes=0-9", Wanted::Part(0..10)),
            ("bytes=90-", Wanted::Part(90..100)),
            ("bytes=90-500", Wanted::Part(90..100)),
            ("bytes=-5", Wanted::Part(95..100)),
            ("bytes=-500", Wanted::Part(0..100)),
            ("bytes=100-", Wanted::Beyond),
            ("bytes=100-120", Wanted::Beyond),
            ("bytes=-0", Wanted::Beyond),
            ("bytes=9-3", Wanted::All),
            ("bytes=0-1,5-6", Wanted::All),
            ("lines=0-1", Wanted::All),
            ("bytes=a-b", Wanted::All),
        ] {
            assert_eq!(wanted(text, 100), expected, "{text}");
        }
    }
}
