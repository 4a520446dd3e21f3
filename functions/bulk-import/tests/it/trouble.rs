//! An import while something is away, is cancelled, or happens twice at the same time.

use fake_shopify::Fault;
use shared::shopify::{Budget, Outcome, Taken, Told};
use shared::throttle::Throttle;
use sqlx::PgPool;
use test_support::{call, rows, shop, shopify_at};

use crate::support::{Import, next};

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn two_executions_at_once_start_one_operation(pool: PgPool) {
    let import = Import::start(&pool, 20).await;
    let (one, two) = tokio::join!(import.step("start"), import.step("start"));
    assert_eq!((next(&one.unwrap()), next(&two.unwrap())), ("wait", "wait"));
    assert_eq!(import.server.requests(Some("bulkOperationRunQuery")).len(), 1);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_place_that_becomes_free_is_taken_by_the_next_poll(pool: PgPool) {
    // Some two seconds for each operation: long enough to find all five places taken.
    let import = Import::start_with(&pool, shopify_at(20, 50.0).await).await;
    import.take_all_places().await;
    assert_eq!(import.step("start").await.unwrap()["waitSeconds"], 1);
    let mut waited = false;
    while rows(&pool, "select phase from sync_operations").await == ["starting"] {
        assert_eq!(next(&import.step("poll").await.unwrap()), "wait");
        waited = true;
    }
    assert!(waited);
    assert_eq!(
        rows(&pool, "select phase || submitted from sync_operations").await,
        ["running1"]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn chunks_that_were_recorded_and_not_sent_are_sent_by_the_next_attempt(pool: PgPool) {
    let mut import = Import::start(&pool, 50).await;
    import.run_to("fan_out").await;
    import.redis.stop().await;
    assert_eq!(import.step("fan_out").await.unwrap_err().0, "Retryable");
    assert_ne!(rows(&pool, "select chunk::text from sync_chunks").await, [""; 0]);
    import.redis.resume().await;
    assert_eq!(next(&import.step("fan_out").await.unwrap()), "drain");
    assert_eq!(import.run_to_the_end().await, "completed");
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_host_that_gives_no_parts_is_read_as_one_chunk(pool: PgPool) {
    let import = Import::start(&pool, 50).await;
    import.server.fault("bulk_result", Fault::NoRange, 100).unwrap();
    assert_eq!(import.run_to_the_end().await, "completed");
    assert_eq!(rows(&pool, "select count(*)::text from sync_chunks").await, ["1"]);
    assert_eq!(rows(&pool, "select count(*)::text from live.products").await, ["50"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_failure_inside_shopify_is_submitted_again_and_then_told(pool: PgPool) {
    let import = Import::start(&pool, 20).await;
    let fault = || Fault::BulkEnd {
        status: "FAILED".to_owned(),
        error_code: Some("INTERNAL_SERVER_ERROR".to_owned()),
        partial: false,
    };
    import.server.fault("bulk_operation", fault(), 3).unwrap();
    assert_eq!(import.run_to_the_end().await, "failed");
    assert_eq!(import.server.requests(Some("bulkOperationRunQuery")).len(), 3);
    let error = rows(&pool, "select error from sync_jobs").await;
    assert!(
        error[0].contains("INTERNAL_SERVER_ERROR") && error[0].contains("start the import again"),
        "{error:?}"
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_cancelled_import_is_cancelled_at_shopify_and_ends_so(pool: PgPool) {
    let import = Import::start(&pool, 20).await;
    import.step("start").await.unwrap();
    sqlx::query("update sync_jobs set status = 'canceled'")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(next(&import.step("poll").await.unwrap()), "finish");
    assert_eq!(import.server.requests(Some("bulkOperationCancel")).len(), 1);
    assert_eq!(import.step("finish").await.unwrap()["status"], "canceled");
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn without_a_token_the_error_says_how_to_get_one(pool: PgPool) {
    let import = Import::start(&pool, 20).await;
    sqlx::query("delete from shop_credentials")
        .execute(&pool)
        .await
        .unwrap();
    let (word, message) = import.step("start").await.unwrap_err();
    assert_eq!(word, "Permanent");
    assert!(message.contains("add the store again with shops.add"), "{message}");
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_unknown_operation_is_permanent(pool: PgPool) {
    let import = Import::start(&pool, 0).await;
    let (word, message) = import.of_operation("sonnets").await;
    assert_eq!(
        (word.as_str(), message.as_str()),
        ("Permanent", "there is no operation called `sonnets`")
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_import_leaves_half_of_a_stores_points_to_what_somebody_waits_for(pool: PgPool) {
    let import = Import::start(&pool, 20).await;
    let throttle = Throttle::new(import.redis.client());
    let half = throttle.take(&shop(), call(1.0)).await;
    let Taken::Reserved(half) = half else {
        panic!("{half:?}")
    };
    let told = Told {
        maximum: 1_000.0,
        restore_rate: 1.0,
        available: 500.0,
        spent: 1.0,
    };
    throttle.settle(&shop(), half, Outcome::Told(told)).await;
    assert_eq!(import.step("start").await.unwrap_err().0, "Throttled");
    assert!(import.server.requests(None).is_empty());
    let everything = throttle.take(&shop(), call(500.0)).await;
    let Taken::Reserved(everything) = everything else {
        panic!("{everything:?}")
    };
    let told = Told {
        available: 1_000.0,
        ..told
    };
    throttle.settle(&shop(), everything, Outcome::Told(told)).await;
    // Whoever was in the foreground is expected no more; then the import runs as if nothing had been.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(import.run_to_the_end().await, "completed");
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_execution_that_wakes_after_another_has_gone_ahead_ends(pool: PgPool) {
    let import = Import::start(&pool, 20).await;
    import.run_to("fan_out").await;
    // As the webhook leaves it, whose execution is the one that fans out.
    sqlx::raw_sql("update sync_operations set end_told = submitted")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(next(&import.step("fan_out").await.unwrap()), "drain");
    assert_eq!(next(&import.step("poll").await.unwrap()), "end");
    assert_eq!(import.run_to_the_end().await, "completed");
}
