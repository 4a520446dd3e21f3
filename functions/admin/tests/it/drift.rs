//! Whether the mirror is equal, as numbers, and how to ask for them.

use serde_json::json;
use shared::message::{Body, QueueName, Reach, decode};
use sqlx::PgPool;
use test_support::{SHOP, rows, store_with_shop};

use crate::support::Admin;

const IMPORTED: &str = "insert into sync_jobs (id, shop_id, kinds, operations, status)
    select gen_random_uuid(), id, '{}', '{}', 'completed' from shops;
    insert into sync_operations (job_id, operation, phase, status, bulk_created_at)
    select id, unnest(array['products', 'orders']), 'finished', 'completed', now() from sync_jobs";

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_comparison_is_begun_once_and_its_drains_are_told(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    sqlx::raw_sql(IMPORTED).execute(&pool).await.unwrap();
    let admin = Admin::start(&pool).await;
    let shop = json!({ "shop": SHOP });
    let (status, answer) = admin.post("/trpc/sync.compare", &shop).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        answer["result"]["data"]["lists"],
        json!(["products", "variants", "orders"])
    );
    let messages = admin.redis.queue(QueueName::OrderSync).peek(0, 9).await.unwrap().items;
    let Body::Page(page) = decode(&messages[0].body).unwrap() else {
        panic!("no page");
    };
    assert_eq!((page.list.as_str(), page.reach), ("orders", Reach::All));
    // They run; nothing is begun twice.
    let (_, again) = admin.post("/trpc/sync.compare", &shop).await;
    assert_eq!(again["result"]["data"]["lists"], json!([]));
    let audit = "select procedure || ' ' || shop_domain from admin_audit";
    assert_eq!(rows(&pool, audit).await, vec![format!("sync.compare {SHOP}"); 2]);

    let (status, answer) = admin
        .post("/trpc/sync.compare", &json!({ "shop": "other.myshopify.com" }))
        .await;
    assert_eq!(status, 404, "{answer}");
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn drift_is_what_the_last_comparison_of_each_list_found(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let recorded = "insert into drift (shop_id, list, compared_at, listed, mirrored, missing, stale, gone, listed_sum, mirrored_sum)
        select id, list, at::timestamptz, 10, 9, missing, 1, 0, 18446744073709551616, -7 from shops,
            (values ('products', '2026-11-23', 5), ('products', '2026-11-24', 1), ('orders', '2026-11-22', 0)) as d (list, at, missing)";
    sqlx::raw_sql(recorded).execute(&pool).await.unwrap();
    let inside = "insert into drift_parts (shop_id, list, compared_at, table_name, listed, mirrored, missing, stale, gone, listed_sum)
        select shop_id, list, compared_at, 'inside', 3 + missing, 3, missing, 0, 0, 7 from drift where list = 'products'";
    sqlx::raw_sql(inside).execute(&pool).await.unwrap();
    let admin = Admin::start(&pool).await;
    for input in [json!({}), json!({ "shop": SHOP })] {
        let (status, answer) = admin.query("sync.drift", &input).await;
        assert_eq!(status, 200, "{answer}");
        let drift = &answer["result"]["data"]["drift"];
        assert_eq!(drift.as_array().unwrap().len(), 2, "{drift}");
        assert_eq!(
            (&drift[0]["list"], &drift[0]["differences"]),
            (&json!("orders"), &json!(1))
        );
        assert_eq!(
            drift[1],
            json!({
                "shop": SHOP, "list": "products", "table": "products", "comparedAt": "2026-11-24T00:00:00Z",
                "differences": 2, "missing": 1, "stale": 1, "gone": 0,
                "store": { "count": 10, "checksum": "18446744073709551616" },
                "mirror": { "count": 9, "checksum": "-7" },
                "parts": [{
                    "table": "inside", "differences": 1, "missing": 1, "stale": 0, "gone": 0,
                    "store": { "count": 4, "checksum": "7" },
                    "mirror": { "count": 3, "checksum": null },
                }],
            })
        );
    }
    let (_, none) = admin
        .query("sync.drift", &json!({ "shop": "other.myshopify.com" }))
        .await;
    assert_eq!(none["result"]["data"]["drift"], json!([]));
}
