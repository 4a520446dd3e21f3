//! A client, a receiver of webhooks, and canonical lines computed from what GraphQL serves.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use fake_shopify::{Config, Server};
use serde_json::{Value, json};

pub const BULK_PRODUCTS: &str = include_str!("../documents/bulk_products.graphql");
pub const PRODUCT_BY_ID: &str = include_str!("../documents/product_by_id.graphql");
pub const RUN: &str = "mutation Run($query: String!, $groupObjects: Boolean! = false) { bulkOperationRunQuery(query: $query, \
    groupObjects: $groupObjects) { bulkOperation { id status objectCount } userErrors { field message code } } }";
pub const POLL: &str = "query Poll($id: ID!) { bulkOperation(id: $id) { id status type errorCode createdAt completedAt \
    objectCount rootObjectCount fileSize url partialDataUrl query } }";

/// A client with time limits and no proxy.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap()
}

pub async fn server(products: usize) -> Server {
    Server::start(Config {
        products,
        ..Config::default()
    })
    .await
    .unwrap()
}

pub async fn post_graphql(server: &Server, query: &str, variables: Value) -> reqwest::Response {
    let config = server.config();
    let url = format!("{}/{}/admin/api/2026-10/graphql.json", server.url(), config.shop);
    let request = client().post(url).header("X-Shopify-Access-Token", &config.token);
    request
        .json(&json!({"query": query, "variables": variables}))
        .send()
        .await
        .unwrap()
}

pub async fn graphql(server: &Server, query: &str, variables: Value) -> Value {
    post_graphql(server, query, variables).await.json().await.unwrap()
}

pub async fn control(server: &Server, path: &str, body: Value) -> Value {
    let url = format!("{}/_fake/{path}", server.url());
    let response = client().post(url).json(&body).send().await.unwrap();
    assert!(
        response.status().is_success(),
        "{path}: {}",
        response.text().await.unwrap()
    );
    response.json().await.unwrap()
}

/// Starts a bulk operation and polls it to its end.
pub async fn bulk(server: &Server, query: &str, grouped: bool) -> Value {
    let started = graphql(server, RUN, json!({"query": query, "groupObjects": grouped})).await;
    let payload = &started["data"]["bulkOperationRunQuery"];
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(payload["bulkOperation"]["status"], "CREATED");
    assert_eq!(payload["bulkOperation"]["objectCount"], "0");
    ended(server, payload["bulkOperation"]["id"].as_str().unwrap()).await
}

pub async fn ended(server: &Server, id: &str) -> Value {
    loop {
        let mut polled = graphql(server, POLL, json!({"id": id})).await;
        let operation = polled["data"]["bulkOperation"].take();
        if !matches!(
            operation["status"].as_str().unwrap(),
            "CREATED" | "RUNNING" | "CANCELING"
        ) {
            return operation;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub async fn download(operation: &Value) -> String {
    client()
        .get(operation["url"].as_str().unwrap())
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap()
}

/// A delivery as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A receiver that answers the scripted statuses first and 200 afterwards.
pub struct Receiver {
    pub url: String,
    state: Shared,
}

/// Statuses still to answer, last first, and what arrived.
type Shared = Arc<Mutex<(Vec<u16>, Vec<Received>)>>;

async fn receive(State(state): State<Shared>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut state = state.lock().unwrap();
    state.1.push(Received { headers, body });
    StatusCode::from_u16(state.0.pop().unwrap_or(200)).unwrap()
}

impl Receiver {
    pub async fn start(script: &[u16]) -> Self {
        let state = Arc::new(Mutex::new((script.iter().rev().copied().collect(), Vec::new())));
        let app = Router::new()
            .route("/webhooks", post(receive))
            .with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, state }
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().1.clone()
    }
}

/// The canonical line of a product as GraphQL or a bulk line shows it.
pub fn product_line(product: &Value) -> String {
    let text = |key: &str| product[key].as_str().map_or("\\N".to_owned(), str::to_owned);
    let tags: Vec<&str> = product["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag.as_str().unwrap())
        .collect();
    [
        text("legacyResourceId"),
        text("title"),
        text("handle"),
        text("status").to_lowercase(),
        text("vendor"),
        text("productType"),
        tags.join(","),
        text("descriptionHtml"),
        text("templateSuffix"),
        product["hasVariantsThatRequiresComponents"].to_string(),
        text("createdAt"),
        text("updatedAt"),
        text("publishedAt"),
    ]
    .join("|")
}

/// The canonical line of a variant; the bulk line knows its product by `__parentId`.
pub fn variant_line(variant: &Value, product_gid: &str) -> String {
    let text = |key: &str| variant[key].as_str().map_or("\\N".to_owned(), str::to_owned);
    let options: Vec<&str> = variant["selectedOptions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|option| option["value"].as_str().unwrap())
        .collect();
    [
        text("legacyResourceId"),
        product_gid.rsplit('/').next().unwrap().to_owned(),
        text("title"),
        text("sku"),
        text("barcode"),
        variant["position"].to_string(),
        text("price"),
        text("compareAtPrice"),
        variant["taxable"].to_string(),
        text("inventoryPolicy").to_lowercase(),
        variant["inventoryQuantity"].to_string(),
        variant["inventoryItem"]["legacyResourceId"]
            .as_str()
            .unwrap()
            .to_owned(),
        options.join(","),
        text("createdAt"),
        text("updatedAt"),
    ]
    .join("|")
}

/// A server with these counts of products, customers, orders and collections.
pub async fn store(products: usize, customers: usize, orders: usize, collections: usize) -> Server {
    Server::start(Config {
        products,
        customers: Some(customers),
        orders: Some(orders),
        collections: Some(collections),
        // These tests are not about the price of a query.
        bucket: (1e9, 1e6),
        ..Config::default()
    })
    .await
    .unwrap()
}

/// The data of an answer that must be without errors.
pub async fn data(server: &Server, query: &str, variables: Value) -> Value {
    let mut answer = graphql(server, query, variables).await;
    assert_eq!(answer["errors"], Value::Null, "{query}");
    answer["data"].take()
}

/// Makes an edit by the control API and gives its answer.
pub async fn edit(server: &Server, edit: Value) -> Value {
    control(server, "edit", edit).await
}

/// Asserts that a body has the keys of a sample, at every level at which both have an object. A list is compared by
/// its first entry; an empty one of either side says nothing.
pub fn same_keys(body: &Value, sample: &Value, at: &str) {
    match (body, sample) {
        (Value::Object(body), Value::Object(sample)) => {
            let keys = |fields: &serde_json::Map<String, Value>| -> Vec<String> {
                let mut keys: Vec<String> = fields.keys().cloned().collect();
                keys.sort_unstable();
                keys
            };
            assert_eq!(keys(body), keys(sample), "the keys of {at}");
            for (key, value) in body {
                same_keys(value, &sample[key], &format!("{at}.{key}"));
            }
        }
        (Value::Array(body), Value::Array(sample)) => {
            if let (Some(body), Some(sample)) = (body.first(), sample.first()) {
                same_keys(body, sample, &format!("{at}[0]"));
            }
        }
        _ => {}
    }
}

/// A recorded sample of a body.
pub fn sample(topic: &str) -> Value {
    let name = topic.replace('/', "__").replace('.', "_");
    let path = format!("{}/tests/samples/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A document a mirror sends.
pub fn document(name: &str) -> String {
    let path = format!("{}/tests/documents/{name}.graphql", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// The lines of a bulk operation with this document.
pub async fn bulk_lines(server: &Server, name: &str) -> Vec<Value> {
    let operation = bulk(server, &document(name), false).await;
    assert_eq!(operation["status"], "COMPLETED", "{name}");
    if operation["url"].is_null() {
        return Vec::new();
    }
    let text = download(&operation).await;
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The last delivery of a topic, as JSON.
pub fn told(receiver: &Receiver, topic: &str) -> Value {
    let received = receiver.received();
    let last = received.iter().rev().find(|one| one.header("X-Shopify-Topic") == topic);
    last.unwrap_or_else(|| panic!("nothing was told of {topic}")).json()
}

/// The topics that arrived, in order.
pub fn topics(receiver: &Receiver) -> Vec<String> {
    let received = receiver.received();
    received
        .iter()
        .map(|one| one.header("X-Shopify-Topic").to_owned())
        .collect()
}
