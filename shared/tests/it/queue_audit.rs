//! What must hold between the keys of a queue at every moment, read past the module under test: every message is in one
//! place, every counter is what a recount says, and every group that can be received from is looked at.

use std::collections::{BTreeMap, BTreeSet};

use redis::{FromRedisValue, Value, aio::MultiplexedConnection, from_redis_value};
use shared::queue::{Queue, Settings};

use crate::queue_support::raw_for;

type Scores = Vec<(String, f64)>;
type Bytes = BTreeMap<String, Vec<u8>>;
type Counts = BTreeMap<String, i64>;

/// A look into one queue.
pub struct Audit {
    connection: MultiplexedConnection,
    prefix: String,
}

/// All that a queue and its dead-letter queue hold.
struct Stored {
    ready: BTreeSet<String>,
    bodies: Bytes,
    in_flight: Scores,
    delayed: Scores,
    receives: Counts,
    snoozes: Counts,
    errors: Bytes,
    aged: Scores,
    dead: Scores,
    dead_bodies: Bytes,
    places: BTreeMap<String, String>,
    grouped: BTreeSet<String>,
    ring: BTreeSet<String>,
    busy: Counts,
    paused: BTreeSet<String>,
    coalesce: BTreeMap<String, String>,
    folds: BTreeMap<String, String>,
    meta: Counts,
}

impl Audit {
    pub async fn of(settings: &Settings, queue: &Queue) -> Self {
        let prefix = format!("{{mercury:{}}}:v2:", queue.name());
        Self {
            connection: raw_for(settings, &format!("{prefix}bodies")).await,
            prefix,
        }
    }

    /// Checks everything, and says how many messages and dead letters there are.
    pub async fn check(&mut self, fifo: bool) -> (usize, usize) {
        let stored = self.read().await;
        stored.messages_are_in_one_place();
        stored.nothing_is_kept_for_messages_that_are_gone();
        stored.groups_are_looked_at();
        stored.blocked_groups_are_those_in_flight(fifo);
        stored.bytes_are_counted();
        (stored.bodies.len(), stored.dead_bodies.len())
    }

    async fn read(&mut self) -> Stored {
        let mut pipe = redis::pipe();
        let mut ask = |command: &str, key: &str, rest: &[&str]| {
            pipe.cmd(command).arg(format!("{}{key}", self.prefix)).arg(rest);
        };
        ask("LRANGE", "ready", &["0", "-1"]);
        for key in ["in_flight", "delayed", "aged", "dead"] {
            ask("ZRANGE", key, &["0", "-1", "WITHSCORES"]);
        }
        for key in ["grouped", "ring"] {
            ask("ZRANGE", key, &["0", "-1"]);
        }
        ask("SMEMBERS", "paused", &[]);
        for key in [
            "bodies",
            "receives",
            "snoozes",
            "errors",
            "dead_bodies",
            "places",
            "busy",
            "coalesce",
            "folds",
            "meta",
        ] {
            ask("HGETALL", key, &[]);
        }
        let answers: Vec<Value> = pipe.query_async(&mut self.connection).await.unwrap();
        let mut answers = answers.into_iter();
        let mut next = || answers.next().unwrap();
        Stored {
            ready: read(next()),
            in_flight: read(next()),
            delayed: read(next()),
            aged: read(next()),
            dead: read(next()),
            grouped: read(next()),
            ring: read(next()),
            paused: read(next()),
            bodies: read(next()),
            receives: read(next()),
            snoozes: read(next()),
            errors: read(next()),
            dead_bodies: read(next()),
            places: read(next()),
            busy: read(next()),
            coalesce: read(next()),
            folds: read(next()),
            meta: read(next()),
        }
    }
}

impl Stored {
    fn messages_are_in_one_place(&self) {
        let in_flight = ids(&self.in_flight);
        let delayed = ids(&self.delayed);
        for id in self.bodies.keys() {
            let place = self.places.get(id);
            let is_grouped = place.is_some_and(|place| self.grouped.contains(&format!("{place}{id}")));
            let (flies, waits) = (in_flight.contains(id), delayed.contains(id));
            // An id may linger in `ready` while its message is elsewhere.
            let is_ready = place.is_none() && !flies && !waits && self.ready.contains(id);
            let places = [flies, waits, is_grouped, is_ready];
            assert_eq!(
                places.iter().filter(|is_there| **is_there).count(),
                1,
                "message {id} is in flight, delayed, grouped, ready: {places:?}"
            );
        }
        let members: BTreeSet<String> = self.places.iter().map(|(id, place)| format!("{place}{id}")).collect();
        assert!(self.grouped.is_subset(&members), "a group has a message that is gone");
    }

    fn nothing_is_kept_for_messages_that_are_gone(&self) {
        let kept: [(&str, BTreeSet<String>); 8] = [
            ("in_flight", ids(&self.in_flight)),
            ("delayed", ids(&self.delayed)),
            ("aged", ids(&self.aged)),
            ("receives", self.receives.keys().cloned().collect()),
            ("snoozes", self.snoozes.keys().cloned().collect()),
            ("errors", self.errors.keys().cloned().collect()),
            ("places", self.places.keys().cloned().collect()),
            ("coalesce", self.coalesce.values().cloned().collect()),
        ];
        for (key, ids) in kept {
            let gone: Vec<_> = ids.iter().filter(|id| !self.bodies.contains_key(*id)).collect();
            assert!(gone.is_empty(), "{key} has {gone:?}, which are gone");
        }
        let keys: BTreeMap<String, String> = self
            .coalesce
            .iter()
            .map(|(key, id)| (id.clone(), key.clone()))
            .collect();
        assert_eq!(keys, self.folds, "coalescing keys");
        assert!(
            self.folds.keys().all(|id| !self.receives.contains_key(id)),
            "a received message can be replaced"
        );
        for (id, snoozes) in &self.snoozes {
            let receives = self.receives.get(id).copied().unwrap_or(0);
            assert!(
                *snoozes <= receives,
                "message {id} was snoozed more often than received"
            );
        }
        assert_eq!(
            ids(&self.dead),
            self.dead_bodies.keys().cloned().collect(),
            "dead letters"
        );
    }

    fn groups_are_looked_at(&self) {
        for member in &self.grouped {
            let group = group_of(member);
            let is_held = self.busy.contains_key(group) || self.paused.contains(group);
            assert_eq!(
                self.ring.contains(group),
                !is_held,
                "group {group} waits: looked at? held? {is_held}"
            );
        }
    }

    fn blocked_groups_are_those_in_flight(&self, fifo: bool) {
        let mut counted = Counts::new();
        for id in ids(&self.in_flight).iter().filter(|_| fifo) {
            *counted.entry(group_of(&self.places[id]).to_owned()).or_default() += 1;
        }
        assert_eq!(self.busy, counted, "messages in flight of each group");
    }

    fn bytes_are_counted(&self) {
        for (field, values) in [("bytes", &self.bodies), ("dead_bytes", &self.dead_bodies)] {
            let counted: usize = values.values().map(Vec::len).sum();
            let told = self.meta.get(field).copied().unwrap_or(0);
            assert_eq!(told, counted as i64, "{field}");
        }
    }
}

fn read<T: FromRedisValue>(value: Value) -> T {
    from_redis_value(value).unwrap_or_else(|error| panic!("a key is not what it should be: {error:?}"))
}

fn ids(scores: &Scores) -> BTreeSet<String> {
    scores.iter().map(|(id, _)| id.clone()).collect()
}

fn group_of(place: &str) -> &str {
    place.split('\0').next().unwrap()
}
