//! Chunks of an import, and what else the drain of a `*-sync` queue finds.

use std::time::Duration;

use fake_shopify::{Fault, Server};
use shared::message::{Body, Chunk, QueueName};
use shared::shopify::{BulkOperation, BulkStatus, Client, ResultFiles, Settings};
use shared::store::sync_operations::ResultFile;
use shared::store::sync_operations::{self, Polled};
use shared::store::{Store, commit, sync_chunks, sync_jobs};
use sqlx::PgPool;
use test_support::{Log, TOKEN, Useless, rows, shop, shopify, store_with_shop};
use uuid::Uuid;

use crate::support::{Drain, product, webhook};

/// Lets Shopify write the file, and tells its ETag.
async fn bulk_result(server: &Server, query: &str) -> (BulkOperation, Option<String>) {
    let settings = Settings {
        admin_url: server.admin_url(),
        api_version: "2026-10".to_owned(),
    };
    let client = Client::new(settings).unwrap();
    let mut bulk = client.run_bulk_query(&shop(), TOKEN, "test", query).await.unwrap();
    while bulk.status != BulkStatus::Completed {
        bulk = client.bulk_operation(&shop(), TOKEN, &bulk.id).await.unwrap().unwrap();
    }
    let probe = ResultFiles::new(&client)
        .unwrap()
        .probe(bulk.url.as_deref().unwrap())
        .await
        .unwrap();
    (bulk, probe.etag)
}

/// An import of one operation as the steps of the state machine leave it: cut into two chunks, which are sent. Returns
/// its id.
pub async fn fan_out(store: &Store, shop_id: i64, drain: &Drain, server: &Server, operation: &str) -> Uuid {
    let (bulk, etag) = bulk_result(server, shared::import::find(operation).unwrap().query).await;
    let job_id = Uuid::now_v7();
    let mut tx = store.begin().await.unwrap();
    sync_jobs::create(
        &mut tx,
        job_id,
        shop_id,
        &[operation.to_owned()],
        &[operation.to_owned()],
    )
    .await
    .unwrap();
    sync_jobs::start(&mut tx, job_id).await.unwrap();
    sync_operations::lock(&mut tx, job_id, operation)
        .await
        .unwrap()
        .unwrap();
    sync_operations::submitted(&mut tx, job_id, operation, &bulk.id, bulk.created_at, None)
        .await
        .unwrap();
    let polled = Polled {
        bulk_status: "completed".to_owned(),
        object_count: bulk.object_count,
        root_object_count: bulk.root_object_count,
        file_size: bulk.file_size,
        url: bulk.url.clone(),
        partial: false,
    };
    sync_operations::polled(&mut tx, job_id, operation, &polled)
        .await
        .unwrap();
    let size = bulk.file_size.unwrap();
    sync_chunks::create(&mut tx, job_id, operation, &[(0, size / 2), (size / 2, size)])
        .await
        .unwrap();
    let result = ResultFile {
        size: Some(size),
        etag: etag.as_deref(),
        ranges: true,
    };
    sync_operations::fanned_out(&mut tx, job_id, operation, &result)
        .await
        .unwrap();
    commit(tx).await.unwrap();
    for chunk in 0..2 {
        let body = Chunk {
            shop: shop(),
            job_id,
            operation: operation.to_owned(),
            chunk,
        };
        drain.send(QueueName::ProductSync, &Body::Chunk(body)).await;
    }
    job_id
}

/// Whether every line that Shopify counted is counted here, once.
const EXACT: &str = "select (bool_and(c.done) and sum(c.lines) = o.object_count and sum(c.bytes) = o.file_size)::text
    from sync_operations o join sync_chunks c using (job_id, operation) group by o.object_count, o.file_size";

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn the_chunks_of_an_import_are_drained_to_their_end(pool: PgPool) {
    let (store, shop_id) = store_with_shop(&pool).await;
    let server = shopify(200).await;
    let drain = Drain::start_with(&pool, [("SHOPIFY_ADMIN_URL", &server.admin_url())]).await;
    fan_out(&store, shop_id, &drain, &server, "products").await;
    let report = drain.run(QueueName::ProductSync).await;
    assert_eq!((report.received, report.deleted), (2, 2), "{report:?}");
    assert_eq!(rows(&pool, EXACT).await, ["true"]);
    assert_eq!(rows(&pool, "select count(*)::text from live.products").await, ["200"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_chunk_whose_file_is_gone_says_so_and_is_left_to_the_import(pool: PgPool) {
    let (store, shop_id) = store_with_shop(&pool).await;
    let server = shopify(40).await;
    let drain = Drain::start_with(&pool, [("SHOPIFY_ADMIN_URL", &server.admin_url())]).await;
    fan_out(&store, shop_id, &drain, &server, "products").await;
    let gone = Fault::Reject {
        status: 403,
        retry_after: None,
    };
    server.fault("bulk_result", gone, 2).unwrap();
    let report = drain.run(QueueName::ProductSync).await;
    assert_eq!((report.received, report.deleted), (2, 2), "{report:?}");
    let open = "select count(*)::text from sync_chunks where not done and error is not null";
    assert_eq!(rows(&pool, open).await, ["2"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_chunk_whose_download_fails_says_why_and_is_finished_later(pool: PgPool) {
    let (store, shop_id) = store_with_shop(&pool).await;
    let server = shopify(40).await;
    let drain = Drain::start_with(&pool, [("SHOPIFY_ADMIN_URL", &server.admin_url())]).await;
    fan_out(&store, shop_id, &drain, &server, "products").await;
    server
        .fault(
            "bulk_result",
            Fault::Reject {
                status: 503,
                retry_after: None,
            },
            2,
        )
        .unwrap();
    drain.run(QueueName::ProductSync).await;
    let errors = rows(&pool, "select error from sync_chunks where not done").await;
    assert_eq!(errors, ["Shopify could not be read: Shopify answered 503"; 2]);
    let waiting = drain.redis.waiting(QueueName::ProductSync).await;
    assert_eq!(waiting.len(), 2, "{waiting:?}");

    // It would wait up to ten seconds. Sent anew, it need not, and nothing of it depends on which message carries it.
    let queue = drain.redis.queue(QueueName::ProductSync);
    queue.purge().await.unwrap();
    for message in waiting {
        queue.send(&shared::queue::Send::new(message.body)).await.unwrap();
    }
    drain.run(QueueName::ProductSync).await;
    assert_eq!(rows(&pool, EXACT).await, ["true"]);
    assert_eq!(
        rows(&pool, "select error from sync_chunks where error is not null").await,
        [""; 0]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_delivery_of_an_unknown_store_is_logged_and_done_with(pool: PgPool) {
    let drain = Drain::start(&pool).await;
    drain
        .send(
            QueueName::WebhookProcess,
            &Body::Webhook(webhook("products/create", &product(1, "x"))),
        )
        .await;
    let report = drain.run(QueueName::WebhookProcess).await;
    assert_eq!(report.deleted, 1, "{report:?}");
    assert_eq!(rows(&pool, "select status from webhook_logs").await, ["unknown_shop"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn no_payload_token_or_mail_address_is_in_the_log(pool: PgPool) {
    let log = Log::start();
    let (_store, _) = store_with_shop(&pool).await;
    let server = shopify(5).await;
    let drain = Drain::start_with(&pool, [("SHOPIFY_ADMIN_URL", &server.admin_url())]).await;
    let mut refused = product(2, "john@example.com");
    refused["variants"][0]["price"] = "john@example.com".into();
    let mut wrong_type = product(3, "john@example.com");
    wrong_type["variants"][0]["position"] = "john@example.com".into();
    for body in [product(1, "john@example.com"), refused, wrong_type] {
        drain
            .send(
                QueueName::WebhookProcess,
                &Body::Webhook(webhook("products/update", &body)),
            )
            .await;
    }
    drain
        .redis
        .queue(QueueName::WebhookProcess)
        .send(&shared::queue::Send::new("john@example.com"))
        .await
        .unwrap();
    let report = drain.run(QueueName::WebhookProcess).await;
    assert_eq!((report.deleted, report.dead_lettered), (1, 3), "{report:?}");
    let (id, _) = server.products(None).remove(0);
    drain
        .send(QueueName::ProductSync, &crate::resource("Product", id))
        .await;
    drain.run(QueueName::ProductSync).await;

    let gone = Useless::closing().await;
    let away = Drain::start_with(&pool, [("DATABASE_URL", &gone.database_url())]).await;
    away.send(
        QueueName::WebhookProcess,
        &Body::Webhook(webhook("products/update", &product(1, "x"))),
    )
    .await;
    away.run_for(QueueName::WebhookProcess, Duration::from_secs(30)).await;

    log.assert_with(&["queue drained", "message given up", "message failed and comes again"]);
    log.assert_without(&["john@example.com", TOKEN, "pa55word"]);
    // What a human reads in the dead-letter queue names the place, not the value.
    assert!(
        drain
            .dead(QueueName::WebhookProcess)
            .await
            .iter()
            .all(|reason| !reason.contains('@'))
    );
}
