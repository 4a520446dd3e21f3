//! What becomes of a store that is to be forgotten, and of customers who ask what is known of them.

use std::time::Duration;

use fake_shopify::{Edit, ShopFields};
use serde_json::{Value, json};
use shared::message::{Body, QueueName, Resource, encode};
use shared::mirror;
use shared::store::{commit, redactions, shops, tables};
use sqlx::{AssertSqlSafe, PgPool};
use test_support::{SHOP, rows, store_with_shop};

use crate::chunk::fan_out;
use crate::privacy_support::{Told, World};
use crate::resource;

/// The tables that have rows of the store, of all that can have some.
async fn tables_of_shop(world: &World) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.table_name::text from information_schema.columns c \
         join information_schema.tables t using (table_schema, table_name) \
         where table_schema = 'public' and column_name = 'shop_id' and table_type = 'BASE TABLE' and table_name <> 'mirrored' \
         and table_name not in ('redactions', 'redaction_sweeps') order by 1",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert!(tables.len() > tables_of_mirror(), "{tables:?}");
    let mut filled = Vec::new();
    for table in tables {
        let query = format!("select exists (select from {table} where shop_id = $1)");
        let exists: bool = sqlx::query_scalar(AssertSqlSafe(query))
            .bind(world.shop_id)
            .fetch_one(&world.pool)
            .await
            .unwrap();
        filled.extend(exists.then_some(table));
    }
    filled
}

fn tables_of_mirror() -> usize {
    tables().len()
}

/// The same request as Shopify makes it, at a time of its own.
async fn shop_redact(world: &World) -> Told {
    let (_, mut told) = world.edit(Edit::RedactShop {}).await;
    assert_eq!(told.len(), 1);
    told.remove(0)
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn nothing_of_an_erased_store_is_left_and_late_deliveries_change_nothing(pool: PgPool) {
    let world = World::start(&pool).await;
    let person = world.person("zyxomat").await;
    world.deliver(&person.told).await;
    world.read_again(&person).await;
    for operation in ["products", "collections", "inventory", "locations"] {
        fan_out(&world.store, world.shop_id, &world.drain, &world.server, operation).await;
    }
    world.drain.run(QueueName::ProductSync).await;
    let (_, request) = world.edit(Edit::RequestData(person.id)).await;
    world.deliver(&request).await;
    let (_, owner) = world
        .edit(Edit::UpdateShop(ShopFields {
            name: Some("Storezyxomat".to_owned()),
            email: Some("owner@zyxomat.example".to_owned()),
        }))
        .await;
    world.deliver(&owner).await;
    world.drain.send(QueueName::ProductSync, &resource("Shop", 1)).await;
    world.drain.run(QueueName::ProductSync).await;
    let letter = person.told[0].webhook();
    world.bury(QueueName::OrderSync, encode(&Body::Webhook(letter))).await;
    world
        .bury(QueueName::ProductSync, encode(&resource("Product", 5)))
        .await;
    let anothers = Body::Resource(Resource {
        shop: shared::shopify::ShopDomain::parse("another.myshopify.com").unwrap(),
        gid: shared::shopify::Gid::new("Product", 5),
    });
    world.bury(QueueName::VariantSync, encode(&anothers)).await;
    let filled = tables_of_shop(&world).await;
    for table in [
        "products",
        "inventory_levels",
        "collections",
        "orders",
        "member_sets",
        "sync_jobs",
        "data_requests",
    ] {
        assert!(filled.contains(&table.to_owned()), "{table}: {filled:?}");
    }

    let request = shop_redact(&world).await;
    world.deliver(std::slice::from_ref(&request)).await;
    assert_eq!(tables_of_shop(&world).await, [""; 0]);
    assert_eq!(world.find(&person.words).await, [""; 0]);
    for queue in QueueName::ALL {
        let left = world.drain.dead(queue).await.len();
        assert_eq!(left, usize::from(queue == QueueName::VariantSync), "{queue}");
    }
    let tombstone = "select concat_ws(' ', domain, name, email, plan, (redacted_at is not null)::text) from shops";
    assert_eq!(rows(&pool, tombstone).await, [format!("{SHOP} true")]);
    let log = "select concat_ws(' ', topic, status, payload) from webhook_logs order by processed_at";
    assert_eq!(rows(&pool, log).await, ["shop/redact applied"]);
    let audit = "select detail ->> 'done' from admin_audit where procedure = 'privacy.shop_redact' order by id";
    let audit: Vec<Option<String>> = sqlx::query_scalar(audit).fetch_all(&pool).await.unwrap();
    assert_eq!(audit, [None, Some("true".to_owned())]);

    // Whatever comes later, the request itself included.
    world.deliver(&person.told).await;
    world.deliver(&[request]).await;
    world
        .drain
        .send(QueueName::CustomerSync, &resource("Customer", person.id))
        .await;
    world.drain.run(QueueName::CustomerSync).await;
    assert_eq!(tables_of_shop(&world).await, [""; 0]);
    assert_eq!(world.find(&person.words).await, [""; 0]);
    let statuses = "select distinct status from webhook_logs where topic <> 'shop/redact'";
    assert_eq!(rows(&pool, statuses).await, ["stale"]);

    // Installed again, it is mirrored again, and a sweep that is made again leaves it alone.
    tokio::time::sleep(Duration::from_millis(10)).await;
    store_with_shop(&pool).await;
    world.deliver(&person.told).await;
    world
        .bury(QueueName::ProductSync, encode(&resource("Product", 5)))
        .await;
    rows(
        &pool,
        "update redaction_sweeps set swept_at = '2026-01-01' returning id::text",
    )
    .await;
    world.drain.run(QueueName::CustomerSync).await;
    assert_eq!(
        rows(&pool, "select id::text from live.customers where id > 0").await,
        [person.id.to_string()]
    );
    assert_eq!(world.drain.dead(QueueName::ProductSync).await.len(), 1);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_request_from_before_the_present_installation_erases_no_store(pool: PgPool) {
    let world = World::start(&pool).await;
    let person = world.person("zyxomat").await;
    world.deliver(&person.told).await;
    let request = shop_redact(&world).await;
    let mut tx = world.store.begin().await.unwrap();
    shops::uninstall(&mut tx, world.shop_id, request.triggered_at)
        .await
        .unwrap();
    commit(tx).await.unwrap();
    store_with_shop(&pool).await;
    world.deliver(&[request]).await;
    let log = "select concat_ws(' ', status, payload) from webhook_logs where topic = 'shop/redact'";
    assert_eq!(rows(&pool, log).await, ["stale"]);
    assert_eq!(
        rows(&pool, "select id::text from live.customers").await,
        [person.id.to_string()]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_export_shows_what_the_views_show_and_nothing_of_another_customer(pool: PgPool) {
    let world = World::start(&pool).await;
    let (person, other) = (world.person("zyxomat").await, world.person("quibbel").await);
    world.deliver(&person.told).await;
    world.deliver(&other.told).await;
    world.read_again(&person).await;
    let (_, request) = world.edit(Edit::RequestData(person.id)).await;
    world.deliver(&request).await;

    let logged = "select concat_ws(' ', status, payload) from webhook_logs where topic = 'customers/data_request'";
    assert_eq!(rows(&pool, logged).await, ["applied"]);
    let due = "select (due_at - requested_at)::text from data_requests";
    assert_eq!(rows(&pool, due).await, ["30 days"]);
    let export: Value = sqlx::query_scalar("select export from data_requests")
        .fetch_one(&pool)
        .await
        .unwrap();
    let customer = &export["customers"][0];
    assert_eq!(
        (&customer["id"], &customer["email"]),
        (&json!(person.id), &json!(person.email))
    );
    assert_eq!(customer["tags"][0], json!("tagzyxomat"));
    assert_eq!(customer["metafields"][0]["value"], json!("metazyxomat"));
    assert!(
        customer["addresses"].to_string().contains("Streetzyxomat"),
        "{customer}"
    );
    let order = &export["orders"][0];
    assert_eq!(
        (&order["id"], &order["note"]),
        (&json!(person.order), &json!("OrderNotezyxomat"))
    );
    let counts = |of: &str| order[of].as_array().unwrap().len();
    assert_eq!(
        (counts("line_items"), counts("refunds"), counts("fulfillments")),
        (2, 1, 1)
    );
    assert!(
        counts("transactions") >= 2 && order["refunds"][0]["lines"][0]["quantity"] == json!(1),
        "{order}"
    );
    assert_eq!(
        (
            export["customers"].as_array().unwrap().len(),
            export["orders"].as_array().unwrap().len()
        ),
        (1, 1)
    );
    for word in &other.words {
        assert!(!export.to_string().to_lowercase().contains(word), "{word}");
    }

    // Told again, it is refreshed until it was downloaded.
    world.deliver(&request).await;
    rows(
        &pool,
        "update data_requests set completed_at = now() returning id::text",
    )
    .await;
    let before = rows(&pool, "select xmin::text from data_requests").await;
    world.deliver(&request).await;
    assert_eq!(rows(&pool, "select xmin::text from data_requests").await, before);
    // Erased with the customer.
    world.erase(&person).await;
    assert_eq!(
        rows(
            &pool,
            "select (export is null and erased_at is not null)::text from data_requests"
        )
        .await,
        ["true"]
    );
    world.deliver(&request).await;
    assert_eq!(world.find(&person.words).await, [""; 0]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_erasure_waits_for_the_writers_that_came_before_it(pool: PgPool) {
    let world = World::start(&pool).await;
    let person = world.person("zyxomat").await;
    let (_, request) = world.edit(Edit::RedactCustomer(person.id)).await;
    // A writer that has looked for redactions, found none, and not yet written.
    let mut writer = world.store.begin().await.unwrap();
    assert!(!redactions::hold(&mut writer, &[world.shop_id]).await.unwrap().any());

    let (store, webhook) = (world.store.clone(), request[0].webhook());
    let erasure = tokio::spawn(async move {
        mirror::webhook::apply(&store, &[(&webhook, 1)], false)
            .await
            .unwrap()
            .sweep
    });
    let waits = "select count(*)::text from pg_locks where locktype = 'advisory' and not granted
        and database = (select oid from pg_database where datname = current_database())";
    while rows(&pool, waits).await != ["1"] {
        tokio::task::yield_now().await;
    }
    assert!(!erasure.is_finished());
    commit(writer).await.unwrap();
    assert!(erasure.await.unwrap());
    // And whoever comes later knows.
    let mut writer = world.store.begin().await.unwrap();
    assert!(redactions::hold(&mut writer, &[world.shop_id]).await.unwrap().any());
}
