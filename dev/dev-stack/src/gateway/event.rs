//! The payload format 2.0 of an HTTP API: request → event, and the function's answer → response.

use anyhow::{Context, Result, ensure};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::Utc;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The event of a request. `route` is the route's key; `proxy` what its `{proxy+}` matched.
pub(super) fn of_request(head: &request::Parts, body: &Bytes, route: &str, proxy: Option<&str>) -> Value {
    let now = Utc::now();
    let path = head.uri.path();
    let query = head.uri.query().unwrap_or_default();
    let user_agent = head.headers.get(header::USER_AGENT).map(text).unwrap_or_default();
    let host = head.headers.get(header::HOST).map(text).unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(&head.headers),
        "requestContext": {
            "accountId": "012345678912",
            "apiId": "local",
            "domainName": host,
            "domainPrefix": host.split(['.', ':']).next(),
            "http": {
                "method": head.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": user_agent,
            },
            "requestId": Uuid::new_v4().simple().to_string(),
            "routeKey": route,
            "stage": "$default",
            "time": now.format("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.timestamp_millis(),
        },
        "isBase64Encoded": false,
    });
    let cookies: Vec<String> = head.headers.get_all(header::COOKIE).iter().map(text).collect();
    if !cookies.is_empty() {
        event["cookies"] = cookies.iter().flat_map(|line| line.split("; ")).collect();
    }
    if !query.is_empty() {
        event["queryStringParameters"] = parameters(query);
    }
    if let Some(proxy) = proxy {
        event["pathParameters"] = json!({ "proxy": proxy });
    }
    if !body.is_empty() {
        match std::str::from_utf8(body) {
            Ok(body) if is_text(&head.headers) => event["body"] = body.into(),
            _ => {
                event["body"] = STANDARD.encode(body).into();
                event["isBase64Encoded"] = true.into();
            }
        }
    }
    event
}

/// The response of an answer; an error if it has not the form.
pub(super) fn to_response(answer: &[u8]) -> Result<Response> {
    let answer: Value = serde_json::from_slice(answer).context("the answer is not JSON")?;
    // A bare value is the body of a 200.
    let Some(status) = answer.get("statusCode") else {
        let body = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
        let json = HeaderValue::from_static("application/json");
        let mut response = Response::new(Body::from(body));
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        return Ok(response);
    };
    let status = status
        .as_u64()
        .and_then(|status| u16::try_from(status).ok())
        .context("statusCode is no number")?;
    let body = match answer.get("body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(body)) if answer["isBase64Encoded"] == true => STANDARD.decode(body)?.into(),
        Some(Value::String(body)) => body.clone().into(),
        Some(_) => anyhow::bail!("body is not a string"),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status)?;
    let into = response.headers_mut();
    into.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain;charset=UTF-8"),
    );
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        let name: HeaderName = name.parse()?;
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        into.insert(name, value.parse()?);
    }
    for (name, values) in answer["multiValueHeaders"].as_object().into_iter().flatten() {
        let name: HeaderName = name.parse()?;
        let values: Vec<&str> = values
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        into.insert(name, values.join(",").parse()?);
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten() {
        let cookie = cookie.as_str().context("a cookie is not a string")?;
        ensure!(!cookie.is_empty(), "a cookie is empty");
        into.append(header::SET_COOKIE, cookie.parse()?);
    }
    // Its own length is known better.
    into.remove(header::CONTENT_LENGTH);
    Ok(response)
}

fn headers(from: &HeaderMap) -> Map<String, Value> {
    let names = from.keys().filter(|name| **name != header::COOKIE);
    let joined = |name: &HeaderName| from.get_all(name).iter().map(text).collect::<Vec<_>>().join(",");
    names
        .map(|name| (name.as_str().to_owned(), joined(name).into()))
        .collect()
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// What AWS hands over as text; all else is base64.
fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .map(text)
        .unwrap_or_default()
        .to_ascii_lowercase();
    let known = ["application/json", "application/xml", "application/javascript"];
    kind.starts_with("text/") || known.iter().any(|known| kind.starts_with(known))
}

/// Decoded, and values of one name joined by a comma.
fn parameters(query: &str) -> Value {
    let mut found = Map::new();
    for (name, value) in query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))) {
        let (name, value) = (decoded(name), decoded(value));
        let joined = match found.get(&name).and_then(Value::as_str) {
            Some(before) => format!("{before},{value}"),
            None => value,
        };
        found.insert(name, joined.into());
    }
    found.into()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail
            .get(..2)
            .and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        (rest, _) = match (first, hex) {
            (b'%', Some(byte)) => (&tail[2..], bytes.push(byte)),
            (b'+', _) => (tail, bytes.push(b' ')),
            (other, _) => (tail, bytes.push(*other)),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn event(request: Request<&'static [u8]>) -> Value {
        let (head, body) = request.into_parts();
        of_request(&head, &Bytes::from_static(body), "ANY /trpc/{proxy+}", Some("a.b"))
    }

    #[test]
    fn a_request_becomes_an_event_of_format_2() {
        let request = Request::post("/trpc/a.b?x=1&y=a%20b&x=2")
            .header("Content-Type", "application/json")
            .header("X-Thing", "one")
            .header("X-Thing", "two")
            .header("Cookie", "a=1; b=2");
        let event = event(request.body(&b"{}"[..]).unwrap());
        assert_eq!(event["rawPath"], "/trpc/a.b");
        assert_eq!(event["rawQueryString"], "x=1&y=a%20b&x=2");
        assert_eq!(event["queryStringParameters"], json!({ "x": "1,2", "y": "a b" }));
        assert_eq!(event["headers"]["x-thing"], "one,two");
        assert_eq!(event["headers"]["cookie"], Value::Null);
        assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
        assert_eq!(event["requestContext"]["http"]["method"], "POST");
        assert_eq!(event["pathParameters"]["proxy"], "a.b");
        assert_eq!(
            (&event["body"], &event["isBase64Encoded"]),
            (&json!("{}"), &json!(false))
        );
    }

    #[test]
    fn a_body_that_is_no_text_travels_as_base64() {
        let event = event(
            Request::post("/x")
                .header("Content-Type", "image/png")
                .body(&b"ab"[..])
                .unwrap(),
        );
        assert_eq!(
            (&event["body"], &event["isBase64Encoded"]),
            (&json!("YWI="), &json!(true))
        );
    }

    #[test]
    fn an_answer_becomes_a_response() {
        let answer = json!({
            "statusCode": 201, "body": "YWI=", "isBase64Encoded": true,
            "headers": { "content-type": "image/png" }, "cookies": ["a=1", "b=2"],
        });
        let response = to_response(answer.to_string().as_bytes()).unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()["content-type"], "image/png");
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    }

    #[test]
    fn an_answer_of_another_form_is_refused() {
        assert!(to_response(b"not json").is_err());
        assert!(to_response(br#"{"statusCode":"x"}"#).is_err());
    }
}
