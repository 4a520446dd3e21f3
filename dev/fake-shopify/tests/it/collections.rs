//! Collections: who is in them, and what is told of it.

use fake_shopify::{Edit, ProductFields, Server, Table};
use serde_json::{Value, json};

use crate::support::{Receiver, client, data, document, edit, same_keys, sample, store, told, topics};

const TOPICS: [&str; 4] = [
    "collections/create",
    "collections/update",
    "collections/delete",
    "products/update",
];

async fn start() -> (Server, Receiver) {
    let server = store(40, 0, 0, 8).await;
    let receiver = Receiver::start(&[]).await;
    server.subscribe(None, &receiver.url, &TOPICS);
    (server, receiver)
}

async fn collection(server: &Server, id: &Value) -> Value {
    let gid = format!("gid://shopify/Collection/{id}");
    let mut answer = data(server, &document("collection_by_id"), json!({"id": gid})).await;
    answer["collection"].take()
}

fn members(collection: &Value) -> Vec<String> {
    let nodes = collection["products"]["nodes"].as_array().unwrap();
    nodes
        .iter()
        .map(|node| node["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_rule_takes_a_product_in_without_a_word_and_without_a_clock() {
    let (server, receiver) = start().await;
    let rules = json!({"title": "Tagged", "rules": [{"column": "tag", "value": "only here"}]});
    let id = edit(&server, json!({"create_collection": rules})).await["id"].clone();
    let body = told(&receiver, "collections/create");
    assert_eq!(body["disjunctive"], false);
    assert_eq!(
        body["rules"],
        json!([{"column": "tag", "relation": "equals", "condition": "only here"}])
    );
    let before = collection(&server, &id).await;
    assert_eq!(members(&before), Vec::<String>::new());
    assert_eq!(before["sources"][0]["inclusion"]["matchType"], "ALL");
    let product = server.products(None)[3].0;
    let fields = ProductFields {
        id: product,
        tags: Some(vec!["only here".to_owned()]),
        ..ProductFields::default()
    };
    server.edit(None, &Edit::UpdateProduct(fields), false).await.unwrap();
    assert_eq!(topics(&receiver), ["collections/create", "products/update"]);
    let after = collection(&server, &id).await;
    assert_eq!(members(&after), [format!("gid://shopify/Product/{product}")]);
    assert_eq!(
        (&after["updatedAt"], &after["productsCount"]["count"]),
        (&before["updatedAt"], &json!(1))
    );
    let gid = format!("gid://shopify/Product/{product}");
    let answer = data(&server, &document("product_by_id"), json!({"id": gid})).await;
    let within = answer["product"]["collections"]["nodes"].as_array().unwrap();
    assert!(within.contains(&json!({"id": after["id"]})));
}

#[tokio::test]
async fn products_picked_by_hand_are_told_of_without_being_named() {
    let (server, receiver) = start().await;
    let products: Vec<i64> = server.products(None).iter().map(|(id, _)| *id).collect();
    let new = json!({"products": [products[0]]});
    let id = edit(&server, json!({"create_collection": new})).await["id"].clone();
    edit(
        &server,
        json!({"change_collection": {"id": id, "add": [products[1], products[2]], "remove": [products[0]]}}),
    )
    .await;
    let body = told(&receiver, "collections/update");
    same_keys(&body, &sample("collections/create"), "collection");
    let shown = collection(&server, &id).await;
    assert_eq!(members(&shown).len(), 2);
    let told_of = topics(&receiver).len();
    edit(&server, json!({"delete_product": products[1]})).await;
    assert_eq!(topics(&receiver).len(), told_of);
    let rows = server.keyed_rows(None, Table::CollectionProducts);
    assert_eq!(rows.iter().filter(|(key, _)| json!(key)[0] == id).count(), 1);
    edit(&server, json!({"delete_collection": id})).await;
    same_keys(
        &told(&receiver, "collections/delete"),
        &sample("collections/delete"),
        "deleted collection",
    );
}

#[tokio::test]
async fn what_follows_from_rules_cannot_be_picked() {
    let (server, _receiver) = start().await;
    let rules = json!({"rules": [{"column": "type", "value": "Hats"}], "any": true});
    let id = edit(&server, json!({"create_collection": rules})).await["id"].clone();
    let product = server.products(None)[0].0;
    let url = format!("{}/_fake/edit", server.url());
    let change = json!({"change_collection": {"id": id, "add": [product]}});
    assert_eq!(client().post(url).json(&change).send().await.unwrap().status(), 422);
    let answer = data(
        &server,
        "{ collections(first: 50, query: \"collection_type:smart\") { nodes { id } } }",
        json!({}),
    )
    .await;
    let ours = json!({"id": format!("gid://shopify/Collection/{id}")});
    assert!(answer["collections"]["nodes"].as_array().unwrap().contains(&ours));
}
