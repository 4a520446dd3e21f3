use super::{
    Error,
    script::{CLOCK, Layout},
};

/// The names of all keys of one queue and its dead-letter queue.
///
/// | key | type | holds |
/// |---|---|---|
/// | `ready` | list | ids without a group, visible, in the order in which they became visible |
/// | `bodies` | hash | id → stored value: one for each message, so this says which messages exist |
/// | `in_flight` | sorted set | id by the time it becomes visible again: received, backing off |
/// | `delayed` | sorted set | id by the time it becomes visible: delayed when sent, or snoozed |
/// | `receives` | hash | id → how often it was received; never goes down while the message exists |
/// | `snoozes` | hash | id → how many of these receives do not count |
/// | `errors` | hash | id → the last error reported with a change of visibility |
/// | `aged` | sorted set | id by the time of sending, once its place does not tell its age any more |
/// | `dedup` | sorted set | deduplication id by the end of its window |
/// | `dead` | sorted set | id by the time of death |
/// | `dead_bodies` | hash | id → stored dead letter |
/// | `places` | hash | id → group, NUL, order: where a message with a group belongs |
/// | `grouped` | sorted set | the visible ones of these, as place and id, by the bytes |
/// | `ring` | sorted set | groups that receive looks at, by how many of their messages were received |
/// | `busy` | hash | group → messages in flight, in a FIFO queue |
/// | `paused` | set | paused groups; `` stands for the queue |
/// | `coalesce` | hash | coalescing key → id of the message with it that was never received |
/// | `folds` | hash | id → coalescing key of these messages |
/// | `meta` | hash | `bytes` and `dead_bytes` stored, `turn` of the last FIFO message |
/// | `tasks` | list | redrive tasks, the newest first |
const NAMES: [&str; 20] = [
    "ready",
    "bodies",
    "in_flight",
    "delayed",
    "receives",
    "snoozes",
    "errors",
    "aged",
    "dedup",
    "dead",
    "dead_bodies",
    "places",
    "grouped",
    "ring",
    "busy",
    "paused",
    "coalesce",
    "folds",
    "meta",
    "tasks",
];

/// What the scripts of queues share.
pub(super) static LAYOUT: Layout = Layout {
    keys: &NAMES,
    parts: &[
        CLOCK,
        ("bytes", include_str!("scripts/bytes.lua")),
        ("dying", include_str!("scripts/dying.lua")),
        ("folds", include_str!("scripts/folds.lua")),
        ("groups", include_str!("scripts/groups.lua")),
        ("wake", include_str!("scripts/wake.lua")),
    ],
};

/// The keys of one queue and its dead-letter queue, all in one hash slot. None has a time to live: every policy that
/// evicts only those keys leaves a queue alone.
pub(super) struct Keys([String; NAMES.len()]);

impl Keys {
    pub fn new(queue: &str) -> Result<Self, Error> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if queue.is_empty() || queue.len() > 80 || !queue.bytes().all(allowed) {
            return Err(Error::Invalid {
                argument: "queue name",
                expected: "1 to 80 letters, digits, hyphens and underscores",
            });
        }
        Ok(Self(NAMES.map(|name| format!("{{mercury:{queue}}}:v2:{name}"))))
    }

    /// The key of this name.
    ///
    /// # Panics
    /// If there is none: a fault of the program.
    pub fn named(&self, name: &str) -> &str {
        self.at(LAYOUT.index_of(name).expect("the key exists"))
    }

    /// The key at a place that [`Layout::index_of`] told.
    pub fn at(&self, index: usize) -> &str {
        &self.0[index]
    }

    /// Every key, in the order of the layout.
    pub fn all(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_break_the_hash_tag_is_refused() {
        for name in ["", "a}b", "{", "a b", "a:b", &"x".repeat(81)] {
            assert!(
                matches!(Keys::new(name), Err(Error::Invalid { .. })),
                "{name:?} was accepted"
            );
        }
    }

    #[test]
    fn every_key_carries_the_tag_and_the_version() {
        let keys = Keys::new("product-sync").unwrap();
        assert_eq!(keys.at(0), "{mercury:product-sync}:v2:ready");
        assert_eq!(keys.named("dead_bodies"), "{mercury:product-sync}:v2:dead_bodies");
    }
}
