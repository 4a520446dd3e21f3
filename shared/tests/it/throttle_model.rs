//! Random histories of calls to a store whose real bucket is watched, in virtual time: the budget never lets a call go
//! that the store would refuse, and after each step it would let nobody go for more than is there. Calls reach the store
//! late, answers come in any order or not at all, processes die.

use std::collections::HashMap;

use proptest::{prelude::*, test_runner::TestRunner};
use redis::aio::MultiplexedConnection;
use shared::shopify::{Budget, Outcome, Priority, Reservation, ShopDomain, Taken, Told};
use shared::throttle::Throttle;

use crate::queue_support::{T0, raw_for, settings};
use crate::throttle::{new_shop, throttle_on};

const MAXIMUM: f64 = 1_000.0;
const RATE: f64 = 50.0;
/// The client waits no longer for an answer, so the store has done whatever it does by then.
const LONGEST_CALL: u64 = 20_000;

#[derive(Debug, Clone)]
enum Step {
    /// Wants points.
    Take {
        points: u16,
        background: bool,
    },
    /// A call that was let go reaches the store. The numbers choose among those there are.
    Arrive {
        call: usize,
    },
    /// The store answers: of what was requested, so many hundredths were spent.
    Answer {
        call: usize,
        spent: u8,
    },
    /// The answer is noted.
    Settle {
        call: usize,
    },
    /// The answer is lost.
    Lose {
        call: usize,
    },
    /// The process dies.
    Die {
        call: usize,
    },
    Wait {
        ms: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..600_u16, any::<bool>()).prop_map(|(points, background)| Step::Take { points, background }),
        6 => any::<usize>().prop_map(|call| Step::Arrive { call }),
        6 => (any::<usize>(), 0..=100_u8).prop_map(|(call, spent)| Step::Answer { call, spent }),
        5 => any::<usize>().prop_map(|call| Step::Settle { call }),
        1 => any::<usize>().prop_map(|call| Step::Lose { call }),
        1 => any::<usize>().prop_map(|call| Step::Die { call }),
        4 => (1..3_000_u64).prop_map(|ms| Step::Wait { ms }),
        1 => (3_000..40_000_u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum At {
    /// Let go, not at the store yet.
    Way,
    /// At the store, which holds the points.
    Store,
    /// Answered.
    Back(Told),
}

#[derive(Debug, Clone, Copy)]
struct Call {
    reservation: Reservation,
    taken_at: u64,
    at: At,
    dead: bool,
}

struct Run {
    throttle: Throttle,
    shop: ShopDomain,
    now: u64,
    /// The real bucket.
    level: f64,
    calls: Vec<Call>,
}

impl Run {
    fn new() -> Self {
        Self {
            throttle: throttle_on(&settings()),
            shop: new_shop(),
            now: T0,
            level: MAXIMUM,
            calls: Vec::new(),
        }
    }

    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Take { points, background } => self.take(f64::from(points), background).await,
            Step::Arrive { call } => {
                if let Some(call) = self.pick(call, |call| call.at == At::Way) {
                    self.arrive(call);
                }
            }
            Step::Answer { call, spent } => {
                if let Some(call) = self.pick(call, |call| call.at == At::Store) {
                    self.answer(call, f64::from(spent) / 100.0);
                }
            }
            Step::Settle { call } => {
                if let Some(call) = self.pick(call, |call| matches!(call.at, At::Back(_)) && !call.dead) {
                    let Call { reservation, at, .. } = self.calls.swap_remove(call);
                    let At::Back(told) = at else { unreachable!("it is back") };
                    self.settle(reservation, Outcome::Told(told)).await;
                }
            }
            Step::Lose { call } => {
                if let Some(call) = self.pick(call, |call| matches!(call.at, At::Back(_)) && !call.dead) {
                    let call = self.calls.swap_remove(call);
                    self.settle(call.reservation, Outcome::Unknown).await;
                }
            }
            Step::Die { call } => {
                if let Some(call) = self.pick(call, |_| true) {
                    self.calls[call].dead = true;
                }
            }
            Step::Wait { ms } => self.wait(ms),
        }
    }

    async fn take(&mut self, points: f64, background: bool) {
        let priority = if background {
            Priority::Background
        } else {
            Priority::Foreground
        };
        let call = shared::shopify::Call {
            document: ["A", "B", "C"][self.calls.len() % 3],
            points,
            priority,
        };
        let taken = self.throttle.at(self.now).take(&self.shop, call).await;
        if let Taken::Reserved(reservation) = taken {
            self.calls.push(Call {
                reservation,
                taken_at: self.now,
                at: At::Way,
                dead: false,
            });
        }
    }

    async fn settle(&self, reservation: Reservation, outcome: Outcome) {
        self.throttle
            .at(self.now)
            .settle(&self.shop, reservation, outcome)
            .await;
    }

    fn arrive(&mut self, call: usize) {
        let points = self.calls[call].reservation.points;
        assert!(
            self.level >= points - 0.001,
            "the store refuses {points} points, {} are left",
            self.level
        );
        self.level -= points;
        self.calls[call].at = At::Store;
    }

    fn answer(&mut self, call: usize, share: f64) {
        let points = self.calls[call].reservation.points;
        let spent = (points * share).ceil();
        self.level = (self.level + points - spent).min(MAXIMUM);
        self.calls[call].at = At::Back(Told {
            maximum: MAXIMUM,
            restore_rate: RATE,
            // Whole points, as Shopify tells them.
            available: self.level.floor(),
            spent,
        });
    }

    /// Whatever the budget thinks is there is there.
    async fn check(&self, redis: &mut MultiplexedConnection) {
        let key = |name| format!("{{mercury:throttle:{}}}:v1:{name}", self.shop);
        let (known, open): (HashMap<String, f64>, Vec<String>) = redis::pipe()
            .cmd("HGETALL")
            .arg(key("bucket"))
            .cmd("ZRANGE")
            .arg(key("open"))
            .arg(0)
            .arg(-1)
            .query_async(redis)
            .await
            .unwrap();
        let Some(at) = known.get("at") else { return };
        let restored = RATE * (self.now as f64 - at) / 1_000.0;
        let points = |entry: &String| entry.split(' ').nth(1).unwrap().parse::<f64>().unwrap();
        let free = (known["available"] + restored).min(MAXIMUM) - open.iter().map(points).sum::<f64>();
        let coming = self.calls.iter().filter(|call| call.at == At::Way);
        let real = self.level - coming.map(|call| call.reservation.points).sum::<f64>();
        assert!(free <= real + 0.01, "{free} points seem to be free, {real} are");
    }

    /// Nobody calls any more but one, who wants the whole bucket and comes back when told. Says in how many ms it got it.
    async fn rest(&mut self) -> u64 {
        self.calls.iter_mut().for_each(|call| call.dead = true);
        let started = self.now;
        while self.now - started < 200_000 {
            let throttle = self.throttle.at(self.now);
            let all = shared::shopify::Call {
                document: "A",
                points: MAXIMUM,
                priority: Priority::Background,
            };
            match throttle.take(&self.shop, all).await {
                Taken::Wait(wait) => self.wait(wait.as_millis().max(400) as u64),
                _ => return self.now - started,
            }
        }
        u64::MAX
    }

    /// Time goes by, but no call is anywhere for longer than the client waits.
    fn wait(&mut self, ms: u64) {
        let until = self.now + ms;
        loop {
            let is_under_way = |call: &&Call| !matches!(call.at, At::Back(_));
            let due = self
                .calls
                .iter()
                .filter(is_under_way)
                .map(|call| call.taken_at + LONGEST_CALL)
                .min();
            let Some(due) = due.filter(|due| *due <= until) else {
                break;
            };
            self.pass(due);
            for call in 0..self.calls.len() {
                if self.calls[call].taken_at + LONGEST_CALL == due {
                    if self.calls[call].at == At::Way {
                        self.arrive(call);
                    }
                    if self.calls[call].at == At::Store {
                        self.answer(call, 1.0);
                    }
                }
            }
        }
        self.pass(until);
    }

    fn pass(&mut self, until: u64) {
        let seconds = until.saturating_sub(self.now) as f64 / 1_000.0;
        self.level = (self.level + RATE * seconds).min(MAXIMUM);
        self.now = self.now.max(until);
    }

    fn pick(&self, number: usize, is_meant: impl Fn(&Call) -> bool) -> Option<usize> {
        let meant: Vec<usize> = (0..self.calls.len())
            .filter(|call| is_meant(&self.calls[*call]))
            .collect();
        (!meant.is_empty()).then(|| meant[number % meant.len()])
    }
}

#[test]
fn in_no_history_does_the_store_refuse_a_call_and_after_a_rest_the_bucket_is_full() {
    let config = ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let histories = proptest::collection::vec(step(), 1..120);
    let ran = TestRunner::new(config).run(&histories, |steps| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut run = Run::new();
            let mut redis = raw_for(&settings(), &format!("{{mercury:throttle:{}}}", run.shop)).await;
            for step in &steps {
                run.step(step).await;
                run.check(&mut redis).await;
            }
            assert!(
                run.rest().await <= 90_000,
                "whoever comes back when told waits for ever"
            );
        });
        Ok(())
    });
    if let Err(error) = ran {
        panic!("{error}");
    }
}
