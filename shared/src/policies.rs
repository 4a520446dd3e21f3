//! How each queue treats its messages: what holds for all, and what is different for one.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use crate::config::{Environment, Error};
use crate::message::QueueName;
use crate::queue::{self, Policy};

const NAME: &str = "QUEUE_POLICIES";
const EXPECTED: &str = "JSON such as {\"webhook-process\": {\"maxReceiveCount\": 12, \"retrySoon\": {\"baseSeconds\": 1, \
                        \"capSeconds\": 60}}}; README.md lists the names";

/// How every queue treats its messages.
#[derive(Debug, Clone)]
pub struct Policies {
    default: Treatment,
    of: HashMap<QueueName, Treatment>,
}

/// How one queue treats its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Treatment {
    /// What the queue itself does.
    pub policy: Policy,
    /// After a failure of something of ours.
    pub retry_soon: Backoff,
    /// After a failure of Shopify.
    pub retry_later: Backoff,
}

/// A wait that doubles with each failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first failure.
    pub base: Duration,
    /// The longest wait.
    pub cap: Duration,
}

/// What is different for one queue.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Difference {
    visibility_timeout_seconds: Option<u64>,
    max_receive_count: Option<u32>,
    retention_seconds: Option<u64>,
    delay_seconds: Option<u64>,
    max_bytes: Option<u64>,
    max_dead_bytes: Option<u64>,
    retry_soon: Option<Waits>,
    retry_later: Option<Waits>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Waits {
    base_seconds: u64,
    cap_seconds: u64,
}

impl Policies {
    /// Reads them.
    ///
    /// # Errors
    /// If a value is malformed, or a policy is one that no queue takes.
    pub fn load(environment: &Environment) -> Result<Self, Error> {
        let number = "a whole number, such as 8";
        let bytes = |name| match environment.parsed(name, "a number of bytes, such as 500000000", 0)? {
            0 => Ok(None),
            most => Ok(Some(most)),
        };
        let default = Treatment {
            policy: Policy {
                visibility_timeout: environment.seconds("VISIBILITY_TIMEOUT_SECONDS", 60)?,
                max_receive_count: environment.parsed("MAX_RECEIVE_COUNT", number, 8)?,
                dedup_window: environment.seconds("DEDUP_WINDOW_SECONDS", 3_600)?,
                retention: environment.seconds("RETENTION_SECONDS", 4 * 86_400)?,
                max_bytes: bytes("QUEUE_MAX_BYTES")?,
                max_dead_bytes: bytes("QUEUE_MAX_DEAD_BYTES")?,
                ..Policy::default()
            },
            retry_soon: Backoff::of(1, 60),
            retry_later: Backoff::of(10, 900),
        };
        default.policy.check().map_err(|error| for_all(&error))?;
        let malformed = || Error::Malformed {
            name: NAME,
            expected: EXPECTED,
        };
        let differences: HashMap<QueueName, Difference> = match environment.optional(NAME) {
            Some(text) => serde_json::from_str(text).map_err(|_| malformed())?,
            None => HashMap::new(),
        };
        let of: HashMap<QueueName, Treatment> = differences
            .into_iter()
            .map(|(name, difference)| (name, difference.from(default)))
            .collect();
        if of.values().any(|treatment| treatment.policy.check().is_err()) {
            return Err(malformed());
        }
        Ok(Self { default, of })
    }

    /// How this queue treats its messages.
    pub fn of(&self, queue: QueueName) -> Treatment {
        self.of.get(&queue).copied().unwrap_or(self.default)
    }
}

/// What is wrong with the policy of all queues, by the name of its setting.
fn for_all(error: &queue::Error) -> Error {
    let (argument, expected) = match error {
        queue::Error::Invalid { argument, expected } => (*argument, *expected),
        _ => (NAME, EXPECTED),
    };
    let name = match argument {
        "visibility timeout" => "VISIBILITY_TIMEOUT_SECONDS",
        "max_receive_count" => "MAX_RECEIVE_COUNT",
        "retention" => "RETENTION_SECONDS",
        "dedup_window" => "DEDUP_WINDOW_SECONDS",
        _ => NAME,
    };
    Error::Malformed { name, expected }
}

impl Backoff {
    /// A wait of up to `base` seconds that doubles up to `cap` seconds.
    pub const fn of(base: u64, cap: u64) -> Self {
        Self {
            base: Duration::from_secs(base),
            cap: Duration::from_secs(cap),
        }
    }
}

impl Difference {
    fn from(&self, default: Treatment) -> Treatment {
        let seconds = |value: Option<u64>, default| value.map_or(default, Duration::from_secs);
        let waits = |value: Option<Waits>, default| {
            value.map_or(default, |waits| Backoff::of(waits.base_seconds, waits.cap_seconds))
        };
        let policy = default.policy;
        Treatment {
            policy: Policy {
                visibility_timeout: seconds(self.visibility_timeout_seconds, policy.visibility_timeout),
                max_receive_count: self.max_receive_count.unwrap_or(policy.max_receive_count),
                retention: seconds(self.retention_seconds, policy.retention),
                delay: seconds(self.delay_seconds, policy.delay),
                max_bytes: self.max_bytes.or(policy.max_bytes),
                max_dead_bytes: self.max_dead_bytes.or(policy.max_dead_bytes),
                ..policy
            },
            retry_soon: waits(self.retry_soon, default.retry_soon),
            retry_later: waits(self.retry_later, default.retry_later),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Policies, Error> {
        Policies::load(&Environment::from_values([("MAX_RECEIVE_COUNT", "5"), (NAME, text)]))
    }

    #[test]
    fn what_is_not_said_of_a_queue_is_as_for_all() {
        let text = r#"{"order-sync": {"retentionSeconds": 600, "retryLater": {"baseSeconds": 2, "capSeconds": 4}}}"#;
        let policies = load(text).unwrap();
        let (orders, others) = (policies.of(QueueName::OrderSync), policies.of(QueueName::ProductSync));
        assert_eq!(orders.policy.retention, Duration::from_secs(600));
        assert_eq!(
            (orders.policy.max_receive_count, others.policy.max_receive_count),
            (5, 5)
        );
        assert_eq!(orders.retry_later, Backoff::of(2, 4));
        assert_eq!(others.retry_later, Backoff::of(10, 900));
    }

    #[test]
    fn a_misspelt_name_or_an_impossible_value_stops_the_start() {
        for text in [
            r#"{"orders": {}}"#,
            r#"{"order-sync": {"retention": 600}}"#,
            r#"{"order-sync": {"retentionSeconds": 1}}"#,
            r#"{"order-sync": {"maxReceiveCount": 0}}"#,
            "[]",
        ] {
            assert!(load(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_impossible_value_for_all_queues_is_told_by_its_own_name() {
        for (setting, value) in [
            ("VISIBILITY_TIMEOUT_SECONDS", "50000"),
            ("MAX_RECEIVE_COUNT", "0"),
            ("RETENTION_SECONDS", "10"),
            ("DEDUP_WINDOW_SECONDS", "2000000"),
        ] {
            let loaded = Policies::load(&Environment::from_values([(setting, value)]));
            assert!(
                matches!(loaded, Err(Error::Malformed { name, expected }) if name == setting && expected != EXPECTED),
                "{setting}: {loaded:?}"
            );
        }
    }
}
