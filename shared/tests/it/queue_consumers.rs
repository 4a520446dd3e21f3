//! Consumers that race and crash, while messages are still being sent: every message is worked on exactly once in effect.
//!
//! `QUEUE_MESSAGES` is the number of messages, shared by the four tests; 20,000 if it is not set. For a million:
//!
//! ```text
//! QUEUE_MESSAGES=1000000 cargo test --release -p shared --test it queue_consumers -- --nocapture --test-threads 1
//! ```

use std::{
    collections::HashSet,
    sync::Mutex,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use shared::queue::{ChangeVisibility, MessageId, Policy, Queue, Redis, Send, Settled, Snooze};

use crate::{
    queue_audit::Audit,
    queue_support::{keys_of, queue_on, receipts, settings},
};

/// Short, so that what a crashed consumer held comes back soon; but a consumer that is alive keeps within it.
const TIMEOUT: Duration = Duration::from_secs(2);
const SENDERS: usize = 4;

/// What was done, and how it went.
#[derive(Default)]
struct Log {
    /// The messages whose deletion was confirmed: these took effect.
    effects: HashSet<MessageId>,
    received: usize,
    crashes: usize,
    /// Receipts that had become stale: somebody else has the message by then.
    stale: usize,
}

struct Scene {
    name: String,
    policy: Policy,
    log: Mutex<Log>,
    messages: usize,
}

impl Scene {
    /// The queue over a connection of one's own, as every process has.
    fn open(&self) -> Queue {
        let redis = Redis::new(&settings()).unwrap();
        Queue::new(redis, &self.name, self.policy).unwrap()
    }

    fn is_done(&self) -> bool {
        self.log.lock().unwrap().effects.len() == self.messages
    }

    async fn send(&self, seed: u64, count: usize) -> Vec<MessageId> {
        let mut rng = StdRng::seed_from_u64(seed);
        let queue = self.open();
        let mut sent = Vec::with_capacity(count);
        while sent.len() < count {
            let size = rng.random_range(1..=100).min(count - sent.len());
            let batch: Vec<Send> = (0..size).map(|n| message(&mut rng, n)).collect();
            queue.send_batch(&batch).await.unwrap();
            sent.extend(batch.iter().map(Send::message_id));
        }
        sent
    }

    async fn consume(&self, seed: u64) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut queue = self.open();
        while !self.is_done() {
            let max = rng.random_range(1..=30);
            let held = queue.receive(max, Duration::from_millis(100)).await.unwrap();
            self.log.lock().unwrap().received += held.len();
            let receipts = receipts(&held);
            match rng.random_range(0..100) {
                // Dies with all it holds, or with a part of it done.
                0..5 => {
                    let (done, _) = receipts.split_at(rng.random_range(0..=receipts.len()));
                    self.delete(&queue, done).await;
                    self.log.lock().unwrap().crashes += 1;
                    queue = self.open();
                }
                // Hangs for longer than it may, and goes on as if nothing had been.
                5 => {
                    tokio::time::sleep(TIMEOUT + Duration::from_millis(200)).await;
                    self.delete(&queue, &receipts).await;
                }
                6..9 => {
                    let (timeout, error) = (Duration::ZERO, Some("not now".to_owned()));
                    let change = |receipt| ChangeVisibility {
                        receipt,
                        timeout,
                        error: error.clone(),
                    };
                    let changes: Vec<_> = receipts.into_iter().map(change).collect();
                    queue.change_visibility(&changes).await.unwrap();
                }
                9..12 => {
                    let delay = Duration::from_millis(rng.random_range(0..500));
                    let snoozes: Vec<_> = receipts.into_iter().map(|receipt| Snooze { receipt, delay }).collect();
                    queue.snooze(&snoozes).await.unwrap();
                }
                _ => self.delete(&queue, &receipts).await,
            }
        }
    }

    async fn delete(&self, queue: &Queue, receipts: &[shared::queue::ReceiptHandle]) {
        let settled = queue.delete(receipts).await.unwrap();
        let mut log = self.log.lock().unwrap();
        for (receipt, settled) in receipts.iter().zip(settled) {
            let id = receipt.message_id();
            match settled {
                Settled::Done => assert!(log.effects.insert(id), "{id} took effect twice"),
                _ => log.stale += 1,
            }
        }
    }
}

/// Half have no group; of the others a third is of the same, loud one.
fn message(rng: &mut StdRng, number: usize) -> Send {
    let send = Send::new(format!("body {number}")).attribute("n", number.to_string());
    match rng.random_range(0..12) {
        0..6 => send,
        6..8 => send.group("loud"),
        _ => send.group(format!("shop-{}", rng.random_range(0..50))),
    }
}

async fn every_message_takes_effect_once(consumers: usize) {
    let messages: usize = std::env::var("QUEUE_MESSAGES").map_or(20_000, |count| count.parse().expect("a number"));
    let policy = Policy {
        visibility_timeout: TIMEOUT,
        max_receive_count: u32::MAX,
        ..Policy::default()
    };
    let each = messages / 4 / SENDERS;
    let queue = queue_on(&settings(), policy);
    let scene = Scene {
        name: queue.name().to_owned(),
        policy,
        log: Mutex::default(),
        messages: each * SENDERS,
    };
    let start = Instant::now();
    let senders = join_all((0..SENDERS).map(|n| scene.send(n as u64, each)));
    let consumers_done = join_all((0..consumers).map(|n| scene.consume(1_000 + n as u64)));
    let (sent, _) = tokio::join!(senders, consumers_done);
    let took = start.elapsed();

    let log = scene.log.into_inner().unwrap();
    let sent: HashSet<MessageId> = sent.into_iter().flatten().collect();
    assert!(log.effects == sent, "what took effect is not what was sent");
    let (left, dead) = Audit::of(&settings(), &queue).await.check(false).await;
    assert_eq!((left, dead), (0, 0));
    let attributes = queue.attributes().await.unwrap();
    assert_eq!(
        (
            attributes.visible,
            attributes.in_flight,
            attributes.delayed,
            attributes.bytes
        ),
        (0, 0, 0, 0)
    );
    // Places of messages deleted late go with the next receive.
    queue.receive(1, Duration::ZERO).await.unwrap();
    assert!(keys_of(&settings(), &queue).await.is_empty());
    println!(
        "{consumers} consumers: {} messages in {took:.1?}, {} received, {} crashes, {} stale receipts",
        sent.len(),
        log.received,
        log.crashes,
        log.stale
    );
}

macro_rules! laws {
    ($($name:ident: $consumers:literal,)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            Box::pin(every_message_takes_effect_once($consumers)).await;
        }
    )*};
}

laws! {
    two_consumers_that_crash_work_on_every_message_once: 2,
    four_consumers_that_crash_work_on_every_message_once: 4,
    eight_consumers_that_crash_work_on_every_message_once: 8,
    sixteen_consumers_that_crash_work_on_every_message_once: 16,
}
