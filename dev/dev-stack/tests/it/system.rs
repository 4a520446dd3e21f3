//! All of Mercury at a small size: the same stack as `make up` and `make demo`.

use std::time::Duration;

use dev_stack::demo::{self, Admin, proof};
use dev_stack::functions::{self, Function, PREFIX};
use dev_stack::home::Home;
use dev_stack::process::{Signal, send};
use dev_stack::services::Durability;
use dev_stack::shopify;
use dev_stack::stack::{Options, Stack};
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::bench::eventually;

/// A stack with a small store whose messages come back soon when their drain died.
async fn start() -> (Stack, Admin, PgConnection) {
    let options = Options {
        durability: Durability::Disposable,
        fresh: true,
        tick: Duration::from_secs(1),
        retries: [Duration::from_secs(1); 2],
        store: shopify::Options {
            products: 300,
            ..shopify::Options::default()
        },
        ..Options::default()
    };
    let soon = |mut function: Function| {
        function
            .environment
            .push(("VISIBILITY_TIMEOUT_SECONDS", "5".to_owned()));
        function
    };
    let functions = functions::all().into_iter().map(soon).collect();
    let stack = Stack::start_with(Home::numbered("system").unwrap(), &options, functions)
        .await
        .unwrap();
    let mirror = PgConnection::connect(&stack.database_url()).await.unwrap();
    let admin = Admin::of(&stack).unwrap();
    (stack, admin, mirror)
}

/// Fails with the differing rows.
async fn assert_equal(stack: &Stack, mirror: &mut PgConnection) {
    for verdict in proof::compare(&stack.shopify, mirror).await.unwrap() {
        assert!(verdict.equal(), "{verdict}");
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Posts a webhook by hand and returns the status of the answer.
async fn post(stack: &Stack, id: &str, body: &str, signature: &str) -> u16 {
    let call = client().post(stack.variable("WEBHOOK_URL"));
    let call = call
        .header("X-Shopify-Topic", "products/update")
        .header("X-Shopify-Shop-Domain", stack.shopify.shop());
    let call = call.header("X-Shopify-Webhook-Id", id).header("X-Shopify-Event-Id", id);
    let call = call.header("X-Shopify-Triggered-At", "2026-01-01T00:00:00.000000Z");
    let call = call
        .header("X-Shopify-API-Version", "2026-10")
        .header("X-Shopify-Hmac-Sha256", signature);
    call.header("Content-Type", "application/json")
        .body(body.to_owned())
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

async fn rows(mirror: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(mirror).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_and_the_webhooks_after_it_make_the_mirror_equal() {
    let (stack, admin, mut mirror) = start().await;
    demo::import(&stack, &admin).await.unwrap();
    demo::fetches(&mut mirror).await.unwrap();
    assert_equal(&stack, &mut mirror).await;
    demo::deliver(&stack, &mut mirror, 200).await.unwrap();
    assert_equal(&stack, &mut mirror).await;
    // The comparison itself sees a difference.
    sqlx::query("update product_variants set price = price + 1 where id = (select min(id) from live.product_variants)")
        .execute(&mut mirror)
        .await
        .unwrap();
    let verdicts = proof::compare(&stack.shopify, &mut mirror).await.unwrap();
    let different = verdicts.iter().filter(|verdict| !verdict.equal());
    assert_eq!(
        different.map(proof::Verdict::table).collect::<Vec<_>>(),
        ["product_variants"]
    );
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_during_an_import_neither_lose_nor_are_overwritten() {
    let (stack, admin, mut mirror) = start().await;
    // The store changes from before its export until after the end of it: more often than it has products, so that
    // most rows come from both sides and many in the same second.
    let shop = json!({ "shop": stack.shopify.shop(), "accessToken": stack.shopify.access_token() });
    admin.mutate("shops.add", &shop).await.unwrap();
    let (job, delivered) = tokio::join!(demo::import(&stack, &admin), demo::deliver(&stack, &mut mirror, 400));
    delivered.unwrap();
    let job = job.unwrap();
    // What could not be decided between the two is fetched.
    eventually("nothing is left to fetch", async || {
        rows(&mut mirror, "select count(*) from pending_fetches").await == 0
    })
    .await;
    assert_equal(&stack, &mut mirror).await;
    // Some came from both sides: deliveries triggered after an operation began to read.
    let both: i64 = sqlx::query_scalar(
        "select count(*) from webhook_logs \
         where triggered_at > (select min(bulk_created_at) from sync_operations where job_id = $1::uuid)",
    )
    .bind(&job)
    .fetch_one(&mut mirror)
    .await
    .unwrap();
    assert!(both > 0, "nothing changed while the import ran");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_killed_all_the_time_cost_neither_the_import_nor_a_webhook() {
    let (stack, admin, mut mirror) = start().await;
    let murder = async {
        let mut killed_in_all = 0;
        for round in 0..6 {
            tokio::time::sleep(Duration::from_millis(700)).await;
            for name in [
                "bulk-import",
                "drain-product-sync",
                "drain-bulk-import",
                "drain-webhook-process",
            ] {
                for (emulator, function) in stack.runtime.processes(&format!("{PREFIX}{name}")) {
                    // The whole environment, or the function alone.
                    let killed = if round % 2 == 0 { vec![emulator] } else { function };
                    killed_in_all += killed.len();
                    killed.into_iter().for_each(|pid| send(pid, Signal::KILL));
                }
            }
        }
        killed_in_all
    };
    let job = async {
        demo::import(&stack, &admin).await.unwrap();
        demo::deliver(&stack, &mut mirror, 100).await.unwrap();
    };
    let (killed, ()) = tokio::join!(murder, job);
    assert!(killed >= 10, "only {killed} processes were killed");
    assert_equal(&stack, &mut mirror).await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_a_webhook_is_refused_and_taken_once_it_is_back() {
    let (mut stack, admin, mut mirror) = start().await;
    let shop = stack.shopify.shop().to_owned();
    admin
        .mutate(
            "shops.add",
            &json!({ "shop": shop, "accessToken": stack.shopify.access_token() }),
        )
        .await
        .unwrap();
    let body = r#"{"id":1,"title":"one","updated_at":"2026-01-01T00:00:00Z","variants":[],"variant_gids":[]}"#;
    let signature = fake_shopify::sign(stack.shopify.webhook_secret(), body.as_bytes());
    stack.services.redis.stop().await;
    assert_eq!(post(&stack, "w-1", body, &signature).await, 503);
    stack.services.redis.resume().await.unwrap();
    eventually("the webhook is taken", async || {
        post(&stack, "w-1", body, &signature).await == 200
    })
    .await;
    eventually("it has its row in the log", async || {
        rows(
            &mut mirror,
            "select count(*) from webhook_logs where webhook_id = 'w-1'",
        )
        .await
            == 1
    })
    .await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in() {
    let (stack, _, mut mirror) = start().await;
    let body = r#"{"id":1}"#;
    for signature in [
        "",
        "bm90IHRoZSBzaWduYXR1cmU=",
        &fake_shopify::sign("another secret", body.as_bytes()),
    ] {
        assert_eq!(post(&stack, "w-2", body, signature).await, 401);
    }
    let client = client();
    for token in ["", "wrong"] {
        let call = client
            .post(format!("{}/trpc/shops.add", stack.variable("ADMIN_URL")))
            .bearer_auth(token);
        let call = call.json(&json!({ "shop": "x.myshopify.com", "accessToken": "y" }));
        assert_eq!(call.send().await.unwrap().status(), 401);
    }
    assert_eq!(rows(&mut mirror, "select count(*) from webhook_logs").await, 0);
    assert_eq!(rows(&mut mirror, "select count(*) from shops").await, 0);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_line_carries_a_secret_or_a_payload() {
    let (stack, admin, mut mirror) = start().await;
    demo::import(&stack, &admin).await.unwrap();
    demo::deliver(&stack, &mut mirror, 50).await.unwrap();
    let title: String = sqlx::query_scalar("select title from products where length(title) > 8 limit 1")
        .fetch_one(&mut mirror)
        .await
        .unwrap();
    let email: String = sqlx::query_scalar("select email from customers where email is not null limit 1")
        .fetch_one(&mut mirror)
        .await
        .unwrap();
    let secrets = [
        email,
        stack.shopify.webhook_secret().to_owned(),
        stack.shopify.access_token().to_owned(),
        stack.variable("ADMIN_TOKEN").to_owned(),
        stack.variable("DATABASE_URL").to_owned(),
        title,
        "/bulk/".to_owned(),
        "variant_gids".to_owned(),
    ];
    let logs = stack.home.dir.join("logs");
    stack.stop().await;
    for entry in std::fs::read_dir(logs).unwrap() {
        let path = entry.unwrap().path();
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        for (number, secret) in secrets.iter().enumerate() {
            assert!(!text.contains(secret), "secret {number} is in {}", path.display());
        }
    }
}
