//! What the mirror promises about deliveries.

use serde_json::json;
use shared::message::{Payload, Webhook};
use shared::mirror::{Disposition, log, webhook};
use shared::store::webhook_logs::Status;
use sqlx::PgPool;

use crate::mirror_support::{
    SHOP, apply_all, broken_delivery, delivery, live_products, live_variants, product, rows, store_with_shop,
};

fn statuses(applied: webhook::Applied) -> Vec<Status> {
    applied.outcomes.into_iter().map(Result::unwrap).collect()
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_delivery_becomes_rows_and_a_log_line(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    let body = product(1, "Hoodie", 10.0, &[(11, "59.00"), (12, "60.10")], &[12, 11]);
    let applied = apply_all(&store, &[delivery("products/create", &body, 10.5)]).await;
    assert_eq!(statuses(applied), [Status::Applied]);
    assert_eq!(live_products(&pool).await, ["1 Hoodie"]);
    assert_eq!(live_variants(&pool).await, ["11 59.00", "12 60.10"]);
    assert_eq!(
        rows(&pool, "select array_to_string(tags, '|') from live.products").await,
        ["a|b"]
    );
    assert_eq!(
        rows(&pool, "select topic || ' ' || status from webhook_logs").await,
        ["products/create applied"]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_older_state_never_overwrites_a_newer_one(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    let newer = product(1, "new", 20.0, &[(11, "2.00")], &[11]);
    let older = product(1, "old", 10.0, &[(11, "1.00")], &[11]);
    apply_all(&store, &[delivery("products/update", &newer, 20.5)]).await;
    let applied = apply_all(&store, &[delivery("products/update", &older, 10.5)]).await;
    assert_eq!(statuses(applied), [Status::Stale]);
    assert_eq!(live_products(&pool).await, ["1 new"]);
    assert_eq!(live_variants(&pool).await, ["11 2.00"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn of_two_changes_within_one_second_the_later_triggered_wins(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    let first = delivery(
        "products/update",
        &product(1, "first", 10.0, &[(11, "1.00")], &[11]),
        10.2,
    );
    let second = delivery(
        "products/update",
        &product(1, "second", 10.0, &[(11, "2.00")], &[11]),
        10.8,
    );
    apply_all(&store, &[second]).await;
    apply_all(&store, &[first]).await;
    assert_eq!(live_products(&pool).await, ["1 second"]);
    assert_eq!(live_variants(&pool).await, ["11 2.00"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_redelivered_message_changes_nothing(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    let message = [delivery(
        "products/update",
        &product(1, "x", 10.0, &[(11, "1.00")], &[11]),
        10.5,
    )];
    apply_all(&store, &message).await;
    let before = rows(
        &pool,
        "select xmin::text from products union all select xmin::text from product_variants",
    )
    .await;
    // As after a crash between the commit and the delete.
    apply_all(&store, &message).await;
    let after = rows(
        &pool,
        "select xmin::text from products union all select xmin::text from product_variants",
    )
    .await;
    assert_eq!(before, after);
    assert_eq!(
        rows(&pool, "select status || attempts from webhook_logs").await,
        ["applied1"]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_deletion_leaves_a_tombstone_that_late_bodies_do_not_lift(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    let body = product(1, "x", 10.0, &[(11, "1.00")], &[11]);
    apply_all(&store, &[delivery("products/delete", &json!({ "id": 1 }), 20.0)]).await;
    let applied = apply_all(&store, &[delivery("products/update", &body, 10.5)]).await;
    assert_eq!(statuses(applied), [Status::Stale]);
    assert!(live_products(&pool).await.is_empty());
    assert!(live_variants(&pool).await.is_empty());
    assert_eq!(
        rows(&pool, "select id::text from products where deleted_at is not null").await,
        ["1"]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn deleting_a_product_deletes_its_variants(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    let body = product(1, "x", 10.0, &[(11, "1.00"), (12, "1.00")], &[11, 12]);
    apply_all(&store, &[delivery("products/create", &body, 10.5)]).await;
    apply_all(&store, &[delivery("products/delete", &json!({ "id": 1 }), 20.0)]).await;
    assert!(live_products(&pool).await.is_empty());
    assert!(live_variants(&pool).await.is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_variant_goes_when_its_product_no_longer_names_it_and_stays_gone(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    let both = delivery(
        "products/update",
        &product(1, "x", 10.0, &[(11, "1.00"), (12, "1.00")], &[11, 12]),
        10.5,
    );
    let one = delivery("products/update", &product(1, "x", 20.0, &[(11, "1.00")], &[11]), 20.5);
    // The later body comes first, when the variant that it no longer names has never been seen.
    apply_all(&store, &[one]).await;
    apply_all(&store, &[both]).await;
    assert_eq!(live_variants(&pool).await, ["11 1.00"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn nothing_is_deleted_because_a_cut_body_does_not_show_it(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    let all: Vec<i64> = (1_000..1_130).collect();
    let shown: Vec<(i64, &str)> = all.iter().map(|id| (*id, "1.00")).collect();
    let whole = product(1, "x", 10.0, &shown, &all);
    apply_all(&store, &[delivery("products/create", &whole, 10.5)]).await;
    // A body shows the first hundred only; the others are named, with the version that is here already.
    let mut cut = product(1, "y", 20.0, &shown[..100], &all);
    for gid in cut["variant_gids"].as_array_mut().unwrap().iter_mut().skip(100) {
        gid["updated_at"] = whole["updated_at"].clone();
    }
    let applied = apply_all(&store, &[delivery("products/update", &cut, 20.5)]).await;
    assert!(applied.fetches.is_empty(), "{:?}", applied.fetches);
    assert_eq!(live_variants(&pool).await.len(), 130);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_a_cut_body_names_and_is_missing_here_is_fetched(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    let few = product(1, "x", 10.0, &[(11, "1.00")], &[11, 12, 13]);
    let applied = apply_all(&store, &[delivery("products/update", &few, 10.5)]).await;
    let mut gids: Vec<&str> = applied.fetches.iter().map(|fetch| fetch.gid.as_str()).collect();
    gids.sort_unstable();
    assert_eq!(
        gids,
        ["gid://shopify/ProductVariant/12", "gid://shopify/ProductVariant/13"]
    );
    // The want is recorded with the rows, so that a lost message loses nothing.
    let recorded = rows(&pool, "select gid from pending_fetches order by gid").await;
    assert_eq!(recorded, gids);

    let many: Vec<i64> = (100..250).collect();
    let applied = apply_all(
        &store,
        &[delivery("products/update", &product(2, "y", 10.0, &[], &many), 10.5)],
    )
    .await;
    let gids: Vec<&str> = applied.fetches.iter().map(|fetch| fetch.gid.as_str()).collect();
    assert_eq!(gids, ["gid://shopify/Product/2"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_delivery_for_an_unknown_shop_is_logged_and_creates_nothing(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    let mut foreign = delivery("products/create", &product(1, "x", 10.0, &[(11, "1.00")], &[11]), 10.5);
    foreign.shop = shared::shopify::ShopDomain::parse("other.myshopify.com").unwrap();
    let applied = apply_all(&store, &[foreign]).await;
    assert_eq!(statuses(applied), [Status::UnknownShop]);
    assert!(live_products(&pool).await.is_empty());
    assert_eq!(
        rows(&pool, "select shop_domain || ' ' || status from webhook_logs").await,
        ["other.myshopify.com unknown_shop"]
    );
    assert_eq!(rows(&pool, "select domain from shops").await, [SHOP]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_topic_without_a_handler_is_logged_with_its_payload(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    let applied = apply_all(&store, &[delivery("carts/update", &json!({ "id": "x" }), 10.5)]).await;
    assert_eq!(statuses(applied), [Status::Unhandled]);
    assert_eq!(
        rows(
            &pool,
            "select payload ->> 'id' from webhook_logs where status = 'unhandled'"
        )
        .await,
        ["x"]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_impossible_delivery_spoils_no_other(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    let good = delivery("products/create", &product(1, "x", 10.0, &[(11, "1.00")], &[11]), 10.5);
    let no_product = delivery("products/create", &json!({ "title": "no id" }), 10.5);
    let applied = apply_all(&store, &[broken_delivery("products/update", 10.0), good, no_product]).await;
    let kinds: Vec<bool> = applied.outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(kinds, [false, true, false]);
    for error in applied.outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert_eq!(error.disposition(), Disposition::DeadLetter);
    }
    assert_eq!(live_products(&pool).await, ["1 x"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_value_that_postgres_refuses_rolls_the_batch_back_and_says_whose_fault_it_may_be(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    let good = delivery("products/create", &product(1, "x", 10.0, &[], &[]), 10.5);
    let bad = delivery(
        "products/create",
        &product(2, "y", 10.0, &[(21, "no number")], &[21]),
        10.5,
    );
    let error = webhook::apply(&store, &[(&good, 1), (&bad, 1)], false)
        .await
        .unwrap_err();
    assert!(error.may_be_of_one_message());
    assert_eq!(error.disposition(), Disposition::DeadLetter);
    assert!(live_products(&pool).await.is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_body_without_a_version_is_fetched_instead(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    let mut body = product(1, "x", 10.0, &[], &[]);
    body.as_object_mut().unwrap().remove("updated_at");
    let applied = apply_all(&store, &[delivery("products/update", &body, 10.5)]).await;
    assert_eq!(applied.fetches[0].gid.as_str(), "gid://shopify/Product/1");
    assert_eq!(statuses(applied), [Status::Waiting]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_oversized_body_is_fetched_instead(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    let stub = Webhook {
        oversized: true,
        ..delivery("products/update", &json!({ "id": 7 }), 10.5)
    };
    let applied = apply_all(&store, &[stub]).await;
    assert_eq!(applied.fetches[0].gid.as_str(), "gid://shopify/Product/7");
    assert_eq!(statuses(applied), [Status::Waiting]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_uninstall_takes_the_token_unless_the_shop_was_installed_again_since(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    // Installed just now by the database's clock; the uninstall was triggered long before.
    let late = delivery("app/uninstalled", &json!({ "id": 1 }), -100_000_000.0);
    assert_eq!(statuses(apply_all(&store, &[late]).await), [Status::Stale]);
    assert_eq!(
        rows(&pool, "select access_token from shop_credentials").await,
        ["token"]
    );

    let mut now = delivery("app/uninstalled", &json!({ "id": 1 }), 0.0);
    now.triggered_at = chrono::Utc::now() + chrono::Duration::seconds(5);
    assert_eq!(statuses(apply_all(&store, &[now]).await), [Status::Applied]);
    assert!(
        rows(&pool, "select access_token from shop_credentials")
            .await
            .is_empty()
    );
    assert_eq!(
        rows(&pool, "select domain from shops where uninstalled_at is not null").await,
        [SHOP]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn nul_characters_do_not_stop_a_delivery(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    let body = product(1, "a\0b", 10.0, &[], &[]);
    assert_eq!(
        statuses(apply_all(&store, &[delivery("products/update", &body, 10.5)]).await),
        [Status::Applied]
    );
    assert_eq!(live_products(&pool).await, ["1 ab"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_failure_stands_in_the_log_until_the_delivery_is_applied(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    let message = delivery("products/update", &product(1, "x", 10.0, &[], &[]), 10.5);
    log::failure(&store, (&message, 1), Status::Retrying, "Postgres is away")
        .await
        .unwrap();
    assert_eq!(
        rows(&pool, "select status || ': ' || error from webhook_logs").await,
        ["retrying: Postgres is away"]
    );
    webhook::apply(&store, &[(&message, 2)], false).await.unwrap();
    assert_eq!(
        rows(&pool, "select status || attempts from webhook_logs where error is null").await,
        ["applied2"]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_body_that_is_no_json_is_kept_as_it_came(pool: PgPool) {
    let (store, _) = store_with_shop(pool.clone()).await;
    let broken = broken_delivery("products/update", 10.0);
    let Payload::Bytes(bytes) = &broken.payload else {
        unreachable!()
    };
    log::failure(&store, (&broken, 1), Status::Dead, "not JSON")
        .await
        .unwrap();
    let kept: Vec<u8> = sqlx::query_scalar("select payload_bytes from webhook_logs")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(kept, bytes.0);
    assert_eq!(rows(&pool, "select status from webhook_logs").await, ["dead"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn no_statement_leaves_a_name_behind(pool: PgPool) {
    // Behind a pooler the next statement may reach another server, where the name means nothing.
    let one = sqlx::postgres::PgPoolOptions::new()
        .max_connections(1)
        .connect_with((*pool.connect_options()).clone().statement_cache_capacity(0))
        .await
        .unwrap();
    let (store, _) = store_with_shop(one.clone()).await;
    apply_all(
        &store,
        &[delivery(
            "products/update",
            &product(1, "x", 10.0, &[(11, "1.00")], &[11]),
            10.5,
        )],
    )
    .await;
    apply_all(&store, &[delivery("products/delete", &json!({ "id": 1 }), 20.5)]).await;
    let named: i64 = sqlx::raw_sql("select count(*) from pg_prepared_statements")
        .fetch_one(&one)
        .await
        .map(|row| {
            use sqlx::Row;
            row.get(0)
        })
        .unwrap();
    assert_eq!(named, 0);
}
