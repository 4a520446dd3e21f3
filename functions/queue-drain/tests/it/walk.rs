//! Lists that are compared: a drain goes through them.

use fake_shopify::{Edit, Fault, ProductFields};
use shared::message::{Body, Page, QueueName, Reach};
use shared::mirror::walk::{Wanted, begin};
use shared::store::Store;
use sqlx::PgPool;
use test_support::{rows, shop, shopify, store_with_shop};

use crate::chunk::fan_out;
use crate::support::Drain;

/// Begins a walk through all products, and sends its message.
async fn send_walk(store: &Store, shop_id: i64, drain: &Drain) -> Page {
    let wanted = Wanted {
        changes: false,
        all_after_seconds: 0.0,
    };
    let pages = begin(store, shop_id, &shop(), wanted).await.unwrap();
    let (queue, page) = pages.into_iter().find(|(_, page)| page.list == "products").unwrap();
    assert_eq!((queue, page.reach), (QueueName::ProductSync, Reach::All));
    drain.send(queue, &Body::Page(page.clone())).await;
    page
}

/// As if it had been imported a minute ago: what was read at the same moment is not gone.
const IMPORTED: &str = "update sync_jobs set status = 'completed'; \
    update products set observed_at = observed_at - interval '1 min'; \
    update sync_operations set status = 'completed', phase = 'finished'; truncate pending_fetches";

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_drain_finds_what_no_webhook_told_and_fetches_it(pool: PgPool) {
    let (store, shop_id) = store_with_shop(&pool).await;
    let server = shopify(300).await;
    let drain = Drain::start_with(&pool, [("SHOPIFY_ADMIN_URL", &server.admin_url())]).await;
    fan_out(&store, shop_id, &drain, &server, "products").await;
    drain.run_until_empty(QueueName::ProductSync).await;
    sqlx::raw_sql(IMPORTED).execute(&pool).await.unwrap();
    let products = server.products(None);
    let (changed, deleted) = (products[3].0, products[299].0);
    let change = Edit::UpdateProduct(ProductFields {
        id: changed,
        title: Some("changed behind our back".to_owned()),
        ..ProductFields::default()
    });
    server.edit(None, &change, true).await.unwrap();
    server.edit(None, &Edit::DeleteProduct(deleted), true).await.unwrap();

    send_walk(&store, shop_id, &drain).await;
    drain.run_until_empty(QueueName::ProductSync).await;
    let found = "select title from live.products where title = 'changed behind our back'";
    assert_eq!(rows(&pool, found).await.len(), 1);
    assert_eq!(rows(&pool, "select count(*)::text from live.products").await, ["299"]);
    let drift = "select missing || ' ' || stale || ' ' || gone from drift where list = 'products'";
    assert_eq!(rows(&pool, drift).await, ["0 1 1"]);
    assert!(drain.dead(QueueName::ProductSync).await.is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_list_that_shopify_refuses_ends_the_walk_with_the_reason(pool: PgPool) {
    let (store, shop_id) = store_with_shop(&pool).await;
    let server = shopify(10).await;
    let drain = Drain::start_with(&pool, [("SHOPIFY_ADMIN_URL", &server.admin_url())]).await;
    fan_out(&store, shop_id, &drain, &server, "products").await;
    drain.run_until_empty(QueueName::ProductSync).await;
    sqlx::raw_sql(IMPORTED).execute(&pool).await.unwrap();
    let fault = Fault::Reject {
        status: 403,
        retry_after: None,
    };
    server.fault("ProductsList", fault, 1).unwrap();
    send_walk(&store, shop_id, &drain).await;
    drain.run_until_empty(QueueName::ProductSync).await;
    let told = "select status || ': ' || error from walks where list = 'products'";
    assert_eq!(
        rows(&pool, told).await,
        ["failed: Shopify could not be read: Shopify refused the request: HTTP status 403"]
    );
    assert!(drain.dead(QueueName::ProductSync).await.is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_list_that_shopify_throttles_goes_on_later(pool: PgPool) {
    let (store, shop_id) = store_with_shop(&pool).await;
    let server = shopify(300).await;
    let drain = Drain::start_with(&pool, [("SHOPIFY_ADMIN_URL", &server.admin_url())]).await;
    fan_out(&store, shop_id, &drain, &server, "products").await;
    drain.run_until_empty(QueueName::ProductSync).await;
    sqlx::raw_sql(IMPORTED).execute(&pool).await.unwrap();
    server.fault("ProductsList", Fault::Throttled, 1).unwrap();
    send_walk(&store, shop_id, &drain).await;
    drain.run_until_empty(QueueName::ProductSync).await;
    assert_eq!(
        rows(
            &pool,
            "select status || ' ' || listed from walks where list = 'products'"
        )
        .await,
        ["completed 300"]
    );
}
