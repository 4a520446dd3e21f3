//! The steps of one bulk operation, each by the very event that the state machine sends.

mod cancel;
mod ownerless;
mod renew;
mod split;
mod support;
mod sweep;
mod trouble;

use fake_shopify::Fault;
use serde_json::json;
use shared::message::{Body, QueueName};
use sqlx::PgPool;
use test_support::{rows, shopify_at};

use support::{Import, next};

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn the_steps_end_in_an_exact_account(pool: PgPool) {
    let import = Import::start(&pool, 300).await;
    assert_eq!(import.run_to_the_end().await, "completed");
    assert_eq!(rows(&pool, "select status from sync_jobs").await, ["completed"]);
    let account = "select (o.object_count = sum(c.lines) and o.root_object_count = sum(c.root_lines) and o.file_size = sum(c.bytes))::text
        from sync_operations o join sync_chunks c using (job_id, operation) group by o.job_id, o.operation";
    assert_eq!(rows(&pool, account).await, ["true"]);
    assert_eq!(rows(&pool, "select count(*)::text from live.products").await, ["300"]);
    // The signed URL is forgotten with the end.
    assert_eq!(
        rows(&pool, "select (url is null)::text from sync_operations").await,
        ["true"]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn every_step_may_run_twice(pool: PgPool) {
    let import = Import::start(&pool, 300).await;
    import.each_step_twice().await;
    assert_eq!(import.run_to_the_end().await, "completed");
    assert_eq!(import.server.requests(Some("bulkOperationRunQuery")).len(), 1);
    assert_eq!(rows(&pool, "select count(*)::text from live.products").await, ["300"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_operation_that_was_started_but_not_recorded_is_adopted(pool: PgPool) {
    let import = Import::start(&pool, 20).await;
    // Shopify started it, and the answer was lost: the step fails as after a crash.
    import
        .server
        .fault("bulkOperationRunQuery", Fault::FailAfterWrite, 1)
        .unwrap();
    assert_eq!(import.step("start").await.unwrap_err().0, "Retryable");
    assert_eq!(import.run_to_the_end().await, "completed");
    assert_eq!(import.server.requests(Some("bulkOperationRunQuery")).len(), 1);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_empty_store_is_a_complete_import(pool: PgPool) {
    let import = Import::start(&pool, 0).await;
    assert_eq!(import.run_to_the_end().await, "completed");
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_short_file_fails_with_the_difference(pool: PgPool) {
    let import = Import::start(&pool, 50).await;
    import
        .server
        .fault("bulk_operation", Fault::ShortFile { missing: 3 }, 1)
        .unwrap();
    assert_eq!(import.run_to_the_end().await, "failed");
    let error = rows(&pool, "select error from sync_jobs where status = 'failed'").await;
    assert!(
        error[0].contains("Shopify counted") && error[0].contains("lines"),
        "{error:?}"
    );
    // What was read stays.
    assert_ne!(rows(&pool, "select count(*)::text from live.products").await, ["0"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_a_failed_operation_had_written_is_applied_and_the_import_is_partial(pool: PgPool) {
    let import = Import::start(&pool, 60).await;
    import
        .server
        .fault("bulk_operation", ended("FAILED", Some("ACCESS_DENIED"), true), 1)
        .unwrap();
    assert_eq!(import.run_to_the_end().await, "partial");
    let live: usize = rows(&pool, "select count(*)::text from live.products").await[0]
        .parse()
        .unwrap();
    assert!(live > 0 && live < 60, "{live}");
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_operation_that_failed_for_good_says_what_to_do(pool: PgPool) {
    let import = Import::start(&pool, 20).await;
    import
        .server
        .fault("bulk_operation", ended("FAILED", Some("ACCESS_DENIED"), false), 1)
        .unwrap();
    assert_eq!(import.run_to_the_end().await, "failed");
    let error = rows(&pool, "select error from sync_jobs").await;
    assert!(error[0].contains("grant read_products"), "{error:?}");
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_operation_that_shopify_cancels_is_submitted_again(pool: PgPool) {
    let import = Import::start(&pool, 20).await;
    import
        .server
        .fault("bulk_operation", ended("CANCELED", None, false), 1)
        .unwrap();
    assert_eq!(import.run_to_the_end().await, "completed");
    assert_eq!(import.server.requests(Some("bulkOperationRunQuery")).len(), 2);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_operation_that_never_gives_a_result_is_not_submitted_for_ever(pool: PgPool) {
    let import = Import::start(&pool, 20).await;
    import
        .server
        .fault("bulk_operation", ended("CANCELED", None, false), 100)
        .unwrap();
    let (word, message) = import.run_until_error().await;
    assert_eq!(word, "Permanent");
    assert!(message.contains("5 times"), "{message}");
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn while_all_five_places_are_taken_the_import_waits(pool: PgPool) {
    let slow = shopify_at(20, 1.0).await;
    let import = Import::start_with(&pool, slow).await;
    import.take_all_places().await;
    let answer = import.step("start").await.unwrap();
    assert_eq!((next(&answer), answer["waitSeconds"].as_u64()), ("wait", Some(1)));
    assert_eq!(rows(&pool, "select phase from sync_operations").await, ["starting"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_stalled_chunk_is_sent_again_and_is_dead_after_a_while(pool: PgPool) {
    let import = Import::start(&pool, 20).await;
    import.run_to("progress").await;
    let queue = import.redis.queue(QueueName::ProductSync);
    queue.purge().await.unwrap();
    for _ in 0..6 {
        age(&pool).await;
        let answer = import.step("progress").await.unwrap();
        if next(&answer) == "finish" {
            break;
        }
        assert_eq!(next(&answer), "drain");
    }
    assert!(queue.attributes().await.unwrap().visible > 0, "nothing was sent again");
    age(&pool).await;
    import.step("progress").await.unwrap();
    let answer = import.step("finish").await.unwrap();
    assert_eq!(answer["status"], "failed");
    let error = rows(&pool, "select error from sync_jobs").await;
    assert!(error[0].contains("does not advance"), "{error:?}");
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_long_operation_goes_on_in_another_execution(pool: PgPool) {
    let import = Import::start(&pool, 20).await;
    import.step("start").await.unwrap();
    let answer = import.step_with("poll", json!({ "polls": 1_000 })).await.unwrap();
    assert_eq!(next(&answer), "end");
    let messages = import.redis.waiting(QueueName::BulkImport).await;
    let Body::Import(message) = shared::message::decode(&messages[0].body).unwrap() else {
        panic!("no import")
    };
    assert_eq!((message.part, message.operations), (1, vec!["products".to_owned()]));
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_the_state_machine_gave_up_on_is_recorded_in_words(pool: PgPool) {
    let import = Import::start(&pool, 20).await;
    import.step("start").await.unwrap();
    let cause = r#"{"errorType":"Permanent","errorMessage":"no access token for this store"}"#;
    let answer = import.give_up(json!({ "Error": "Permanent", "Cause": cause })).await;
    assert_eq!(answer["status"], "failed");
    let error = rows(&pool, "select error from sync_jobs").await;
    assert_eq!(error, ["the import gave up: no access token for this store"]);
    // A late step of the same execution changes the verdict no more.
    assert_eq!(import.step("finish").await.unwrap()["status"], "failed");
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn errors_have_the_words_that_the_state_machine_matches(pool: PgPool) {
    let import = Import::start(&pool, 20).await;
    for (fault, word) in [
        (Fault::Throttled, "Throttled"),
        (
            Fault::Reject {
                status: 502,
                retry_after: None,
            },
            "Retryable",
        ),
        (
            Fault::Reject {
                status: 401,
                retry_after: None,
            },
            "Permanent",
        ),
    ] {
        import.server.fault("graphql", fault, 1).unwrap();
        assert_eq!(import.step("start").await.unwrap_err().0, word);
    }
    let (word, message) = import.of_unknown_job().await;
    assert_eq!(
        (word.as_str(), message.as_str()),
        ("Permanent", "there is no import of this id")
    );
}

fn ended(status: &str, error_code: Option<&str>, partial: bool) -> Fault {
    Fault::BulkEnd {
        status: status.to_owned(),
        error_code: error_code.map(str::to_owned),
        partial,
    }
}

/// Lets the chunks look as if they had not moved for a while.
async fn age(pool: &PgPool) {
    sqlx::query("update sync_chunks set progressed_at = now() - interval '1 hour'")
        .execute(pool)
        .await
        .unwrap();
}
