//! Bulk operations and their files.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use fake_shopify::{BulkConfig, Config, Server, Table};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{BULK_PRODUCTS, RUN, bulk, client, download, ended, graphql, product_line, server, variant_line};

async fn fast(products: usize, bulk: BulkConfig) -> Server {
    let bulk = BulkConfig {
        start_delay: Duration::from_millis(30),
        ..bulk
    };
    Server::start(Config {
        products,
        bulk,
        ..Config::default()
    })
    .await
    .unwrap()
}

fn parsed(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn number(value: &Value) -> usize {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn counts_and_size_agree_with_the_file() {
    let server = server(300).await;
    let operation = bulk(&server, BULK_PRODUCTS, false).await;
    assert_eq!(operation["status"], "COMPLETED");
    let text = download(&operation).await;
    let lines = parsed(&text);
    assert_eq!(lines.len(), number(&operation["objectCount"]));
    assert_eq!(text.len(), number(&operation["fileSize"]));
    let roots = lines.iter().filter(|line| line.get("__parentId").is_none()).count();
    assert_eq!(roots, number(&operation["rootObjectCount"]));
    assert_eq!(roots, 300);
    assert!(text.ends_with("}\n"));
    for key in ["createdAt", "completedAt"] {
        assert!(
            operation[key]
                .as_str()
                .is_some_and(|time| time.len() == 20 && time.ends_with('Z')),
            "{key}"
        );
    }
    assert_eq!(operation["query"], BULK_PRODUCTS);
}

#[tokio::test]
async fn lines_carry_shopifys_quirks() {
    let server = server(200).await;
    let text = download(&bulk(&server, BULK_PRODUCTS, false).await).await;
    assert!(text.contains(r#""id":"gid:\/\/shopify\/Product\/"#));
    assert!(text.contains(r"\u003ch2\u003e") && text.contains(r"\u0026"));
    assert!(!text.contains("gid://") && !text.contains('<') && !text.contains('&'));
    for line in text.lines().filter(|line| line.contains("__parentId")) {
        let (_, tail) = line.rsplit_once(r#","__parentId":""#).unwrap();
        assert!(
            tail.ends_with("\"}") && !tail[..tail.len() - 2].contains('"'),
            "the parent comes last: {line}"
        );
    }
}

#[tokio::test]
async fn children_may_precede_their_parents_unless_grouped() {
    let server = server(200).await;
    let mixed = parsed(&download(&bulk(&server, BULK_PRODUCTS, false).await).await);
    let orphans = |lines: &[Value]| {
        let mut seen = HashSet::new();
        let mut orphans = 0;
        for line in lines {
            match line.get("__parentId") {
                Some(parent) if !seen.contains(parent) => orphans += 1,
                Some(_) => {}
                None => assert!(seen.insert(line["id"].clone())),
            }
        }
        orphans
    };
    assert!(orphans(&mixed) > mixed.len() / 5);
    let roots: Vec<i64> = mixed
        .iter()
        .filter(|line| line.get("__parentId").is_none())
        .map(|line| number(&line["legacyResourceId"]) as i64)
        .collect();
    assert!(roots.is_sorted(), "roots keep their order among themselves");
    let grouped = parsed(&download(&bulk(&server, BULK_PRODUCTS, true).await).await);
    assert_eq!(orphans(&grouped), 0);
    for pair in grouped.windows(2).filter(|pair| pair[1].get("__parentId").is_some()) {
        let parent = pair[0].get("__parentId").unwrap_or(&pair[0]["id"]);
        assert_eq!(parent, &pair[1]["__parentId"], "children follow their parent");
    }
    let sorted = |lines: &[Value]| {
        let mut texts: Vec<String> = lines.iter().map(Value::to_string).collect();
        texts.sort_unstable();
        texts
    };
    assert_eq!(sorted(&mixed), sorted(&grouped));
}

#[tokio::test]
async fn the_file_shows_the_canonical_rows() {
    let server = server(1_000).await;
    let lines = parsed(&download(&bulk(&server, BULK_PRODUCTS, false).await).await);
    let mut products = Vec::new();
    let mut variants = Vec::new();
    for line in &lines {
        let id = || number(&line["legacyResourceId"]) as i64;
        match line["__typename"].as_str().unwrap() {
            "Product" => products.push((id(), product_line(line))),
            "ProductVariant" => variants.push((id(), variant_line(line, line["__parentId"].as_str().unwrap()))),
            _ => {}
        }
    }
    products.sort_unstable();
    variants.sort_unstable();
    assert_eq!(products, server.rows(None, Table::Products));
    assert_eq!(variants, server.rows(None, Table::ProductVariants));
    let mut sizes: HashMap<&str, usize> = HashMap::new();
    for line in lines.iter().filter(|line| line["__typename"] == "ProductVariant") {
        *sizes.entry(line["__parentId"].as_str().unwrap()).or_default() += 1;
    }
    assert!(
        sizes.values().any(|size| *size > 100),
        "one product has more variants than a webhook shows"
    );
}

#[tokio::test]
async fn ranges_put_together_are_the_file() {
    let server = server(150).await;
    let operation = bulk(&server, BULK_PRODUCTS, false).await;
    let url = operation["url"].as_str().unwrap();
    let whole = download(&operation).await.into_bytes();
    let client = client();
    let head = client.head(url).send().await.unwrap();
    assert_eq!(head.headers()["Content-Length"], whole.len().to_string().as_str());
    assert_eq!(head.headers()["Content-Type"], "application/jsonl");
    let tag = head.headers()["ETag"].to_str().unwrap().to_owned();
    let mut together = Vec::new();
    let step = whole.len() / 7 + 1;
    for from in (0..whole.len()).step_by(step) {
        let to = (from + step).min(whole.len()) - 1;
        let part = client
            .get(url)
            .header("Range", format!("bytes={from}-{to}"))
            .header("If-Match", &tag)
            .send()
            .await
            .unwrap();
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(
            part.headers()["Content-Range"],
            format!("bytes {from}-{to}/{}", whole.len()).as_str()
        );
        assert_eq!(part.headers()["Content-Length"], (to - from + 1).to_string().as_str());
        assert_eq!(part.headers()["ETag"], tag.as_str());
        together.extend_from_slice(&part.bytes().await.unwrap());
    }
    assert_eq!(together, whole);
    let beyond = client
        .get(url)
        .header("Range", format!("bytes={}-", whole.len()))
        .send()
        .await
        .unwrap();
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(
        beyond.headers()["Content-Range"],
        format!("bytes */{}", whole.len()).as_str()
    );
    let stale = client
        .get(url)
        .header("Range", "bytes=0-9")
        .header("If-Range", "\"other\"")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (stale.status(), stale.bytes().await.unwrap().len()),
        (StatusCode::OK, whole.len())
    );
    let mismatch = client.get(url).header("If-Match", "\"other\"").send().await.unwrap();
    assert_eq!(mismatch.status(), StatusCode::PRECONDITION_FAILED);
    let leaked = client
        .get(url)
        .header("X-Shopify-Access-Token", "shpat_fake")
        .send()
        .await
        .unwrap();
    assert_eq!(leaked.status(), StatusCode::BAD_REQUEST);
    let unsigned = client.get(url.replace("/bulk/", "/bulk/x")).send().await.unwrap();
    assert_eq!(unsigned.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_empty_shop_has_no_file() {
    let server = server(0).await;
    let operation = bulk(&server, BULK_PRODUCTS, false).await;
    assert_eq!(operation["status"], "COMPLETED");
    assert_eq!(
        (&operation["url"], &operation["objectCount"]),
        (&Value::Null, &json!("0"))
    );
}

#[tokio::test]
async fn the_sixth_operation_is_refused_and_a_cancelled_one_makes_room() {
    let server = fast(
        400,
        BulkConfig {
            objects_per_second: 500.0,
            ..BulkConfig::default()
        },
    )
    .await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let started = graphql(&server, RUN, json!({"query": BULK_PRODUCTS})).await;
        ids.push(
            started["data"]["bulkOperationRunQuery"]["bulkOperation"]["id"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    let sixth = graphql(&server, RUN, json!({"query": BULK_PRODUCTS})).await;
    let payload = &sixth["data"]["bulkOperationRunQuery"];
    assert_eq!(payload["bulkOperation"], Value::Null);
    assert_eq!(payload["userErrors"][0]["code"], "OPERATION_IN_PROGRESS");
    assert_eq!(payload["userErrors"][0]["field"], Value::Null);
    assert!(
        payload["userErrors"][0]["message"]
            .as_str()
            .unwrap()
            .ends_with(&ids.join(", "))
    );
    let running = "{ bulkOperations(first: 10, query: \"status:created,running AND operation_type:query\") { nodes { id query } } }";
    let listed = graphql(&server, running, json!({})).await;
    let nodes = listed["data"]["bulkOperations"]["nodes"].as_array().unwrap();
    assert_eq!(
        nodes
            .iter()
            .map(|node| node["id"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ids
    );
    assert_eq!(nodes[0]["query"], BULK_PRODUCTS);
    let cancel =
        "mutation($id: ID!) { bulkOperationCancel(id: $id) { bulkOperation { status } userErrors { field message } } }";
    let cancelled = graphql(&server, cancel, json!({"id": ids[0]})).await;
    assert_eq!(
        cancelled["data"]["bulkOperationCancel"]["bulkOperation"]["status"],
        "CANCELING"
    );
    let operation = ended(&server, &ids[0]).await;
    assert_eq!(operation["status"], "CANCELED");
    assert_eq!(
        (&operation["url"], &operation["completedAt"]),
        (&Value::Null, &Value::Null)
    );
    let again = graphql(&server, cancel, json!({"id": ids[0]})).await;
    assert_eq!(
        again["data"]["bulkOperationCancel"]["userErrors"][0]["field"],
        Value::Null
    );
    let seventh = graphql(&server, RUN, json!({"query": BULK_PRODUCTS})).await;
    assert_eq!(seventh["data"]["bulkOperationRunQuery"]["userErrors"], json!([]));
}

#[tokio::test]
async fn a_query_against_the_rules_is_a_user_error() {
    let server = server(1).await;
    for (query, message) in [
        ("{ shop { id } }", "Bulk queries must contain at least one connection."),
        (
            "{ products { edges { node { titel } } } }",
            "Invalid bulk query: Field 'titel' doesn't exist on type 'Product'",
        ),
        (
            "{ products {",
            "Invalid bulk query: syntax error, unexpected end of file",
        ),
    ] {
        let body = graphql(&server, RUN, json!({"query": query})).await;
        let errors = &body["data"]["bulkOperationRunQuery"]["userErrors"];
        assert_eq!(errors[0]["message"], message);
        assert_eq!(errors[0]["field"], json!(["query"]));
        assert_eq!(errors[0]["code"], "INVALID");
    }
}

#[tokio::test]
async fn filters_and_sorting_apply_inside_a_bulk_query() {
    let server = server(100).await;
    let query =
        "{ products(query: \"status:active\", sortKey: UPDATED_AT) { edges { node { id status updatedAt } } } }";
    let lines = parsed(&download(&bulk(&server, query, false).await).await);
    assert!(!lines.is_empty() && lines.len() < 100);
    assert!(lines.iter().all(|line| line["status"] == "ACTIVE"));
    assert!(lines.is_sorted_by_key(|line| line["updatedAt"].as_str().unwrap().to_owned()));
    let variants = "{ productVariants { edges { node { id product { id } metafields { edges { node { id } } } } } } }";
    let operation = bulk(&server, variants, false).await;
    let variants = server.rows(None, Table::ProductVariants).len();
    assert_eq!(number(&operation["rootObjectCount"]), variants);
    // Some of them have a metafield.
    assert!(number(&operation["objectCount"]) > variants);
}

#[tokio::test]
async fn the_last_line_may_lack_its_newline() {
    let server = fast(
        5,
        BulkConfig {
            final_newline: false,
            always_grouped: true,
            ..BulkConfig::default()
        },
    )
    .await;
    let operation = bulk(&server, BULK_PRODUCTS, false).await;
    let text = download(&operation).await;
    assert!(text.ends_with('}'));
    assert_eq!(text.len(), number(&operation["fileSize"]));
    assert_eq!(text.lines().count(), number(&operation["objectCount"]));
}
