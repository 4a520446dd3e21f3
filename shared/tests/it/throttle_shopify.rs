//! The budget over real HTTP: many clients of one small store, which never has to refuse.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fake_shopify::{Config, Fault, Server};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use shared::queue::Settings;
use shared::shopify::{
    Budget, Call, Client, Error, Gid, Outcome, PRODUCT_EXTRAS, Position, Priority, Reservation, ShopDomain, Taken,
    Told, fetchable_kinds,
};
use shared::throttle::Throttle;
use shared::walk::WALKS;

use crate::import_support::client;
use crate::queue_support::{free_port, settings};
use crate::throttle::{new_shop, throttle_on};

/// A store that nobody else calls, with a bucket of this size and this many points a second.
async fn store(bucket: (f64, f64)) -> (Server, ShopDomain) {
    let shop = new_shop();
    let config = Config {
        shop: shop.to_string(),
        token: "token".to_owned(),
        products: 20,
        bucket,
        ..Config::default()
    };
    (Server::start(config).await.unwrap(), shop)
}

/// A budget that adds up what was spent.
#[derive(Debug)]
struct Watched {
    throttle: Throttle,
    spent: Arc<Mutex<f64>>,
}

impl Budget for Watched {
    fn take<'a>(&'a self, shop: &'a ShopDomain, call: Call<'a>) -> BoxFuture<'a, Taken> {
        self.throttle.take(shop, call)
    }

    fn settle<'a>(&'a self, shop: &'a ShopDomain, call: Reservation, outcome: Outcome) -> BoxFuture<'a, ()> {
        if let Outcome::Told(told) = outcome {
            *self.spent.lock().unwrap() += told.spent;
        }
        self.throttle.settle(shop, call, outcome)
    }
}

/// A client as a process of its own has it.
fn process(server: &Server) -> Client {
    process_watched(server, &Arc::default())
}

fn process_watched(server: &Server, spent: &Arc<Mutex<f64>>) -> Client {
    client(server).with_budget(Arc::new(Watched {
        throttle: throttle_on(&settings()),
        spent: Arc::clone(spent),
    }))
}

/// A budget that grants everything and notes how much was asked for.
#[derive(Debug, Default)]
struct Asked(Mutex<Vec<f64>>);

impl Budget for Asked {
    fn take<'a>(&'a self, _: &'a ShopDomain, call: Call<'a>) -> BoxFuture<'a, Taken> {
        self.0.lock().unwrap().push(call.points);
        std::future::ready(Taken::Unknown).boxed()
    }

    fn settle<'a>(&'a self, _: &'a ShopDomain, _: Reservation, _: Outcome) -> BoxFuture<'a, ()> {
        unreachable!("nothing was reserved")
    }
}

fn in_front(points: f64) -> Call<'static> {
    Call {
        document: "Product",
        points,
        priority: Priority::Foreground,
    }
}

fn product(server: &Server) -> Gid {
    Gid::new("Product", server.products(None)[0].0)
}

/// Fetches until the time is up; a call that is put off is made again when it was told. Says how many were answered.
async fn work(client: Client, shop: &ShopDomain, gid: &Gid, until: Instant) -> usize {
    let mut answered = 0;
    while Instant::now() < until {
        match client.fetch(shop, "token", gid).await {
            Ok(_) => answered += 1,
            Err(Error::Throttled { retry_after }) => tokio::time::sleep(retry_after).await,
            Err(error) => panic!("{error}"),
        }
    }
    answered
}

fn refusals(server: &Server) -> usize {
    server.requests(None).iter().filter(|request| request.errors).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_together_never_have_a_store_refuse_and_use_what_it_has() {
    let (server, shop) = store((1_000.0, 400.0)).await;
    let gid = product(&server);
    let spent = Arc::default();
    let until = Instant::now() + Duration::from_secs(3);
    let workers = (0..12).map(|number| {
        let process = process_watched(&server, &spent);
        let client = if number < 6 { process.background() } else { process };
        work(client, &shop, &gid, until)
    });
    let answered: usize = join_all(workers).await.into_iter().sum();
    assert_eq!(refusals(&server), 0);
    assert_eq!(server.requests(None).len(), answered);
    let spent = *spent.lock().unwrap();
    assert!(spent > 1_300.0, "only {spent} of some 2,200 points were used");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_smaller_than_any_is_known_after_one_answer() {
    let (server, shop) = store((400.0, 200.0)).await;
    let gid = product(&server);
    process(&server).fetch(&shop, "token", &gid).await.unwrap();
    let until = Instant::now() + Duration::from_secs(3);
    let workers = (0..8).map(|_| work(process(&server), &shop, &gid, until));
    let answered: usize = join_all(workers).await.into_iter().sum();
    assert!(answered > 3, "{answered}");
    assert_eq!(refusals(&server), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_somebody_waits_for_goes_before_any_number_in_the_background() {
    let (server, shop) = store((1_000.0, 100.0)).await;
    let gid = product(&server);
    let until = Instant::now() + Duration::from_secs(4);
    let workers = (0..8).map(|_| work(process(&server).background(), &shop, &gid, until));
    let foreground = async {
        // By now the background has spent all that it may.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let client = process(&server);
        for _ in 0..3 {
            let asked = Instant::now();
            client.fetch(&shop, "token", &gid).await.unwrap();
            assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
        }
    };
    let (answered, ()) = tokio::join!(join_all(workers), foreground);
    let answered: usize = answered.into_iter().sum();
    // The upper half of the bucket and what came back, 35 points each.
    assert!((10..28).contains(&answered), "{answered}");
    assert_eq!(refusals(&server), 0);
}

#[tokio::test]
async fn no_document_of_ours_is_dearer_than_it_is_thought_to_be_before_its_first_answer() {
    let (server, shop) = store((1e9, 1e9)).await;
    let asked = Arc::new(Asked::default());
    let client = client(&server).with_budget(Arc::clone(&asked) as Arc<dyn Budget>);
    let mut names = Vec::new();
    for kind in fetchable_kinds().chain([PRODUCT_EXTRAS]) {
        for _ in 0..2 {
            client.fetch(&shop, "token", &Gid::new(kind, 1)).await.unwrap();
        }
        names.push(kind);
    }
    for walk in &WALKS {
        let from = Position::Id { since: None, after: 0 };
        for _ in 0..2 {
            client.list(&shop, "token", &walk.list, from).await.unwrap();
        }
        names.push(walk.name);
    }
    for _ in 0..2 {
        client.find_bulk_operation(&shop, "token", "none").await.unwrap();
    }
    names.push("operations");
    let asked = asked.0.lock().unwrap();
    for (name, points) in names.iter().zip(asked.chunks(2)) {
        let &[thought, known] = points else {
            panic!("{name}: {points:?}")
        };
        assert!(
            known <= thought,
            "{name} costs {known} points and was thought to cost {thought}"
        );
    }
    assert_eq!(asked.len(), names.len() * 2);
}

#[tokio::test]
async fn a_call_for_which_there_are_no_points_soon_is_put_off_and_never_sent() {
    let (server, shop) = store((1_000.0, 100.0)).await;
    let gid = product(&server);
    let throttle = throttle_on(&settings());
    let open = throttle.take(&shop, in_front(1_000.0)).await;
    let Taken::Reserved(open) = open else {
        panic!("{open:?}")
    };
    let client = process(&server);
    let asked = Instant::now();
    let error = client.fetch(&shop, "token", &gid).await.err().unwrap();
    assert!(error.is_transient() && error.retry_after().is_some(), "{error}");
    // It looked for a moment whether the points come back.
    assert!(asked.elapsed() > Duration::from_secs(1), "{:?}", asked.elapsed());
    let slow = Told {
        maximum: 1_000.0,
        restore_rate: 1.0,
        available: 0.0,
        spent: 1_000.0,
    };
    throttle.settle(&shop, open, Outcome::Told(slow)).await;
    let asked = Instant::now();
    let error = client.fetch(&shop, "token", &gid).await.err().unwrap();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
    // To wait is no use, but nobody rushes through a queue of such calls.
    let took = asked.elapsed();
    assert!(
        took > Duration::from_millis(200) && took < Duration::from_secs(1),
        "{took:?}"
    );
    assert!(server.requests(None).is_empty());
}

#[tokio::test]
async fn a_short_wait_is_slept_and_the_call_is_answered() {
    let (server, shop) = store((1_000.0, 400.0)).await;
    let gid = product(&server);
    let throttle = throttle_on(&settings());
    let Taken::Reserved(call) = throttle.take(&shop, in_front(1.0)).await else {
        panic!("no points")
    };
    let empty = Told {
        maximum: 1_000.0,
        restore_rate: 400.0,
        available: 0.0,
        spent: 1.0,
    };
    throttle.settle(&shop, call, Outcome::Told(empty)).await;
    let asked = Instant::now();
    process(&server).fetch(&shop, "token", &gid).await.unwrap();
    assert!(asked.elapsed() > Duration::from_millis(400), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_refusal_of_the_store_holds_the_others_back() {
    let (server, shop) = store((1_000.0, 1.0)).await;
    let gid = product(&server);
    // Somebody else, who keeps no budget, empties the bucket.
    let reckless = client(&server);
    while reckless.fetch(&shop, "token", &gid).await.is_ok() {}
    assert_eq!(refusals(&server), 1);
    // One learns that the hard way, and then everybody knows.
    let error = process(&server).fetch(&shop, "token", &gid).await.err().unwrap();
    assert!(error.retry_after().is_some(), "{error}");
    assert_eq!(refusals(&server), 2);
    let others = (0..8).map(|_| async { process(&server).fetch(&shop, "token", &gid).await.err() });
    let put_off = join_all(others)
        .await
        .into_iter()
        .flatten()
        .filter_map(|error| error.retry_after());
    assert_eq!(put_off.count(), 8);
    assert_eq!(refusals(&server), 2);
}

#[tokio::test]
async fn calls_that_a_store_never_ran_cost_nothing() {
    let (server, shop) = store((1_000.0, 1.0)).await;
    let gid = product(&server);
    let client = process(&server);
    for _ in 0..10 {
        let error = client.fetch(&shop, "another token", &gid).await.err().unwrap();
        assert!(matches!(error, Error::Unauthorized { .. }), "{error}");
    }
    client.fetch(&shop, "token", &gid).await.unwrap();
}

#[tokio::test]
async fn without_redis_calls_go_on() {
    let (server, shop) = store((1_000.0, 100.0)).await;
    let gid = product(&server);
    let nobody = Settings::new("127.0.0.1", free_port());
    let client = client(&server).with_budget(Arc::new(throttle_on(&nobody)));
    for _ in 0..3 {
        client.fetch(&shop, "token", &gid).await.unwrap();
    }
    server.fault("ProductById", Fault::Throttled, 1).unwrap();
    let error = client.fetch(&shop, "token", &gid).await.err().unwrap();
    assert!(error.retry_after().is_some(), "{error}");
}
