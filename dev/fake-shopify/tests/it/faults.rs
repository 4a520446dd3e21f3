//! Scripted faults.

use fake_shopify::Fault;
use serde_json::{Value, json};

use crate::support::{BULK_PRODUCTS, RUN, bulk, client, control, download, graphql, post_graphql, server};

#[tokio::test]
async fn faults_happen_in_order_and_only_to_their_operation() {
    let server = server(2).await;
    let reject = json!({"operation": "Count", "fault": {"reject": {"status": 503, "retry_after": 7}}, "times": 2});
    control(&server, "faults", reject).await;
    control(
        &server,
        "faults",
        json!({"operation": "productsCount", "fault": "throttled"}),
    )
    .await;
    assert_eq!(
        post_graphql(&server, "query Other { shop { id } }", json!({}))
            .await
            .status(),
        200
    );
    let count = "query Count { productsCount { count } }";
    for _ in 0..2 {
        let refused = post_graphql(&server, count, json!({})).await;
        assert_eq!(refused.status(), 503);
        assert_eq!(refused.headers()["Retry-After"], "7");
    }
    assert_eq!(
        graphql(&server, count, json!({})).await["errors"][0]["extensions"]["code"],
        "THROTTLED"
    );
    assert_eq!(
        graphql(&server, count, json!({})).await["data"]["productsCount"]["count"],
        2
    );
    let log = server.requests(Some("Count"));
    assert_eq!(
        log.iter().map(|entry| entry.status).collect::<Vec<_>>(),
        [503, 503, 200, 200]
    );
    assert_eq!(
        log.iter().map(|entry| entry.fault.is_some()).collect::<Vec<_>>(),
        [true, true, true, false]
    );
}

#[tokio::test]
async fn a_lost_answer_still_took_effect() {
    let server = server(2).await;
    server.fault("bulkOperationRunQuery", Fault::FailAfterWrite, 1).unwrap();
    let answer = post_graphql(&server, RUN, json!({"query": BULK_PRODUCTS})).await;
    assert!(answer.bytes().await.is_err(), "the answer is lost");
    let list = graphql(&server, "{ bulkOperations(first: 5) { nodes { query } } }", json!({})).await;
    assert_eq!(list["data"]["bulkOperations"]["nodes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_download_can_break_off_and_be_resumed() {
    let server = server(60).await;
    let operation = bulk(&server, BULK_PRODUCTS, false).await;
    let url = operation["url"].as_str().unwrap();
    let whole = download(&operation).await;
    server
        .fault("bulk_result", Fault::Truncate { after: 1_000 }, 1)
        .unwrap();
    let mut broken = client().get(url).send().await.unwrap();
    assert_eq!(broken.content_length(), Some(whole.len() as u64));
    let mut got = Vec::new();
    let ended = loop {
        match broken.chunk().await {
            Ok(Some(chunk)) => got.extend_from_slice(&chunk),
            other => break other,
        }
    };
    assert!(ended.is_err(), "an early end is an error, not an end");
    assert_eq!(got, whole.as_bytes()[..1_000]);
    let rest = client().get(url).header("Range", "bytes=1000-").send().await.unwrap();
    assert_eq!(rest.bytes().await.unwrap(), whole.as_bytes()[1_000..]);
    server.fault("bulk_result", Fault::NoRange, 1).unwrap();
    let ignored = client().get(url).header("Range", "bytes=1000-").send().await.unwrap();
    assert_eq!(
        (ignored.status().as_u16(), ignored.bytes().await.unwrap().len()),
        (200, whole.len())
    );
    let log = server.requests(Some("bulk_result"));
    assert_eq!(log.last().unwrap().range.as_deref(), Some("bytes=1000-"));
}

#[tokio::test]
async fn a_file_can_be_shorter_than_its_counts() {
    let server = server(30).await;
    server
        .fault("bulk_operation", Fault::ShortFile { missing: 3 }, 1)
        .unwrap();
    let operation = bulk(&server, BULK_PRODUCTS, false).await;
    let lines = download(&operation).await.lines().count();
    assert_eq!(operation["objectCount"], (lines + 3).to_string());
}

#[tokio::test]
async fn an_operation_can_fail_with_part_of_its_file() {
    let server = server(600).await;
    let fault = json!({"bulk_end": {"status": "FAILED", "error_code": "TIMEOUT", "partial": true}});
    control(
        &server,
        "faults",
        json!({"operation": "bulk_operation", "fault": fault}),
    )
    .await;
    let operation = bulk(&server, BULK_PRODUCTS, false).await;
    assert_eq!(
        (&operation["status"], &operation["errorCode"]),
        (&json!("FAILED"), &json!("TIMEOUT"))
    );
    assert_eq!(operation["url"], Value::Null);
    let partial = client()
        .get(operation["partialDataUrl"].as_str().unwrap())
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(operation["objectCount"], partial.lines().count().to_string());
    assert_eq!(operation["rootObjectCount"], "300");
    for status in ["CANCELED", "EXPIRED"] {
        let fault = Fault::BulkEnd {
            status: status.to_owned(),
            error_code: None,
            partial: false,
        };
        server.fault("bulk_operation", fault, 1).unwrap();
        let operation = bulk(&server, BULK_PRODUCTS, false).await;
        assert_eq!(
            (&operation["status"], &operation["url"]),
            (&json!(status), &Value::Null)
        );
    }
}

#[tokio::test]
async fn a_fault_that_can_never_happen_is_refused() {
    let server = server(1).await;
    assert!(server.fault("bulk_result", Fault::ShortFile { missing: 1 }, 1).is_err());
    assert!(server.fault("Count", Fault::NoRange, 1).is_err());
    assert!(server.fault("bulk_operation", Fault::Throttled, 1).is_err());
}
