//! What no webhook tells is fetched after one.

use chrono::Utc;
use fake_shopify::{Column, Edit, Key, NewCollection, ProductFields, Rule, Server, Table};
use shared::message::{Body, QueueName};
use sqlx::PgPool;
use test_support::{rows, shopify, store_with_shop};

use crate::support::{Drain, product, webhook};

const MEMBERSHIPS: &str =
    "select collection_id || '|' || product_id from live.collection_products order by collection_id";

/// The collections that the store shows of a product.
fn memberships(server: &Server, id: i64) -> Vec<String> {
    let all = server.keyed_rows(None, Table::CollectionProducts).into_iter();
    let of_product = all.filter(|(key, _)| matches!(key, Key::Two(_, product) if *product == id));
    of_product.map(|(_, line)| line).collect()
}

/// Gives a product these tags.
async fn tag(server: &Server, id: i64, tags: &[&str]) {
    let fields = ProductFields {
        id,
        tags: Some(tags.iter().map(|tag| (*tag).to_owned()).collect()),
        ..ProductFields::default()
    };
    server.edit(None, &Edit::UpdateProduct(fields), false).await.unwrap();
}

/// A delivery that says that the product changed just now.
async fn tell(drain: &Drain, id: i64, title: &str) {
    let mut body = product(id, title);
    body["updated_at"] = serde_json::json!(Utc::now().to_rfc3339());
    let delivery = webhook("products/update", &body);
    drain.send(QueueName::WebhookProcess, &Body::Webhook(delivery)).await;
    drain.run(QueueName::WebhookProcess).await;
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_product_that_comes_under_a_rule_or_leaves_it_changes_its_collections(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let server = shopify(3).await;
    let settings = [
        ("SHOPIFY_ADMIN_URL", server.admin_url()),
        ("REFRESH_SECONDS", "1".to_owned()),
    ];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let drain = Drain::start_with(&pool, settings).await;
    let (id, _) = server.products(None).remove(0);
    let by_tag = NewCollection {
        rules: vec![Rule {
            column: Column::Tag,
            value: "newcomer".to_owned(),
        }],
        ..NewCollection::default()
    };
    server.edit(None, &Edit::CreateCollection(by_tag), false).await.unwrap();

    tag(&server, id, &["newcomer"]).await;
    tell(&drain, id, "the first that is heard of it").await;
    drain.run_until_empty(QueueName::ProductSync).await;
    let with_rule = memberships(&server, id);
    assert_eq!(rows(&pool, MEMBERSHIPS).await, with_rule);

    tag(&server, id, &["old hand"]).await;
    tell(&drain, id, "changed").await;
    drain.run_until_empty(QueueName::CollectionSync).await;
    let without = memberships(&server, id);
    assert_ne!(without, with_rule);
    assert_eq!(rows(&pool, MEMBERSHIPS).await, without);
    assert!(rows(&pool, "select gid from pending_fetches").await.is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn many_webhooks_of_a_product_are_followed_by_one_fetch(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let server = shopify(3).await;
    let settings = [
        ("SHOPIFY_ADMIN_URL", server.admin_url()),
        ("REFRESH_SECONDS", "60".to_owned()),
    ];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let drain = Drain::start_with(&pool, settings).await;
    let (id, _) = server.products(None).remove(0);
    for title in ["one", "two", "three", "four"] {
        tell(&drain, id, title).await;
    }
    // The product when it was new, its extras since.
    assert_eq!(drain.count(QueueName::ProductSync).await, 1);
    assert_eq!(drain.count(QueueName::CollectionSync).await, 1);
    assert_eq!(
        rows(
            &pool,
            "select split_part(gid, '/', 4) from pending_fetches order by gid"
        )
        .await,
        ["Product", "ProductExtras"]
    );
}
