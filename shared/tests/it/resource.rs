//! What the mirror promises about single fetches.

use std::time::Duration;

use fake_shopify::{Edit, Fault, ProductFields, Server, VariantFields};
use shared::message::Resource;
use shared::mirror::resource::{Outcome, apply};
use shared::mirror::{Disposition, Error};
use shared::shopify::Gid;
use shared::store::pending_fetches::{self, Want};
use shared::store::{Store, commit};
use sqlx::PgPool;

use crate::import_support::{client, shop, shopify};
use crate::mirror_support::{rows, store_with_shop};

async fn fetch(store: &Store, server: &Server, kind: &str, id: i64) -> Result<Outcome, Error> {
    apply(
        store,
        &client(server),
        &Resource {
            shop: shop(),
            gid: Gid::new(kind, id),
        },
    )
    .await
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_product_comes_with_all_its_variants_page_by_page(pool: PgPool) {
    let server = shopify(1_000).await;
    let (store, _) = store_with_shop(pool.clone()).await;
    let (id, variants) = server
        .products(None)
        .into_iter()
        .max_by_key(|(_, variants)| variants.len())
        .unwrap();
    assert!(variants.len() > 100, "the fake has no large product");
    assert_eq!(fetch(&store, &server, "Product", id).await.unwrap(), Outcome::Settled);
    let mut expected: Vec<String> = variants.iter().map(i64::to_string).collect();
    let mut live = rows(&pool, "select id::text from live.product_variants").await;
    expected.sort();
    live.sort();
    assert_eq!(live, expected);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_variant_that_a_complete_fetch_does_not_show_is_gone(pool: PgPool) {
    let server = shopify(5).await;
    let (store, _) = store_with_shop(pool.clone()).await;
    let (id, variants) = server
        .products(None)
        .into_iter()
        .find(|(_, variants)| variants.len() > 1)
        .unwrap();
    fetch(&store, &server, "Product", id).await.unwrap();
    server
        .edit(None, &Edit::RemoveVariant(variants[0]), true)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    fetch(&store, &server, "Product", id).await.unwrap();
    let live = rows(&pool, "select id::text from live.product_variants").await;
    assert_eq!(live.len(), variants.len() - 1);
    assert!(!live.contains(&variants[0].to_string()));
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_does_not_exist_becomes_a_tombstone(pool: PgPool) {
    let server = shopify(5).await;
    let (store, _) = store_with_shop(pool.clone()).await;
    assert_eq!(fetch(&store, &server, "Product", 404).await.unwrap(), Outcome::Settled);
    assert_eq!(
        fetch(&store, &server, "ProductVariant", 405).await.unwrap(),
        Outcome::Settled
    );
    let tombstones = "select id::text from products where deleted_at is not null union all select id::text from product_variants where deleted_at is not null";
    assert_eq!(rows(&pool, tombstones).await, ["404", "405"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_answer_with_errors_deletes_nothing(pool: PgPool) {
    let server = shopify(5).await;
    let (store, _) = store_with_shop(pool.clone()).await;
    let (id, _) = server.products(None).remove(0);
    fetch(&store, &server, "Product", id).await.unwrap();
    for (fault, disposition) in [
        (
            Fault::Reject {
                status: 503,
                retry_after: None,
            },
            Disposition::RetryLater,
        ),
        (
            Fault::Reject {
                status: 401,
                retry_after: None,
            },
            Disposition::DeadLetter,
        ),
    ] {
        server.fault("ProductById", fault, 1).unwrap();
        assert_eq!(
            fetch(&store, &server, "Product", id).await.unwrap_err().disposition(),
            disposition
        );
    }
    server.fault("ProductById", Fault::Throttled, 1).unwrap();
    let throttled = fetch(&store, &server, "Product", id).await.unwrap_err().disposition();
    assert!(
        matches!(throttled, Disposition::RetryAfter(wait) if wait >= Duration::from_secs(1)),
        "{throttled:?}"
    );
    assert_eq!(
        rows(&pool, "select id::text from live.products").await,
        [id.to_string()]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_want_is_settled_only_by_a_fetch_observed_later(pool: PgPool) {
    let server = shopify(5).await;
    let (store, shop_id) = store_with_shop(pool.clone()).await;
    let (id, variants) = server.products(None).remove(0);
    let want = |wanted_at| Want {
        shop_id,
        gid: Gid::new("ProductVariant", variants[0]).to_string(),
        wanted_at,
        reason: "test",
    };
    let mut tx = store.begin().await.unwrap();
    pending_fetches::want(&mut tx, &[want(chrono::Utc::now())])
        .await
        .unwrap();
    commit(tx).await.unwrap();
    // The answer's Date is in whole seconds, so this reading may have been made before the want.
    assert_eq!(
        fetch(&store, &server, "ProductVariant", variants[0]).await.unwrap(),
        Outcome::WantedAgain
    );
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(
        fetch(&store, &server, "ProductVariant", variants[0]).await.unwrap(),
        Outcome::Settled
    );
    assert!(rows(&pool, "select gid from pending_fetches").await.is_empty());
    let _ = id;
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_store_without_a_token_is_not_asked(pool: PgPool) {
    let server = shopify(5).await;
    let (store, _) = store_with_shop(pool.clone()).await;
    sqlx::raw_sql("delete from shop_credentials")
        .execute(&pool)
        .await
        .unwrap();
    let error = fetch(&store, &server, "Product", 1).await.unwrap_err();
    assert!(matches!(error, Error::NoToken), "{error}");
    assert!(server.requests(Some("ProductById")).is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_product_that_changes_between_two_pages_is_read_again(pool: PgPool) {
    let server = shopify(1_000).await;
    let (store, _) = store_with_shop(pool.clone()).await;
    let (id, variants) = server
        .products(None)
        .into_iter()
        .max_by_key(|(_, variants)| variants.len())
        .unwrap();
    let fetching = fetch(&store, &server, "Product", id);
    let editing = async {
        let title = Some("changed".to_owned());
        server
            .edit(
                None,
                &Edit::UpdateProduct(ProductFields {
                    id,
                    title,
                    ..Default::default()
                }),
                true,
            )
            .await
            .unwrap();
        let fields = VariantFields {
            id: variants[0],
            ..Default::default()
        };
        server.edit(None, &Edit::UpdateVariant(fields), true).await.unwrap();
    };
    let (fetched, ()) = tokio::join!(fetching, editing);
    fetched.unwrap();
    assert_eq!(
        rows(&pool, "select count(*)::text from live.product_variants").await,
        [variants.len().to_string()]
    );
}
