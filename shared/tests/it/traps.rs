//! What a naive mirror gets wrong, one test for each way.

use serde_json::{Value, json};
use shared::store::shops::{self, Profile};
use shared::store::{commit, credentials};
use sqlx::PgPool;

use crate::live::{clear, views};
use crate::mirror_support::{SHOP, at, product, whole};
use crate::scene::Arrival::{Delivery, Lines};
use crate::scene::{ROOM, Scene, child, gid, list, node, permutations};

// Customers.

fn customer_node(id: i64, updated: f64, tags: &[&str]) -> Value {
    let with = json!({
        "firstName": "Jane", "state": "ENABLED", "tags": tags, "numberOfOrders": "3",
        "amountSpent": { "amount": "90.00", "currencyCode": "EUR" },
        "defaultEmailAddress": { "emailAddress": "jane@example.com", "marketingState": "SUBSCRIBED",
            "marketingOptInLevel": "SINGLE_OPT_IN", "marketingUpdatedAt": whole(at(1.0)) },
        "defaultPhoneNumber": { "phoneNumber": "+15555550100", "smsMarketingConsent": { "state": "UNSUBSCRIBED",
            "optInLevel": "UNKNOWN", "updatedAt": whole(at(1.0)) } },
    });
    node("Customer", id, updated, with)
}

fn customer_body(id: i64, name: &str, updated: f64) -> Value {
    json!({ "id": id, "first_name": name, "state": "enabled", "email": "jane@example.com", "addresses": [],
        "tax_exemptions": [], "updated_at": whole(at(updated)) })
}

const CUSTOMERS: &str = "select concat_ws(' ', id, first_name, array_to_string(tags, ','), email_marketing_state, \
    sms_marketing_state, number_of_orders, amount_spent) from live.customers order by id";

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn customers_update_never_nulls_tags_and_consent(pool: PgPool) {
    let scene = Scene::new(pool).await;
    scene
        .import("customers", &[customer_node(1, 10.0, &["b", "a"])], 11.0)
        .await;
    for (topic, name, updated) in [
        ("update", "Joan", 20.0),
        ("disable", "June", 30.0),
        ("enable", "Jean", 40.0),
    ] {
        let topic = format!("customers/{topic}");
        let body = customer_body(1, name, updated);
        assert_eq!(scene.deliver(&topic, body, updated + 0.5).await, "applied");
        let expected = format!("1 {name} a,b subscribed unsubscribed 3 90.00");
        assert_eq!(scene.rows(CUSTOMERS).await, [expected]);
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_embedded_customer_never_overwrites_a_customer(pool: PgPool) {
    let scene = Scene::new(pool).await;
    scene.import("customers", &[customer_node(1, 10.0, &["a"])], 11.0).await;
    let before = scene.rows("select to_jsonb(c)::text from customers c").await;
    for updated_at in [Value::Null, whole(at(25.0)).into()] {
        let mut body = order_body(7, 20.0, &[(71, 1)]);
        body["customer"] = json!({ "id": 1, "first_name": "Reduced", "email": null, "tags": "x", "state": "disabled",
            "updated_at": updated_at, "default_address": { "id": 5, "city": "Elsewhere" } });
        scene.deliver("orders/create", body, 25.5).await;
    }
    assert_eq!(scene.rows("select to_jsonb(c)::text from customers c").await, before);
    assert_eq!(
        scene.rows(CUSTOMERS).await,
        ["1 Jane a subscribed unsubscribed 3 90.00"]
    );
    assert!(scene.rows("select id::text from customer_addresses").await.is_empty());
    assert_eq!(scene.rows("select customer_id::text from live.orders").await, ["1"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn tag_deltas_are_fetched(pool: PgPool) {
    let scene = Scene::new(pool).await;
    scene.import("customers", &[customer_node(1, 10.0, &["a"])], 11.0).await;
    let delta = json!({ "customerId": gid("Customer", 1), "tags": ["c"], "occurredAt": whole(at(20.0)) });
    for topic in ["customer.tags_added", "customer.tags_removed"] {
        assert_eq!(scene.deliver(topic, delta.clone(), 20.5).await, "waiting");
        assert_eq!(
            scene.rows(CUSTOMERS).await,
            ["1 Jane a subscribed unsubscribed 3 90.00"]
        );
        assert_eq!(scene.wanted().await, [gid("Customer", 1)]);
    }
    // Nothing says that tags move the customer's own clock.
    let mut whole = customer_node(1, 10.0, &["c", "b"]);
    whole["addressesV2"] = list(vec![]);
    assert!(
        !scene.fetch(&gid("Customer", 1), whole.clone(), 20.0).await,
        "it was read before"
    );
    assert!(scene.fetch(&gid("Customer", 1), whole, 22.0).await);
    assert_eq!(
        scene.rows(CUSTOMERS).await,
        ["1 Jane b,c subscribed unsubscribed 3 90.00"]
    );
    assert!(scene.wanted().await.is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_merge_removes_one_customer_and_fetches_the_other(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let merge = |status: &str| {
        json!({ "admin_graphql_api_customer_kept_id": gid("Customer", 1), "status": status, "errors": [],
            "admin_graphql_api_customer_deleted_id": gid("Customer", 2), "admin_graphql_api_job_id": null })
    };
    let address = node("MailingAddress", 21, 1.0, json!({ "city": "Ottawa" }));
    let customers = [
        customer_node(1, 10.0, &[]),
        customer_node(2, 10.0, &["x"]),
        child(address, "Customer", 2),
    ];
    scene.import("customers", &customers, 11.0).await;
    assert_eq!(
        scene.deliver("customers/merge", merge("failed"), 19.5).await,
        "unhandled"
    );
    assert_eq!(scene.rows(CUSTOMERS).await.len(), 2);
    assert_eq!(
        scene.deliver("customers/merge", merge("completed"), 20.5).await,
        "applied"
    );
    assert_eq!(scene.wanted().await, [gid("Customer", 1)]);
    assert_eq!(scene.rows(CUSTOMERS).await.len(), 1);
    assert!(
        scene
            .rows("select id::text from live.customer_addresses")
            .await
            .is_empty()
    );
    // Late news of who is gone.
    assert_eq!(
        scene
            .deliver("customers/update", customer_body(2, "Late", 15.0), 15.5)
            .await,
        "stale"
    );
    assert_eq!(scene.rows("select id::text from live.customers").await, ["1"]);
}

// Orders.

/// An order's body with lines and how many pieces of each.
fn order_body(id: i64, updated: f64, lines: &[(i64, i32)]) -> Value {
    let lines: Vec<Value> = lines
        .iter()
        .map(|(line, pieces)| json!({ "id": line, "title": "x", "quantity": pieces, "current_quantity": pieces }))
        .collect();
    json!({ "id": id, "name": format!("#{id}"), "updated_at": whole(at(updated)), "line_items": lines, "refunds": [],
        "fulfillments": [] })
}

fn order_node(id: i64, updated: f64) -> Value {
    node("Order", id, updated, json!({ "name": format!("#{id}") }))
}

fn line_node(id: i64, pieces: i32) -> Value {
    json!({ "__typename": "LineItem", "id": gid("LineItem", id), "title": "x", "quantity": pieces,
        "currentQuantity": pieces })
}

const LINES: &str = "select id || ' ' || quantity from live.order_line_items order by id";

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn the_lines_of_an_order_are_replaced_only_by_a_body_that_won(pool: PgPool) {
    let scene = Scene::new(pool).await;
    scene
        .deliver("orders/updated", order_body(1, 20.0, &[(11, 2), (13, 1)]), 20.5)
        .await;
    // An older body, delivered late.
    let late = order_body(1, 10.0, &[(11, 1), (12, 1)]);
    assert_eq!(scene.deliver("orders/create", late.clone(), 10.5).await, "stale");
    assert_eq!(scene.rows(LINES).await, ["11 2", "13 1"]);
    // A newer one.
    scene
        .deliver("orders/updated", order_body(1, 30.0, &[(13, 4)]), 30.5)
        .await;
    scene.deliver("orders/create", late, 10.5).await;
    assert_eq!(scene.rows(LINES).await, ["13 4"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_body_written_after_its_trigger_is_as_new_as_what_it_shows(pool: PgPool) {
    let scene = Scene::new(pool).await;
    // Triggered at 10.5, but written when the order had been changed at 12.
    let shows_more = order_body(1, 12.0, &[(11, 1)]);
    let between = order_body(1, 11.0, &[(11, 1), (12, 1)]);
    for order in permutations(2) {
        for index in order {
            match index {
                0 => scene.deliver("orders/create", shows_more.clone(), 10.5).await,
                _ => scene.deliver("orders/updated", between.clone(), 11.2).await,
            };
        }
        assert_eq!(scene.rows(LINES).await, ["11 1"]);
        clear(&scene.pool).await;
    }
    let (shows_more, between) = (
        product(1, "x", 12.0, &[(11, "1.00")], &[11]),
        product(1, "x", 11.0, &[(11, "1.00"), (12, "1.00")], &[11, 12]),
    );
    scene.deliver("products/update", shows_more, 10.5).await;
    scene.deliver("products/update", between, 11.2).await;
    assert_eq!(scene.rows("select id::text from live.product_variants").await, ["11"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn orders_edited_is_a_fetch(pool: PgPool) {
    let scene = Scene::new(pool).await;
    scene
        .deliver("orders/create", order_body(1, 10.0, &[(11, 2)]), 10.5)
        .await;
    let edit = json!({ "order_edit": { "id": 5, "order_id": 1, "committed_at": whole(at(20.0)),
        "line_items": { "additions": [{ "id": 12, "delta": 1 }], "removals": [] } } });
    assert_eq!(scene.deliver("orders/edited", edit, 20.5).await, "waiting");
    assert_eq!(scene.rows(LINES).await, ["11 2"]);
    assert_eq!(scene.wanted().await, [gid("Order", 1)]);
    let mut edited = order_node(1, 20.0);
    edited["lineItems"] = list(vec![line_node(11, 2), line_node(12, 1)]);
    assert!(scene.fetch(&gid("Order", 1), edited, 22.0).await);
    assert_eq!(scene.rows(LINES).await, ["11 2", "12 1"]);
    // There is no topic of this name, however much it looks like one.
    assert_eq!(
        scene.deliver("orders/update", order_body(1, 30.0, &[]), 30.5).await,
        "unhandled"
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_missing_order_is_no_deletion(pool: PgPool) {
    let scene = Scene::new(pool).await;
    scene
        .deliver("orders/create", order_body(1, 10.0, &[(11, 2)]), 10.5)
        .await;
    // Without read_all_orders the Admin API shows no order older than sixty days.
    assert!(scene.fetch(&gid("Order", 1), Value::Null, 20.0).await);
    assert_eq!(scene.rows("select id::text from live.orders").await, ["1"]);
    assert_eq!(scene.rows(LINES).await, ["11 2"]);
    // Nor is one that a file lacks.
    scene.import("orders", &[order_node(2, 15.0)], 30.0).await;
    assert_eq!(
        scene.rows("select id::text from live.orders order by id").await,
        ["1", "2"]
    );
    assert_eq!(
        scene.deliver("orders/delete", json!({ "id": 1 }), 40.0).await,
        "applied"
    );
    assert_eq!(scene.rows("select id::text from live.orders").await, ["2"]);
    assert!(scene.rows(LINES).await.is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn ids_above_2_53_and_json_number_money_stay_exact(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let (order, refund, line) = (9_007_199_254_740_993_i64, i64::MAX, 788_032_119_674_292_923_i64);
    // Written by hand: a JSON library might round it already.
    let text = format!(
        r#"{{"id":{refund},"order_id":{order},"refund_line_items":[{{"id":{line},"line_item_id":{order},
            "subtotal":12345678901234567.89,"total_tax":0.1,"quantity":1}}],"transactions":[]}}"#
    );
    let mut webhook = crate::mirror_support::delivery("refunds/create", &json!({}), 10.5);
    webhook.payload = shared::message::Payload::Json(serde_json::from_str(&text).unwrap());
    crate::mirror_support::apply_all(&scene.store, &[webhook]).await;
    let refunds =
        "select concat_ws(' ', order_id, refund_id, id, line_item_id, subtotal, total_tax) from live.refund_line_items";
    assert_eq!(
        scene.rows(refunds).await,
        [format!("{order} {refund} {line} {order} 12345678901234567.89 0.1")]
    );
    let raw = "select raw -> 'refund_line_items' -> 0 ->> 'subtotal' from live.refunds";
    assert_eq!(scene.rows(raw).await, ["12345678901234567.89"]);

    let stubs = "select id::text from orders where deleted_at is not null";
    scene.deliver("orders/delete", json!({ "id": order }), 20.5).await;
    assert_eq!(scene.rows(stubs).await, [order.to_string()]);
    let level =
        json!({ "inventory_item_id": line, "location_id": order, "available": 3, "updated_at": whole(at(1.0)) });
    scene.deliver("inventory_levels/update", level, 10.5).await;
    assert_eq!(
        scene
            .rows("select inventory_item_id || ' ' || location_id from live.inventory_levels")
            .await,
        [format!("{line} {order}")]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_deleted_order_takes_its_lines_and_refunds(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let story = |base: i64| {
        let id = |number: i64| base + number;
        let mut body = order_body(id(1), 10.0, &[(id(11), 1)]);
        body["refunds"] = json!([{ "id": id(31), "order_id": id(1), "refund_line_items": [{ "id": id(32) }],
            "transactions": [{ "id": id(33), "order_id": id(1) }] }]);
        body["fulfillments"] = json!([{ "id": id(34), "order_id": id(1), "updated_at": whole(at(10.0)) }]);
        let mut line = order_node(id(1), 10.0);
        line["refunds"] = json!([{ "id": gid("Refund", id(31)) }]);
        line["transactions"] = json!([{ "id": gid("OrderTransaction", id(35)) }]);
        let metafield = node("Metafield", id(36), 5.0, json!({ "key": "k" }));
        let below = |node| child(node, "Order", id(1));
        let file = vec![below(metafield), below(line_node(id(12), 1)), line];
        let refund = json!({ "id": id(37), "order_id": id(1), "refund_line_items": [{ "id": id(38) }] });
        vec![
            Delivery("orders/updated", body, 10.5),
            Lines("orders", file, 12.0),
            Delivery("refunds/create", refund, 13.5),
            Delivery("orders/delete", json!({ "id": id(1) }), 20.5),
        ]
    };
    let orders = scene.in_every_order(story).await;
    assert_nothing_is_live(&scene, &orders).await;
}

async fn assert_nothing_is_live(scene: &Scene, orders: &[Vec<usize>]) {
    for (view, rows) in views(&scene.pool).await {
        if let Some(row) = rows.first() {
            let id: i64 = row.get("id").map_or(0, |id| id.parse().unwrap());
            panic!("{view} has {row:?}\narrived as {:?}", orders[(id / ROOM) as usize]);
        }
    }
}

// Products.

fn variant_node(id: i64, updated: f64) -> Value {
    node("ProductVariant", id, updated, json!({ "price": "1.00" }))
}

const VARIANTS: &str = "select id::text from live.product_variants order by id";

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn variants_are_removed_only_by_variant_gids_or_a_complete_fetch(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let all = ["11", "12", "13"];
    let shown = [(11, "1.00"), (12, "1.00"), (13, "1.00")];
    scene
        .deliver("products/create", product(1, "x", 10.0, &shown, &[11, 12, 13]), 10.5)
        .await;
    // A body that shows one and does not say how many there are.
    let mut cut = product(1, "x", 20.0, &shown[..1], &[]);
    cut.as_object_mut().unwrap().remove("variant_gids");
    scene.deliver("products/update", cut, 20.5).await;
    assert_eq!(scene.rows(VARIANTS).await, all);
    // One that shows one and names all.
    scene
        .deliver(
            "products/update",
            product(1, "x", 30.0, &shown[..1], &[13, 12, 11]),
            30.5,
        )
        .await;
    assert_eq!(scene.rows(VARIANTS).await, all);
    // A file that lacks two, perhaps because it broke off.
    let file = [
        node("Product", 1, 40.0, json!({})),
        child(variant_node(11, 40.0), "Product", 1),
    ];
    scene.import("products", &file, 41.0).await;
    assert_eq!(scene.rows(VARIANTS).await, all);
    // The fetch of one.
    let mut one = variant_node(11, 50.0);
    one["product"] = json!({ "id": gid("Product", 1) });
    scene.fetch(&gid("ProductVariant", 11), one, 51.0).await;
    assert_eq!(scene.rows(VARIANTS).await, all);
    // A body that names two.
    scene
        .deliver("products/update", product(1, "x", 60.0, &shown[..1], &[12, 11]), 60.5)
        .await;
    assert_eq!(scene.rows(VARIANTS).await, all[..2]);
    // The fetch of all.
    let whole = node(
        "Product",
        1,
        70.0,
        json!({ "variants": list(vec![variant_node(12, 30.0)]) }),
    );
    scene.fetch(&gid("Product", 1), whole, 71.0).await;
    assert_eq!(scene.rows(VARIANTS).await, ["12"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_deleted_product_takes_all_that_is_its_own(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let story = |base: i64| {
        let id = |number: i64| base + number;
        let mut body = product(id(1), "x", 10.0, &[(id(11), "1.00")], &[id(11)]);
        body["options"] = json!([{ "id": id(21), "name": "Size", "values": ["S"] }]);
        body["media"] = json!([{ "id": id(22), "alt": "x" }]);
        let mut line = node("Product", id(1), 10.0, json!({}));
        line["options"] = json!([{ "id": gid("ProductOption", id(23)) }]);
        let medium = json!({ "__typename": "MediaImage", "id": gid("MediaImage", id(24)) });
        let metafield = |number| node("Metafield", id(number), 5.0, json!({ "key": "k" }));
        let below = |node| child(node, "Product", id(1));
        let file = vec![
            below(variant_node(id(12), 10.0)),
            below(medium),
            below(metafield(25)),
            line,
        ];
        let of_variants = vec![
            child(metafield(26), "ProductVariant", id(11)),
            child(metafield(27), "ProductVariant", id(12)),
        ];
        vec![
            Delivery("products/update", body, 10.5),
            Lines("products", file, 12.0),
            Lines("variant_metafields", of_variants, 12.0),
            Lines("collections", vec![membership(id(3), id(1))], 12.0),
            Delivery("products/delete", json!({ "id": id(1) }), 20.5),
        ]
    };
    let orders = scene.in_every_order(story).await;
    assert_nothing_is_live(&scene, &orders).await;
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_variant_that_left_its_product_takes_its_metafields(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let metafield = |id| node("Metafield", id, 5.0, json!({ "key": "k" }));
    let file = [
        node("Product", 1, 10.0, json!({})),
        child(variant_node(11, 10.0), "Product", 1),
        child(variant_node(12, 10.0), "Product", 1),
    ];
    let of_variants = [
        child(metafield(21), "ProductVariant", 11),
        child(metafield(22), "ProductVariant", 12),
    ];
    let left = product(1, "x", 20.0, &[(11, "1.00")], &[11]);
    // Something else in the same batch, of which more is known; nothing follows from that for this product.
    let other = product(9, "y", 90.0, &[(91, "1.00")], &[91]);
    for order in permutations(3) {
        for index in &order {
            match index {
                0 => scene.import("products", &file, 12.0).await,
                1 => scene.import("variant_metafields", &of_variants, 12.0).await,
                _ => {
                    let batch = [
                        crate::mirror_support::delivery("products/update", &left, 20.5),
                        crate::mirror_support::delivery("products/update", &other, 90.5),
                    ];
                    crate::mirror_support::apply_all(&scene.store, &batch).await;
                }
            }
        }
        assert_eq!(scene.rows(VARIANTS).await, ["11", "91"]);
        let metafields = scene.rows("select id::text from live.metafields order by id").await;
        assert_eq!(metafields, ["21"], "{order:?}");
        let set =
            "select observed_at::text from member_sets where members = 'metafields/ProductVariant' and owner_id = 12";
        let expected = scene.rows(&format!("select '{}'::timestamptz::text", at(20.5))).await;
        assert_eq!(scene.rows(set).await, expected, "{order:?}");
        clear(&scene.pool).await;
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn children_before_their_parents(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let products = [
        child(node("Metafield", 21, 5.0, json!({ "key": "k" })), "Product", 1),
        child(variant_node(12, 10.0), "Product", 1),
        child(
            json!({ "__typename": "MediaImage", "id": gid("MediaImage", 24) }),
            "Product",
            1,
        ),
        child(variant_node(11, 10.0), "Product", 1),
        node("Product", 1, 10.0, json!({ "title": "x" })),
    ];
    let orders = [
        child(line_node(51, 2), "Order", 5),
        order_node(5, 10.0),
        child(line_node(52, 1), "Order", 5),
    ];
    let level = node(
        "InventoryLevel",
        62,
        10.0,
        json!({ "location": { "id": gid("Location", 63) }, "quantities": [{ "name": "available", "quantity": -2 }] }),
    );
    let inventory = [
        child(level, "InventoryItem", 61),
        node("InventoryItem", 61, 10.0, json!({})),
    ];
    let address = json!({ "__typename": "MailingAddress", "id": gid("MailingAddress", 72), "city": "Ottawa" });
    let customers = [child(address, "Customer", 71), customer_node(71, 10.0, &[])];
    let files = [
        ("products", &products[..]),
        ("orders", &orders),
        ("inventory", &inventory),
        ("customers", &customers),
    ];
    let mut seen = Vec::new();
    for backwards in [false, true] {
        for (operation, lines) in files {
            let mut lines = lines.to_vec();
            if backwards {
                lines.reverse();
            }
            // A line at a time, as if each were in a chunk of its own.
            for line in lines {
                scene.import(operation, &[line], 12.0).await;
            }
        }
        let live = views(&scene.pool).await;
        let counts: Vec<String> = live
            .iter()
            .map(|(view, rows)| format!("{} {view}", rows.len()))
            .collect();
        seen.push((live, counts));
        clear(&scene.pool).await;
    }
    assert_eq!(seen[0], seen[1]);
    let filled: Vec<&str> = seen[0]
        .1
        .iter()
        .map(String::as_str)
        .filter(|count| !count.starts_with('0'))
        .collect();
    assert_eq!(
        filled,
        [
            "1 customer_addresses",
            "1 customers",
            "1 inventory_items",
            "1 inventory_levels",
            "1 metafields",
            "2 order_line_items",
            "1 orders",
            "1 product_media",
            "2 product_variants",
            "1 products"
        ]
    );
}

// Collections.

fn collection_node(id: i64, updated: f64, products: &[i64]) -> Value {
    let products = products.iter().map(|id| json!({ "id": gid("Product", *id) })).collect();
    node(
        "Collection",
        id,
        updated,
        json!({ "title": "x", "products": list(products) }),
    )
}

fn membership(collection: i64, product: i64) -> Value {
    child(
        json!({ "__typename": "Product", "id": gid("Product", product) }),
        "Collection",
        collection,
    )
}

const MEMBERS: &str = "select collection_id || ' ' || product_id from live.collection_products order by 1";

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_membership_line_is_no_product(pool: PgPool) {
    let scene = Scene::new(pool).await;
    scene
        .deliver("products/create", product(1, "Hoodie", 10.0, &[], &[]), 10.5)
        .await;
    let before = scene.rows("select to_jsonb(p)::text from products p").await;
    // With and without what a product would need, and below collections that come later.
    let mut full = membership(3, 1);
    full["title"] = "Other".into();
    full["updatedAt"] = whole(at(20.0)).into();
    let file = [
        membership(4, 1),
        full,
        membership(3, 2),
        node("Collection", 3, 5.0, json!({})),
    ];
    scene.import("collections", &file, 30.0).await;
    assert_eq!(scene.rows("select to_jsonb(p)::text from products p").await, before);
    assert_eq!(scene.rows(MEMBERS).await, ["3 1", "3 2", "4 1"]);
    assert_eq!(scene.rows("select id::text from live.collections").await, ["3"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_is_in_a_collection_is_fetched_whatever_its_webhook_says(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let body = |updated| json!({ "id": 3, "title": "x", "updated_at": whole(at(updated)) });
    assert_eq!(scene.deliver("collections/update", body(20.0), 20.5).await, "applied");
    assert_eq!(scene.wanted().await, [gid("Collection", 3)]);
    assert!(
        scene
            .fetch(&gid("Collection", 3), collection_node(3, 20.0, &[1, 2]), 21.0)
            .await
    );
    assert_eq!(scene.rows(MEMBERS).await, ["3 1", "3 2"]);
    // Also when the body itself is late.
    assert_eq!(scene.deliver("collections/update", body(10.0), 10.5).await, "stale");
    assert_eq!(scene.wanted().await, [gid("Collection", 3)]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn sets_survive_any_order_of_arrival(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let collection = gid("Collection", 3);
    for order in permutations(3) {
        for index in &order {
            match index {
                0 => drop(scene.fetch(&collection, collection_node(3, 5.0, &[1, 2]), 10.0).await),
                1 => drop(scene.fetch(&collection, collection_node(3, 5.0, &[2, 3]), 20.0).await),
                // Of before both: only what the newer set has is still in it.
                _ => {
                    scene
                        .import("collections", &[membership(3, 1), membership(3, 2)], 8.0)
                        .await
                }
            }
        }
        assert_eq!(scene.rows(MEMBERS).await, ["3 2", "3 3"], "{order:?}");
        clear(&scene.pool).await;
    }
    // What leaves and comes back.
    for (seconds, members) in [(10.0, vec![1, 2]), (20.0, vec![2]), (30.0, vec![1, 2]), (40.0, vec![])] {
        scene
            .fetch(&collection, collection_node(3, 5.0, &members), seconds)
            .await;
        let expected: Vec<String> = members.iter().map(|product| format!("3 {product}")).collect();
        assert_eq!(scene.rows(MEMBERS).await, expected);
    }
    scene.import("collections", &[membership(3, 2)], 50.0).await;
    assert_eq!(
        scene.rows(MEMBERS).await,
        ["3 2"],
        "a set does not bind what is read later"
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_row_of_a_file_that_a_set_told_during_the_operation_lacks_is_fetched(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let collection = gid("Collection", 3);
    scene.fetch(&collection, collection_node(3, 5.0, &[1]), 20.0).await;
    // Created before the fetch, but nobody knows when it read this: the product may have joined since. No webhook tells.
    scene
        .import("collections", &[membership(3, 1), membership(3, 2)], 10.0)
        .await;
    assert_eq!(scene.rows(MEMBERS).await, ["3 1"]);
    assert_eq!(scene.wanted().await.as_slice(), std::slice::from_ref(&collection));
    assert!(
        !scene.fetch(&collection, collection_node(3, 5.0, &[1, 2]), 19.0).await,
        "no later than the set"
    );
    assert!(scene.fetch(&collection, collection_node(3, 5.0, &[1, 2]), 30.0).await);
    assert_eq!(scene.rows(MEMBERS).await, ["3 1", "3 2"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_tie_is_settled_only_by_a_fetch_later_than_both(pool: PgPool) {
    let scene = Scene::new(pool).await;
    // Changed at 10 and triggered seconds later.
    scene
        .deliver("products/update", product(1, "one", 10.0, &[], &[]), 13.5)
        .await;
    scene
        .import(
            "products",
            &[node("Product", 1, 10.0, json!({ "title": "other" }))],
            9.0,
        )
        .await;
    assert_eq!(scene.wanted().await, [gid("Product", 1)]);
    let other = node(
        "Product",
        1,
        10.0,
        json!({ "title": "other", "variants": list(vec![]) }),
    );
    // Read after the file, and yet observed before the webhook: the mirror cannot take it, so it must not count.
    assert!(!scene.fetch(&gid("Product", 1), other.clone(), 12.0).await);
    assert!(scene.fetch(&gid("Product", 1), other, 15.0).await);
    assert_eq!(scene.rows("select title from live.products").await, ["other"]);
}

// Stock.

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn inventory_levels_connect_and_disconnect_in_any_order(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let level = |available: i32, updated: f64| json!({ "inventory_item_id": 1, "location_id": 2, "available": available, "updated_at": whole(at(updated)) });
    let gone = json!({ "inventory_item_id": 1, "location_id": 2 });
    let node = |available: i32, updated: f64| {
        let with = json!({ "location": { "id": gid("Location", 2) }, "isActive": true,
            "quantities": [{ "name": "available", "quantity": available }] });
        child(node("InventoryLevel", 99, updated, with), "InventoryItem", 1)
    };
    let levels = "select available::text from live.inventory_levels";
    // Connected at 10, disconnected within the same second, connected again within the second after.
    for (last, expected) in [(3, &[][..]), (4, &["7"][..])] {
        for order in permutations(last) {
            for index in &order {
                match index {
                    0 => drop(scene.deliver("inventory_levels/connect", level(5, 10.0), 10.1).await),
                    1 => scene.import("inventory", &[node(5, 10.0)], 9.0).await,
                    2 => drop(scene.deliver("inventory_levels/disconnect", gone.clone(), 10.6).await),
                    _ => drop(scene.deliver("inventory_levels/connect", level(7, 10.0), 10.9).await),
                }
            }
            // What was undecidable is fetched.
            for item in scene.wanted().await {
                let levels = if last == 4 { vec![node(7, 10.0)] } else { vec![] };
                let item_node = crate::scene::node("InventoryItem", 1, 1.0, json!({ "inventoryLevels": list(levels) }));
                assert!(scene.fetch(&item, item_node, 20.0).await);
            }
            assert_eq!(scene.rows(levels).await, expected, "{order:?}");
            clear(&scene.pool).await;
        }
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn at_a_location_that_is_gone_nothing_is_stored(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let level = |location: i64| json!({ "inventory_item_id": 1, "location_id": location, "available": 5, "updated_at": whole(at(10.0)) });
    scene.deliver("inventory_levels/connect", level(2), 10.5).await;
    scene.deliver("inventory_levels/connect", level(3), 10.5).await;
    scene.deliver("locations/delete", json!({ "id": 2 }), 20.5).await;
    let levels = "select location_id::text from live.inventory_levels";
    assert_eq!(scene.rows(levels).await, ["3"]);
    scene.deliver("inventory_items/delete", json!({ "id": 1 }), 30.5).await;
    assert!(scene.rows(levels).await.is_empty());
}

// The store itself.

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn app_uninstalled_after_a_reinstall_changes_nothing(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let installed = |seconds: i64| format!("update shops set installed_at = '{}'", at(seconds as f64));
    sqlx::raw_sql(sqlx::AssertSqlSafe(installed(0)))
        .execute(&scene.pool)
        .await
        .unwrap();
    let uninstalls = [(10.0, "applied"), (10.0, "stale"), (5.0, "stale")];
    for (seconds, status) in uninstalls {
        assert_eq!(
            scene.deliver("app/uninstalled", json!({ "id": 1 }), seconds).await,
            status
        );
    }
    let tokens = "select access_token from shop_credentials";
    assert!(scene.rows(tokens).await.is_empty());
    assert!(scene.rows("select domain from live.shops").await.is_empty());

    let profile = Profile {
        shopify_id: 1,
        name: "Snowdevil".to_owned(),
        email: None,
        currency_code: "EUR".to_owned(),
        iana_timezone: "Europe/Berlin".to_owned(),
        plan: "Basic".to_owned(),
        created_at: at(-1_000_000.0),
    };
    let mut tx = scene.store.begin().await.unwrap();
    let shop_id = shops::add(&mut tx, SHOP, &profile).await.unwrap();
    credentials::keep(&mut tx, shop_id, "second").await.unwrap();
    commit(tx).await.unwrap();
    assert_eq!(shop_id, scene.shop_id);
    sqlx::raw_sql(sqlx::AssertSqlSafe(installed(20)))
        .execute(&scene.pool)
        .await
        .unwrap();
    assert_eq!(
        scene.deliver("app/uninstalled", json!({ "id": 1 }), 10.0).await,
        "stale"
    );
    assert_eq!(scene.rows(tokens).await, ["second"]);
    assert_eq!(scene.rows("select domain from live.shops").await, [SHOP]);
    assert_eq!(
        scene.deliver("app/uninstalled", json!({ "id": 1 }), 30.0).await,
        "applied"
    );
}

/// A product as a fetch tells it, with the collections that it is in.
fn product_in(collections: &[i64], updated: f64) -> Value {
    let collections = collections.iter().map(|id| json!({ "id": gid("Collection", *id) }));
    let lists = json!({ "variants": list(Vec::new()), "collections": list(collections.collect()) });
    node("Product", 1, updated, lists)
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_file_that_is_older_than_a_fetch_of_a_product_brings_no_membership_back(pool: PgPool) {
    let scene = Scene::new(pool).await;
    let product = gid("Product", 1);
    scene.import("collections", &[membership(3, 1)], 5.0).await;
    // A rule lets the product go to another collection; the first may never have been here.
    scene.fetch(&product, product_in(&[4], 5.0), 20.0).await;
    assert_eq!(scene.rows(MEMBERS).await, ["4 1"]);
    scene
        .import("collections", &[membership(3, 1), membership(5, 1)], 10.0)
        .await;
    assert_eq!(scene.rows(MEMBERS).await, ["4 1"], "only a fetch can tell");
    assert_eq!(scene.wanted().await, [gid("Collection", 3), gid("Collection", 5)]);
    // It is gone, and with it every membership, whatever a file of before says.
    scene.deliver("products/delete", json!({ "id": 1 }), 30.0).await;
    scene.import("collections", &[membership(4, 1)], 25.0).await;
    assert!(scene.rows(MEMBERS).await.is_empty());
}
