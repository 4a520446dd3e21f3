//! What an import leaves of the rows that its file lacks, by the steps of the state machine.

use fake_shopify::{BulkConfig, Config, Edit, Fault, Server};
use serde_json::json;
use sqlx::PgPool;
use test_support::{SHOP, TOKEN, rows};

use crate::support::{Import, next};

const PRODUCTS: &str = "select count(*)::text from live.products";
/// Of the latest import.
const SWEEP: &str = "select concat_ws(': ', sweep, sweep_note) from sync_operations order by job_id desc limit 1";

/// Removes so many products from the store, and nobody hears of it.
async fn delete_silently(server: &Server, count: usize) {
    for (id, _) in server.products(None).into_iter().take(count) {
        server.edit(None, &Edit::DeleteProduct(id), true).await.unwrap();
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_deletion_that_nobody_told_is_swept_whatever_runs_twice(pool: PgPool) {
    let mut import = Import::start(&pool, 60).await;
    assert_eq!(import.run_to_the_end().await, "completed");
    assert_eq!(rows(&pool, SWEEP).await, ["done"]);
    delete_silently(&import.server, 3).await;
    import.ask_again("products").await;
    import.run_to("finish").await;
    let (one, two) = tokio::join!(import.step("finish"), import.step("finish"));
    assert_eq!(
        (one.unwrap()["status"].as_str(), two.unwrap()["status"].as_str()),
        (Some("completed"), Some("completed"))
    );
    assert_eq!(rows(&pool, PRODUCTS).await, ["57"]);
    let numbers = "select concat_ws(' ', table_name, owner_type, live, missing, swept, spared) from sync_sweeps
        where table_name = 'products' order by id desc limit 1";
    assert_eq!(rows(&pool, numbers).await, ["products 60 3 3 0"]);
    for orphans in [
        "select 'variant' from live.product_variants v where not exists (select from live.products p where p.id = v.product_id)",
        "select 'medium' from live.product_media m where not exists (select from live.products p where p.id = m.product_id)",
        "select 'metafield' from live.metafields m where not exists (select from live.products p where p.id = m.owner_id)",
        "select 'seen' from sync_seen",
        "select 'missing' from sync_missing",
    ] {
        assert_eq!(rows(&pool, orphans).await, [""; 0]);
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_import_that_is_not_complete_sweeps_nothing(pool: PgPool) {
    let mut import = Import::start(&pool, 60).await;
    import.run_to_the_end().await;
    delete_silently(&import.server, 3).await;
    let partial = Fault::BulkEnd {
        status: "FAILED".to_owned(),
        error_code: Some("ACCESS_DENIED".to_owned()),
        partial: true,
    };
    for (fault, verdict) in [(Fault::ShortFile { missing: 3 }, "failed"), (partial, "partial")] {
        import.ask_again("products").await;
        import.server.fault("bulk_operation", fault, 1).unwrap();
        assert_eq!(import.run_to_the_end().await, verdict);
        assert_eq!(rows(&pool, SWEEP).await, [""], "{verdict}");
    }
    import.ask_again("products").await;
    import.run_to("finish").await;
    sqlx::query("update sync_jobs set status = 'canceled' where status = 'running'")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(import.step("finish").await.unwrap()["status"], "canceled");
    assert_eq!(rows(&pool, SWEEP).await, [""]);
    assert_eq!(rows(&pool, PRODUCTS).await, ["60"]);
    assert_eq!(rows(&pool, "select table_name from sync_seen").await, [""; 0]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_empty_store_completes_and_its_sweep_waits(pool: PgPool) {
    let mut import = Import::start(&pool, 5).await;
    import.run_to_the_end().await;
    delete_silently(&import.server, 5).await;
    import.ask_again("products").await;
    assert_eq!(import.run_to_the_end().await, "completed");
    assert_eq!(rows(&pool, PRODUCTS).await, ["5"]);
    let sweep = rows(&pool, SWEEP).await;
    assert!(
        sweep[0]
            .starts_with("held: nothing is swept: Shopify shows no products at all, and 5 of 5 here would be deleted")
            && sweep[0].contains("shopify.confirmSweep"),
        "{sweep:?}"
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn orders_of_more_than_sixty_days_stay_unless_the_app_sees_them(pool: PgPool) {
    let recent = Config::default().scopes;
    let all: Vec<String> = recent.iter().cloned().chain(["read_all_orders".to_owned()]).collect();
    let config = Config {
        shop: SHOP.to_owned(),
        token: TOKEN.to_owned(),
        products: 5,
        customers: Some(5),
        orders: Some(400),
        scopes: all.clone(),
        bulk: BulkConfig {
            start_delay: std::time::Duration::ZERO,
            objects_per_second: 1e9,
            ..BulkConfig::default()
        },
        bucket: (1e9, 1e9),
        ..Config::default()
    };
    let mut import = Import::start_with(&pool, Server::start(config).await.unwrap()).await;
    const ORDERS: &str = "select count(*)::text from live.orders";
    import.ask_again("orders").await;
    assert_eq!(import.run_to_the_end().await, "completed");
    assert_eq!(rows(&pool, ORDERS).await, ["400"]);

    let set = |scopes: &[String]| Edit::SetScopes(scopes.to_vec());
    import.server.edit(None, &set(&recent), true).await.unwrap();
    import.ask_again("orders").await;
    assert_eq!(import.run_to_the_end().await, "completed");
    let read: usize = rows(
        &pool,
        "select root_lines::text from sync_chunks order by job_id desc limit 1",
    )
    .await[0]
        .parse()
        .unwrap();
    assert!(read > 0 && read < 400, "{read} orders in the file");
    let sweep = rows(&pool, SWEEP).await;
    assert!(
        sweep[0].starts_with("skipped: not swept: without the scope read_all_orders"),
        "{sweep:?}"
    );
    assert_eq!(rows(&pool, ORDERS).await, ["400"]);

    import.server.edit(None, &set(&all), true).await.unwrap();
    let id: i64 = rows(&pool, "select min(id)::text from live.orders").await[0]
        .parse()
        .unwrap();
    import.server.edit(None, &Edit::DeleteOrder(id), true).await.unwrap();
    import.ask_again("orders").await;
    assert_eq!(import.run_to_the_end().await, "completed");
    assert_eq!(rows(&pool, SWEEP).await, ["done"]);
    assert_eq!(rows(&pool, ORDERS).await, ["399"]);
    assert_eq!(
        rows(&pool, "select 'line' from live.order_line_items l where not exists (select from live.orders o where o.id = l.order_id)").await,
        [""; 0]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_file_whose_beginning_nobody_recorded_sweeps_nothing(pool: PgPool) {
    let mut import = Import::start(&pool, 20).await;
    import.run_to_the_end().await;
    delete_silently(&import.server, 1).await;
    import.ask_again("products").await;
    import
        .server
        .fault("bulkOperationRunQuery", Fault::FailAfterWrite, 1)
        .unwrap();
    import.step("start").await.unwrap_err();
    assert_eq!(import.run_to_the_end().await, "completed");
    let sweep = rows(&pool, SWEEP).await;
    assert!(
        sweep[0].starts_with("skipped: not swept: nobody knows which scopes"),
        "{sweep:?}"
    );
    assert_eq!(rows(&pool, PRODUCTS).await, ["20"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_shopify_that_is_away_delays_the_sweep_and_one_that_refuses_leaves_it_to_people(pool: PgPool) {
    let mut import = Import::start(&pool, 20).await;
    import.run_to_the_end().await;
    delete_silently(&import.server, 1).await;
    let reject = |status| Fault::Reject {
        status,
        retry_after: None,
    };
    import.ask_again("products").await;
    import.run_to("finish").await;
    for (fault, word) in [(Fault::Throttled, "Throttled"), (reject(502), "Retryable")] {
        import.server.fault("graphql", fault, 1).unwrap();
        assert_eq!(import.step("finish").await.unwrap_err().0, word);
    }
    import.server.fault("graphql", reject(401), 1).unwrap();
    assert_eq!(import.step("finish").await.unwrap()["status"], "completed");
    let sweep = rows(&pool, SWEEP).await;
    assert!(
        sweep[0].starts_with("held: ") && sweep[0].contains("did not say which scopes"),
        "{sweep:?}"
    );
    assert_eq!(rows(&pool, PRODUCTS).await, ["20"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_sweep_that_breaks_off_goes_on_and_one_that_cannot_does_not_undo_the_import(pool: PgPool) {
    let mut import = Import::start(&pool, 20).await;
    import.run_to_the_end().await;
    for gives_up in [false, true] {
        delete_silently(&import.server, 1).await;
        import.ask_again("products").await;
        import.run_to("finish").await;
        // The decision is recorded, and the first tombstone cannot be written.
        let only_live = "alter table products add constraint only_live check (deleted_at is null) not valid";
        sqlx::raw_sql(only_live).execute(&pool).await.unwrap();
        assert_eq!(import.step("finish").await.unwrap_err().0, "Retryable");
        assert_eq!(rows(&pool, SWEEP).await, ["running"]);
        let phase = "select phase from sync_operations order by job_id desc limit 1";
        assert_eq!(rows(&pool, phase).await, ["draining"], "there is no verdict yet");
        if gives_up {
            let cause = r#"{"errorType":"Retryable","errorMessage":"Postgres refused a value"}"#;
            let answer = import.give_up(json!({ "Error": "Retryable", "Cause": cause })).await;
            assert_eq!((next(&answer), answer["status"].as_str()), ("end", Some("completed")));
        }
        sqlx::raw_sql("alter table products drop constraint only_live")
            .execute(&pool)
            .await
            .unwrap();
        assert_eq!(import.step("finish").await.unwrap()["status"], "completed");
    }
    let sweep = rows(&pool, SWEEP).await;
    assert!(
        sweep[0].starts_with("held: ") && sweep[0].contains("Postgres refused a value"),
        "{sweep:?}"
    );
    assert_eq!(
        rows(&pool, PRODUCTS).await,
        ["19"],
        "the first was swept, the second waits"
    );
}
