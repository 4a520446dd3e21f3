//! Every document a mirror sends is answered whole.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::{bulk_lines, data, document, server, store};

/// The gids of a connection of the root.
async fn gids(server: &fake_shopify::Server, field: &str) -> Vec<Value> {
    let answer = data(
        server,
        &format!("{{ {field}(first: 150) {{ nodes {{ id }} }} }}"),
        json!({}),
    )
    .await;
    let nodes = answer[field]["nodes"].as_array().unwrap();
    nodes.iter().map(|node| node["id"].clone()).collect()
}

#[tokio::test]
async fn every_thing_is_answered_by_its_id() {
    let server = store(300, 60, 60, 40).await;
    for (name, field, root) in [
        ("product_by_id", "products", "product"),
        ("customer_by_id", "customers", "customer"),
        ("order_by_id", "orders", "order"),
        ("order_refunds_by_id", "orders", "order"),
        ("collection_by_id", "collections", "collection"),
        ("inventory_item_by_id", "inventoryItems", "inventoryItem"),
    ] {
        let ids = gids(&server, field).await;
        assert!(ids.len() > 30, "{field}: {}", ids.len());
        for id in ids.iter().take(20) {
            let answer = data(&server, &document(name), json!({"id": id})).await;
            assert_eq!(answer[root]["id"], *id, "{name}");
        }
    }
}

#[tokio::test]
async fn every_page_is_answered() {
    let server = store(100, 20, 30, 20).await;
    for (name, field) in [
        ("customers_page", "customers"),
        ("orders_page", "orders"),
        ("collections_page", "collections"),
        ("inventory_items_page", "inventoryItems"),
    ] {
        let variables = json!({"first": 10, "query": "updated_at:>='2020-01-01T00:00:00Z'"});
        let answer = data(&server, &document(name), variables).await;
        let page = &answer[field];
        assert_eq!(page["nodes"].as_array().unwrap().len(), 10, "{name}");
        assert_eq!(page["pageInfo"]["hasNextPage"], true);
        let variables = json!({"first": 250, "after": page["pageInfo"]["endCursor"]});
        let rest = data(&server, &document(name), variables).await;
        assert!(
            !rest[field]["nodes"].as_array().unwrap().contains(&page["nodes"][9]),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_list_can_be_refreshed_by_ids_and_counted() {
    let server = server(100).await;
    let mut ids = Vec::new();
    for field in ["products", "customers", "orders", "collections", "inventoryItems"] {
        ids.extend(gids(&server, field).await.into_iter().take(3));
    }
    ids.push(json!("gid://shopify/Order/1"));
    let answer = data(&server, &document("nodes_updated_at"), json!({"ids": ids})).await;
    let nodes = answer["nodes"].as_array().unwrap();
    assert_eq!(nodes.last().unwrap(), &Value::Null);
    assert!(
        nodes[..nodes.len() - 1]
            .iter()
            .all(|node| node["updatedAt"].is_string())
    );
    let counts = data(&server, &document("counts"), json!({})).await;
    assert_eq!(counts["customersCount"], json!({"count": 20, "precision": "EXACT"}));
    data(&server, &document("shop"), json!({})).await;
    // A count counts what its search finds.
    let some =
        "{ productsCount(query: \"status:draft\") { count } customersCount(query: \"state:invited\") { count } }";
    let some = data(&server, some, json!({})).await;
    assert!((1..100).contains(&some["productsCount"]["count"].as_i64().unwrap()));
    assert!((1..20).contains(&some["customersCount"]["count"].as_i64().unwrap()));
}

#[tokio::test]
async fn every_bulk_document_is_exported() {
    let server = server(200).await;
    for (name, types) in [
        (
            "bulk_products",
            &["Product", "ProductVariant", "MediaImage", "Metafield", "Collection"][..],
        ),
        ("bulk_variant_metafields", &["ProductVariant", "Metafield"]),
        ("bulk_customers", &["Customer", "MailingAddress", "Metafield"]),
        (
            "bulk_orders",
            &[
                "Order",
                "LineItem",
                "ShippingLine",
                "DiscountCodeApplication",
                "Metafield",
            ],
        ),
        (
            "bulk_orders_core",
            &["Order", "LineItem", "FulfillmentOrder", "FulfillmentOrderLineItem"],
        ),
        ("bulk_collections", &["Collection", "Product"]),
        ("bulk_collections_ruleset", &["Collection", "Product"]),
        ("bulk_inventory", &["InventoryItem", "InventoryLevel"]),
        ("bulk_locations", &["Location"]),
    ] {
        let lines = bulk_lines(&server, name).await;
        for type_name in types {
            let some = lines.iter().filter(|line| line["__typename"] == *type_name).count();
            assert!(some > 0, "{name} has no line of {type_name}");
        }
        let ids: HashSet<&str> = lines.iter().filter_map(|line| line["id"].as_str()).collect();
        let mut parents = lines.iter().filter_map(|line| line["__parentId"].as_str());
        assert!(
            parents.all(|parent| ids.contains(parent)),
            "{name}: a line without its parent"
        );
    }
}
