//! A product saved many times before a drain comes is applied once, and every delivery has its row in the log.

use chrono::Duration;
use shared::carrier::carry;
use shared::message::{Body, QueueName};
use sqlx::PgPool;
use test_support::{rows, store_with_shop};

use crate::support::{Drain, product, webhook};

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn the_latest_of_many_deliveries_is_applied_and_the_others_are_logged_as_coalesced(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    let drain = Drain::start(&pool).await;
    let queue = drain.redis.queue(QueueName::WebhookProcess);
    let begin = chrono::Utc::now();
    // The second is the latest; the third arrives too late.
    for (title, seconds) in [("first", 1), ("latest", 3), ("late", 2)] {
        let mut body = product(1, title);
        body["updated_at"] = (begin + Duration::seconds(seconds)).to_rfc3339().into();
        let mut delivery = webhook("products/update", &body);
        delivery.triggered_at = begin + Duration::seconds(seconds);
        queue.send(&carry(&Body::Webhook(delivery))).await.unwrap();
    }
    let other = webhook("products/update", &product(2, "another product"));
    queue.send(&carry(&Body::Webhook(other))).await.unwrap();
    let report = drain.run(QueueName::WebhookProcess).await;
    assert_eq!((report.received, report.deleted), (2, 2));
    assert_eq!(
        rows(&pool, "select title from live.products order by id").await,
        ["latest", "another product"]
    );
    let logged = "select status || ' ' || (payload is null) || ' ' || count(*) from webhook_logs \
                  group by status, payload is null order by 1";
    assert_eq!(rows(&pool, logged).await, ["applied false 2", "coalesced true 2"]);
}
