//! What is too much for one operation of Shopify.

use fake_shopify::Fault;
use serde_json::json;
use shared::message::{Body, QueueName, decode};
use sqlx::PgPool;
use test_support::rows;

use crate::support::{Import, next};

const OPERATIONS: &str = "select unnest(operations) from sync_jobs where status = 'running' order by 1";
const RUNNING: &str = "select count(*)::text from sync_jobs where status = 'running'";
const LIVE: &str =
    "select count(*)::text from live.products union all select count(*)::text from live.product_variants";

/// Shopify gives up so many operations that are asked for.
fn too_much(import: &Import, times: usize) {
    let timeout = Fault::BulkEnd {
        status: "FAILED".to_owned(),
        error_code: Some("TIMEOUT".to_owned()),
        partial: true,
    };
    import.server.fault("bulk_operation", timeout, times).unwrap();
}

/// The part that lists the most products.
async fn largest_part(pool: &PgPool, import: &Import) -> String {
    let parts = rows(
        pool,
        "select operation || ' ' || coalesce(from_id, 0) || ' ' || coalesce(to_id, 9223372036854775807)
        from sync_operations where phase = 'starting'",
    )
    .await;
    let ids: Vec<i64> = import.server.products(None).into_iter().map(|(id, _)| id).collect();
    let largest = parts.iter().max_by_key(|part| {
        let words: Vec<&str> = part.split(' ').collect();
        let (from, to): (i64, i64) = (words[1].parse().unwrap(), words[2].parse().unwrap());
        ids.iter().filter(|id| (from..=to).contains(*id)).count()
    });
    largest.unwrap().split(' ').next().unwrap().to_owned()
}

/// Follows the operation until it was split.
async fn split(import: &Import) {
    assert_eq!(next(&import.step("start").await.unwrap()), "wait");
    loop {
        let answer = import.step("poll").await.unwrap();
        match next(&answer) {
            "wait" => {}
            "end" => return,
            _ => panic!("not split: {answer}"),
        }
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_operation_that_takes_too_long_is_split_and_the_parts_are_the_whole(pool: PgPool) {
    let mut import = Import::start(&pool, 60).await;
    import.run_to_the_end().await;
    let whole = rows(&pool, LIVE).await;
    sqlx::raw_sql("truncate products, product_options, product_media, product_variants, metafields")
        .execute(&pool)
        .await
        .unwrap();

    import.ask_again("products").await;
    too_much(&import, 1);
    split(&import).await;
    // One of the parts is too much, too.
    let largest = largest_part(&pool, &import).await;
    import.take(&largest).await;
    too_much(&import, 1);
    split(&import).await;
    let waiting = import.redis.waiting(QueueName::BulkImport).await;
    let asked: Vec<String> = waiting
        .iter()
        .flat_map(|message| match decode(&message.body).unwrap() {
            Body::Import(import) => import.operations,
            other => panic!("{other:?}"),
        })
        .collect();
    let parts = rows(&pool, OPERATIONS).await;
    assert_eq!(
        parts
            .iter()
            .filter(|part| part.starts_with(&format!("{largest}-")))
            .count(),
        8,
        "{parts:?}"
    );
    assert_eq!((parts.len(), parts.contains(&largest)), (15, false), "{parts:?}");
    assert!(parts.iter().all(|part| asked.contains(part)), "{asked:?}");

    for part in &parts {
        assert_eq!(rows(&pool, RUNNING).await, ["1"]);
        import.take(part).await;
        assert_eq!(import.run_to_the_end().await, "completed", "{part}");
    }
    assert_eq!(rows(&pool, LIVE).await, whole);
    assert_eq!(
        rows(&pool, "select distinct status from sync_jobs").await,
        ["completed"]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_execution_of_an_operation_that_was_split_ends_and_starts_nothing(pool: PgPool) {
    let import = Import::start(&pool, 20).await;
    too_much(&import, 1);
    split(&import).await;
    let asked = import.server.requests(Some("bulkOperationRunQuery")).len();
    for step in ["start", "poll", "fan_out", "progress", "finish"] {
        assert_eq!(next(&import.step(step).await.unwrap()), "end", "{step}");
    }
    assert_eq!(import.server.requests(Some("bulkOperationRunQuery")).len(), asked);
    assert_eq!(rows(&pool, "select status from sync_jobs").await, ["running"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_was_imported_in_parts_sweeps_nothing_and_is_compared_from_then_on(pool: PgPool) {
    let mut import = Import::start(&pool, 20).await;
    for fails in [true, false] {
        too_much(&import, 1);
        split(&import).await;
        for part in rows(&pool, OPERATIONS).await {
            import.take(&part).await;
            if fails && part == "products-8" {
                import.give_up(json!({"Error": "States.Timeout"})).await;
            } else {
                assert_eq!(import.run_to_the_end().await, "completed");
            }
        }
        assert_eq!(rows(&pool, RUNNING).await, ["0"]);
        // Only the whole is a basis to compare changes from.
        assert_eq!(import.walks().await > 0, !fails);
        import.ask_again("products").await;
    }
    let swept = "select distinct sweep from sync_operations where status = 'completed'";
    assert_eq!(rows(&pool, swept).await, ["skipped"]);
}
