//! A result whose address has expired, or that has vanished.

use std::time::Duration;

use fake_shopify::Fault;
use shared::message::{Body, QueueName, decode};
use shared::mirror::Error;
use sqlx::PgPool;
use test_support::rows;

use crate::support::{Import, next};

const EXACT: &str = "select (o.object_count = sum(c.lines) and o.file_size = sum(c.bytes))::text
    from sync_operations o join sync_chunks c using (job_id, operation) group by o.job_id, o.operation";

fn gone(import: &Import, times: usize) {
    let fault = Fault::Reject {
        status: 403,
        retry_after: None,
    };
    import.server.fault("bulk_result", fault, times).unwrap();
}

fn submissions(import: &Import) -> usize {
    import.server.requests(Some("bulkOperationRunQuery")).len()
}

/// What a drain notes of a chunk that it cannot read.
async fn note_error(pool: &PgPool) {
    sqlx::query("update sync_chunks set error = 'the result is no longer there'")
        .execute(pool)
        .await
        .unwrap();
}

/// The execution has ended and asks for the next one, which brings the import to a complete end.
async fn goes_on_elsewhere_and_is_complete(pool: &PgPool, import: &Import) {
    let messages = import.redis.waiting(QueueName::BulkImport).await;
    let Body::Import(message) = decode(&messages[0].body).unwrap() else {
        panic!("no import")
    };
    assert_eq!((messages.len(), message.part), (1, 1));
    assert_eq!(import.run_to_the_end().await, "completed");
    assert_eq!(submissions(import), 2);
    assert_eq!(rows(pool, EXACT).await, ["true"]);
    assert_eq!(rows(pool, "select status from sync_jobs").await, ["completed"]);
    assert_eq!(rows(pool, "select count(*)::text from live.products").await, ["50"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_address_that_expired_before_the_fan_out_is_asked_for_again(pool: PgPool) {
    let import = Import::start(&pool, 50).await;
    gone(&import, 1);
    assert_eq!(import.run_to_the_end().await, "completed");
    assert_eq!(submissions(&import), 1);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_address_that_expired_while_chunks_drain_is_asked_for_again(pool: PgPool) {
    let import = Import::start(&pool, 50).await;
    import.run_to("progress").await;
    note_error(&pool).await;
    gone(&import, 1);
    assert_eq!(next(&import.step("progress").await.unwrap()), "drain");
    assert_eq!(import.run_to_the_end().await, "completed");
    assert_eq!(
        (submissions(&import), rows(&pool, EXACT).await),
        (1, vec!["true".to_owned()])
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_result_that_vanished_before_the_fan_out_is_submitted_anew(pool: PgPool) {
    let import = Import::start(&pool, 50).await;
    gone(&import, 2);
    assert_eq!(import.run_to_the_end().await, "");
    goes_on_elsewhere_and_is_complete(&pool, &import).await;
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_result_that_vanished_while_chunks_drain_is_submitted_anew_and_counts_from_zero(pool: PgPool) {
    let import = Import::start(&pool, 50).await;
    import.run_to("progress").await;
    note_error(&pool).await;
    gone(&import, 2);
    assert_eq!(next(&import.step("progress").await.unwrap()), "end");
    assert_eq!(rows(&pool, "select chunk::text from sync_chunks").await, [""; 0]);
    assert_eq!(
        rows(&pool, "select (url is null)::text from sync_operations").await,
        ["true"]
    );
    // A step whose answer was lost, and a message of the old file, do no harm.
    assert_eq!(next(&import.step("progress").await.unwrap()), "wait");
    import.apply(0).await.unwrap();
    goes_on_elsewhere_and_is_complete(&pool, &import).await;
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_late_worker_on_the_old_file_does_not_count_on_the_new_one(pool: PgPool) {
    let import = Import::start(&pool, 50).await;
    import.run_to("progress").await;
    note_error(&pool).await;
    import
        .server
        .fault("bulk_result", Fault::Slow { ms: 6_000 }, 1)
        .unwrap();
    let replaced = async {
        // The slow download has begun.
        tokio::time::sleep(Duration::from_millis(800)).await;
        gone(&import, 2);
        assert_eq!(next(&import.step("progress").await.unwrap()), "end");
        import.run_to("progress").await;
    };
    let (late, ()) = tokio::join!(import.apply(0), replaced);
    assert!(matches!(late, Err(Error::ChunkMoved)), "{late:?}");
    let counted = "select chunk || ' ' || lines || ' ' || next_offset from sync_chunks where chunk = 0";
    assert_eq!(rows(&pool, counted).await, ["0 0 0"]);
    goes_on_elsewhere_and_is_complete(&pool, &import).await;
}
