//! The shop itself, the app in it, what the law demands, and protected data.

use fake_shopify::{Config, Server, Table};
use serde_json::{Value, json};

use crate::support::{
    Receiver, bulk, client, control, data, document, edit, graphql, post_graphql, same_keys, sample, store, told,
    topics,
};

const TOPICS: [&str; 8] = [
    "shop/update",
    "app/scopes_update",
    "app/uninstalled",
    "customers/data_request",
    "customers/redact",
    "shop/redact",
    "customers/update",
    "orders/updated",
];

async fn start() -> (Server, Receiver) {
    let server = store(10, 20, 40, 2).await;
    let receiver = Receiver::start(&[]).await;
    server.subscribe(None, &receiver.url, &TOPICS);
    (server, receiver)
}

#[tokio::test]
async fn shop_and_scopes_are_told_as_they_are_now() {
    let (server, receiver) = start().await;
    edit(&server, json!({"update_shop": {"name": "New & Old"}})).await;
    let body = told(&receiver, "shop/update");
    same_keys(&body, &sample("shop/update"), "shop");
    let shop = data(&server, &document("shop"), json!({})).await;
    assert_eq!(
        (&shop["shop"]["name"], &body["name"]),
        (&json!("New & Old"), &json!("New & Old"))
    );
    edit(&server, json!({"set_scopes": ["read_products"]})).await;
    let body = told(&receiver, "app/scopes_update");
    same_keys(&body, &sample("app/scopes_update"), "scopes");
    assert_eq!(body["current"], json!(["read_products"]));
    assert_eq!(
        body["previous"].as_array().unwrap().len(),
        Config::default().scopes.len()
    );
}

#[tokio::test]
async fn an_uninstalled_app_has_a_dead_token_and_hears_only_the_law() {
    let (server, receiver) = start().await;
    let customer = server.rows(None, Table::Customers)[0].0;
    edit(&server, json!({"uninstall": {}})).await;
    same_keys(&told(&receiver, "app/uninstalled"), &sample("shop/update"), "shop");
    assert_eq!(post_graphql(&server, "{ shop { id } }", json!({})).await.status(), 401);
    edit(&server, json!({"update_customer": customer})).await;
    edit(&server, json!({"redact_shop": {}})).await;
    assert_eq!(topics(&receiver), ["app/uninstalled", "shop/redact"]);
    let body = told(&receiver, "shop/redact");
    same_keys(&body, &sample("shop/redact"), "redacted shop");
    assert_eq!(body["shop_domain"], server.config().shop);
    edit(&server, json!({"reinstall": {}})).await;
    assert_eq!(post_graphql(&server, "{ shop { id } }", json!({})).await.status(), 200);
}

#[tokio::test]
async fn a_customer_is_asked_about_and_forgotten_with_its_orders() {
    let (server, receiver) = start().await;
    let rows = server.rows(None, Table::Orders);
    let buyer = rows
        .iter()
        .find_map(|(_, line)| line.split('|').nth(5).unwrap().parse::<i64>().ok())
        .unwrap();
    edit(&server, json!({"request_data": buyer})).await;
    let body = told(&receiver, "customers/data_request");
    same_keys(&body, &sample("customers/data_request"), "data request");
    assert!(!body["orders_requested"].as_array().unwrap().is_empty());
    edit(&server, json!({"redact_customer": buyer})).await;
    let body = told(&receiver, "customers/redact");
    same_keys(&body, &sample("customers/redact"), "redacted customer");
    assert_eq!(body["customer"]["id"], buyer);
}

#[tokio::test]
async fn a_refused_field_is_null_beside_an_error_and_null_in_bodies() {
    let (server, receiver) = start().await;
    let rows = server.rows(None, Table::Customers);
    let known = rows
        .iter()
        .find(|(_, line)| line.split('|').nth(1) != Some("\\N"))
        .unwrap()
        .0;
    let refused = json!({"fields": ["Customer.firstName", "Customer.defaultEmailAddress", "Order.email"]});
    control(&server, "refused", refused).await;
    let gid = format!("gid://shopify/Customer/{known}");
    let response = post_graphql(&server, &document("customer_by_id"), json!({"id": gid})).await;
    assert_eq!(response.status(), 200);
    let answer: Value = response.json().await.unwrap();
    let customer = &answer["data"]["customer"];
    assert_eq!(
        (&customer["firstName"], &customer["defaultEmailAddress"]),
        (&Value::Null, &Value::Null)
    );
    assert!(customer["updatedAt"].is_string());
    let errors = answer["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 2);
    assert_eq!(errors[0]["extensions"]["code"], "ACCESS_DENIED");
    assert_eq!(errors[0]["path"], json!(["customer", "firstName"]));
    edit(
        &server,
        json!({"update_customer": {"id": known, "email": "x@shop.example"}}),
    )
    .await;
    let body = told(&receiver, "customers/update");
    same_keys(&body, &sample("customers/update"), "customer");
    assert_eq!((&body["first_name"], &body["email"]), (&Value::Null, &Value::Null));
    let order = server.rows(None, Table::Orders)[0].0;
    edit(
        &server,
        json!({"update_order": {"id": order, "email": "x@shop.example"}}),
    )
    .await;
    let body = told(&receiver, "orders/updated");
    assert_eq!((&body["email"], &body["contact_email"]), (&Value::Null, &Value::Null));
    let operation = bulk(&server, &document("bulk_customers"), false).await;
    assert_eq!(
        (&operation["status"], &operation["errorCode"]),
        (&json!("FAILED"), &json!("ACCESS_DENIED"))
    );
    server.refuse(None, &[]).unwrap();
    let answer = graphql(&server, &document("customer_by_id"), json!({"id": gid})).await;
    assert_eq!(answer["errors"], Value::Null);
}

#[tokio::test]
async fn without_its_scope_a_kind_is_null_beside_an_error_and_cannot_be_exported() {
    let (server, _receiver) = start().await;
    edit(&server, json!({"set_scopes": ["read_products", "read_orders"]})).await;
    let query = "{ customers(first: 1) { nodes { id } } orders(first: 3) { nodes { id customer { id } } } }";
    let answer = graphql(&server, query, json!({})).await;
    assert_eq!(answer["data"]["customers"], Value::Null);
    assert_eq!(answer["data"]["orders"]["nodes"].as_array().unwrap().len(), 3);
    let first = &answer["errors"][0];
    assert_eq!(
        (&first["path"], &first["extensions"]["code"]),
        (&json!(["customers"]), &json!("ACCESS_DENIED"))
    );
    assert_eq!(first["extensions"]["requiredAccess"], "`read_customers` access scope.");
    // The customer inside an order needs the scope as well.
    assert!(answer["errors"].as_array().unwrap().len() > 1);
    let customer = server.rows(None, Table::Customers)[0].0;
    let ids = [
        format!("gid://shopify/Customer/{customer}"),
        "gid://shopify/Order/1".to_owned(),
    ];
    let answer = graphql(
        &server,
        "query($ids: [ID!]!) { nodes(ids: $ids) { id } }",
        json!({"ids": ids}),
    )
    .await;
    assert_eq!(answer["data"]["nodes"], json!([null, null]));
    let answer = graphql(&server, &document("counts"), json!({})).await;
    assert_eq!(
        (&answer["data"]["customersCount"], &answer["errors"][0]["path"]),
        (&Value::Null, &json!(["customersCount"]))
    );
    let operation = bulk(&server, &document("bulk_customers"), false).await;
    assert_eq!(
        (&operation["status"], &operation["errorCode"]),
        (&json!("FAILED"), &json!("ACCESS_DENIED"))
    );
}

#[tokio::test]
async fn only_fields_that_exist_and_may_be_null_can_be_refused() {
    let (server, _receiver) = start().await;
    for field in ["Customer.frstName", "Customer.id", "Custmer.firstName", "firstName"] {
        assert!(server.refuse(None, &[field]).is_err(), "{field}");
        let url = format!("{}/_fake/refused", server.url());
        let answer = client()
            .post(url)
            .json(&json!({"fields": [field]}))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 422, "{field}");
    }
    let config = Config {
        refused: vec!["Order.emial".to_owned()],
        ..Config::default()
    };
    assert!(Server::start(config).await.is_err());
}

#[tokio::test]
async fn amounts_of_the_graph_lose_their_zeros_on_demand() {
    let config = Config {
        products: 10,
        orders: Some(30),
        short_decimals: true,
        ..Config::default()
    };
    let server = Server::start(config).await.unwrap();
    let page = data(&server, &document("orders_page"), json!({"first": 30})).await;
    let amounts: Vec<&str> = page["orders"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| order["currentTotalPriceSet"]["shopMoney"]["amount"].as_str().unwrap())
        .collect();
    assert!(
        amounts
            .iter()
            .any(|amount| amount.split('.').nth(1).unwrap().len() == 1)
    );
    assert!(
        amounts
            .iter()
            .all(|amount| !amount.ends_with('0') || amount.ends_with(".0"))
    );
}
