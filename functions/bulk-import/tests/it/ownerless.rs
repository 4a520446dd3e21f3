//! Metafields of variants that are in one file of an import and not in the other.

use std::time::Duration;

use fake_shopify::Edit;
use shared::message::{Body, QueueName, decode};
use sqlx::PgPool;
use test_support::rows;

use crate::support::Import;

const OWNERS: &str =
    "select distinct owner_id::text from live.metafields where owner_type = 'ProductVariant' order by 1";
const WANTED: &str = "select gid from pending_fetches order by gid";

/// A product that is in the store and some of whose variants have metafields, and those variants.
async fn some_product(import: &Import, pool: &PgPool) -> (i64, Vec<i64>) {
    let owners = rows(pool, OWNERS).await;
    let mut products = import.server.products(None).into_iter().map(|(id, variants)| {
        let has_metafields = |variant: &i64| owners.contains(&variant.to_string());
        (id, variants.into_iter().filter(has_metafields).collect::<Vec<i64>>())
    });
    products.find(|(_, variants)| !variants.is_empty()).unwrap()
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_variant_that_was_deleted_between_two_files_is_fetched_for_its_metafields(pool: PgPool) {
    let mut import = Import::start(&pool, 60).await;
    import.ask_for(&["variant_metafields", "products"]).await;
    assert_eq!(import.run_to_the_end().await, "completed");
    assert_eq!(rows(&pool, WANTED).await, [""; 0], "the other file is not read yet");
    let (product, variants) = some_product(&import, &pool).await;
    import
        .server
        .edit(None, &Edit::DeleteProduct(product), true)
        .await
        .unwrap();

    import.take("products").await;
    import.run_to("finish").await;
    for _ in 0..2 {
        import.step("finish").await.unwrap();
    }
    let gids = variants.iter().map(|id| format!("gid://shopify/ProductVariant/{id}"));
    let mut wanted: Vec<String> = gids.collect();
    wanted.sort();
    assert_eq!(rows(&pool, WANTED).await, wanted);
    let queue = import.redis.queue(QueueName::VariantSync);
    let messages = queue.receive(100, Duration::ZERO).await.unwrap();
    let mut carried: Vec<String> = messages
        .iter()
        .map(|message| match decode(&message.body).unwrap() {
            Body::Resource(resource) => resource.gid.as_str().to_owned(),
            _ => panic!("no fetch"),
        })
        .collect();
    carried.sort();
    assert_eq!(carried, wanted, "once each");
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn variants_that_only_a_file_without_end_would_tell_are_not_fetched_one_by_one(pool: PgPool) {
    let mut import = Import::start(&pool, 60).await;
    import.ask_for(&["products", "variant_metafields"]).await;
    import.step("start").await.unwrap();
    import
        .give_up(serde_json::json!({ "Error": "Permanent", "Cause": "{}" }))
        .await;
    import.take("variant_metafields").await;
    assert_eq!(import.run_to_the_end().await, "completed");
    assert!(!rows(&pool, OWNERS).await.is_empty());
    assert_eq!(rows(&pool, WANTED).await, [""; 0]);
}
