//! Every document that is sent to Shopify is valid against the schema, and each way in shows the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use chrono::DateTime;
use fake_shopify::{Config, Server, Table};
use serde_json::Value;
use shared::import::{OPERATIONS, Range};
use shared::message::Resource;
use shared::mirror::resource;
use shared::shopify::{
    BulkStatus, Changes, Gid, PRODUCT_EXTRAS, Position, SUBSCRIBABLE, Subscribed, fetchable_kinds, topic_name,
};
use shared::walk::WALKS;
use sqlx::PgPool;

use crate::import_support::{Import, client, shop, shopify, shopify_with};
use crate::live::{clear, views};
use crate::mirror_support::store_with_shop;

/// Every document by name, with its text.
fn documents() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/shopify/queries");
    let entries = fs::read_dir(folder).expect("the folder of the documents");
    let mut documents: Vec<(String, String)> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    documents.sort();
    documents
}

/// `ProductVariant` is fetched by `product_variant_by_id`.
fn document_of(kind: &str) -> String {
    let mut name = String::new();
    for letter in kind.chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    format!("{name}_by_id")
}

fn table_of(kind: &str) -> Table {
    match kind {
        "Product" | PRODUCT_EXTRAS => Table::Products,
        "ProductVariant" => Table::ProductVariants,
        "Collection" => Table::Collections,
        "Customer" => Table::Customers,
        "Order" => Table::Orders,
        "InventoryItem" => Table::InventoryItems,
        "Location" => Table::Locations,
        other => panic!("no table of {other}"),
    }
}

#[tokio::test]
async fn every_document_is_one_that_shopify_takes() {
    let server = shopify(12).await;
    let client = client(&server);
    let mut forgotten: BTreeSet<String> = documents().into_iter().map(|(name, _)| name).collect();
    // The fake validates against the schema of 2026-10 and keeps the rules of bulk operations.
    for kind in fetchable_kinds().chain([PRODUCT_EXTRAS]) {
        let (id, _) = server.rows(None, table_of(kind)).remove(0);
        let answer = client.fetch(&shop(), "token", &Gid::new(kind, id)).await;
        assert!(answer.unwrap().data.is_some(), "{kind} {id}");
        assert!(forgotten.remove(&document_of(kind)), "{kind}");
    }
    for operation in &OPERATIONS {
        let bounds = client
            .id_bounds(&shop(), "token", &operation.bounds_query(Range::default()))
            .await;
        let (first, last) = bounds.unwrap().unwrap_or_else(|| panic!("{}: nothing", operation.name));
        assert!(first < last, "{}", operation.name);
        let only = Range {
            from: Some(first),
            to: Some(first),
        };
        let bounds = client.id_bounds(&shop(), "token", &operation.bounds_query(only)).await;
        assert_eq!(bounds.unwrap(), Some((first, first)), "{}", operation.name);
        let one = client
            .run_bulk_query(&shop(), "token", "one", &operation.query_of(only))
            .await;
        one.unwrap_or_else(|error| panic!("{}: {error}", operation.name));
        let mut bulk = client
            .run_bulk_query(&shop(), "token", "test", operation.query)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", operation.name));
        while bulk.status != BulkStatus::Completed {
            bulk = client
                .bulk_operation(&shop(), "token", &bulk.id)
                .await
                .unwrap()
                .unwrap();
        }
        assert_ne!(bulk.object_count, Some(0), "{}", operation.name);
        let text = documents().into_iter().find(|(_, text)| text == operation.query);
        assert!(
            forgotten.remove(&text.expect("a file of its own").0),
            "{}",
            operation.name
        );
    }
    for walk in &WALKS {
        let from = Position::Id {
            since: Some(DateTime::UNIX_EPOCH).filter(|_| walk.list.changes != Changes::Whole),
            after: 0,
        };
        let answer = client.list(&shop(), "token", &walk.list, from).await;
        let page = answer.unwrap_or_else(|error| panic!("{}: {error}", walk.name)).data;
        assert!(!page.items.is_empty(), "{}", walk.name);
        let text = documents().into_iter().find(|(_, text)| text == walk.list.document);
        assert!(forgotten.remove(&text.expect("a file of its own").0), "{}", walk.name);
    }
    let uri = "https://mirror.example.com/webhooks";
    for topic in SUBSCRIBABLE {
        let (shop, name) = (shop(), topic_name(topic));
        let subscribe = || client.subscribe(&shop, "token", &name, uri);
        // The fake keeps Shopify's own list of topics.
        assert_eq!(subscribe().await.unwrap(), Subscribed::Created, "{topic}");
        assert_eq!(subscribe().await.unwrap(), Subscribed::Known, "{topic}");
    }
    let known = client.subscribed(&shop(), "token", uri).await.unwrap();
    assert_eq!(known.len(), SUBSCRIBABLE.len());
    let refused = client
        .subscribe(&shop(), "token", "PRODUCTS_UPDATE", "http://plain.example.com")
        .await;
    assert!(matches!(refused.unwrap(), Subscribed::Refused(_)));
    assert!(
        client
            .subscribed(&shop(), "token", "https://other.example.com")
            .await
            .unwrap()
            .is_empty()
    );
    forgotten.remove("webhook_subscriptions");
    forgotten.remove("webhook_subscription_create");
    client.shop(&shop(), "token").await.unwrap();
    forgotten.remove("shop");
    let scopes = client.access_scopes(&shop(), "token").await.unwrap().data;
    assert!(scopes.iter().any(|scope| scope == "read_products"), "{scopes:?}");
    forgotten.remove("access_scopes");
    for sent_above in ["bulk_run_query", "bulk_operation"] {
        forgotten.remove(sent_above);
    }
    let marked = client
        .find_bulk_operation(&shop(), "token", "test")
        .await
        .unwrap()
        .unwrap();
    forgotten.remove("bulk_recent");
    client
        .cancel_bulk_operation(&shop(), "token", &marked.id)
        .await
        .unwrap();
    forgotten.remove("bulk_cancel");
    assert_eq!(forgotten, BTreeSet::new(), "a new document needs a case here");
}

/// What stands in the views but the bodies and what is told in one way only.
pub async fn seen(pool: &PgPool) -> Value {
    let mut views = views(pool).await;
    views.values_mut().flatten().for_each(|row| drop(row.remove("raw")));
    serde_json::to_value(views).unwrap()
}

/// Fetches everything that the store has.
pub async fn fetch_all(pool: &PgPool, server: &Server) {
    let store = shared::store::Store::from_pool(pool.clone());
    let client = client(server);
    for kind in fetchable_kinds() {
        for (id, _) in server.rows(None, table_of(kind)) {
            let resource = Resource {
                shop: shop(),
                gid: Gid::new(kind, id),
            };
            resource::apply(&store, &client, &resource).await.unwrap();
        }
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_file_and_a_fetch_show_the_same(pool: PgPool) {
    let server = shopify_with(Config {
        products: 10,
        orders: Some(25),
        ..Config::default()
    })
    .await;
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    fetch_all(&pool, &server).await;
    let fetched = seen(&pool).await;
    clear(&pool).await;
    for operation in &OPERATIONS {
        let import = Import::of_operation(&store, shop_id, &server, operation.name).await;
        import.apply(0).await.unwrap();
        assert_eq!(import.read().await, import.counted, "{}", operation.name);
        sqlx::raw_sql("truncate sync_jobs cascade")
            .execute(&pool)
            .await
            .unwrap();
    }
    // The lines of refunds cannot be in a file.
    let mut imported = seen(&pool).await;
    assert_eq!(imported["refund_line_items"], serde_json::json!([]));
    assert_ne!(
        fetched["refund_line_items"],
        serde_json::json!([]),
        "the fake has no refund"
    );
    imported["refund_line_items"] = fetched["refund_line_items"].clone();
    for (view, rows) in imported.as_object().unwrap() {
        assert_eq!(rows, &fetched[view], "{view}");
        assert_ne!(rows.as_array().unwrap().len(), 0, "nothing in {view}");
    }
    // And what was imported is not changed by a fetch, or the other way round.
    fetch_all(&pool, &server).await;
    assert_eq!(seen(&pool).await, fetched);
}
