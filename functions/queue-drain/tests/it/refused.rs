//! Null because Shopify refuses to show it is not null.

use chrono::{Duration, Utc};
use fake_shopify::{CustomerFields, Edit, OrderFields, Table};
use serde_json::{Value, json};
use shared::message::{Body, QueueName, Resource};
use shared::shopify::Gid;
use sqlx::PgPool;
use test_support::{rows, shop, shopify, store_with_shop};

use crate::support::{Drain, webhook};

const PERSONAL: &str = "select first_name || ' ' || email || ' ' || (select count(*) from live.customer_addresses) \
     from live.customers";

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_shopify_refuses_to_show_stays_as_it_was_known(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let server = shopify(50).await;
    let drain = Drain::start_with(&pool, [("SHOPIFY_ADMIN_URL", &server.admin_url())]).await;
    let (key, line) = server
        .rows(None, Table::Customers)
        .into_iter()
        .find(|(_, line)| {
            // Somebody with a first name and an address.
            let columns: Vec<&str> = line.split('|').collect();
            columns[1] != "\\N" && columns[3] != "\\N" && columns[10] != "\\N"
        })
        .expect("a customer with a name and an address");
    let fetch = || async {
        let resource = Resource {
            shop: shop(),
            gid: Gid::new("Customer", key),
        };
        drain.send(QueueName::CustomerSync, &Body::Resource(resource)).await;
        drain.run_until_empty(QueueName::CustomerSync).await;
        assert!(drain.dead(QueueName::CustomerSync).await.is_empty());
    };
    let change = |tax_exempt: bool| CustomerFields {
        id: key,
        tax_exempt: Some(tax_exempt),
        ..CustomerFields::default()
    };
    fetch().await;
    let known = rows(&pool, PERSONAL).await;
    assert!(known[0].starts_with(line.split('|').nth(1).unwrap()), "{known:?}");

    // By a fetch whose answer says so.
    let refused = [
        "Customer.firstName",
        "Customer.lastName",
        "Customer.defaultEmailAddress",
    ];
    server.refuse(None, &refused).unwrap();
    server
        .edit(None, &Edit::UpdateCustomer(change(true)), true)
        .await
        .unwrap();
    fetch().await;
    assert_eq!(rows(&pool, PERSONAL).await, known);
    assert_eq!(
        rows(&pool, "select tax_exempt::text from live.customers").await,
        ["true"]
    );
    assert_eq!(rows(&pool, "select refuses_personal::text from shops").await, ["true"]);

    // By a webhook, whose body cannot say so.
    let later = Utc::now() + Duration::seconds(60);
    let body: Value = json!({
        "id": key, "updated_at": later.to_rfc3339(), "first_name": null, "last_name": null, "email": null,
        "phone": null, "note": null, "state": "enabled", "tax_exempt": false, "addresses": [],
    });
    let mut delivery = webhook("customers/update", &body);
    delivery.triggered_at = later;
    drain.send(QueueName::WebhookProcess, &Body::Webhook(delivery)).await;
    drain.run(QueueName::WebhookProcess).await;
    assert_eq!(rows(&pool, PERSONAL).await, known);
    assert_eq!(
        rows(&pool, "select tax_exempt::text from live.customers").await,
        ["false"]
    );

    // Once it is shown again, null is null again.
    server.refuse(None, &[]).unwrap();
    sqlx::query("update customers set source_updated_at = '-infinity', observed_at = '-infinity'")
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query("update customers set note = 'erased meanwhile in the store'")
        .execute(&pool)
        .await
        .unwrap();
    fetch().await;
    assert_eq!(rows(&pool, "select refuses_personal::text from shops").await, ["false"]);
    assert_eq!(rows(&pool, PERSONAL).await, known);
    let note = rows(&pool, "select coalesce(note, 'none') from live.customers").await;
    assert_ne!(note, ["erased meanwhile in the store"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_order_keeps_its_customer_when_shopify_refuses_to_name_one(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let server = shopify(50).await;
    let drain = Drain::start_with(&pool, [("SHOPIFY_ADMIN_URL", &server.admin_url())]).await;
    let (order, _) = server
        .rows(None, Table::Orders)
        .into_iter()
        .find(|(_, line)| line.split('|').nth(5) != Some("\\N"))
        .expect("an order of a customer");
    let fetch = || async {
        let resource = Resource {
            shop: shop(),
            gid: Gid::new("Order", order),
        };
        drain.send(QueueName::OrderSync, &Body::Resource(resource)).await;
        drain.run_until_empty(QueueName::OrderSync).await;
        assert!(drain.dead(QueueName::OrderSync).await.is_empty());
        rows(
            &pool,
            "select coalesce(customer_id, 0) || ' ' || coalesce(note, '') from live.orders",
        )
        .await
    };
    let known = fetch().await;
    assert!(!known[0].starts_with("0 "), "{known:?}");

    server.refuse(None, &["Order.customer"]).unwrap();
    let edit = Edit::UpdateOrder(OrderFields {
        id: order,
        note: Some("left at the door".to_owned()),
        ..OrderFields::default()
    });
    server.edit(None, &edit, true).await.unwrap();
    let customer = known[0].split(' ').next().unwrap();
    assert_eq!(fetch().await, [format!("{customer} left at the door")]);
}
