//! An import that somebody cancels, wherever it stands.

use std::time::Duration;

use fake_shopify::Fault;
use shared::mirror::{Error, chunk};
use sqlx::PgPool;
use test_support::rows;

use crate::support::{Import, next};

const STATUS: &str = "select j.status || ' ' || o.status || ' ' || (j.finished_at is not null)::text
    from sync_jobs j join sync_operations o on o.job_id = j.id";

/// Whatever step comes next, it leads to the end, and that is `canceled`.
async fn ends_canceled(pool: &PgPool, until: &str, comes_next: &[&str]) {
    let import = Import::start(pool, 50).await;
    import.run_to(until).await;
    assert!(import.cancel().await);
    for step in comes_next {
        assert_eq!(next(&import.step(step).await.unwrap()), "finish", "{until}: {step}");
    }
    let answer = import.step("finish").await.unwrap();
    assert_eq!(
        (next(&answer), answer["status"].as_str()),
        ("end", Some("canceled")),
        "{until}"
    );
    assert_eq!(rows(pool, STATUS).await, ["canceled canceled true"], "{until}");
    // Of nothing that was not read is anything concluded.
    assert_eq!(rows(pool, "select 1::text from sync_sweeps").await, [""; 0]);
    assert!(!import.cancel().await);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_import_that_is_canceled_before_it_starts_is_never_submitted(pool: PgPool) {
    ends_canceled(&pool, "start", &["start"]).await;
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_import_that_is_canceled_at_shopify_ends_so(pool: PgPool) {
    ends_canceled(&pool, "poll", &["poll"]).await;
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_import_that_is_canceled_before_the_fan_out_is_not_cut(pool: PgPool) {
    ends_canceled(&pool, "fan_out", &["fan_out"]).await;
    assert_eq!(rows(&pool, "select chunk::text from sync_chunks").await, [""; 0]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_import_that_is_canceled_while_chunks_drain_ends_so(pool: PgPool) {
    ends_canceled(&pool, "progress", &["progress"]).await;
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_import_that_is_canceled_before_the_verdict_is_not_completed(pool: PgPool) {
    ends_canceled(&pool, "finish", &[]).await;
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_canceled_import_does_not_go_on_in_another_execution(pool: PgPool) {
    let import = Import::start(&pool, 20).await;
    import.step("start").await.unwrap();
    assert!(import.cancel().await);
    let answer = import
        .step_with("poll", serde_json::json!({ "polls": 1_000 }))
        .await
        .unwrap();
    assert_eq!(next(&answer), "finish");
    assert_eq!(import.server.requests(Some("bulkOperationCancel")).len(), 1);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_chunk_in_flight_stops_at_its_next_transaction(pool: PgPool) {
    let import = Import::start(&pool, 50).await;
    import.run_to("progress").await;
    import
        .server
        .fault("bulk_result", Fault::Slow { ms: 1_500 }, 1)
        .unwrap();
    let canceled = async {
        while rows(
            &pool,
            "select 1::text from sync_chunks where first_received_at is not null",
        )
        .await
        .is_empty()
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        import.cancel().await
    };
    let (applied, canceled) = tokio::join!(import.apply(0), canceled);
    assert!(canceled && matches!(applied, Err(Error::ChunkMoved)), "{applied:?}");
    let counted = "select sum(lines)::text || ' ' || (select count(*) from products) from sync_chunks";
    assert_eq!(rows(&pool, counted).await, ["0 0"]);
    // Its message comes again and is of no more use.
    let again = import.apply(0).await.unwrap();
    assert!(matches!(again.outcome, chunk::Outcome::Ended), "{again:?}");
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_sweep_that_had_begun_is_not_written_after_the_cancel(pool: PgPool) {
    let mut import = Import::start(&pool, 30).await;
    assert_eq!(import.run_to_the_end().await, "completed");
    import.ask_again("products").await;
    import.run_to("finish").await;
    sqlx::query("update sync_operations set sweep = 'running' where phase = 'draining'")
        .execute(&pool)
        .await
        .unwrap();
    assert!(import.cancel().await);
    assert_eq!(import.step("finish").await.unwrap()["status"], "canceled");
    let sweep = "select sweep from sync_operations where status = 'canceled'";
    assert_eq!(rows(&pool, sweep).await, ["skipped"]);
    assert_eq!(rows(&pool, "select count(*)::text from live.products").await, ["30"]);
}
