//! Deliveries: signature, headers, bodies, retries.

use std::time::Duration;

use fake_shopify::{Config, Edit, ProductFields, Server, VariantFields, sign};
use serde_json::{Value, json};

use crate::support::{BULK_PRODUCTS, Receiver, bulk, client, control, graphql, server};

const ALL: [&str; 3] = ["products/create", "products/update", "products/delete"];

#[test]
fn signatures_equal_the_vectors() {
    let vectors: Value = serde_json::from_str(include_str!("../fixtures/hmac_vectors.json")).unwrap();
    for vector in vectors["vectors"].as_array().unwrap() {
        let body = match vector["file"].as_str() {
            Some("products__update.json") => include_bytes!("../fixtures/products__update.json").to_vec(),
            Some("app__uninstalled.json") => include_bytes!("../fixtures/app__uninstalled.json").to_vec(),
            _ => vector["body"].as_str().unwrap().as_bytes().to_vec(),
        };
        assert_eq!(
            sign(vectors["secret"].as_str().unwrap(), &body),
            vector["signature"].as_str().unwrap()
        );
    }
}

#[tokio::test]
async fn an_update_is_told_with_every_header() {
    let server = server(3).await;
    let receiver = Receiver::start(&[]).await;
    server.subscribe(None, &receiver.url, &ALL);
    let (id, variants) = server.products(None)[0].clone();
    let fields = ProductFields {
        id,
        title: Some("Été & <b>".to_owned()),
        tags: Some(vec!["b".to_owned(), "a".to_owned()]),
        status: Some("draft".to_owned()),
        ..ProductFields::default()
    };
    server.edit(None, &Edit::UpdateProduct(fields), false).await.unwrap();
    let received = receiver.received();
    let delivery = &received[0];
    assert_eq!(received.len(), 1);
    assert_eq!(delivery.header("X-Shopify-Topic"), "products/update");
    assert_eq!(delivery.header("X-Shopify-Shop-Domain"), server.config().shop);
    assert_eq!(delivery.header("X-Shopify-API-Version"), "2026-10");
    assert_eq!(delivery.header("X-Shopify-Hmac-Sha256"), sign("hush", &delivery.body));
    assert_eq!(delivery.header("X-Shopify-Webhook-Id").len(), 36);
    assert_eq!(delivery.header("X-Shopify-Event-Id").len(), 36);
    assert_eq!(delivery.header("Content-Type"), "application/json");
    let body = delivery.json();
    assert_eq!(body["id"], id);
    assert_eq!(body["admin_graphql_api_id"], format!("gid://shopify/Product/{id}"));
    assert_eq!(
        (&body["title"], &body["tags"], &body["status"]),
        (&json!("Été & <b>"), &json!("a, b"), &json!("draft"))
    );
    assert_eq!(body["variants"].as_array().unwrap().len(), variants.len());
    assert_eq!(body["variants"][0]["product_id"], id);
    let triggered = delivery.header("X-Shopify-Triggered-At");
    assert_eq!((triggered.len(), &triggered[19..20]), (27, "."));
    let updated = body["updated_at"].as_str().unwrap();
    assert!(updated.ends_with("-05:00"));
    let instant = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap();
    assert!(instant(updated) <= instant(triggered));
    assert!(instant(triggered) - instant(updated) < chrono::Duration::seconds(2));
}

#[tokio::test]
async fn a_body_shows_a_hundred_variants_and_names_all_newest_first() {
    let server = server(1_000).await;
    let receiver = Receiver::start(&[]).await;
    server.subscribe(None, &receiver.url, &ALL);
    let (id, variants) = server
        .products(None)
        .into_iter()
        .find(|(_, variants)| variants.len() > 100)
        .unwrap();
    let beyond = variants[100];
    let edit = Edit::UpdateVariant(VariantFields {
        id: beyond,
        quantity: Some(5),
        ..VariantFields::default()
    });
    server.edit(None, &edit, false).await.unwrap();
    let body = receiver.received()[0].json();
    assert_eq!(body["id"], id);
    assert_eq!(body["variants"].as_array().unwrap().len(), 100);
    assert!(
        !body["variants"]
            .as_array()
            .unwrap()
            .iter()
            .any(|variant| variant["id"] == beyond)
    );
    let gids = body["variant_gids"].as_array().unwrap();
    assert_eq!(gids.len(), variants.len());
    assert_eq!(
        gids[0]["admin_graphql_api_id"],
        format!("gid://shopify/ProductVariant/{beyond}")
    );
    let times: Vec<&str> = gids.iter().map(|gid| gid["updated_at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b) && times[0].ends_with(".000Z"));
}

#[tokio::test]
async fn a_deleted_product_is_told_by_its_id_alone() {
    let server = server(3).await;
    let receiver = Receiver::start(&[]).await;
    server.subscribe(None, &receiver.url, &ALL);
    let (id, _) = server.products(None)[1].clone();
    server.edit(None, &Edit::DeleteProduct(id), false).await.unwrap();
    assert_eq!(receiver.received()[0].body, format!("{{\"id\":{id}}}"));
    assert_eq!(receiver.received()[0].header("X-Shopify-Topic"), "products/delete");
}

#[tokio::test]
async fn a_retry_is_the_same_delivery() {
    let config = Config {
        products: 2,
        retry_scale: 0.000_05,
        ..Config::default()
    };
    let server = Server::start(config).await.unwrap();
    let receiver = Receiver::start(&[500, 302]).await;
    server.subscribe(None, &receiver.url, &ALL);
    let first = server.products(None)[0].0;
    let (_, outcomes) = server
        .edit(None, &Edit::UpdateProduct(first.into()), false)
        .await
        .unwrap();
    assert_eq!((outcomes[0].attempts, outcomes[0].status), (3, Some(200)));
    let received = receiver.received();
    assert_eq!(received.len(), 3);
    for again in &received[1..] {
        assert_eq!(again.body, received[0].body);
        for header in [
            "X-Shopify-Webhook-Id",
            "X-Shopify-Event-Id",
            "X-Shopify-Triggered-At",
            "X-Shopify-Hmac-Sha256",
        ] {
            assert_eq!(again.header(header), received[0].header(header));
        }
    }
}

#[tokio::test]
async fn eight_failed_retries_cost_an_api_made_subscription() {
    let config = Config {
        products: 2,
        retry_scale: 0.000_01,
        ..Config::default()
    };
    let server = Server::start(config).await.unwrap();
    let receiver = Receiver::start(&[503; 18]).await;
    let create = "mutation($sub: WebhookSubscriptionInput!) { webhookSubscriptionCreate(topic: PRODUCTS_UPDATE, webhookSubscription: $sub) \
        { userErrors { message } } }";
    graphql(&server, create, json!({"sub": {"uri": receiver.url}})).await;
    let first = server.products(None)[0].0;
    let (_, outcomes) = server
        .edit(None, &Edit::UpdateProduct(first.into()), false)
        .await
        .unwrap();
    assert_eq!((outcomes[0].attempts, outcomes[0].is_success()), (9, false));
    let list = graphql(
        &server,
        "{ webhookSubscriptions(first: 5) { nodes { id } } }",
        json!({}),
    )
    .await;
    assert_eq!(list["data"]["webhookSubscriptions"]["nodes"], json!([]));
    server.subscribe(None, &receiver.url, &ALL);
    server
        .edit(None, &Edit::UpdateProduct(first.into()), false)
        .await
        .unwrap();
    let (_, outcomes) = server
        .edit(None, &Edit::UpdateProduct(first.into()), false)
        .await
        .unwrap();
    assert!(outcomes[0].is_success(), "one of the app's configuration stays");
}

#[tokio::test]
async fn two_subscriptions_share_the_event_and_not_the_delivery() {
    let server = server(2).await;
    let (one, two) = (Receiver::start(&[]).await, Receiver::start(&[]).await);
    server.subscribe(None, &one.url, &ALL);
    server.subscribe(None, &two.url, &ALL);
    server
        .edit(None, &Edit::AddVariant(server.products(None)[0].0), false)
        .await
        .unwrap();
    let (one, two) = (&one.received()[0], &two.received()[0]);
    assert_eq!(one.header("X-Shopify-Event-Id"), two.header("X-Shopify-Event-Id"));
    assert_ne!(one.header("X-Shopify-Webhook-Id"), two.header("X-Shopify-Webhook-Id"));
}

#[tokio::test]
async fn anything_can_be_delivered_by_hand() {
    let server = server(1).await;
    let receiver = Receiver::start(&[200, 401]).await;
    control(
        &server,
        "subscribe",
        json!({"url": receiver.url, "topics": ["orders/create"]}),
    )
    .await;
    let signed = json!({"topic": "orders/create", "body": {"id": 788_032_119_674_292_922_i64, "b": 1, "a": 2}});
    assert_eq!(control(&server, "deliver", signed).await["status"], 200);
    let forged = json!({
        "topic": "orders/create", "body": "not json", "signed": false, "shop": "evil.myshopify.com",
        "headers": {"X-Shopify-Event-Id": "", "X-Shopify-Webhook-Id": "w-1"},
    });
    assert_eq!(control(&server, "deliver", forged).await["status"], 401);
    let received = receiver.received();
    assert_eq!(
        received[0].body, r#"{"a":2,"b":1,"id":788032119674292922}"#,
        "the bytes are those given"
    );
    assert_eq!(
        received[0].header("X-Shopify-Hmac-Sha256"),
        sign("hush", &received[0].body)
    );
    assert_eq!(received[1].body, "not json");
    assert_eq!(received[1].header("X-Shopify-Hmac-Sha256"), "");
    assert_eq!(received[1].header("X-Shopify-Event-Id"), "");
    assert_eq!(received[1].header("X-Shopify-Webhook-Id"), "w-1");
    assert_eq!(received[1].header("X-Shopify-Shop-Domain"), "evil.myshopify.com");
}

#[tokio::test]
async fn the_end_of_a_bulk_operation_is_told() {
    let server = server(2).await;
    let receiver = Receiver::start(&[]).await;
    server.subscribe(None, &receiver.url, &["bulk_operations/finish"]);
    let operation = bulk(&server, BULK_PRODUCTS, false).await;
    while receiver.received().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let body = receiver.received()[0].json();
    assert_eq!(body["admin_graphql_api_id"], operation["id"]);
    assert_eq!(
        (&body["status"], &body["type"], &body["error_code"]),
        (&json!("completed"), &json!("query"), &Value::Null)
    );
}

#[tokio::test]
async fn edits_come_in_by_the_control_api() {
    let server = server(2).await;
    let receiver = Receiver::start(&[]).await;
    server.subscribe(None, &receiver.url, &ALL);
    let (id, variants) = server.products(None)[0].clone();
    let silent = control(&server, "edit", json!({"update_product": id, "deliver": false})).await;
    assert_eq!(
        (silent["topic"].as_str(), silent["deliveries"].as_array().unwrap().len()),
        (Some("products/update"), 0)
    );
    let created = control(
        &server,
        "edit",
        json!({"create_product": {"seed": 7, "title": "New", "variants": 4}}),
    )
    .await;
    assert_eq!(created["variant_ids"].as_array().unwrap().len(), 4);
    let priced = control(
        &server,
        "edit",
        json!({"update_variant": {"id": variants[0], "price": 1_999}}),
    )
    .await;
    assert_eq!(priced["deliveries"][0]["status"], 200);
    let bodies: Vec<Value> = receiver.received().iter().map(|delivery| delivery.json()).collect();
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0]["title"], "New");
    assert_eq!(bodies[1]["variants"][0]["price"], "19.99");
    let url = format!("{}/_fake/edit", server.url());
    let wrong = client()
        .post(url)
        .json(&json!({"delete_product": 1}))
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 422);
}
