//! Being told that a bulk operation has ended cuts the wait of its import short.

use serde_json::json;
use shared::message::{Body, QueueName, decode};
use sqlx::PgPool;
use test_support::{rows, store_with_shop};

use crate::support::{Drain, webhook};

const LONG: &str = "gid://shopify/BulkOperation/1";
const SHORT: &str = "gid://shopify/BulkOperation/2";
const DRAINING: &str = "gid://shopify/BulkOperation/3";
const IMPORTS: &str = "
    insert into sync_jobs (id, shop_id, kinds, operations, status, started_at)
    select gen_random_uuid(), id, '{products,orders,customers}', '{products,orders,customers}', 'running', now()
    from shops;
    insert into sync_operations (job_id, operation, phase, bulk_operation_gid, submitted, started_at)
    select j.id, o.name, o.phase, 'gid://shopify/BulkOperation/' || o.id, 1, now() - o.age
    from sync_jobs j, (values ('products', 'running', 1, interval '10 min'), ('orders', 'running', 2, interval '10 s'),
        ('customers', 'draining', 3, interval '10 min')) as o (name, phase, id, age)";

async fn tell(drain: &Drain, gid: &str) {
    let body = json!({"admin_graphql_api_id": gid, "status": "completed", "error_code": null, "type": "query"});
    let delivery = webhook("bulk_operations/finish", &body);
    drain.send(QueueName::WebhookProcess, &Body::Webhook(delivery)).await;
    drain.run(QueueName::WebhookProcess).await;
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_import_that_waits_for_long_goes_on_in_one_more_execution(pool: PgPool) {
    let (_store, _) = store_with_shop(&pool).await;
    sqlx::raw_sql(IMPORTS).execute(&pool).await.unwrap();
    let drain = Drain::start(&pool).await;
    // Delivered twice, too soon to matter, after the result is being read, and of somebody else's operation.
    for gid in [LONG, LONG, SHORT, DRAINING, "gid://shopify/BulkOperation/4"] {
        tell(&drain, gid).await;
    }
    let waiting = drain.redis.waiting(QueueName::BulkImport).await;
    let imports: Vec<(Vec<String>, u32)> = waiting
        .iter()
        .map(|message| match decode(&message.body).unwrap() {
            Body::Import(import) => (import.operations, import.part),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(imports, [(vec!["products".to_owned()], 1)]);
    let logged = rows(&pool, "select status from webhook_logs order by received_at").await;
    assert_eq!(logged, ["applied", "stale", "stale", "stale", "stale"]);

    // Once Shopify has to write another file, its end is told anew.
    sqlx::raw_sql("update sync_operations set submitted = 2 where operation = 'products'")
        .execute(&pool)
        .await
        .unwrap();
    tell(&drain, LONG).await;
    assert_eq!(drain.count(QueueName::BulkImport).await, 2);
}
