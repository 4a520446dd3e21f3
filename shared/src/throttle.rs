//! The budget of every store, shared by all functions through Redis.
//!
//! Shopify pays all calls of the app to one store from one bucket of points. Here stands what is known of it: what the
//! last answers told, what was spent since, and what is reserved for the calls that are open. ARCHITECTURE.md says why
//! an answer that comes late does no harm.
//!
//! - All that is known of a store is in one hash slot, and nothing has a time to live. The clock is the Redis server's.
//! - A process that dies holds its points until the reservation runs out, no longer.
//! - What is lost with Redis is learnt again from the next answer.
//! - While Redis is away calls go on, and Shopify itself refuses what is too much.
//!
//! This module must not know what a call asks for, Postgres, or a queue: of `queue` it uses the connection only.

mod outage;

use std::sync::LazyLock;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use redis::{Cmd, Value};
use tokio::time::timeout;
use uuid::Uuid;

use crate::queue::{CLOCK, Error, Layout, Redis, Script};
use crate::shopify::{Budget, Call, Outcome, Priority, Reservation, ShopDomain, Taken};
use crate::telemetry::Chain;

use outage::Outage;

/// The smallest bucket of any plan, for a store that has told nothing yet.
const UNTOLD_MAXIMUM: u32 = 1_000;
/// And the slowest.
const UNTOLD_RATE: u32 = 50;
/// How long points are held for a call: longer than the client waits for an answer.
const HOLD: Duration = Duration::from_secs(30);
/// Calls to one store at once. Bounds what a script looks through.
const MOST_OPEN: u32 = 500;
/// Background calls that were refused for so long: one goes by the rules of the foreground.
const MOST_REFUSALS: Duration = Duration::from_secs(10);
/// A foreground call that was told to wait is expected so much later than it was told: a drain adds up to two seconds.
const EXPECTED_FOR: Duration = Duration::from_secs(2);
/// A background document that was told to wait keeps its turn so much longer: until its message is received again.
const TURN_KEPT_FOR: Duration = Duration::from_secs(5);
/// Redis answers within this, or counts as away.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is kept of one store.
///
/// | key | type | holds |
/// |---|---|---|
/// | `bucket` | hash | `maximum` and `rate` as told; `available` at the moment `at`; `spent`, by all calls ever; `refused_since`, of background calls; `expected_until`, of a foreground call |
/// | `waiting` | hash | of each background document that waits: `since points until` |
/// | `open` | sorted set | `id points spent-before` of each open call, by the time at which it is taken for dead |
static LAYOUT: Layout = Layout {
    keys: &["bucket", "open", "waiting"],
    parts: &[CLOCK, ("bucket", include_str!("throttle/bucket.lua"))],
};

static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("throttle/take.lua"), &LAYOUT));
static SETTLE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("throttle/settle.lua"), &LAYOUT));

/// Keeps the budgets of all stores.
#[derive(Debug)]
pub struct Throttle {
    redis: Redis,
    /// Of the caller's choosing, in ms since 1970, so that tests need not wait.
    now_ms: Option<u64>,
    outage: Outage,
}

impl Throttle {
    /// Touches no network.
    pub fn new(redis: Redis) -> Self {
        Self {
            redis,
            now_ms: None,
            outage: Outage::default(),
        }
    }

    /// The same budgets at a moment of the caller's choosing, in ms since 1970, so that tests need not wait.
    #[must_use]
    pub fn at(&self, now_ms: u64) -> Self {
        Self {
            now_ms: Some(now_ms),
            ..Self::new(self.redis.clone())
        }
    }

    /// Calls a script; none if Redis does not answer.
    async fn run(&self, script: &Script, shop: &ShopDomain, id: Uuid, arguments: impl Fn(&mut Cmd)) -> Option<i64> {
        if self.outage.lasts() {
            return None;
        }
        let keys = LAYOUT.keys.iter();
        let keys: Vec<String> = keys.map(|name| key(shop, name)).collect();
        let now = self.now_ms.map(|now| now.to_string()).unwrap_or_default();
        let call = script.run(&self.redis, &keys, |cmd| {
            cmd.arg(&now)
                .arg(UNTOLD_MAXIMUM)
                .arg(UNTOLD_RATE)
                .arg(HOLD.as_millis() as u64)
                .arg(id.simple().to_string());
            arguments(cmd);
        });
        let failure = match timeout(PATIENCE, call).await {
            Ok(answer) => match answer.and_then(number) {
                Ok(number) => return Some(number),
                Err(error) => Chain(&error).to_string(),
            },
            Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
        };
        if self.outage.begins() {
            tracing::warn!(
                error = failure,
                "the budgets of stores cannot be kept; calls to Shopify go on without"
            );
        }
        None
    }

    async fn reserve(&self, shop: &ShopDomain, call: Call<'_>) -> Taken {
        let reservation = Reservation {
            id: Uuid::new_v4(),
            points: call.points,
        };
        let answer = self.run(&TAKE, shop, reservation.id, |cmd| {
            cmd.arg(call.points)
                .arg(u8::from(call.priority == Priority::Background))
                .arg(MOST_OPEN)
                .arg(MOST_REFUSALS.as_millis() as u64)
                .arg(EXPECTED_FOR.as_millis() as u64)
                .arg(call.document)
                .arg(TURN_KEPT_FOR.as_millis() as u64);
        });
        match answer.await {
            None => Taken::Unknown,
            Some(wait_ms) => match u64::try_from(wait_ms) {
                Ok(wait_ms) => Taken::Wait(Duration::from_millis(wait_ms)),
                Err(_) => Taken::Reserved(reservation),
            },
        }
    }

    async fn release(&self, shop: &ShopDomain, reservation: Reservation, outcome: Outcome) {
        let settled = self.run(&SETTLE, shop, reservation.id, |cmd| {
            match outcome {
                Outcome::Told(told) => cmd
                    .arg(told.spent)
                    .arg(told.maximum)
                    .arg(told.restore_rate)
                    .arg(told.available),
                Outcome::NotRun => cmd.arg(0),
                Outcome::Unknown => cmd.arg(reservation.points),
            };
        });
        if settled.await == Some(0) {
            tracing::debug!(shop.domain = %shop, "a call was settled that nobody knew any more");
        }
    }
}

impl Budget for Throttle {
    fn take<'a>(&'a self, shop: &'a ShopDomain, call: Call<'a>) -> BoxFuture<'a, Taken> {
        self.reserve(shop, call).boxed()
    }

    fn settle<'a>(&'a self, shop: &'a ShopDomain, reservation: Reservation, outcome: Outcome) -> BoxFuture<'a, ()> {
        self.release(shop, reservation, outcome).boxed()
    }
}

/// A queue's name has no colon, so these keys are never a queue's.
fn key(shop: &ShopDomain, name: &str) -> String {
    format!("{{mercury:throttle:{shop}}}:v1:{name}")
}

fn number(answer: Value) -> Result<i64, Error> {
    match answer {
        Value::Int(number) => Ok(number),
        _ => Err(Error::Corrupt {
            what: "the answer of a budget",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_store_share_a_slot_and_no_queue_has_one() {
        let shop = ShopDomain::parse("demo.myshopify.com").unwrap();
        assert_eq!(key(&shop, "open"), "{mercury:throttle:demo.myshopify.com}:v1:open");
    }

    #[test]
    fn points_are_held_until_no_answer_can_come_any_more() {
        // The client gives up after 20 s.
        assert!(HOLD > Duration::from_secs(20));
    }
}
