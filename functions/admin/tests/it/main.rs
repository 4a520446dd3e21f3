//! The admin API, by its wire form and by the stock tRPC client.

mod client;
mod drift;
mod privacy;
mod queues;
mod support;
mod sweep;
mod wire;

use serde_json::{Value, json};
use shared::message::{Body, QueueName, decode};
use shared::shopify::{Budget, Taken};
use shared::throttle::Throttle;
use sqlx::PgPool;
use test_support::{SHOP, TOKEN, call, rows, shop, store_with_shop};

use support::Admin;

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn nothing_is_told_without_the_token(pool: PgPool) {
    let admin = Admin::start(&pool).await;
    for procedure in [
        "privacy.export",
        "privacy.requests",
        "shopify.bulkImport",
        "shopify.cancelImport",
        "shopify.confirmSweep",
        "shops.add",
        "sync.job",
        "no.such",
    ] {
        for token in [None, Some("0123456789abcdeF")] {
            let (status, body) = admin.post_as(token, &format!("/trpc/{procedure}"), &json!({})).await;
            assert_eq!(
                (status, &body["error"]["data"]["code"]),
                (401, &json!("UNAUTHORIZED")),
                "{procedure}"
            );
        }
    }
    assert_eq!(admin.event("admin/no-token.json").await.0, 401);
    assert_eq!(admin.event("admin/wrong-token.json").await.0, 401);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_store_is_added_with_a_token_that_works_and_the_change_is_audited(pool: PgPool) {
    let admin = Admin::start(&pool).await;
    let (status, body) = admin
        .post("/trpc/shops.add", &json!({ "shop": SHOP, "accessToken": TOKEN }))
        .await;
    assert_eq!((status, &body["result"]["data"]["shop"]), (200, &json!(SHOP)), "{body}");
    assert_eq!(rows(&pool, "select access_token from shop_credentials").await, [TOKEN]);
    assert_eq!(
        rows(&pool, "select procedure || ' ' || shop_domain from admin_audit").await,
        [format!("shops.add {SHOP}")]
    );
    assert!(!rows(&pool, "select detail::text from admin_audit").await[0].contains(TOKEN));

    let (status, body) = admin
        .post(
            "/trpc/shops.add",
            &json!({ "shop": SHOP, "accessToken": "shpat_wrong" }),
        )
        .await;
    assert_eq!(status, 400);
    assert_eq!(
        body["error"]["message"],
        json!(format!("{SHOP} does not accept this access token"))
    );
    assert_eq!(rows(&pool, "select access_token from shop_credentials").await, [TOKEN]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_admin_waits_for_the_points_of_a_store_like_everybody(pool: PgPool) {
    let admin = Admin::start(&pool).await;
    let throttle = Throttle::new(admin.redis.client());
    let everything = throttle.take(&shop(), call(1_000.0)).await;
    assert!(matches!(everything, Taken::Reserved(_)), "{everything:?}");
    let (status, body) = admin
        .post("/trpc/shops.add", &json!({ "shop": SHOP, "accessToken": TOKEN }))
        .await;
    assert_eq!(status, 503, "{body}");
    assert!(admin.server.requests(None).is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_import_is_recorded_sent_and_found_again(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let admin = Admin::start(&pool).await;
    let (status, first) = admin.event("admin/bulk-import.json").await;
    assert_eq!(status, 200, "{first}");
    let job_id = first["result"]["data"]["jobId"].clone();
    let again = json!({ "shop": SHOP, "kinds": ["products"] });
    let (_, second) = admin.post("/trpc/shopify.bulkImport", &again).await;
    assert_eq!(
        (&second["result"]["data"]["jobId"], &second["result"]["data"]["created"]),
        (&job_id, &json!(false))
    );
    // Of all kinds, those that are not under way.
    let (_, third) = admin.post("/trpc/shopify.bulkImport", &json!({ "shop": SHOP })).await;
    assert_eq!(
        third["result"]["data"]["kinds"],
        json!(["collections", "customers", "inventory", "orders"])
    );

    let messages = admin.redis.waiting(QueueName::BulkImport).await;
    let Body::Import(import) = decode(&messages[0].body).unwrap() else {
        panic!("no import")
    };
    assert_eq!(
        (json!(import.job_id), import.operations),
        (
            job_id.clone(),
            vec!["products".to_owned(), "variant_metafields".to_owned()]
        )
    );

    let (status, told) = admin.query("sync.job", &json!({ "jobId": job_id })).await;
    assert_eq!((status, &told["result"]["data"]["status"]), (200, &json!("queued")));
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_resource_is_wanted_and_sent_to_its_queue(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let admin = Admin::start(&pool).await;
    for (id, queue) in [
        ("gid://shopify/Product/1", QueueName::ProductSync),
        ("gid://shopify/Order/788032119674292922", QueueName::OrderSync),
        ("gid://shopify/Customer/3", QueueName::CustomerSync),
        ("gid://shopify/Collection/4", QueueName::CollectionSync),
    ] {
        let input = json!({ "shop": SHOP, "id": id });
        let (status, answer) = admin.post("/trpc/shopify.syncResource", &input).await;
        assert_eq!(
            (status, &answer["result"]["data"]["queue"]),
            (200, &json!(queue)),
            "{answer}"
        );
        let messages = admin.redis.waiting(queue).await;
        let Body::Resource(resource) = decode(&messages[0].body).unwrap() else {
            panic!("no resource")
        };
        assert_eq!(resource.gid.as_str(), id);
    }
    assert_eq!(rows(&pool, "select count(*)::text from pending_fetches").await, ["4"]);

    for (id, said) in [
        (
            "gid://shopify/Sonnet/1",
            "`Sonnet` cannot be fetched: kinds are Product",
        ),
        ("Product/1", "`Product/1` is not a global id"),
    ] {
        let input = json!({ "shop": SHOP, "id": id });
        let (status, answer) = admin.post("/trpc/shopify.syncResource", &input).await;
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(status == 400 && message.contains(said), "{answer}");
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_is_wrong_is_named_with_the_way_out(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let admin = Admin::start(&pool).await;
    let import = |input: Value| async { admin.post("/trpc/shopify.bulkImport", &{ input }).await };
    let cases = [
        (
            import(json!({ "shop": "other.myshopify.com" })).await,
            404,
            "add it with shops.add",
        ),
        (
            import(json!({ "shop": "evil.example" })).await,
            400,
            "`evil.example` is not a store's name",
        ),
        (
            import(json!({ "shop": SHOP, "kinds": ["sonnets"] })).await,
            400,
            "`sonnets` cannot be imported: kinds are collections, customers",
        ),
        (import(json!({})).await, 400, "missing field `shop`"),
        (
            admin.post("/trpc/no.such", &json!({})).await,
            404,
            "there is no procedure called `no.such`",
        ),
        (
            admin.post("/trpc/sync.job", &json!({})).await,
            405,
            "`sync.job` is called by GET",
        ),
        (
            admin
                .query("sync.job", &json!({ "jobId": "00000000-0000-0000-0000-000000000000" }))
                .await,
            404,
            "there is no import",
        ),
        (
            admin.raw("POST", "/trpc/shops.add", "{not json").await,
            400,
            "the input is not JSON",
        ),
    ];
    for ((status, body), expected, said) in cases {
        let message = body["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(status, expected, "{body}");
        assert!(message.contains(said), "{message}");
        assert!(
            body["error"]["code"].is_i64() && body["error"]["data"]["httpStatus"] == json!(expected),
            "{body}"
        );
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_batch_answers_each_call_by_itself(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let admin = Admin::start(&pool).await;
    let input = json!({ "0": { "shop": SHOP }, "1": { "shop": "evil.example" } });
    let (status, body) = admin
        .post("/trpc/shopify.bulkImport,shopify.bulkImport?batch=1", &input)
        .await;
    assert_eq!(status, 207);
    assert!(
        body[0]["result"]["data"]["jobId"].is_string() && body[1]["error"]["data"]["code"] == "BAD_REQUEST",
        "{body}"
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn health_names_what_does_not_answer(pool: PgPool) {
    let mut admin = Admin::start(&pool).await;
    assert_eq!(
        admin.event("admin/health.json").await,
        (200, json!({ "redis": "ok", "postgres": "ok" }))
    );
    admin.redis.stop().await;
    assert_eq!(
        admin.event("admin/health.json").await,
        (503, json!({ "redis": "unavailable", "postgres": "ok" }))
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn without_redis_an_import_is_not_said_to_be_under_way(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let mut admin = Admin::start(&pool).await;
    admin.redis.stop().await;
    let (status, _) = admin.post("/trpc/shopify.bulkImport", &json!({ "shop": SHOP })).await;
    assert_eq!(status, 503);
    admin.redis.resume().await;
    // The same call sends the message that was not sent.
    let (status, body) = admin.post("/trpc/shopify.bulkImport", &json!({ "shop": SHOP })).await;
    assert_eq!((status, &body["result"]["data"]["created"]), (200, &json!(false)));
    assert_eq!(
        admin
            .redis
            .queue(QueueName::BulkImport)
            .attributes()
            .await
            .unwrap()
            .visible,
        1
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_import_is_canceled_once_audited_and_its_kinds_are_free(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let admin = Admin::start(&pool).await;
    let ask = json!({ "shop": SHOP, "kinds": ["products"] });
    let (_, asked) = admin.post("/trpc/shopify.bulkImport", &ask).await;
    let job = json!({ "jobId": asked["result"]["data"]["jobId"] });
    let (status, body) = admin.post("/trpc/shopify.cancelImport", &job).await;
    let told = &body["result"]["data"];
    assert_eq!(
        (status, &told["jobId"], &told["was"], &told["status"]),
        (200, &job["jobId"], &json!("queued"), &json!("canceled")),
        "{body}"
    );
    let (_, shown) = admin.query("sync.job", &job).await;
    assert_eq!(shown["result"]["data"]["status"], "canceled", "{shown}");

    let (status, body) = admin.post("/trpc/shopify.cancelImport", &job).await;
    let message = body["error"]["message"].as_str().unwrap();
    assert!(
        status == 400 && message.ends_with("has ended already: it is canceled"),
        "{body}"
    );
    let audited = "select procedure || ' ' || shop_domain from admin_audit order by id desc limit 1";
    assert_eq!(rows(&pool, audited).await, [format!("shopify.cancelImport {SHOP}")]);
    let count = "select count(*)::text from admin_audit where procedure = 'shopify.cancelImport'";
    assert_eq!(rows(&pool, count).await, ["1"]);
    // Whoever wants them again need not wait.
    let (_, again) = admin.post("/trpc/shopify.bulkImport", &ask).await;
    assert_eq!(again["result"]["data"]["created"], true, "{again}");
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_import_that_nobody_knows_cannot_be_canceled(pool: PgPool) {
    let admin = Admin::start(&pool).await;
    let job_id = uuid::Uuid::now_v7();
    let (status, body) = admin
        .post("/trpc/shopify.cancelImport", &json!({ "jobId": job_id }))
        .await;
    assert_eq!(
        (status, &body["error"]["message"]),
        (404, &json!(format!("there is no import {job_id}")))
    );
}
