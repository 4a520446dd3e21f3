//! What people see of the queues and do about them.

use serde_json::{Value, json};
use shared::carrier::carry;
use shared::message::{Body, QueueName, Resource};
use shared::queue::{DeadLetter, Queue};
use shared::shopify::Gid;
use sqlx::PgPool;
use test_support::{SHOP, rows, shop};

use crate::support::Admin;

const QUEUE: &str = "product-sync";

/// Sends fetches of so many products, gives the first ones up, and returns the queue.
async fn with_dead(admin: &Admin, sent: i64, dead: usize) -> Queue {
    let queue = admin.redis.queue(QueueName::ProductSync);
    for id in 1..=sent {
        let gid = Gid::new("Product", id);
        let body = Body::Resource(Resource { shop: shop(), gid });
        queue.send(&carry(&body)).await.unwrap();
    }
    let held = queue.receive(dead, std::time::Duration::ZERO).await.unwrap();
    let letters: Vec<DeadLetter> = held
        .iter()
        .zip(["timeout", "refused"].into_iter().cycle())
        .map(|(message, reason)| DeadLetter {
            receipt: message.receipt,
            reason: reason.to_owned(),
        })
        .collect();
    queue.dead_letter(&letters).await.unwrap();
    queue
}

async fn data(answer: impl Future<Output = (u16, Value)>) -> Value {
    let (status, mut body) = answer.await;
    assert_eq!(status, 200, "{body}");
    body["result"]["data"].take()
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn queues_are_listed_paused_searched_and_messages_cancelled(pool: PgPool) {
    let admin = Admin::start(&pool).await;
    with_dead(&admin, 5, 2).await;
    let queues = data(admin.query("queue.list", &json!({}))).await;
    assert_eq!(queues.as_array().unwrap().len(), 7);
    let products = queues
        .as_array()
        .unwrap()
        .iter()
        .find(|queue| queue["queue"] == QUEUE)
        .unwrap();
    assert_eq!(
        (
            &products["visible"],
            &products["deadLetters"],
            &products["waitingShops"],
            &products["paused"]
        ),
        (&json!(3), &json!(2), &json!(1), &json!(false))
    );

    let paused = data(admin.post("/trpc/queue.pause", &json!({ "queue": QUEUE, "shop": SHOP }))).await;
    assert_eq!((&paused["changed"], &paused["shop"]), (&json!(true), &json!(SHOP)));
    let queue = admin.redis.queue(QueueName::ProductSync);
    assert!(queue.receive(9, std::time::Duration::ZERO).await.unwrap().is_empty());
    data(admin.post("/trpc/queue.resume", &json!({ "queue": QUEUE, "shop": SHOP }))).await;

    let filter = json!({ "shop": SHOP, "fields": { "/gid": "gid://shopify/Product/4" } });
    let found = data(admin.query("queue.search", &json!({ "queue": QUEUE, "filter": filter }))).await;
    let messages = found["messages"].as_array().unwrap();
    assert_eq!(
        (messages.len(), &messages[0]["state"]),
        (1, &json!("visible")),
        "{found}"
    );
    let ids = json!({ "queue": QUEUE, "ids": [messages[0]["id"]] });
    assert_eq!(data(admin.post("/trpc/queue.cancel", &ids)).await["cancelled"], 1);
    assert_eq!(queue.attributes().await.unwrap().visible, 2);
    assert_eq!(
        rows(&pool, "select procedure from admin_audit order by id").await,
        ["queue.pause", "queue.resume", "queue.cancel"]
    );
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn dead_letters_that_are_meant_are_counted_redriven_watched_and_cancelled(pool: PgPool) {
    let admin = Admin::start(&pool).await;
    let queue = with_dead(&admin, 6, 6).await;
    let meant = json!({ "queue": QUEUE, "filter": { "error": "timeout" } });
    let found = data(admin.query("deadLetters.search", &meant)).await;
    assert_eq!(found["deadLetters"].as_array().unwrap().len(), 3, "{found}");
    assert_eq!(found["deadLetters"][0]["reason"], "timeout");

    let mut dry = meant.clone();
    dry["dryRun"] = json!(true);
    assert_eq!(data(admin.post("/trpc/deadLetters.redrive", &dry)).await["meant"], 3);
    assert_eq!(queue.attributes().await.unwrap().dead, 6);

    let mut slow = meant;
    slow["perSecond"] = json!(1);
    let task = data(admin.post("/trpc/deadLetters.redrive", &slow)).await["redrive"].take();
    assert_eq!((&task["status"], &task["toLookAt"]), (&json!("running"), &json!(6)));
    let (status, again) = admin.post("/trpc/deadLetters.redrive", &slow).await;
    assert_eq!(status, 409, "{again}");
    let soon = tokio::time::Instant::now() + std::time::Duration::from_secs(5);
    queue
        .dead_letter_queue()
        .advance(soon, |_| unreachable!())
        .await
        .unwrap();
    let stopped = data(admin.post("/trpc/deadLetters.cancelRedrive", &json!({ "queue": QUEUE }))).await;
    assert!(stopped["redrive"]["moved"].as_u64().unwrap() >= 1, "{stopped}");
    let listed = data(admin.query("deadLetters.redrives", &json!({ "queue": QUEUE }))).await;
    assert_eq!(listed["redrives"][0]["status"], "cancelled");

    let left = data(admin.query("deadLetters.search", &json!({ "queue": QUEUE }))).await;
    let ids: Vec<&Value> = left["deadLetters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|letter| &letter["id"])
        .collect();
    let deleted = data(admin.post("/trpc/deadLetters.delete", &json!({ "queue": QUEUE, "ids": ids }))).await;
    assert_eq!(deleted["deleted"], ids.len());
    assert_eq!(queue.attributes().await.unwrap().dead, 0);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_misspelt_condition_is_refused_and_never_means_all(pool: PgPool) {
    let admin = Admin::start(&pool).await;
    for (procedure, value) in [
        (
            "deadLetters.redrive",
            json!({ "queue": QUEUE, "filter": { "shops": SHOP } }),
        ),
        ("deadLetters.redrive", json!({ "queue": QUEUE, "perSecond": 0 })),
        ("deadLetters.redrive", json!({ "queue": "products" })),
        ("queue.pause", json!({ "queue": QUEUE, "shop": "not a shop" })),
        ("queue.cancel", json!({ "queue": QUEUE, "ids": ["x"] })),
        ("queue.cancel", json!({ "queue": QUEUE })),
    ] {
        let (status, body) = admin.post(&format!("/trpc/{procedure}"), &value).await;
        assert_eq!(status, 400, "{procedure} {value}: {body}");
    }
    let (status, body) = admin
        .query(
            "queue.search",
            &json!({ "queue": QUEUE, "filter": { "fields": { "topic": "x" } } }),
        )
        .await;
    assert!(status == 400 && body.to_string().contains("JSON pointer"), "{body}");
    assert!(rows(&pool, "select procedure from admin_audit").await.is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn the_audit_keeps_no_value_that_was_searched_for_in_bodies(pool: PgPool) {
    let admin = Admin::start(&pool).await;
    let fields = json!({ "/email": "jane@example.com" });
    let redrive = json!({ "queue": QUEUE, "filter": { "error": "timeout", "fields": fields } });
    data(admin.post("/trpc/deadLetters.redrive", &redrive)).await;
    let kept = rows(&pool, "select detail::text from admin_audit").await.remove(0);
    assert!(kept.contains("/email") && kept.contains("timeout"), "{kept}");
    assert!(!kept.contains("jane"), "{kept}");
}
