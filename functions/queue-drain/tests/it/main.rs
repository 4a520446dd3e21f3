//! What becomes of the messages in the queues.

mod bulk_end;
mod chunk;
mod coalesced;
mod privacy;
mod privacy_shop;
mod privacy_support;
mod refresh;
mod refused;
mod support;
mod throttle;
mod walk;

use std::time::Duration;

use chrono::{DateTime, Utc};
use fake_shopify::{Edit, Fault, ProductFields};
use queue_drain::Report;
use serde_json::json;
use shared::message::{Body, Chunk, Encoded, Import, Payload, QueueName, Rejected, Resource};
use shared::queue::{Send, State};
use shared::shopify::Gid;
use sqlx::PgPool;
use test_support::{Useless, rows, shop, shopify, store_with_shop};
use uuid::Uuid;

use support::{Drain, product, webhook};

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn deliveries_become_rows_and_the_queue_is_empty(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let drain = Drain::start(&pool).await;
    for id in 1..=250 {
        drain
            .send(
                QueueName::WebhookProcess,
                &Body::Webhook(webhook("products/create", &product(id, "x"))),
            )
            .await;
    }
    let report = drain.run(QueueName::WebhookProcess).await;
    assert_eq!((report.received, report.deleted), (250, 250));
    assert_eq!(rows(&pool, "select count(*)::text from live.products").await, ["250"]);
    assert_eq!(drain.count(QueueName::WebhookProcess).await, 0);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_crash_between_apply_and_delete_changes_nothing(pool: PgPool) {
    let (store, _) = store_with_shop(&pool).await;
    let drain = Drain::start(&pool).await;
    let delivery = webhook("products/create", &product(1, "x"));
    drain.send(QueueName::WebhookProcess, &Body::Webhook(delivery)).await;
    // A drain that dies after the commit: the message is received and applied, and never deleted.
    let queue = drain.redis.queue(QueueName::WebhookProcess);
    let received = queue.receive(10, Duration::ZERO).await.unwrap();
    let Body::Webhook(webhook) = shared::message::decode(&received[0].body).unwrap() else {
        unreachable!()
    };
    shared::mirror::webhook::apply(&store, &[(&webhook, 1)], false)
        .await
        .unwrap();
    let before = rows(&pool, "select xmin::text from products").await;
    let change = shared::queue::ChangeVisibility {
        receipt: received[0].receipt,
        timeout: Duration::ZERO,
        error: None,
    };
    queue.change_visibility(&[change]).await.unwrap();

    let report = drain.run(QueueName::WebhookProcess).await;
    assert_eq!((report.received, report.deleted), (1, 1));
    assert_eq!(rows(&pool, "select xmin::text from products").await, before);
    assert_eq!(rows(&pool, "select status from webhook_logs").await, ["applied"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_poison_message_costs_only_itself(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let drain = Drain::start(&pool).await;
    let mut no_number = product(2, "y");
    no_number["variants"][0]["price"] = json!("no number");
    let mut broken = webhook("products/update", &json!({}));
    broken.payload = Payload::Bytes(Encoded(b"{broken".to_vec()));
    drain
        .send(
            QueueName::WebhookProcess,
            &Body::Webhook(webhook("products/create", &product(1, "x"))),
        )
        .await;
    drain
        .send(
            QueueName::WebhookProcess,
            &Body::Webhook(webhook("products/create", &no_number)),
        )
        .await;
    drain.send(QueueName::WebhookProcess, &Body::Webhook(broken)).await;
    drain
        .redis
        .queue(QueueName::WebhookProcess)
        .send(&Send::new("hello"))
        .await
        .unwrap();
    drain
        .send(
            QueueName::WebhookProcess,
            &Body::Webhook(webhook("products/create", &product(3, "z"))),
        )
        .await;

    let report = drain.run(QueueName::WebhookProcess).await;
    assert_eq!(
        (report.received, report.deleted, report.dead_lettered),
        (5, 2, 3),
        "{report:?}"
    );
    assert_eq!(
        rows(&pool, "select id::text from live.products order by id").await,
        ["1", "3"]
    );
    let mut reasons = drain.dead(QueueName::WebhookProcess).await;
    reasons.sort();
    assert!(reasons[0].contains("not one of ours"), "{reasons:?}");
    assert!(reasons[1].contains("22P02"), "{reasons:?}");
    assert!(reasons[2].contains("not JSON"), "{reasons:?}");
    let logged = rows(&pool, "select status from webhook_logs order by status").await;
    assert_eq!(logged, ["applied", "applied", "dead", "dead"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn while_postgres_is_away_nothing_is_lost(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let gone = Useless::closing().await;
    let mut away = Drain::start_with(&pool, [("DATABASE_URL", &gone.database_url())]).await;
    away.send(
        QueueName::WebhookProcess,
        &Body::Webhook(webhook("products/create", &product(1, "x"))),
    )
    .await;
    let report = away.run(QueueName::WebhookProcess).await;
    // The wait is drawn by lot: one of next to nothing is over before the drain is.
    assert!(report.retried > 0 && report.retried == report.received, "{report:?}");
    let waiting = away.redis.waiting(QueueName::WebhookProcess).await;
    assert!(
        waiting[0]
            .last_error
            .as_deref()
            .is_some_and(|error| error.contains("connection")),
        "{waiting:?}"
    );

    away.context = Drain::context(&pool, &away.redis, []);
    away.run_until_empty(QueueName::WebhookProcess).await;
    assert_eq!(rows(&pool, "select id::text from live.products").await, ["1"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_message_that_keeps_failing_ends_in_the_dead_letter_queue_with_its_last_error(pool: PgPool) {
    let gone = Useless::closing().await;
    let drain = Drain::start_with(
        &pool,
        [("DATABASE_URL", &gone.database_url()), ("MAX_RECEIVE_COUNT", "1")],
    )
    .await;
    drain
        .send(
            QueueName::WebhookProcess,
            &Body::Webhook(webhook("products/create", &product(1, "x"))),
        )
        .await;
    let report = drain.run(QueueName::WebhookProcess).await;
    assert_eq!(report.dead_lettered, 1, "{report:?}");
    assert!(drain.dead(QueueName::WebhookProcess).await[0].contains("Postgres is not available"));
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_refused_delivery_is_kept_for_the_operator(pool: PgPool) {
    let drain = Drain::start(&pool).await;
    let rejected = Rejected {
        delivery_id: Uuid::now_v7(),
        received_at: Utc::now(),
        reason: "wrong signature".to_owned(),
        shop_domain: None,
        topic: Some("products/update".to_owned()),
        webhook_id: None,
        body_size: 3,
        body: Encoded(b"abc".to_vec()),
    };
    drain.send(QueueName::WebhookProcess, &Body::Rejected(rejected)).await;
    drain.run(QueueName::WebhookProcess).await;
    let kept = rows(
        &pool,
        "select reason || ' ' || convert_from(body, 'UTF8') from webhook_rejections",
    )
    .await;
    assert_eq!(kept, ["wrong signature abc"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn two_drains_at_once_apply_everything_once(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let drain = Drain::start(&pool).await;
    for id in 1..=300 {
        drain
            .send(
                QueueName::WebhookProcess,
                &Body::Webhook(webhook("products/create", &product(id, "x"))),
            )
            .await;
    }
    let (one, two): (Report, Report) = tokio::join!(
        drain.run(QueueName::WebhookProcess),
        drain.run(QueueName::WebhookProcess)
    );
    assert_eq!((one.deleted + two.deleted, one.received + two.received), (300, 300));
    assert_eq!(
        rows(&pool, "select count(*)::text || max(attempts) from webhook_logs").await,
        ["3001"]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_throttled_fetch_is_snoozed_and_its_receive_does_not_count(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let server = shopify(5).await;
    let drain = Drain::start_with(&pool, [("SHOPIFY_ADMIN_URL", &server.admin_url())]).await;
    let (id, _) = server.products(None).remove(0);
    server.fault("ProductById", Fault::Throttled, 1).unwrap();
    drain.send(QueueName::ProductSync, &resource("Product", id)).await;
    let report = drain.run(QueueName::ProductSync).await;
    assert_eq!((report.received, report.snoozed), (1, 1), "{report:?}");
    let waiting = drain.redis.waiting(QueueName::ProductSync).await;
    assert_eq!((waiting[0].receive_count, waiting[0].state), (0, State::Delayed));
    assert!(waiting[0].visible_in > Duration::from_millis(500));
    drain.run_until_empty(QueueName::ProductSync).await;
    assert_eq!(
        rows(&pool, "select id::text from live.products").await,
        [id.to_string()]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_fetch_that_can_never_succeed_is_given_up_and_not_wanted_any_more(pool: PgPool) {
    let (_store, shop_id) = store_with_shop(&pool).await;
    let server = shopify(5).await;
    let drain = Drain::start_with(&pool, [("SHOPIFY_ADMIN_URL", &server.admin_url())]).await;
    server
        .fault(
            "ProductById",
            Fault::Reject {
                status: 401,
                retry_after: None,
            },
            1,
        )
        .unwrap();
    want(&pool, shop_id, "gid://shopify/Product/1").await;
    drain.send(QueueName::ProductSync, &resource("Product", 1)).await;
    drain.run(QueueName::ProductSync).await;
    assert!(drain.dead(QueueName::ProductSync).await[0].contains("access token is not accepted"));
    assert!(rows(&pool, "select gid from pending_fetches").await.is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_wanted_fetch_whose_message_was_lost_is_carried_again(pool: PgPool) {
    let (_store, shop_id) = store_with_shop(&pool).await;
    let server = shopify(5).await;
    let drain = Drain::start_with(&pool, [("SHOPIFY_ADMIN_URL", &server.admin_url())]).await;
    let (id, variants) = server.products(None).remove(0);
    want(&pool, shop_id, Gid::new("Product", id).as_str()).await;
    want(&pool, shop_id, Gid::new("ProductVariant", variants[0]).as_str()).await;
    // As after a Redis that was wiped.
    drain.run(QueueName::ProductSync).await;
    drain.run_until_empty(QueueName::VariantSync).await;
    assert!(rows(&pool, "select gid from pending_fetches").await.is_empty());
    assert_eq!(
        rows(&pool, "select id::text from live.products").await,
        [id.to_string()]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_is_not_done_before_the_deadline_is_handed_back_uncounted(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let server = shopify(5).await;
    let drain = Drain::start_with(&pool, [("SHOPIFY_ADMIN_URL", &server.admin_url())]).await;
    server.fault("ProductById", Fault::Slow { ms: 15_000 }, 1).unwrap();
    drain.send(QueueName::ProductSync, &resource("Product", 1)).await;
    // Two seconds to receive in, and the answer comes after the hand-back.
    let report = drain.run_for(QueueName::ProductSync, Duration::from_secs(10)).await;
    assert_eq!(
        (report.received, report.snoozed, report.stopped.as_str()),
        (1, 1, "deadline"),
        "{report:?}"
    );
    let waiting = drain.redis.waiting(QueueName::ProductSync).await;
    assert_eq!(waiting[0].receive_count, 0);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_deadline_in_1970_counts_as_unknown(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let drain = Drain::start(&pool).await;
    drain
        .send(
            QueueName::WebhookProcess,
            &Body::Webhook(webhook("products/create", &product(1, "x"))),
        )
        .await;
    let report = drain.run_with_deadline(QueueName::WebhookProcess, 600_000).await;
    assert_eq!(report.deleted, 1);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_tie_of_one_second_is_settled_by_the_fetch_that_follows(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let server = shopify(5).await;
    let drain = Drain::start_with(&pool, [("SHOPIFY_ADMIN_URL", &server.admin_url())]).await;
    let (id, _) = server.products(None).remove(0);
    server
        .edit(
            None,
            &Edit::UpdateProduct(ProductFields {
                id,
                title: Some("truth".to_owned()),
                ..Default::default()
            }),
            true,
        )
        .await
        .unwrap();
    // The mirror has a bulk row of the same second that says something else.
    let updated: DateTime<Utc> = updated_at(&server, id);
    sqlx::query(
        "insert into products (shop_id, id, title, source_updated_at, observed_at, source)
         select id, $1, 'from the file', $2, $2, 'bulk' from shops",
    )
    .bind(id)
    .bind(updated)
    .execute(&pool)
    .await
    .unwrap();
    let mut body = product(id, "from the webhook");
    body["updated_at"] = json!(updated.to_rfc3339());
    let mut delivery = webhook("products/update", &body);
    delivery.triggered_at = updated + chrono::Duration::milliseconds(300);
    drain.send(QueueName::WebhookProcess, &Body::Webhook(delivery)).await;
    drain.run(QueueName::WebhookProcess).await;
    assert_eq!(rows(&pool, "select status from webhook_logs").await, ["waiting"]);
    assert_eq!(rows(&pool, "select title from live.products").await, ["from the file"]);

    drain.run_until_empty(QueueName::ProductSync).await;
    assert_eq!(rows(&pool, "select title from live.products").await, ["truth"]);
    assert!(rows(&pool, "select gid from pending_fetches").await.is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_chunk_of_an_unknown_import_is_a_dead_letter(pool: PgPool) {
    let drain = Drain::start(&pool).await;
    let chunk = Chunk {
        shop: shop(),
        job_id: Uuid::now_v7(),
        operation: "products".to_owned(),
        chunk: 0,
    };
    drain.send(QueueName::ProductSync, &Body::Chunk(chunk)).await;
    drain.run(QueueName::ProductSync).await;
    assert!(drain.dead(QueueName::ProductSync).await[0].contains("not known here"));
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_import_without_a_state_machine_waits_and_says_what_is_missing(pool: PgPool) {
    let drain = Drain::start(&pool).await;
    let import = Import {
        shop: shop(),
        job_id: Uuid::now_v7(),
        operations: vec!["products".to_owned()],
        part: 0,
    };
    drain.send(QueueName::BulkImport, &Body::Import(import)).await;
    let report = drain.run(QueueName::BulkImport).await;
    assert_eq!(report.retried, 1);
    let waiting = drain.redis.waiting(QueueName::BulkImport).await;
    assert!(
        waiting[0]
            .last_error
            .as_deref()
            .unwrap()
            .contains("STATE_MACHINE_ARN is not set")
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn the_partitions_of_today_and_tomorrow_are_made_ahead(pool: PgPool) {
    let drain = Drain::start(&pool).await;
    drain.run(QueueName::WebhookProcess).await;
    drain.run(QueueName::WebhookProcess).await;
    let made = rows(
        &pool,
        "select count(*)::text from pg_inherits where inhparent = 'webhook_logs'::regclass",
    )
    .await;
    assert_eq!(made, ["3"]);
}

fn resource(kind: &str, id: i64) -> Body {
    Body::Resource(Resource {
        shop: shop(),
        gid: Gid::new(kind, id),
    })
}

/// A fetch wanted long ago.
async fn want(pool: &PgPool, shop_id: i64, gid: &str) {
    sqlx::query(
        "insert into pending_fetches (shop_id, gid, wanted_at, reason, sent_at)
         values ($1, $2, now() - interval '1 hour', 'test', now() - interval '1 hour')",
    )
    .bind(shop_id)
    .bind(gid)
    .execute(pool)
    .await
    .unwrap();
}

fn updated_at(server: &fake_shopify::Server, id: i64) -> DateTime<Utc> {
    let line = server
        .rows(None, fake_shopify::Table::Products)
        .into_iter()
        .find(|(row, _)| *row == id)
        .unwrap()
        .1;
    line.split('|').rev().nth(1).unwrap().parse().unwrap()
}
