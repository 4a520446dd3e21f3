//! Customers: bodies, deltas, clocks.

use fake_shopify::{Server, Table};
use serde_json::{Value, json};

use crate::support::{Receiver, client, data, document, edit, same_keys, sample, store, told, topics};

const TOPICS: [&str; 12] = [
    "customers/create",
    "customers/update",
    "customers/delete",
    "customers/enable",
    "customers/disable",
    "customers/merge",
    "customers/purchasing_summary",
    "customer.tags_added",
    "customer.tags_removed",
    "customers_email_marketing_consent/update",
    "customers_marketing_consent/update",
    "orders/updated",
];

async fn customer(server: &Server, id: i64) -> Value {
    let gid = format!("gid://shopify/Customer/{id}");
    let mut answer = data(server, &document("customer_by_id"), json!({"id": gid})).await;
    answer["customer"].take()
}

async fn start() -> (Server, Receiver) {
    let server = store(10, 30, 40, 0).await;
    let receiver = Receiver::start(&[]).await;
    server.subscribe(None, &receiver.url, &TOPICS);
    (server, receiver)
}

#[tokio::test]
async fn a_body_has_the_seventeen_keys_and_no_tags_consent_or_totals() {
    let (server, receiver) = start().await;
    for (id, _) in server.rows(None, Table::Customers) {
        edit(&server, json!({"update_customer": id})).await;
        let body = told(&receiver, "customers/update");
        same_keys(&body, &sample("customers/update"), "customer");
        assert_eq!(body.as_object().unwrap().len(), 17);
        let shown = customer(&server, id).await;
        assert_eq!(
            body["addresses"].as_array().unwrap().len(),
            shown["addressesV2"]["nodes"].as_array().unwrap().len()
        );
        for (address, node) in body["addresses"]
            .as_array()
            .unwrap()
            .iter()
            .zip(shown["addressesV2"]["nodes"].as_array().unwrap())
        {
            same_keys(address, &sample("customers/update")["default_address"], "address");
            let gid = format!(
                "gid://shopify/MailingAddress/{}?model_name=CustomerAddress",
                address["id"]
            );
            assert_eq!(node["id"], gid);
        }
    }
}

#[tokio::test]
async fn tags_are_told_as_what_changed() {
    let (server, receiver) = start().await;
    let id = edit(&server, json!({"create_customer": {"email": "new@shop.example"}})).await["id"].clone();
    let before = customer(&server, id.as_i64().unwrap()).await;
    let one = before["tags"].as_array().unwrap().first().cloned();
    edit(&server, json!({"tag_customer": {"id": id, "add": ["one", "two"]}})).await;
    edit(
        &server,
        json!({"tag_customer": {"id": id, "add": ["two", "three"], "remove": ["one", "absent"]}}),
    )
    .await;
    let expected = [
        "customers/create",
        "customer.tags_added",
        "customer.tags_added",
        "customer.tags_removed",
    ];
    assert_eq!(topics(&receiver), expected);
    let (added, removed) = (
        told(&receiver, "customer.tags_added"),
        told(&receiver, "customer.tags_removed"),
    );
    same_keys(&added, &sample("customer.tags_added"), "tags");
    assert_eq!((&added["tags"], &removed["tags"]), (&json!(["three"]), &json!(["one"])));
    let tags = customer(&server, id.as_i64().unwrap()).await["tags"].clone();
    assert!(
        tags.as_array()
            .unwrap()
            .is_sorted_by_key(|tag| tag.as_str().unwrap().to_owned())
    );
    assert!(one.is_none_or(|one| tags.as_array().unwrap().contains(&one)));
}

#[tokio::test]
async fn consent_has_a_clock_of_its_own() {
    let (server, receiver) = start().await;
    let rows = server.rows(None, Table::Customers);
    let reachable = rows.iter().find(|(_, line)| {
        let columns: Vec<&str> = line.split('|').collect();
        columns[3] != "\\N" && columns[4] != "\\N"
    });
    let id = reachable.unwrap().0;
    let before = customer(&server, id).await;
    edit(
        &server,
        json!({"set_email_consent": {"id": id, "state": "unsubscribed"}}),
    )
    .await;
    edit(
        &server,
        json!({"set_sms_consent": {"id": id, "state": "not_subscribed"}}),
    )
    .await;
    let body = told(&receiver, "customers_email_marketing_consent/update");
    same_keys(&body, &sample("customers_email_marketing_consent/update"), "consent");
    assert_eq!(body["email_marketing_consent"]["state"], "unsubscribed");
    let body = told(&receiver, "customers_marketing_consent/update");
    same_keys(&body, &sample("customers_marketing_consent/update"), "consent");
    let after = customer(&server, id).await;
    assert_eq!(after["updatedAt"], before["updatedAt"]);
    assert_eq!(after["defaultEmailAddress"]["marketingState"], "UNSUBSCRIBED");
    assert_ne!(
        after["defaultEmailAddress"]["marketingUpdatedAt"],
        before["defaultEmailAddress"]["marketingUpdatedAt"]
    );
    let sms = &after["defaultPhoneNumber"]["smsMarketingConsent"];
    assert_eq!(sms["state"], "NEVER_SUBSCRIBED");
}

#[tokio::test]
async fn merging_is_a_merge_a_deletion_and_an_update_by_themselves() {
    let (server, receiver) = start().await;
    let rows = server.rows(None, Table::Orders);
    let mut buyers: Vec<i64> = rows
        .iter()
        .filter_map(|(_, line)| line.split('|').nth(5).unwrap().parse().ok())
        .collect();
    buyers.sort_unstable();
    buyers.dedup();
    let (keep, remove) = (buyers[0], buyers[1]);
    let (kept, gone) = (customer(&server, keep).await, customer(&server, remove).await);
    edit(&server, json!({"merge_customers": {"keep": keep, "remove": remove}})).await;
    assert_eq!(
        topics(&receiver)[..3],
        ["customers/merge", "customers/delete", "customers/update"]
    );
    let body = told(&receiver, "customers/merge");
    same_keys(&body, &sample("customers/merge"), "merge");
    assert_eq!(body["admin_graphql_api_customer_deleted_id"], gone["id"]);
    same_keys(
        &told(&receiver, "customers/delete"),
        &sample("customers/delete"),
        "deleted customer",
    );
    let summary = told(&receiver, "customers/purchasing_summary");
    same_keys(&summary, &sample("customers/purchasing_summary"), "summary");
    let number = |node: &Value| node["numberOfOrders"].as_str().unwrap().parse::<i64>().unwrap();
    assert_eq!(summary["numberOfOrders"], number(&kept) + number(&gone));
    let moved = topics(&receiver)
        .iter()
        .filter(|topic| *topic == "orders/updated")
        .count();
    assert_eq!(moved as i64, number(&gone));
    assert_eq!(told(&receiver, "orders/updated")["customer"]["id"], keep);
    let answer = data(&server, &document("customer_by_id"), json!({"id": gone["id"]})).await;
    assert_eq!(answer["customer"], Value::Null);
}

#[tokio::test]
async fn one_who_ordered_is_not_deleted_and_others_are() {
    let (server, receiver) = start().await;
    let rows = server.rows(None, Table::Orders);
    let buyer = rows
        .iter()
        .find_map(|(_, line)| line.split('|').nth(5).unwrap().parse::<i64>().ok())
        .unwrap();
    let url = format!("{}/_fake/edit", server.url());
    let refused = client()
        .post(url)
        .json(&json!({"delete_customer": buyer}))
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 422);
    let id = edit(&server, json!({"create_customer": {}})).await["id"].clone();
    edit(&server, json!({"enable_customer": id})).await;
    assert_eq!(told(&receiver, "customers/enable")["state"], "enabled");
    edit(
        &server,
        json!({"edit_address": {"customer": id, "fields": {"city": "Graz"}, "default": true}}),
    )
    .await;
    assert_eq!(told(&receiver, "customers/update")["default_address"]["city"], "Graz");
    edit(&server, json!({"edit_address": {"customer": id}})).await;
    let shown = told(&receiver, "customers/update");
    let other = shown["addresses"].as_array().unwrap().iter();
    let other = other
        .map(|address| &address["id"])
        .find(|id| **id != shown["default_address"]["id"]);
    edit(
        &server,
        json!({"edit_address": {"customer": id, "address": other, "default": true, "remove": true}}),
    )
    .await;
    let shown = told(&receiver, "customers/update");
    assert_eq!(
        shown["default_address"]["city"], "Graz",
        "what goes becomes no default: {shown}"
    );
    edit(&server, json!({"delete_customer": id})).await;
    assert_eq!(told(&receiver, "customers/delete")["id"], id);
}

#[tokio::test]
async fn customers_are_found_by_whole_days() {
    let (server, _receiver) = start().await;
    let id = edit(&server, json!({"create_customer": {}})).await["id"]
        .as_i64()
        .unwrap();
    let made = customer(&server, id).await["updatedAt"].as_str().unwrap().to_owned();
    let late = format!("updated_at:>='{}T23:59:59Z'", &made[..10]);
    let found = data(
        &server,
        &document("customers_page"),
        json!({"first": 10, "query": late}),
    )
    .await;
    assert_eq!(found["customers"]["nodes"].as_array().unwrap().len(), 1);
}
