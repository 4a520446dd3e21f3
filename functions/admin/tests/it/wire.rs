//! The wire form of tRPC, call by call, and what is told while something is away.

use serde_json::{Value, json};
use sqlx::PgPool;
use test_support::{Log, SHOP, TOKEN, Useless, rows, store_with_shop};

use crate::support::{ADMIN_TOKEN, Admin, request};

const UNKNOWN: &str = "00000000-0000-0000-0000-000000000000";

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn no_query_is_answered_without_the_token_and_each_call_of_a_batch_is_told_so(pool: PgPool) {
    let admin = Admin::start(&pool).await;
    let (status, body) = admin
        .answer(&request(None, "GET", "/trpc/sync.job?input=%7B%7D", None))
        .await;
    assert_eq!(
        (status, &body["error"]["data"]["path"]),
        (401, &json!("sync.job")),
        "{body}"
    );
    let batch = "/trpc/sync.job,shops.add?batch=1&input=%7B%7D";
    let (status, body) = admin.answer(&request(Some("wrong"), "GET", batch, None)).await;
    let paths: Vec<&Value> = body
        .as_array()
        .unwrap()
        .iter()
        .map(|answer| &answer["error"]["data"]["path"])
        .collect();
    assert_eq!(
        (status, paths),
        (401, vec![&json!("sync.job"), &json!("shops.add")]),
        "{body}"
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_batch_of_queries_takes_its_inputs_by_number(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let admin = Admin::start(&pool).await;
    let (_, started) = admin.post("/trpc/shopify.bulkImport", &json!({ "shop": SHOP })).await;
    let job_id = &started["result"]["data"]["jobId"];
    let input = json!({ "1": { "jobId": job_id }, "0": { "jobId": UNKNOWN } });
    let (status, body) = admin.query_batch("sync.job,sync.job", &input).await;
    assert_eq!(status, 207, "{body}");
    assert_eq!(
        body[0]["error"]["data"],
        json!({ "code": "NOT_FOUND", "httpStatus": 404, "path": "sync.job" })
    );
    assert_eq!(&body[1]["result"]["data"]["jobId"], job_id);
    // Calls that end alike are told by one status.
    let (status, _) = admin
        .query_batch(
            "sync.job,sync.job",
            &json!({ "0": { "jobId": job_id }, "1": { "jobId": job_id } }),
        )
        .await;
    assert_eq!(status, 200);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_batch_that_is_too_long_is_refused_as_a_whole(pool: PgPool) {
    let admin = Admin::start(&pool).await;
    let calls = vec!["shops.add"; 51].join(",");
    let (status, body) = admin.post(&format!("/trpc/{calls}?batch=1"), &json!({})).await;
    assert_eq!((status, body.as_array().unwrap().len()), (400, 51));
    assert!(
        body[0]["error"]["message"].as_str().unwrap().contains("at most 50"),
        "{body}"
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn input_that_cannot_be_read_names_its_field(pool: PgPool) {
    let admin = Admin::start(&pool).await;
    let cases = [
        (
            admin.post("/trpc/shops.add", &json!({ "shop": SHOP })).await,
            "missing field `accessToken`",
        ),
        (
            admin
                .post("/trpc/shops.add", &json!({ "shop": 5, "accessToken": TOKEN }))
                .await,
            "`shop`: invalid type",
        ),
        (
            admin
                .post(
                    "/trpc/shopify.bulkImport",
                    &json!({ "shop": SHOP, "kinds": "products" }),
                )
                .await,
            "`kinds`: invalid type",
        ),
        (
            admin
                .post("/trpc/shopify.bulkImport", &json!({ "shop": SHOP, "kinds": [1] }))
                .await,
            "`kinds[0]`: invalid type",
        ),
        (
            admin.query("sync.job", &json!({ "jobId": "x" })).await,
            "`jobId`: UUID parsing failed",
        ),
        (admin.get("/trpc/sync.job").await, "missing field `jobId`"),
        (admin.raw("POST", "/trpc/shops.add", "").await, "missing field `shop`"),
    ];
    for ((status, body), said) in cases {
        assert_eq!(
            (status, &body["error"]["data"]["code"]),
            (400, &json!("BAD_REQUEST")),
            "{body}"
        );
        assert!(
            body["error"]["message"].as_str().unwrap().contains(said),
            "{said}: {body}"
        );
    }
    let mutation_by_get = admin.query("shops.add", &json!({})).await;
    assert_eq!(
        (mutation_by_get.0, &mutation_by_get.1["error"]["data"]["code"]),
        (405, &json!("METHOD_NOT_SUPPORTED"))
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_import_is_audited_each_time_it_is_asked_for_and_what_was_refused_is_not(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let admin = Admin::start(&pool).await;
    for shop in [SHOP, SHOP, "other.myshopify.com"] {
        admin.post("/trpc/shopify.bulkImport", &json!({ "shop": shop })).await;
    }
    let audit = "select procedure || ' ' || shop_domain || ' ' || (detail ->> 'created') from admin_audit order by id";
    assert_eq!(
        rows(&pool, audit).await,
        [
            format!("shopify.bulkImport {SHOP} true"),
            format!("shopify.bulkImport {SHOP} false")
        ]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn there_is_nothing_beside_the_procedures_and_the_health(pool: PgPool) {
    let admin = Admin::start(&pool).await;
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/trpc"),
        ("POST", "/health"),
        ("GET", "/webhooks"),
    ] {
        let (status, body) = admin.raw(method, path, "").await;
        assert_eq!(
            (status, body),
            (404, json!({ "error": format!("there is nothing at {path}") })),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn while_postgres_is_away_the_caller_is_told_what_is_away_and_the_log_tells_no_secret() {
    let log = Log::start();
    let gone = Useless::closing().await;
    let admin = Admin::start_on(&gone.database_url()).await;
    let health = admin.event("admin/health.json").await;
    assert_eq!(health, (503, json!({ "redis": "ok", "postgres": "unavailable" })));
    let (status, body) = admin
        .post("/trpc/shops.add", &json!({ "shop": SHOP, "accessToken": TOKEN }))
        .await;
    assert_eq!(
        (status, &body["error"]["data"]["code"]),
        (503, &json!("SERVICE_UNAVAILABLE")),
        "{body}"
    );
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("Postgres is not available"),
        "{body}"
    );
    log.assert_with(&["Postgres is not available"]);
    log.assert_without(&[ADMIN_TOKEN, TOKEN, "pa55word"]);
}
