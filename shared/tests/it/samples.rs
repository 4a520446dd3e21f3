//! Every sample body and every sample file, and what stands in the mirror after it.
//!
//! A difference fails. `INSTA_UPDATE=always cargo test -p shared samples` takes the new state for the right one; then
//! `git diff` shows what that means.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use shared::message::{Payload, Webhook};
use shared::mirror::webhook;
use sqlx::PgPool;

use crate::import_support::Import;
use crate::live::{clear, shown};
use crate::mirror_support::{at, delivery, rows, store_with_shop};
use crate::stand_in::StandIn;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// The files with this extension, by name.
fn samples(name: &str, extension: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder(name)).expect("the folder of the samples");
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut samples: Vec<(String, String)> = paths
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| {
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            (stem, fs::read_to_string(&path).unwrap())
        })
        .collect();
    samples.sort();
    samples
}

/// `customers__update` is of customers/update and `customer_tags_added` of customer.tags_added.
fn topic(stem: &str) -> String {
    let stem = stem.strip_prefix("constructed__").unwrap_or(stem);
    let stem = stem.strip_suffix("_full").unwrap_or(stem);
    match stem.contains("__") {
        true => stem.replace("__", "/"),
        false => stem.replacen('_', ".", 1),
    }
}

#[test]
fn a_file_is_named_for_its_topic() {
    assert_eq!(topic("constructed__products__update_full"), "products/update");
    assert_eq!(topic("customer_tags_added"), "customer.tags_added");
    let consent = topic("customers_email_marketing_consent__update");
    assert_eq!(consent, "customers_email_marketing_consent/update");
}

/// What must be fetched, and why.
async fn wanted(pool: &PgPool) -> String {
    let wanted = "select 'wanted: ' || gid || ', because ' || reason || e'\n' from pending_fetches order by gid";
    rows(pool, wanted).await.concat()
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn every_sample_body(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    clear(&pool).await;
    let installed = rows(&pool, "select to_jsonb(s)::text from shops s").await;
    let mut bodies = samples("fixtures/payloads", "json");
    // Nothing comes back to an erased store.
    bodies.sort_by_key(|(stem, _)| stem == "shop__redact");
    for (stem, text) in bodies {
        if stem == "hmac_vectors" {
            continue;
        }
        let body: Value = serde_json::from_str(&text).unwrap();
        let webhook = Webhook {
            payload: Payload::Json(serde_json::from_str(&text).unwrap()),
            ..delivery(&topic(&stem), &body, 10.5)
        };
        let applied = webhook::apply(&store, &[(&webhook, 1)], true).await.unwrap();
        let mut seen = match &applied.outcomes[0] {
            Ok(status) => format!("{}: {}\n", topic(&stem), status.as_str()),
            Err(error) => format!("{}: {error}\n", topic(&stem)),
        };
        seen += &wanted(&pool).await;
        seen += &shown(&pool, std::slice::from_ref(&body)).await;
        if rows(&pool, "select to_jsonb(s)::text from shops s").await != installed {
            seen += "the store itself has changed\n";
        }
        insta::assert_snapshot!(format!("body_{stem}"), seen);
        // The next delivery of the same kind begins with nothing, like this one.
        clear(&pool).await;
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn every_sample_file(pool: PgPool) {
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    let shopify = StandIn::start().await;
    for (stem, text) in samples("fixtures/bulk", "jsonl") {
        let operation = match stem.strip_prefix("generated_").unwrap() {
            "collections" | "collections_ruleset" => "collections",
            "customers" => "customers",
            "inventory" => "inventory",
            "locations" => "locations",
            "orders" | "orders_core" => "orders",
            "products" => "products",
            "variant_metafields" => "variant_metafields",
            other => panic!("a file of no operation: {other}"),
        };
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let import = Import::of_file(&store, shop_id, &shopify, operation, &text, at(10.0)).await;
        import.apply(0).await.unwrap();
        let sums = import.sums().await;
        let mut seen = format!(
            "{} lines, {} of them roots, {} rejected\n",
            sums.lines, sums.root_lines, sums.rejected
        );
        let rejected = "select 'rejected: ' || coalesce(convert_from(line, 'UTF8')::jsonb ->> 'id', 'without id') || ': ' || error || e'\n' \
             from sync_rejected_lines order by byte_offset";
        seen += &rows(&pool, rejected).await.concat();
        seen += &wanted(&pool).await;
        seen += &shown(&pool, &lines).await;
        assert_eq!((sums.lines, sums.bytes), (import.counted.0, import.counted.2), "{stem}");
        insta::assert_snapshot!(format!("file_{stem}"), seen);
        clear(&pool).await;
    }
}

#[test]
fn every_sample_has_a_snapshot_and_no_other_is_kept() {
    let mut expected: Vec<String> = samples("fixtures/payloads", "json")
        .into_iter()
        .filter(|(stem, _)| stem != "hmac_vectors")
        .map(|(stem, _)| format!("it__samples__body_{stem}"))
        .collect();
    let files = samples("fixtures/bulk", "jsonl").into_iter();
    expected.extend(files.map(|(stem, _)| format!("it__samples__file_{stem}")));
    expected.sort();
    let found: Vec<String> = samples("it/snapshots", "snap")
        .into_iter()
        .map(|(stem, _)| stem)
        .collect();
    assert_eq!(found, expected);
}
