//! What a drain does when a store has no points left.

use std::time::Duration;

use fake_shopify::Server;
use shared::carrier::{carry, in_background};
use shared::message::QueueName;
use shared::queue::State;
use shared::shopify::{Budget, Outcome, Reservation, Taken, Told};
use shared::throttle::Throttle;
use sqlx::PgPool;
use test_support::{call, shop, shopify, store_with_shop};

use crate::resource;
use crate::support::Drain;

struct Scene {
    drain: Drain,
    server: Server,
    /// As another function sees it.
    throttle: Throttle,
}

impl Scene {
    async fn start(pool: &PgPool) -> Self {
        store_with_shop(pool).await;
        let server = shopify(5).await;
        let drain = Drain::start_with(pool, [("SHOPIFY_ADMIN_URL", &server.admin_url())]).await;
        let throttle = Throttle::new(drain.redis.client());
        Self {
            drain,
            server,
            throttle,
        }
    }

    /// Another function takes points of the store.
    async fn take(&self, points: f64) -> Reservation {
        match self.throttle.take(&shop(), call(points)).await {
            Taken::Reserved(reservation) => reservation,
            other => panic!("{other:?}"),
        }
    }

    fn fetches(&self) -> usize {
        self.server.requests(Some("ProductById")).len()
    }
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_fetch_that_must_wait_for_points_is_snoozed_and_its_receive_does_not_count(pool: PgPool) {
    let scene = Scene::start(&pool).await;
    let (id, _) = scene.server.products(None).remove(0);
    let everything = scene.take(1_000.0).await;
    scene.drain.send(QueueName::ProductSync, &resource("Product", id)).await;
    let report = scene.drain.run(QueueName::ProductSync).await;
    assert_eq!((report.received, report.snoozed), (1, 1), "{report:?}");
    assert_eq!(scene.fetches(), 0);
    let queue = scene.drain.redis.queue(QueueName::ProductSync);
    let waiting = queue.peek(0, 10).await.unwrap().items;
    assert_eq!((waiting[0].receive_count, waiting[0].state), (0, State::Delayed));
    scene.throttle.settle(&shop(), everything, Outcome::NotRun).await;
    scene.drain.run_until_empty(QueueName::ProductSync).await;
    assert_eq!(scene.fetches(), 1);
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn what_an_import_wants_fetched_leaves_points_to_what_somebody_waits_for(pool: PgPool) {
    let scene = Scene::start(&pool).await;
    let products = scene.server.products(None);
    let half = scene.take(1.0).await;
    let told = Told {
        maximum: 1_000.0,
        restore_rate: 1.0,
        available: 500.0,
        spent: 1.0,
    };
    scene.throttle.settle(&shop(), half, Outcome::Told(told)).await;
    let queue = scene.drain.redis.queue(QueueName::ProductSync);
    let patient = in_background(carry(&resource("Product", products[0].0)));
    queue.send(&patient).await.unwrap();
    let report = scene.drain.run(QueueName::ProductSync).await;
    assert_eq!(
        (report.received, report.snoozed, scene.fetches()),
        (1, 1, 0),
        "{report:?}"
    );
    queue.send(&carry(&resource("Product", products[1].0))).await.unwrap();
    let report = scene.drain.run(QueueName::ProductSync).await;
    assert_eq!((report.deleted, scene.fetches()), (1, 1), "{report:?}");
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn a_queue_of_calls_that_must_wait_is_not_rushed_through(pool: PgPool) {
    let scene = Scene::start(&pool).await;
    let call = scene.take(1.0).await;
    let told = Told {
        maximum: 1_000.0,
        restore_rate: 1.0,
        available: 0.0,
        spent: 1.0,
    };
    scene.throttle.settle(&shop(), call, Outcome::Told(told)).await;
    for id in 1..=200 {
        scene.drain.send(QueueName::ProductSync, &resource("Product", id)).await;
    }
    // Two workers for two seconds.
    let report = scene
        .drain
        .run_for(QueueName::ProductSync, Duration::from_secs(10))
        .await;
    assert_eq!(report.received, report.snoozed);
    assert!((4..40).contains(&report.received), "{report:?}");
    assert_eq!(scene.fetches(), 0);
}
