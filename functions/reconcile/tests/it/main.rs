//! What an invocation begins, by the very events that the schedule and an operator send.

use fake_shopify::{Fault, Server};
use lambda_runtime::Error;
use reconcile::{Context, Event, Report, handle};
use shared::config::Environment;
use shared::message::{Body, QueueName, Reach, decode};
use shared::shopify::{Budget, Outcome, SUBSCRIBABLE, Taken, Told};
use shared::store::Store;
use shared::throttle::Throttle;
use sqlx::{AssertSqlSafe, PgPool};
use test_support::{Redis, SHOP, call, database_url, event_json, rows, shop, shopify, store_with_shop};

struct Scene {
    pool: PgPool,
    redis: Redis,
    server: Server,
    context: Context,
    _store: Store,
}

fn context<const N: usize>(pool: &PgPool, redis: &Redis, server: &Server, settings: [(&str, &str); N]) -> Context {
    let (port, url, admin_url) = (redis.port(), database_url(pool), server.admin_url());
    let plain = [
        ("REDIS_HOST", "127.0.0.1"),
        ("REDIS_PORT", port.as_str()),
        ("DATABASE_URL", url.as_str()),
        ("SHOPIFY_ADMIN_URL", admin_url.as_str()),
    ];
    Context::load(&Environment::from_values(plain.into_iter().chain(settings))).unwrap()
}

impl Scene {
    async fn new(pool: PgPool) -> Self {
        Self::with(pool, []).await
    }

    async fn with<const N: usize>(pool: PgPool, settings: [(&str, &str); N]) -> Self {
        let (store, _) = store_with_shop(&pool).await;
        let (redis, server) = (Redis::start().await, shopify(3).await);
        let context = context(&pool, &redis, &server, settings);
        Self {
            pool,
            redis,
            server,
            context,
            _store: store,
        }
    }

    /// As if everything had been imported an hour ago.
    async fn imported(self) -> Self {
        let operations = shared::import::OPERATIONS.iter().map(|operation| operation.name);
        let names: Vec<String> = operations.map(|name| format!("('{name}')")).collect();
        self.execute(&format!(
            "insert into sync_jobs (id, shop_id, kinds, operations, status) \
             select gen_random_uuid(), id, '{{}}', '{{}}', 'completed' from shops; \
             insert into sync_operations (job_id, operation, phase, status, bulk_created_at) \
             select j.id, o.name, 'finished', 'completed', now() - interval '1 h' \
             from sync_jobs j, (values {}) as o (name)",
            names.join(", ")
        ))
        .await;
        self
    }

    async fn execute(&self, statement: &str) {
        let statement = AssertSqlSafe(statement.to_owned());
        sqlx::raw_sql(statement).execute(&self.pool).await.unwrap();
    }

    async fn invoke(&self, event: &str) -> Result<Report, Error> {
        let event: Event = serde_json::from_value(event_json(&format!("reconcile/{event}.json"))).unwrap();
        handle(&self.context, event).await
    }

    /// The operations of imports that wait to be started, and how many executions they had.
    async fn carried(&self) -> Vec<String> {
        let waiting = self
            .redis
            .queue(QueueName::BulkImport)
            .peek(0, 100)
            .await
            .unwrap()
            .items;
        let imports = waiting.iter().map(|message| match decode(&message.body).unwrap() {
            Body::Import(import) => format!("{} {}", import.operations.join(","), import.part),
            other => panic!("{other:?}"),
        });
        let mut imports: Vec<String> = imports.collect();
        imports.sort();
        imports
    }

    /// What waits in the queues: queue, list, reach.
    async fn waiting(&self) -> Vec<(QueueName, String, Reach)> {
        let mut waiting = Vec::new();
        for name in QueueName::ALL {
            for message in self.redis.queue(name).peek(0, 100).await.unwrap().items {
                match decode(&message.body).unwrap() {
                    Body::Page(page) => {
                        assert_eq!(message.group.as_deref(), Some(SHOP));
                        waiting.push((name, page.list, page.reach));
                    }
                    Body::Import(import) => waiting.push((name, import.operations.join(","), Reach::All)),
                    other => panic!("{other:?}"),
                }
            }
        }
        waiting
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn every_list_is_walked_on_its_own_queue_and_not_twice(pool: PgPool) {
    let scene = Scene::new(pool).await.imported().await;
    let report = scene.invoke("hourly").await.unwrap();
    assert_eq!(
        (report.shops, report.walks, report.imports, report.failed),
        (1, 14, 0, 0)
    );
    let waiting = scene.waiting().await;
    assert_eq!(waiting.len(), 14);
    for (queue, list) in [
        (QueueName::ProductSync, "products"),
        (QueueName::VariantSync, "variants"),
        (QueueName::CollectionSync, "collections"),
        (QueueName::CustomerSync, "customers"),
        (QueueName::OrderSync, "orders"),
        (QueueName::ProductSync, "inventory"),
        (QueueName::ProductSync, "locations"),
    ] {
        for reach in [Reach::Changes, Reach::All] {
            assert!(waiting.contains(&(queue, list.to_owned(), reach)), "{list} {reach:?}");
        }
    }
    assert_eq!(scene.invoke("hourly").await.unwrap().walks, 0);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn all_ids_are_compared_once_a_day_or_when_somebody_asks(pool: PgPool) {
    let scene = Scene::new(pool).await.imported().await;
    scene.invoke("hourly").await.unwrap();
    scene
        .execute("update walks set status = 'completed', finished_at = now() - interval '23 h'")
        .await;
    assert_eq!(scene.invoke("hourly").await.unwrap().walks, 7);
    assert_eq!(scene.invoke("one-store").await.unwrap().walks, 7);
    scene
        .execute("update walks set status = 'completed', finished_at = now() - interval '25 h'")
        .await;
    assert_eq!(scene.invoke("hourly").await.unwrap().walks, 14);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_message_that_was_not_sent_is_sent_by_the_next_invocation(pool: PgPool) {
    let mut scene = Scene::new(pool).await.imported().await;
    scene.redis.stop().await;
    let report = scene.invoke("hourly").await.unwrap();
    assert_eq!((report.walks, report.failed), (0, 1));
    assert_eq!(
        rows(&scene.pool, "select count(*)::text from walks where status = 'running'").await,
        ["14"]
    );
    scene.redis.resume().await;
    scene
        .execute("update walks set progressed_at = now() - interval '11 min', sent_at = now() - interval '11 min'")
        .await;
    assert_eq!(scene.invoke("hourly").await.unwrap().walks, 14);
    assert_eq!(scene.waiting().await.len(), 14);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_is_being_imported_or_never_was_is_not_compared(pool: PgPool) {
    let scene = Scene::new(pool).await;
    assert_eq!(scene.invoke("hourly").await.unwrap().walks, 0);
    let scene = scene.imported().await;
    scene
        .execute(
            "insert into sync_jobs (id, shop_id, kinds, operations, status) \
             select gen_random_uuid(), id, '{products,inventory}', '{}', 'running' from shops",
        )
        .await;
    // Products, variants, inventory and locations wait.
    assert_eq!(scene.invoke("hourly").await.unwrap().walks, 6);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_differs_too_much_is_imported_once(pool: PgPool) {
    let scene = Scene::new(pool).await.imported().await;
    scene.invoke("hourly").await.unwrap();
    scene
        .execute("update walks set status = 'overrun' where list in ('products', 'variants')")
        .await;
    for name in QueueName::ALL {
        scene.redis.queue(name).purge().await.unwrap();
    }
    assert_eq!(scene.invoke("hourly").await.unwrap().imports, 1);
    let waiting = scene.waiting().await;
    assert_eq!(
        waiting,
        [(
            QueueName::BulkImport,
            "products,variant_metafields".to_owned(),
            Reach::All
        )]
    );
    assert_eq!(
        rows(&scene.pool, "select kinds::text from sync_jobs where status = 'queued'").await,
        ["{products}"]
    );
    assert_eq!(scene.invoke("hourly").await.unwrap().imports, 0);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_store_that_is_not_mirrored_is_named(pool: PgPool) {
    let scene = Scene::new(pool).await;
    scene.execute("delete from shop_credentials").await;
    let error = scene.invoke("one-store").await.unwrap_err().to_string();
    assert_eq!(error, format!("{SHOP} is not mirrored: add it with shops.add"));
    assert_eq!(scene.invoke("hourly").await.unwrap(), Report::default());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn subscriptions_that_are_missing_are_made_if_that_is_wanted(pool: PgPool) {
    let url = "https://mirror.example.com/webhooks";
    let scene = Scene::with(pool, [("SUBSCRIPTION_URL", url)]).await;
    assert_eq!(scene.invoke("hourly").await.unwrap().subscribed, SUBSCRIBABLE.len());
    assert_eq!(scene.invoke("hourly").await.unwrap().subscribed, 0);
    // One that Shopify refuses keeps no other from it, and a store that does not answer is told of.
    let refusal = Fault::Reject {
        status: 403,
        retry_after: None,
    };
    scene.server.fault("WebhookSubscriptionCreate", refusal, 1).unwrap();
    let settings = [("SUBSCRIPTION_URL", "https://new.example.com/webhooks")];
    let elsewhere = context(&scene.pool, &scene.redis, &scene.server, settings);
    let report = handle(&elsewhere, Event::default()).await.unwrap();
    assert_eq!((report.subscribed, report.failed), (SUBSCRIBABLE.len() - 1, 0));
    let away = Fault::Reject {
        status: 503,
        retry_after: None,
    };
    scene.server.fault("WebhookSubscriptions", away, 1).unwrap();
    let report = scene.invoke("hourly").await.unwrap();
    assert_eq!((report.subscribed, report.failed), (0, 1));
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_reconcile_leaves_half_of_a_stores_points_to_what_somebody_waits_for(pool: PgPool) {
    let scene = Scene::with(pool, [("SUBSCRIPTION_URL", "https://mirror.example.com/webhooks")]).await;
    let throttle = Throttle::new(scene.redis.client());
    let call = throttle.take(&shop(), call(1.0)).await;
    let Taken::Reserved(call) = call else {
        panic!("{call:?}")
    };
    let half = Told {
        maximum: 1_000.0,
        restore_rate: 1.0,
        available: 500.0,
        spent: 1.0,
    };
    throttle.settle(&shop(), call, Outcome::Told(half)).await;
    let report = scene.invoke("hourly").await.unwrap();
    assert_eq!((report.subscribed, report.failed), (0, 1));
    assert!(scene.server.requests(None).is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn without_an_address_nothing_is_subscribed(pool: PgPool) {
    let scene = Scene::new(pool).await;
    assert_eq!(scene.invoke("hourly").await.unwrap().subscribed, 0);
    assert!(scene.server.requests(Some("WebhookSubscriptions")).is_empty());
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_is_older_than_its_retention_is_removed_and_nothing_else(pool: PgPool) {
    let scene = Scene::new(pool).await.imported().await;
    let now = chrono::Utc::now();
    for (days, name) in [(31, "old"), (29, "young")] {
        let day = (now - chrono::Days::new(days)).date_naive();
        let next = day + chrono::Days::new(1);
        let partition = format!("webhook_logs_{}", day.format("%Y%m%d"));
        scene
            .execute(&format!(
                "create table {partition} partition of webhook_logs for values from ('{day}Z') to ('{next}Z'); \
                 insert into webhook_logs (received_at, delivery_id, shop_domain, topic, status) \
                 values ('{day} 12:00Z', gen_random_uuid(), '{name}', 't', 'applied'), \
                        ('{day} 12:00Z'::timestamptz - interval '10 days', gen_random_uuid(), 'default', 't', 'applied')"
            ))
            .await;
    }
    scene
        .execute(
            "update sync_jobs set finished_at = now() - interval '91 days'; \
             insert into sync_jobs (id, shop_id, kinds, operations, status, finished_at) \
             select gen_random_uuid(), id, '{orders}', '{}', 'failed', now() - interval '91 days' from shops; \
             insert into sync_jobs (id, shop_id, kinds, operations, status) \
             select gen_random_uuid(), id, '{customers}', '{}', 'running' from shops",
        )
        .await;
    scene.invoke("hourly").await.unwrap();
    let logs = "select shop_domain from webhook_logs order by received_at";
    assert_eq!(rows(&scene.pool, logs).await, ["young"]);
    // The last complete import is kept: since then, changes are known.
    let jobs = "select status from sync_jobs order by status";
    assert_eq!(rows(&scene.pool, jobs).await, ["completed", "running"]);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn an_import_that_nobody_carries_any_more_is_started_again(pool: PgPool) {
    let scene = Scene::new(pool).await;
    // Its message got lost; one of its executions; and nothing, for the last step was just now.
    scene
        .execute(
            "insert into sync_jobs (id, shop_id, kinds, operations, status, requested_at) \
             select gen_random_uuid(), id, '{customers}', '{customers}', 'queued', now() - interval '11 min' from shops; \
             insert into sync_jobs (id, shop_id, kinds, operations, status, requested_at, started_at) \
             select gen_random_uuid(), id, '{orders,products}', '{orders,products}', 'running', \
                 now() - interval '3 h', now() - interval '3 h' from shops; \
             insert into sync_operations (job_id, operation, phase, stepped_at) \
             select j.id, o.name, 'running', now() - o.age from sync_jobs j, \
                 (values ('orders', interval '2 h'), ('products', interval '50 min')) as o (name, age) \
             where status = 'running'",
        )
        .await;
    assert_eq!(scene.invoke("hourly").await.unwrap().revived, 2);
    assert_eq!(scene.carried().await, ["customers 0", "orders 1"]);
    // The one that was never started is told again until it is; the other has an hour.
    assert_eq!(scene.invoke("hourly").await.unwrap().revived, 1);
    scene.execute("update sync_jobs set requested_at = now()").await;
    assert_eq!(scene.invoke("hourly").await.unwrap().revived, 0);
    scene.execute("update sync_operations set stepped_at = now() - interval '61 min', phase = 'finished' where operation = 'products'").await;
    scene
        .execute("update sync_operations set stepped_at = now() - interval '61 min' where operation = 'orders'")
        .await;
    assert_eq!(scene.invoke("hourly").await.unwrap().revived, 1);
    assert_eq!(
        scene.carried().await,
        ["customers 0", "customers 0", "orders 1", "orders 2"]
    );
}
