//! What a step tells the state machine.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use shared::message::QueueName;

/// What comes next. The state machine only follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Poll again after some seconds.
    Wait {
        /// How many.
        seconds: u32,
        /// Polls so far.
        polls: u32,
    },
    /// The result can be cut into chunks.
    FanOut,
    /// Drain the queue, then look again.
    Drain {
        /// Seconds to wait before.
        seconds: u32,
        /// The queue that holds the chunks.
        queue: QueueName,
        /// How many drains at once.
        drains: usize,
        /// Rounds so far.
        rounds: u32,
        /// Rounds since the last one in which a line was applied.
        idle: u32,
        /// Lines applied so far.
        lines: i64,
    },
    /// Give the verdict.
    Finish,
    /// Nothing is left to do here.
    End {
        /// How the operation ended, if it did.
        status: Option<String>,
    },
}

impl Answer {
    /// The word that the state machine routes by.
    pub fn next(&self) -> &'static str {
        match self {
            Self::Wait { .. } => "wait",
            Self::FanOut => "fan_out",
            Self::Drain { .. } => "drain",
            Self::Finish => "finish",
            Self::End { .. } => "end",
        }
    }
}

#[derive(Serialize)]
struct DrainEvent {
    queue: QueueName,
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("next", self.next())?;
        match self {
            Self::Wait { seconds, polls } => {
                map.serialize_entry("waitSeconds", seconds)?;
                map.serialize_entry("polls", polls)?;
            }
            Self::Drain {
                seconds,
                queue,
                drains,
                rounds,
                idle,
                lines,
            } => {
                map.serialize_entry("waitSeconds", seconds)?;
                let events: Vec<DrainEvent> = (0..*drains).map(|_| DrainEvent { queue: *queue }).collect();
                map.serialize_entry("drains", &events)?;
                map.serialize_entry("rounds", rounds)?;
                map.serialize_entry("idle", idle)?;
                map.serialize_entry("lines", lines)?;
            }
            Self::End { status: Some(status) } => map.serialize_entry("status", status)?,
            Self::End { status: None } | Self::FanOut | Self::Finish => {}
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_has_the_words_that_the_state_machine_reads() {
        let answer = Answer::Drain {
            seconds: 2,
            queue: QueueName::ProductSync,
            drains: 2,
            rounds: 1,
            idle: 0,
            lines: 7,
        };
        assert_eq!(
            serde_json::to_value(&answer).unwrap(),
            json!({
                "next": "drain", "waitSeconds": 2, "rounds": 1, "idle": 0, "lines": 7,
                "drains": [{ "queue": "product-sync" }, { "queue": "product-sync" }]
            })
        );
        let end = Answer::End {
            status: Some("completed".to_owned()),
        };
        assert_eq!(
            serde_json::to_value(&end).unwrap(),
            json!({ "next": "end", "status": "completed" })
        );
    }
}
