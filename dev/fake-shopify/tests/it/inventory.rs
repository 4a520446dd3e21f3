//! Locations, items and levels.

use serde_json::{Value, json};

use crate::support::{
    Receiver, bulk_lines, client, data, document, edit, same_keys, sample, server, store, told, topics,
};

const TOPICS: [&str; 13] = [
    "products/update",
    "variants/in_stock",
    "variants/out_of_stock",
    "inventory_items/create",
    "inventory_items/update",
    "inventory_items/delete",
    "inventory_levels/connect",
    "inventory_levels/update",
    "inventory_levels/disconnect",
    "locations/create",
    "locations/update",
    "locations/deactivate",
    "locations/delete",
];

fn number(gid: &Value) -> i64 {
    let text = gid.as_str().unwrap().split('?').next().unwrap();
    text.rsplit('/').next().unwrap().parse().unwrap()
}

/// Items with their levels, as the bulk document shows them.
async fn items(server: &fake_shopify::Server) -> Vec<(Value, Vec<Value>)> {
    let lines = bulk_lines(server, "bulk_inventory").await;
    let (levels, items): (Vec<Value>, Vec<Value>) = lines.into_iter().partition(|line| line["__parentId"].is_string());
    items
        .into_iter()
        .map(|item| {
            let own = levels.iter().filter(|level| level["__parentId"] == item["id"]);
            let own = own.cloned().collect();
            (item, own)
        })
        .collect()
}

fn available(level: &Value) -> i64 {
    let quantities = level["quantities"].as_array().unwrap();
    quantities[0]["quantity"].as_i64().unwrap()
}

#[tokio::test]
async fn stock_is_the_sum_of_what_active_levels_have_available() {
    let server = server(60).await;
    let items = items(&server).await;
    let (mut shared, mut closed) = (0, 0);
    for (item, levels) in &items {
        let active: Vec<&Value> = levels.iter().filter(|level| level["isActive"] == true).collect();
        let query = "query($id: ID!) { inventoryItem(id: $id) { variant { inventoryQuantity } } }";
        if active.len() == 2 || levels.len() > active.len() {
            let answer = data(&server, query, json!({"id": item["id"]})).await;
            let stock: i64 = active.iter().map(|level| available(level)).sum();
            assert_eq!(answer["inventoryItem"]["variant"]["inventoryQuantity"], stock);
        }
        shared += usize::from(active.len() == 2);
        closed += usize::from(levels.len() > active.len());
    }
    assert!(shared > 10 && closed > 3, "{shared} shared, {closed} closed");
}

#[tokio::test]
async fn a_change_of_stock_is_told_by_level_and_product_and_moves_both_clocks() {
    let server = server(3).await;
    let receiver = Receiver::start(&[]).await;
    server.subscribe(None, &receiver.url, &TOPICS);
    let (item, levels) = items(&server).await.remove(0);
    let (item, location) = (number(&item["id"]), number(&levels[0]["location"]["id"]));
    edit(
        &server,
        json!({"set_inventory": {"item": item, "location": location, "available": 500}}),
    )
    .await;
    assert_eq!(topics(&receiver)[..2], ["inventory_levels/update", "products/update"]);
    let body = told(&receiver, "inventory_levels/update");
    same_keys(&body, &sample("inventory_levels/connect"), "level");
    assert_eq!(
        (&body["available"], &body["location_id"]),
        (&json!(500), &json!(location))
    );
    let variables = json!({
        "inventoryItemId": format!("gid://shopify/InventoryItem/{item}"),
        "locationId": format!("gid://shopify/Location/{location}"),
    });
    let answer = data(&server, &document("inventory_level_at_location"), variables).await;
    let level = &answer["inventoryItem"]["inventoryLevel"];
    assert_eq!(available(level), 500);
    assert_ne!(level["updatedAt"], levels[0]["updatedAt"]);
    // The same level has another number in the graph than in a webhook.
    assert_ne!(level["id"], body["admin_graphql_api_id"]);
    assert!(
        level["id"]
            .as_str()
            .unwrap()
            .ends_with(&format!("?inventory_item_id={item}"))
    );
    let product = told(&receiver, "products/update");
    same_keys(&product, &sample("products/update"), "product");
    let variant = product["variants"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["inventory_item_id"] == item);
    assert!(variant.unwrap()["inventory_quantity"].as_i64().unwrap() >= 500);
    assert!(variant.unwrap()["updated_at"].as_str().unwrap() > "2026-11-01");
}

#[tokio::test]
async fn crossing_zero_is_told_once_in_each_direction() {
    let server = server(1).await;
    let receiver = Receiver::start(&[]).await;
    server.subscribe(None, &receiver.url, &["variants/in_stock", "variants/out_of_stock"]);
    let variant = server.products(None)[0].1[0];
    for quantity in [5, 0, -2, 3, 4] {
        edit(
            &server,
            json!({"update_variant": {"id": variant, "quantity": quantity}}),
        )
        .await;
    }
    let told_of: Vec<String> = topics(&receiver)
        .into_iter()
        .skip_while(|it| it == "variants/in_stock")
        .collect();
    assert_eq!(told_of, ["variants/out_of_stock", "variants/in_stock"]);
    same_keys(
        &told(&receiver, "variants/in_stock"),
        &sample("variants/in_stock"),
        "variant",
    );
}

#[tokio::test]
async fn items_are_connected_and_disconnected_and_go_with_their_variant() {
    let server = server(2).await;
    let receiver = Receiver::start(&[]).await;
    server.subscribe(None, &receiver.url, &TOPICS);
    let product = server.products(None)[0].0;
    edit(&server, json!({"add_variant": product})).await;
    let body = told(&receiver, "inventory_items/create");
    same_keys(&body, &sample("inventory_items/create"), "item");
    let item = body["id"].as_i64().unwrap();
    let connected = told(&receiver, "inventory_levels/connect");
    assert_eq!(connected["inventory_item_id"], item);
    let level = json!({"item": item, "location": connected["location_id"]});
    edit(&server, json!({"disconnect_inventory": level})).await;
    let body = told(&receiver, "inventory_levels/disconnect");
    same_keys(&body, &sample("inventory_levels/disconnect"), "disconnected level");
    edit(&server, json!({"connect_inventory": level})).await;
    edit(&server, json!({"update_item": {"id": item, "cost": 1_250}})).await;
    assert_eq!(told(&receiver, "inventory_items/update")["cost"], "12.50");
    let variant = server.products(None)[0].1.last().copied().unwrap();
    edit(&server, json!({"remove_variant": variant})).await;
    let body = told(&receiver, "inventory_items/delete");
    same_keys(&body, &sample("inventory_items/delete"), "deleted item");
    assert_eq!(body["id"], item);
}

#[tokio::test]
async fn a_location_that_stocks_something_stays_active() {
    let server = store(5, 0, 0, 0).await;
    let receiver = Receiver::start(&[]).await;
    server.subscribe(None, &receiver.url, &TOPICS);
    let locations = bulk_lines(&server, "bulk_locations").await;
    let mut active = locations.iter().filter(|location| location["isActive"] == true);
    assert_eq!((locations.len(), active.clone().count()), (3, 2));
    let listed = data(&server, "{ locations(first: 9) { nodes { name } } }", json!({})).await;
    assert_eq!(listed["locations"]["nodes"].as_array().unwrap().len(), 2);
    let url = format!("{}/_fake/edit", server.url());
    let stocked = json!({"deactivate_location": number(&active.next().unwrap()["id"])});
    let refused = client().post(url).json(&stocked).send().await.unwrap();
    assert_eq!(refused.status(), 422);
    let created = edit(
        &server,
        json!({"create_location": {"name": "Pop-up", "address": {"city": "Graz"}}}),
    )
    .await;
    let body = told(&receiver, "locations/create");
    same_keys(&body, &sample("locations/create"), "location");
    assert_eq!((&body["name"], &body["city"]), (&json!("Pop-up"), &json!("Graz")));
    edit(&server, json!({"deactivate_location": created["id"]})).await;
    assert_eq!(told(&receiver, "locations/deactivate")["active"], false);
    edit(&server, json!({"activate_location": created["id"]})).await;
    let shown = data(
        &server,
        "{ locations(first: 9) { nodes { name isActive } } }",
        json!({}),
    )
    .await;
    let again = json!({"name": "Pop-up", "isActive": true});
    assert!(shown["locations"]["nodes"].as_array().unwrap().contains(&again));
    edit(&server, json!({"deactivate_location": created["id"]})).await;
    edit(&server, json!({"delete_location": created["id"]})).await;
    assert_eq!(told(&receiver, "locations/delete"), json!({"id": created["id"]}));
}
