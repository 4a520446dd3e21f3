//! A sweep that waits is shown, confirmed, audited, and confirmed once.

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use shared::import;
use shared::message::{Payload, Webhook};
use shared::mirror::{self, sweep};
use shared::shopify::Topic;
use shared::store::sync_sweeps::File;
use shared::store::{Store, commit, sync_jobs, sync_operations};
use sqlx::PgPool;
use test_support::{SHOP, rows, shop, store_with_shop};
use uuid::Uuid;

use crate::support::Admin;

const LIVE: &str = "select count(*)::text from live.products";

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Three products, of which a delivery told.
async fn products(store: &Store) {
    for id in 1..4 {
        let body = json!({ "id": id, "title": "x", "updated_at": "2026-11-24T08:00:00Z", "variants": [] });
        let webhook = Webhook {
            delivery_id: Uuid::now_v7(),
            received_at: Utc::now(),
            shop: shop(),
            topic: Topic::parse("products/create"),
            webhook_id: None,
            event_id: None,
            triggered_at: moment("2026-11-24T08:00:00Z"),
            api_version: None,
            oversized: false,
            payload: Payload::Json(RawValue::from_string(body.to_string()).unwrap()),
        };
        mirror::webhook::apply(store, &[(&webhook, 1)], false).await.unwrap();
    }
}

/// An import that was complete and found none of them; its sweep waits.
async fn held(store: &Store, shop_id: i64) -> Uuid {
    let job_id = Uuid::now_v7();
    let operation = import::find("products").unwrap();
    let names = ["products".to_owned()];
    let scopes = ["read_products".to_owned()];
    let created_at = moment("2026-11-24T09:00:00Z");
    let mut tx = store.begin().await.unwrap();
    sync_jobs::create(&mut tx, job_id, shop_id, &names, &names)
        .await
        .unwrap();
    sync_operations::lock(&mut tx, job_id, operation.name).await.unwrap();
    sync_operations::submitted(
        &mut tx,
        job_id,
        operation.name,
        "gid://shopify/BulkOperation/1",
        created_at,
        Some(&scopes),
    )
    .await
    .unwrap();
    let file = File {
        job_id,
        operation: operation.name,
        shop_id,
        created_at,
    };
    let evidence = sweep::Evidence {
        at_start: Some(&scopes),
        now: Ok(&scopes),
    };
    sweep::decide(&mut tx, &file, operation, &evidence, 20).await.unwrap();
    sync_operations::finish(&mut tx, job_id, operation.name, "completed", None)
        .await
        .unwrap();
    sync_jobs::finish(&mut tx, job_id).await.unwrap();
    commit(tx).await.unwrap();
    job_id
}

fn data(body: &Value) -> &Value {
    &body["result"]["data"]
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_sweep_that_waits_is_told_with_numbers_and_written_once_confirmed(pool: PgPool) {
    let (store, shop_id) = store_with_shop(&pool).await;
    let admin = Admin::start(&pool).await;
    products(&store).await;
    let job_id = held(&store, shop_id).await;
    let input = json!({ "jobId": job_id });

    let (status, body) = admin.query("sync.job", &input).await;
    let told = &data(&body)["sweep"][0];
    assert_eq!(
        (status, &data(&body)["status"], &told["state"]),
        (200, &json!("completed"), &json!("held")),
        "{body}"
    );
    assert!(
        told["note"].as_str().unwrap().contains("shopify.confirmSweep"),
        "{told}"
    );
    let first = json!({ "table": "products", "of": null, "live": 3, "missing": 3, "swept": 0, "spared": 0 });
    assert_eq!(told["tables"][0], first);
    assert_eq!(rows(&pool, LIVE).await, ["3"]);

    let (status, body) = admin.post("/trpc/shopify.confirmSweep", &input).await;
    assert_eq!(
        (status, &data(&body)["done"], &data(&body)["next"]),
        (200, &json!(true), &Value::Null),
        "{body}"
    );
    let told = &data(&body)["sweep"][0];
    assert_eq!(
        (&told["state"], &told["tables"][0]["swept"]),
        (&json!("done"), &json!(3))
    );
    assert!(told["confirmedAt"].is_string());
    assert_eq!(rows(&pool, LIVE).await, ["0"]);

    // Again: the same answer, and nothing happens.
    let (status, again) = admin.post("/trpc/shopify.confirmSweep", &input).await;
    assert_eq!((status, data(&again)), (200, data(&body)));
    let audited = "select procedure || ' ' || shop_domain || ' ' || (detail ->> 'jobId') from admin_audit";
    assert_eq!(
        rows(&pool, audited).await,
        [format!("shopify.confirmSweep {SHOP} {job_id}")]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_confirmed_sweep_that_was_cut_off_goes_on_with_the_next_call(pool: PgPool) {
    let (store, shop_id) = store_with_shop(&pool).await;
    let admin = Admin::start(&pool).await;
    products(&store).await;
    let input = json!({ "jobId": held(&store, shop_id).await });
    // The confirmation is recorded, and the first tombstone cannot be written.
    let only_live = "alter table products add constraint only_live check (deleted_at is null) not valid";
    sqlx::raw_sql(only_live).execute(&pool).await.unwrap();
    assert_eq!(admin.post("/trpc/shopify.confirmSweep", &input).await.0, 503);
    assert_eq!(rows(&pool, "select sweep from sync_operations").await, ["running"]);
    sqlx::raw_sql("alter table products drop constraint only_live")
        .execute(&pool)
        .await
        .unwrap();
    let (status, body) = admin.post("/trpc/shopify.confirmSweep", &input).await;
    assert_eq!((status, &data(&body)["done"]), (200, &json!(true)), "{body}");
    assert_eq!(rows(&pool, LIVE).await, ["0"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn where_nothing_waits_the_error_says_so(pool: PgPool) {
    let (store, shop_id) = store_with_shop(&pool).await;
    let admin = Admin::start(&pool).await;
    let unknown = Uuid::now_v7();
    let (status, body) = admin
        .post("/trpc/shopify.confirmSweep", &json!({ "jobId": unknown }))
        .await;
    assert_eq!(
        (status, &body["error"]["message"]),
        (404, &json!(format!("there is no import {unknown}")))
    );
    // Nothing was missing, so that the sweep is under way with the import itself.
    let job_id = held(&store, shop_id).await;
    let (status, body) = admin
        .post("/trpc/shopify.confirmSweep", &json!({ "jobId": job_id }))
        .await;
    assert_eq!(status, 400);
    assert_eq!(
        body["error"]["message"],
        json!(format!(
            "nothing of import {job_id} waits to be confirmed: the sweep of products is running; sync.job tells more"
        ))
    );
    // The store removed the app.
    products(&store).await;
    let job_id = held(&store, shop_id).await;
    sqlx::query("delete from shop_credentials")
        .execute(&pool)
        .await
        .unwrap();
    let (status, body) = admin
        .post("/trpc/shopify.confirmSweep", &json!({ "jobId": job_id }))
        .await;
    assert_eq!(status, 404, "{body}");
    assert_eq!(rows(&pool, LIVE).await, ["3"]);
}
