//! The stock `@trpc/client` against the function, over HTTP.

use std::process::Stdio;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use sqlx::PgPool;
use test_support::{SHOP, TOKEN, rows};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::support::{ADMIN_TOKEN, Admin, request};

/// Stands in for API Gateway.
async fn serve(admin: Arc<Admin>) -> String {
    let answer = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        let admin = admin.clone();
        async move {
            let token = headers
                .get("authorization")
                .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
            let target = uri.path_and_query().map_or("/", |target| target.as_str());
            let body = (!body.is_empty()).then(|| String::from_utf8_lossy(&body).into_owned());
            let (status, json) = admin
                .answer(&request(token, method.as_str(), target, body.as_deref()))
                .await;
            (
                StatusCode::from_u16(status).unwrap(),
                [("content-type", "application/json")],
                json.to_string(),
            )
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/trpc", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    url
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn the_stock_client_adds_a_store_imports_it_and_reads_typed_errors(pool: PgPool) {
    let url = serve(Arc::new(Admin::start(&pool).await)).await;
    let packages = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dev/npm");
    assert!(
        std::path::Path::new(packages).join("node_modules").exists(),
        "npm packages are missing: run `make setup`"
    );
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/trpc-client.mjs");
    let output = Command::new("node")
        .args([script, packages, &url, ADMIN_TOKEN, SHOP, TOKEN])
        .stdin(Stdio::null())
        .output()
        .await
        .expect("node is not installed: run `make setup`");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(rows(&pool, "select status from sync_jobs").await, ["queued"]);
}
