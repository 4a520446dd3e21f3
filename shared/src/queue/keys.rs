use super::Error;

/// The keys of one queue and its dead-letter queue, all in one hash slot.
///
/// | key | type | holds |
/// |---|---|---|
/// | `ready` | list | ids, visible, in the order in which they became visible |
/// | `bodies` | hash | id → stored value: one for each message, so this says which messages exist |
/// | `in_flight` | sorted set | id by the time it becomes visible again: received, backing off |
/// | `delayed` | sorted set | id by the time it becomes visible: delayed when sent, or snoozed |
/// | `receives` | hash | id → how often it was received; never goes down while the message exists |
/// | `snoozes` | hash | id → how many of these receives do not count |
/// | `errors` | hash | id → the last error reported with a change of visibility |
/// | `aged` | sorted set | id by the time of sending, once its place in `ready` does not tell its age any more |
/// | `dedup` | sorted set | deduplication id by the end of its window |
/// | `dlq:dead` | sorted set | id by the time of death |
/// | `dlq:bodies` | hash | id → stored dead letter |
///
/// No key has a time to live: every policy that evicts only those keys leaves a queue alone.
pub(super) struct Keys {
    pub ready: String,
    pub bodies: String,
    pub in_flight: String,
    pub delayed: String,
    pub receives: String,
    pub snoozes: String,
    pub errors: String,
    pub aged: String,
    pub dedup: String,
    pub dead: String,
    pub dead_bodies: String,
}

impl Keys {
    pub fn new(queue: &str) -> Result<Self, Error> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if queue.is_empty() || queue.len() > 80 || !queue.bytes().all(allowed) {
            return Err(Error::Invalid {
                argument: "queue name",
                expected: "1 to 80 letters, digits, hyphens and underscores",
            });
        }
        let key = |name: &str| format!("{{mercury:{queue}}}:v1:{name}");
        Ok(Self {
            ready: key("ready"),
            bodies: key("bodies"),
            in_flight: key("in_flight"),
            delayed: key("delayed"),
            receives: key("receives"),
            snoozes: key("snoozes"),
            errors: key("errors"),
            aged: key("aged"),
            dedup: key("dedup"),
            dead: key("dlq:dead"),
            dead_bodies: key("dlq:bodies"),
        })
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
        assert_eq!(keys.ready, "{mercury:product-sync}:v1:ready");
        assert_eq!(keys.dead_bodies, "{mercury:product-sync}:v1:dlq:bodies");
    }
}
