//! What an invocation begins, by the very events that the schedule and an operator send.

use lambda_runtime::Error;
use reconcile::{Context, Event, Report, handle};
use shared::config::Environment;
use shared::message::{Body, QueueName, Reach, decode};
use shared::store::Store;
use sqlx::{AssertSqlSafe, PgPool};
use test_support::{Redis, SHOP, database_url, event_json, rows, store_with_shop};

struct Scene {
    pool: PgPool,
    redis: Redis,
    context: Context,
    _store: Store,
}

impl Scene {
    async fn new(pool: PgPool) -> Self {
        let (store, _) = store_with_shop(&pool).await;
        let redis = Redis::start().await;
        let context = Context::load(&Environment::from_values([
            ("REDIS_HOST", "127.0.0.1"),
            ("REDIS_PORT", redis.port().as_str()),
            ("DATABASE_URL", database_url(&pool).as_str()),
        ]))
        .unwrap();
        Self {
            pool,
            redis,
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
