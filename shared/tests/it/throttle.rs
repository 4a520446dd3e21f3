//! The laws of a store's budget, in virtual time.

use std::time::{Duration, Instant};

use shared::queue::{Redis, Settings};
use shared::shopify::{Budget, Call, Outcome, Priority, Reservation, ShopDomain, Taken, Told};
use shared::throttle::Throttle;
use uuid::Uuid;

use crate::queue_proxy::{Cut, Plan, Proxy};
use crate::queue_servers::cluster;
use crate::queue_support::{T0, free_port, raw_for, settings};

use Priority::{Background, Foreground};

const SECOND: u64 = 1_000;

/// A store of which nobody has heard.
pub fn new_shop() -> ShopDomain {
    ShopDomain::parse(&format!("t{}.myshopify.com", Uuid::new_v4().simple())).unwrap()
}

pub fn throttle_on(settings: &Settings) -> Throttle {
    Throttle::new(Redis::new(settings).unwrap())
}

/// The budget of one store.
struct Scene {
    throttle: Throttle,
    shop: ShopDomain,
}

impl Scene {
    fn new() -> Self {
        Self::on(&settings())
    }

    fn on(settings: &Settings) -> Self {
        Self {
            throttle: throttle_on(settings),
            shop: new_shop(),
        }
    }

    /// A store whose bucket holds 1,000 points, regains 50 a second, and has told at `T0` that so many are left.
    async fn with(available: f64) -> Self {
        let scene = Self::new();
        let call = scene.reserve(0, 1.0).await;
        scene.settle(0, call, told(available, 1.0)).await;
        scene
    }

    async fn take(&self, at_ms: u64, points: f64, priority: Priority) -> Taken {
        self.take_for(at_ms, "A", points, priority).await
    }

    async fn take_for(&self, at_ms: u64, document: &str, points: f64, priority: Priority) -> Taken {
        let call = Call {
            document,
            points,
            priority,
        };
        self.throttle.at(T0 + at_ms).take(&self.shop, call).await
    }

    async fn reserve(&self, at_ms: u64, points: f64) -> Reservation {
        match self.take(at_ms, points, Foreground).await {
            Taken::Reserved(reservation) => reservation,
            other => panic!("{points} points at {at_ms} ms: {other:?}"),
        }
    }

    async fn settle(&self, at_ms: u64, reservation: Reservation, outcome: Outcome) {
        self.throttle
            .at(T0 + at_ms)
            .settle(&self.shop, reservation, outcome)
            .await;
    }

    /// Takes all that is left, which must be so much.
    async fn left(&self, at_ms: u64, points: f64) -> Reservation {
        let all = self.reserve(at_ms, points).await;
        let more = self.take(at_ms, 1.0, Foreground).await;
        assert!(
            matches!(more, Taken::Wait(_)),
            "more than {points} points at {at_ms} ms: {more:?}"
        );
        all
    }
}

const ONE: Call<'static> = Call {
    document: "A",
    points: 1.0,
    priority: Foreground,
};

fn told(available: f64, spent: f64) -> Outcome {
    Outcome::Told(Told {
        maximum: 1_000.0,
        restore_rate: 50.0,
        available,
        spent,
    })
}

fn is_reserved(taken: Taken) -> bool {
    matches!(taken, Taken::Reserved(_))
}

#[tokio::test]
async fn a_store_that_has_told_nothing_is_thought_to_have_the_smallest_bucket() {
    Scene::new().left(0, 1_000.0).await;
}

#[tokio::test]
async fn open_calls_never_hold_more_than_there_is_and_who_must_wait_is_told_how_long() {
    let scene = Scene::with(300.0).await;
    scene.reserve(0, 200.0).await;
    // What is reserved may come back at any moment.
    assert_eq!(scene.take(0, 101.0, Foreground).await, Taken::Wait(Duration::ZERO));
    assert_eq!(
        scene.take(0, 400.0, Foreground).await,
        Taken::Wait(Duration::from_secs(2))
    );
    scene.left(0, 100.0).await;
}

#[tokio::test]
async fn points_are_restored_up_to_the_size_of_the_bucket() {
    Scene::with(0.0).await.left(3 * SECOND, 150.0).await;
    Scene::with(900.0).await.left(3_600 * SECOND, 1_000.0).await;
}

#[tokio::test]
async fn what_a_call_did_not_spend_comes_back_with_its_answer() {
    let scene = Scene::with(1_000.0).await;
    let call = scene.reserve(0, 700.0).await;
    scene.settle(100, call, told(980.0, 20.0)).await;
    scene.left(100, 980.0).await;
}

#[tokio::test]
async fn a_store_with_another_bucket_is_believed() {
    let scene = Scene::new();
    let call = scene.reserve(0, 10.0).await;
    let plus = Told {
        maximum: 20_000.0,
        restore_rate: 1_000.0,
        available: 5_000.0,
        spent: 10.0,
    };
    scene.settle(0, call, Outcome::Told(plus)).await;
    let call = scene.left(SECOND, 6_000.0).await;
    let less = Told {
        maximum: 100.0,
        restore_rate: 10.0,
        available: 90.0,
        spent: 10.0,
    };
    scene.settle(SECOND, call, Outcome::Told(less)).await;
    scene.left(3_600 * SECOND, 100.0).await;
}

#[tokio::test]
async fn an_answer_that_comes_late_does_not_bring_back_what_was_spent_since() {
    let scene = Scene::with(1_000.0).await;
    let slow = scene.reserve(0, 100.0).await;
    let quick = scene.reserve(0, 500.0).await;
    // The store answers the slow call first, when all but its points were there; that answer is long on its way.
    scene.settle(100, quick, told(400.0, 500.0)).await;
    scene.settle(200, slow, told(900.0, 100.0)).await;
    scene.left(200, 400.0).await;
}

#[tokio::test]
async fn an_answer_does_not_say_what_open_calls_will_take() {
    let scene = Scene::with(1_000.0).await;
    let first = scene.reserve(0, 10.0).await;
    let _open = scene.reserve(0, 600.0).await;
    // Nobody can say whether the open call is in there already.
    scene.settle(0, first, told(990.0, 10.0)).await;
    scene.left(0, 390.0).await;
}

#[tokio::test]
async fn one_refusal_of_the_store_teaches_everybody() {
    let scene = Scene::new();
    let refused = scene.reserve(0, 500.0).await;
    scene.settle(0, refused, told(30.0, 0.0)).await;
    scene.left(0, 30.0).await;
}

#[tokio::test]
async fn a_call_whose_answer_is_lost_spent_all_it_reserved() {
    let scene = Scene::with(1_000.0).await;
    let call = scene.reserve(0, 600.0).await;
    scene.settle(SECOND, call, Outcome::Unknown).await;
    scene.left(SECOND, 400.0).await;
}

#[tokio::test]
async fn a_call_that_did_not_run_spent_nothing() {
    let scene = Scene::with(1_000.0).await;
    let call = scene.reserve(0, 600.0).await;
    scene.settle(0, call, Outcome::NotRun).await;
    scene.left(0, 1_000.0).await;
}

#[tokio::test]
async fn the_points_of_a_process_that_died_come_back() {
    let scene = Scene::with(1_000.0).await;
    scene.reserve(0, 900.0).await;
    // It may still be at work.
    scene.left(29 * SECOND, 100.0).await;
    let scene = Scene::with(1_000.0).await;
    scene.reserve(0, 900.0).await;
    scene.left(31 * SECOND, 100.0).await;
    let scene = Scene::with(1_000.0).await;
    scene.reserve(0, 900.0).await;
    // Taken for dead at the next look, its points are spent; then they are restored like any.
    assert!(is_reserved(scene.take(30 * SECOND, 1.0, Foreground).await));
    assert!(is_reserved(scene.take(50 * SECOND, 990.0, Foreground).await));
}

#[tokio::test]
async fn whoever_was_taken_for_dead_and_answers_late_adds_nothing() {
    let scene = Scene::with(1_000.0).await;
    let late = scene.reserve(0, 500.0).await;
    let other = scene.reserve(31 * SECOND, 1.0).await;
    scene.settle(31 * SECOND, other, told(100.0, 1.0)).await;
    scene.settle(31 * SECOND, late, told(1_000.0, 500.0)).await;
    scene.left(31 * SECOND, 100.0).await;
}

#[tokio::test]
async fn the_background_leaves_half_of_the_bucket() {
    let scene = Scene::with(600.0).await;
    assert_eq!(
        scene.take(0, 150.0, Background).await,
        Taken::Wait(Duration::from_secs(1))
    );
    assert!(is_reserved(scene.take(0, 100.0, Background).await));
    assert!(is_reserved(scene.take(0, 500.0, Foreground).await));
}

#[tokio::test]
async fn a_background_call_that_is_dearer_than_half_of_the_bucket_goes_when_it_is_full() {
    let scene = Scene::with(990.0).await;
    assert!(!is_reserved(scene.take(0, 900.0, Background).await));
    assert!(is_reserved(scene.take(SECOND, 900.0, Background).await));
    let scene = Scene::with(1_000.0).await;
    // Dearer than all of it, for all we know: the store decides.
    assert!(is_reserved(scene.take(0, 5_000.0, Background).await));
}

#[tokio::test]
async fn the_background_waits_while_somebody_in_the_foreground_was_told_to() {
    let scene = Scene::with(650.0).await;
    assert_eq!(
        scene.take(0, 700.0, Foreground).await,
        Taken::Wait(Duration::from_secs(1))
    );
    // Else small background calls would keep the bucket below what the large one needs.
    assert!(!is_reserved(scene.take(500, 10.0, Background).await));
    scene.reserve(SECOND, 700.0).await;
    // It was expected for some time only.
    assert!(is_reserved(scene.take(30 * SECOND, 10.0, Background).await));
}

#[tokio::test]
async fn the_background_is_not_starved_by_a_foreground_that_never_rests() {
    let scene = Scene::with(400.0).await;
    let mut waited = Vec::new();
    for second in 0..30 {
        // All that is restored is spent at once.
        let busy = scene.reserve(second * SECOND, 50.0).await;
        scene.settle(second * SECOND, busy, told(350.0, 50.0)).await;
        assert!(!is_reserved(scene.take(second * SECOND, 900.0, Foreground).await));
        if let Taken::Reserved(background) = scene.take(second * SECOND, 10.0, Background).await {
            scene.settle(second * SECOND, background, told(350.0, 10.0)).await;
            waited.push(second);
        }
    }
    assert_eq!(waited, [10, 21], "one in ten seconds, and no more");
}

/// Calls of the background whose documents are asked for again and again, for so many seconds. How often each went.
async fn compete(documents: &[(&str, f64)], seconds: u64) -> Vec<u32> {
    let scene = Scene::with(500.0).await;
    let mut went = vec![0; documents.len()];
    let mut next = vec![0; documents.len()];
    for at in (0..seconds * SECOND).step_by(100) {
        for (place, (document, points)) in documents.iter().enumerate() {
            if at < next[place] {
                continue;
            }
            next[place] = match scene.take_for(at, document, *points, Background).await {
                Taken::Reserved(call) => {
                    scene.settle(at, call, Outcome::Unknown).await;
                    went[place] += 1;
                    at
                }
                // The first has a process that waits; the others' messages come back later.
                Taken::Wait(wait) => at + wait.as_millis() as u64 + if place == 0 { 0 } else { 1_500 },
                Taken::Unknown => panic!("Redis is away"),
            };
        }
    }
    went
}

#[tokio::test]
async fn background_documents_take_turns_whatever_they_cost_and_who_asks_most() {
    let went = compete(&[("A", 170.0), ("B", 200.0), ("C", 13.0)], 200).await;
    assert!(went.iter().all(|times| *times >= 20), "{went:?}");
    // Nothing that is restored is left unused for it.
    let spent = f64::from(went[0]) * 170.0 + f64::from(went[1]) * 200.0 + f64::from(went[2]) * 13.0;
    assert!(spent >= 0.95 * 200.0 * 50.0, "{went:?} spent {spent}");
}

#[tokio::test]
async fn a_document_that_is_asked_for_no_more_has_no_turn() {
    let scene = Scene::with(500.0).await;
    assert!(!is_reserved(scene.take_for(0, "A", 300.0, Background).await));
    // In five seconds 250 points are restored.
    assert!(!is_reserved(scene.take_for(5 * SECOND, "B", 100.0, Background).await));
    assert!(is_reserved(scene.take_for(12 * SECOND, "B", 100.0, Background).await));
}

#[tokio::test]
async fn stores_do_not_share() {
    let (one, other) = (Scene::with(1_000.0).await, Scene::with(1_000.0).await);
    one.reserve(0, 1_000.0).await;
    other.left(0, 1_000.0).await;
}

#[tokio::test]
async fn the_calls_that_are_open_at_once_are_bounded() {
    let scene = Scene::new();
    let call = scene.reserve(0, 1.0).await;
    let plus = Told {
        maximum: 20_000.0,
        restore_rate: 1_000.0,
        available: 20_000.0,
        spent: 1.0,
    };
    scene.settle(0, call, Outcome::Told(plus)).await;
    for _ in 0..500 {
        scene.reserve(0, 1.0).await;
    }
    assert!(!is_reserved(scene.take(0, 1.0, Foreground).await));
    scene.reserve(31 * SECOND, 1.0).await;
}

#[tokio::test]
async fn a_clock_that_goes_back_holds_nobody_up() {
    let scene = Scene::with(500.0).await;
    scene.reserve(3_600 * SECOND, 900.0).await;
    assert!(!is_reserved(scene.take(3_600 * SECOND, 900.0, Background).await));
    assert!(!is_reserved(scene.take(3_600 * SECOND, 900.0, Foreground).await));
    // An hour earlier: what was reserved and promised then is over.
    scene.left(0, 100.0).await;
    assert!(is_reserved(scene.take(60 * SECOND, 10.0, Background).await));
}

#[tokio::test]
async fn nothing_is_taken_twice_when_redis_answers_into_the_void() {
    let proxy = Proxy::start(&settings()).await;
    let redis = Redis::new(&proxy.settings).unwrap();
    // A connection that was never used is not repeated on.
    redis.ping().await.unwrap();
    let scene = Scene {
        throttle: Throttle::new(redis),
        shop: new_shop(),
    };
    let plan = Plan {
        cut: Cut::Answer,
        after: 0,
        times: 1,
    };
    proxy.break_by(plan);
    let call = scene.reserve(0, 600.0).await;
    assert_eq!(proxy.mend(), 0);
    let other = scene.left(0, 400.0).await;
    proxy.break_by(plan);
    scene.settle(0, call, told(900.0, 100.0)).await;
    assert_eq!(proxy.mend(), 0);
    scene.settle(0, other, told(890.0, 10.0)).await;
    // The first call may be in there already, so it is counted once more.
    scene.left(0, 790.0).await;
}

#[tokio::test]
async fn no_key_has_a_time_to_live_and_a_store_at_rest_has_one() {
    let scene = Scene::with(1_000.0).await;
    let call = scene.reserve(0, 10.0).await;
    assert!(!is_reserved(scene.take(0, 1_000.0, Background).await));
    let keys = ["bucket", "open", "waiting"].map(|name| format!("{{mercury:throttle:{}}}:v1:{name}", scene.shop));
    let mut redis = raw_for(&settings(), &keys[0]).await;
    for key in &keys {
        let ttl: i64 = redis::cmd("TTL").arg(key).query_async(&mut redis).await.unwrap();
        assert_eq!(ttl, -1, "{key}");
    }
    scene.settle(0, call, told(1_000.0, 10.0)).await;
    let last = scene.take(SECOND, 1_000.0, Background).await;
    let Taken::Reserved(last) = last else {
        panic!("{last:?}")
    };
    scene.settle(SECOND, last, Outcome::NotRun).await;
    let there: Vec<bool> = redis::pipe()
        .exists(&keys[0])
        .exists(&keys[1])
        .exists(&keys[2])
        .query_async(&mut redis)
        .await
        .unwrap();
    assert_eq!(there, [true, false, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budgets_of_stores_lie_anywhere_in_a_cluster() {
    let nodes = cluster().await;
    let mut settings = nodes[0].settings();
    settings.cluster = true;
    for _ in 0..12 {
        let scene = Scene::on(&settings);
        let call = scene.reserve(0, 700.0).await;
        scene.settle(0, call, told(500.0, 100.0)).await;
        scene.left(0, 500.0).await;
    }
}

#[tokio::test]
async fn without_redis_nobody_is_held_up() {
    let throttle = throttle_on(&Settings::new("127.0.0.1", free_port()));
    let started = Instant::now();
    for _ in 0..1_000 {
        let taken = throttle.take(&new_shop(), ONE).await;
        assert_eq!(taken, Taken::Unknown);
    }
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_redis_that_hangs_holds_one_call_up_for_a_moment_and_the_next_not_at_all() {
    let proxy = Proxy::start(&settings()).await;
    let redis = Redis::new(&proxy.settings).unwrap();
    redis.ping().await.unwrap();
    let throttle = Throttle::new(redis);
    proxy.shut();
    let started = Instant::now();
    assert_eq!(throttle.take(&new_shop(), ONE).await, Taken::Unknown);
    assert!(started.elapsed() < Duration::from_secs(3));
    let started = Instant::now();
    assert_eq!(throttle.take(&new_shop(), ONE).await, Taken::Unknown);
    assert!(started.elapsed() < Duration::from_millis(100));
}
