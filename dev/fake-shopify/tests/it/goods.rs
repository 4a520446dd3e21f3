//! What belongs to goods: pictures, options, metafields.

use fake_shopify::{Server, Table};
use serde_json::{Value, json};

use crate::support::{Receiver, bulk_lines, data, document, edit, store, told, topics};

async fn start() -> (Server, Receiver) {
    let server = store(30, 6, 6, 4).await;
    let receiver = Receiver::start(&[]).await;
    let all = [
        "products/update",
        "customers/update",
        "orders/updated",
        "collections/update",
    ];
    server.subscribe(None, &receiver.url, &all);
    (server, receiver)
}

async fn product(server: &Server, id: i64) -> Value {
    let gid = format!("gid://shopify/Product/{id}");
    let mut answer = data(server, &document("product_by_id"), json!({"id": gid})).await;
    answer["product"].take()
}

fn ids(nodes: &Value) -> Vec<String> {
    let nodes = nodes.as_array().unwrap().iter();
    nodes.map(|node| node["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_picture_has_one_number_as_media_and_another_as_image() {
    let (server, receiver) = start().await;
    let id = server.products(None)[0].0;
    edit(&server, json!({"add_media": id})).await;
    edit(&server, json!({"add_media": id})).await;
    let body = told(&receiver, "products/update");
    let shown = product(&server, id).await;
    let told_of: Vec<&str> = body["media"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["admin_graphql_api_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids(&shown["media"]["nodes"]), told_of);
    assert_eq!(shown["featuredMedia"]["id"], told_of[0]);
    let images = body["images"].as_array().unwrap();
    assert!(
        images
            .iter()
            .all(|image| image["admin_graphql_api_id"].as_str().unwrap().contains("ProductImage"))
    );
    assert_ne!(images[0]["id"], body["media"][0]["id"]);
    assert_eq!(images[0]["src"], body["media"][0]["preview_image"]["src"]);
}

#[tokio::test]
async fn a_removed_picture_takes_its_number_with_it() {
    let (server, _receiver) = start().await;
    let id = server.products(None)[0].0;
    edit(&server, json!({"add_media": id})).await;
    let before = ids(&product(&server, id).await["media"]["nodes"]);
    edit(&server, json!({"remove_media": id})).await;
    edit(&server, json!({"add_media": id})).await;
    let after = ids(&product(&server, id).await["media"]["nodes"]);
    assert_eq!(after[..before.len() - 1], before[1..]);
    assert!(!before.contains(after.last().unwrap()));
}

#[tokio::test]
async fn some_variants_show_a_picture_of_their_product() {
    let (server, receiver) = start().await;
    let lines = bulk_lines(&server, "bulk_variant_metafields").await;
    let shown: Vec<&Value> = lines.iter().filter(|line| line["__typename"] == "MediaImage").collect();
    assert!(!shown.is_empty());
    for (id, _) in server.products(None) {
        edit(&server, json!({"update_product": id})).await;
        let body = told(&receiver, "products/update");
        for variant in body["variants"].as_array().unwrap() {
            let gid = &variant["admin_graphql_api_id"];
            let picture = shown.iter().find(|line| line["__parentId"] == *gid);
            assert_eq!(picture.is_some(), variant["image_id"].is_i64());
            if let Some(picture) = picture {
                let media = body["media"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|media| media["admin_graphql_api_id"] == picture["id"]);
                assert!(
                    media.unwrap()["variant_ids"]
                        .as_array()
                        .unwrap()
                        .contains(&variant["id"])
                );
            }
        }
    }
}

#[tokio::test]
async fn an_option_has_an_id_a_position_and_the_values_in_use() {
    let (server, receiver) = start().await;
    let id = server.products(None)[0].0;
    edit(&server, json!({"add_variant": id})).await;
    let body = told(&receiver, "products/update");
    let shown = product(&server, id).await;
    for (told_of, option) in body["options"]
        .as_array()
        .unwrap()
        .iter()
        .zip(shown["options"].as_array().unwrap())
    {
        assert_eq!(option["id"], format!("gid://shopify/ProductOption/{}", told_of["id"]));
        for key in ["name", "position", "values"] {
            assert_eq!(told_of[key], option[key], "{key}");
        }
    }
    let query = "query($id: ID!) { product(id: $id) { options { values optionValues { id name } } } }";
    let answer = data(&server, query, json!({"id": shown["id"]})).await;
    for option in answer["product"]["options"].as_array().unwrap() {
        let names: Vec<&Value> = option["optionValues"]
            .as_array()
            .unwrap()
            .iter()
            .map(|value| &value["name"])
            .collect();
        assert_eq!(json!(names), option["values"]);
    }
}

#[tokio::test]
async fn a_metafield_moves_its_own_clock_and_its_owners() {
    let (server, receiver) = start().await;
    let first = |table| server.rows(None, table)[0].0;
    let owners = [
        ("product", first(Table::Products), "products/update"),
        ("product_variant", first(Table::ProductVariants), "products/update"),
        ("customer", first(Table::Customers), "customers/update"),
        ("order", first(Table::Orders), "orders/updated"),
        ("collection", first(Table::Collections), "collections/update"),
    ];
    let now = || -> Vec<String> {
        let rows = server.rows(None, Table::Metafields).into_iter();
        rows.map(|(_, line)| line).collect()
    };
    for (owner, id, topic) in owners {
        let set = |value: Value| json!({"set_metafield": {"owner": owner, "id": id, "namespace": "a", "key": "b", "value": value}});
        let before = now();
        edit(&server, set("one".into())).await;
        assert_eq!(topics(&receiver).last().unwrap(), topic);
        let body = told(&receiver, topic);
        let updated = chrono::DateTime::parse_from_rfc3339(body["updated_at"].as_str().unwrap()).unwrap();
        let added: Vec<String> = now().into_iter().filter(|line| !before.contains(line)).collect();
        let instant = updated.to_utc().format("%Y-%m-%dT%H:%M:%SZ");
        assert!(
            added[0].ends_with(&format!("|{id}|a|b|single_line_text_field|one|{instant}")),
            "{added:?}"
        );
        edit(&server, set("two".into())).await;
        assert!(
            now()
                .iter()
                .any(|line| line.contains("|a|b|single_line_text_field|two|"))
        );
        edit(&server, set(Value::Null)).await;
        assert_eq!(now(), before);
    }
}
