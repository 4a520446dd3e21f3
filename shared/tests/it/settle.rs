//! A chunk and a delivery at the same moment may each miss what the other wrote; the end of the import makes it good.

use chrono::{DateTime, Utc};
use shared::store::{Store, commit, member_sets};
use sqlx::PgPool;

use crate::mirror_support::{at, rows, store_with_shop};

async fn variant(pool: &PgPool, shop_id: i64, product: i64, id: i64, observed: DateTime<Utc>) {
    sqlx::query(
        "insert into product_variants (shop_id, id, product_id, source_updated_at, observed_at, source)
         values ($1, $2, $3, $4, $4, 'bulk')",
    )
    .bind(shop_id)
    .bind(id)
    .bind(product)
    .bind(observed)
    .execute(pool)
    .await
    .unwrap();
}

async fn no_variants(pool: &PgPool, shop_id: i64, product: i64, observed: DateTime<Utc>) {
    sqlx::query("insert into member_sets values ($1, 'product_variants', $2, $3, '{}')")
        .bind(shop_id)
        .bind(product)
        .bind(observed)
        .execute(pool)
        .await
        .unwrap();
}

async fn settle(store: &Store, shop_id: i64, since: DateTime<Utc>) -> usize {
    let mut tx = store.begin().await.unwrap();
    let removed = member_sets::settle(&mut tx, shop_id, since).await.unwrap();
    commit(tx).await.unwrap();
    removed
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_row_and_a_set_that_missed_each_other_are_settled_with_what_the_row_owns(pool: PgPool) {
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    let created = at(100.0);
    // A file created at 100 showed both; at 110 a delivery told that the first product has none.
    variant(&pool, shop_id, 1, 10, created).await;
    variant(&pool, shop_id, 2, 20, created).await;
    no_variants(&pool, shop_id, 1, at(110.0)).await;
    // Told before the file was created, so that the file knows better.
    no_variants(&pool, shop_id, 2, at(90.0)).await;

    assert_eq!(settle(&store, shop_id, created).await, 1);
    assert_eq!(rows(&pool, "select id::text from live.product_variants").await, ["20"]);
    // Its metafields have lost their owner, also those that come later.
    let emptied = "select owner_id::text from member_sets where members = 'metafields/ProductVariant' and ids = '{}'";
    assert_eq!(rows(&pool, emptied).await, ["10"]);
    assert_eq!(settle(&store, shop_id, created).await, 0, "once more changes nothing");
}
