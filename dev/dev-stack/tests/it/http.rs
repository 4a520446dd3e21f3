//! The HTTP API: routes, events, answers and its limits.

use serde_json::{Value, json};

use crate::bench::{Bench, probe};

async fn bench() -> Bench {
    Bench::start(vec![probe("webhook-ingest", 2), probe("admin", 2)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reaches_the_function_of_its_route_with_every_byte_of_its_body() {
    let bench = bench().await;
    let body = r#"{"text":"é \u0000  x"}"#;
    let call = bench.client.post(format!("{}/webhooks?a=b%20c", bench.http_url));
    let call = call
        .header("X-Shopify-Topic", "products/update")
        .header("Content-Type", "application/json");
    let answer: Value = call.body(body).send().await.unwrap().json().await.unwrap();
    let event = &answer["event"];
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "POST /webhooks");
    assert_eq!(event["rawPath"], "/webhooks");
    assert_eq!(event["rawQueryString"], "a=b%20c");
    assert_eq!(event["headers"]["x-shopify-topic"], "products/update");
    assert_eq!(event["body"], body);
    assert_eq!(event["requestContext"]["http"]["method"], "POST");
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_is_decoded() {
    let bench = bench().await;
    let answer = json!({ "answer": {
        "statusCode": 418, "headers": { "content-type": "image/png", "x-thing": "y" }, "cookies": ["a=1"],
        "body": "/wA=", "isBase64Encoded": true,
    }});
    let call = bench.client.post(format!("{}/trpc/a.b", bench.http_url)).json(&answer);
    let response = call.send().await.unwrap();
    assert_eq!(response.status(), 418);
    assert_eq!(response.headers()["content-type"], "image/png");
    assert_eq!(response.headers()["x-thing"], "y");
    assert_eq!(response.headers()["set-cookie"], "a=1");
    assert_eq!(response.bytes().await.unwrap().as_ref(), [0xff, 0x00]);
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_aws_refuses_is_refused() {
    let bench = bench().await;
    let url = |path: &str| format!("{}{path}", bench.http_url);
    let json = |text: String| ("Content-Type", "application/json", text);
    let post = async |path: &str, (name, kind, body): (&str, &str, String)| {
        bench
            .client
            .post(url(path))
            .header(name, kind)
            .body(body)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(bench.client.get(url("/webhooks")).send().await.unwrap().status(), 404);
    assert_eq!(bench.client.get(url("/elsewhere")).send().await.unwrap().status(), 404);
    assert_eq!(post("/webhooks", json("x".repeat(11 << 20))).await, 413);
    // An HTTP API takes it, the function behind it does not.
    assert_eq!(post("/webhooks", json("x".repeat(7 << 20))).await, 413);
    // Base64 makes it too large.
    assert_eq!(
        post("/webhooks", ("Content-Type", "image/png", "x".repeat(5 << 20))).await,
        413
    );
    assert_eq!(post("/webhooks", json("x".repeat(5 << 20))).await, 200);
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_function_is_a_500_and_one_out_of_time_a_503() {
    let bench = bench().await;
    let post = async |order: Value| {
        let call = bench.client.post(format!("{}/webhooks", bench.http_url)).json(&order);
        call.send().await.unwrap().status().as_u16()
    };
    assert_eq!(post(json!({ "fail": "Permanent" })).await, 500);
    assert_eq!(post(json!({ "exit": 1 })).await, 500);
    assert_eq!(post(json!({ "answer": { "statusCode": "x" } })).await, 500);
    assert_eq!(post(json!({ "sleep_ms": 10_000 })).await, 503);
    assert_eq!(post(json!({})).await, 200);
    bench.stop().await;
}
