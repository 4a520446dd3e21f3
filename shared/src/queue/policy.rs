use std::time::Duration;

use super::Error;

/// SQS's limit for hiding a received message.
const MAX_VISIBILITY_TIMEOUT: Duration = Duration::from_secs(43_200);
/// SQS's limit for delaying a new one.
const MAX_DELAY: Duration = Duration::from_secs(900);

/// How a queue treats its messages. It is not stored: whoever opens a queue brings it along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How long a received message stays hidden; at most 12 hours.
    pub visibility_timeout: Duration,
    /// How often a message is handed out before it becomes a dead letter; at least once.
    pub max_receive_count: u32,
    /// How long a deduplication id is remembered; zero is not at all.
    pub dedup_window: Duration,
    /// How long a message that says nothing else is hidden when sent; at most 15 minutes.
    pub delay: Duration,
    /// How old a message becomes before it is a dead letter with the reason `expired`; one minute to 14 days.
    pub retention: Duration,
    /// Most bytes of messages; a send that would exceed it is refused whole. `None`: as many as Redis takes.
    pub max_bytes: Option<u64>,
    /// Most bytes of dead letters. A message that does not fit any more stays in the queue, hidden for a quarter of an
    /// hour at a time. `None`: as many as Redis takes.
    pub max_dead_bytes: Option<u64>,
    /// Whether a group's messages are received strictly in the order of sending, and none while one is in flight.
    pub fifo: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            visibility_timeout: Duration::from_secs(60),
            max_receive_count: 8,
            dedup_window: Duration::from_secs(300),
            delay: Duration::ZERO,
            retention: Duration::from_secs(86_400 * 4),
            max_bytes: None,
            max_dead_bytes: None,
            fifo: false,
        }
    }
}

impl Policy {
    /// Whether a queue takes it.
    ///
    /// # Errors
    /// If a value is outside what the queue allows; it says which.
    pub fn check(&self) -> Result<(), Error> {
        visibility_ms(self.visibility_timeout)?;
        delay_ms(self.delay)?;
        if self.max_receive_count == 0 {
            return Err(Error::Invalid {
                argument: "max_receive_count",
                expected: "at least 1",
            });
        }
        if self.retention < Duration::from_secs(60) || self.retention > Duration::from_secs(86_400 * 14) {
            return Err(Error::Invalid {
                argument: "retention",
                expected: "60 s to 14 days",
            });
        }
        if self.dedup_window > Duration::from_secs(86_400 * 14) {
            return Err(Error::Invalid {
                argument: "dedup_window",
                expected: "at most 14 days",
            });
        }
        Ok(())
    }
}

pub(super) fn visibility_ms(timeout: Duration) -> Result<u64, Error> {
    within(
        timeout,
        MAX_VISIBILITY_TIMEOUT,
        "visibility timeout",
        "at most 43,200 s",
    )
}

pub(super) fn delay_ms(delay: Duration) -> Result<u64, Error> {
    within(delay, MAX_DELAY, "delay", "at most 900 s")
}

fn within(value: Duration, max: Duration, argument: &'static str, expected: &'static str) -> Result<u64, Error> {
    if value > max {
        return Err(Error::Invalid { argument, expected });
    }
    Ok(value.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_are_those_of_sqs() {
        assert!(Policy::default().check().is_ok());
        assert!(visibility_ms(Duration::from_secs(43_200)).is_ok());
        assert!(visibility_ms(Duration::from_millis(43_200_001)).is_err());
        assert!(delay_ms(Duration::from_secs(900)).is_ok());
        assert!(delay_ms(Duration::from_millis(900_001)).is_err());
        assert!(
            Policy {
                max_receive_count: 0,
                ..Policy::default()
            }
            .check()
            .is_err()
        );
    }
}
