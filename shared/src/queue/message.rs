use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Error;

/// The attributes of a message: short facts beside the body, as in SQS.
pub type MessageAttributes = BTreeMap<String, String>;

/// The identity of a message. It is made by the sender and never changes, not even in the dead-letter queue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(#[serde(with = "uuid::serde::simple")] Uuid);

impl MessageId {
    /// A new identity, later than every one this process made before.
    pub fn random() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MessageId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let id = Uuid::try_parse(text).map_err(|_| Error::Invalid {
            argument: "message id",
            expected: "32 hexadecimal digits",
        })?;
        Ok(Self(id))
    }
}

/// Proof of one receive: needed to delete, snooze, dead-letter or change visibility, and stale after the next receive.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReceiptHandle {
    pub(super) id: MessageId,
    pub(super) receives: u64,
    /// When it was received and when the message was sent, in ms since 1970.
    pub(super) received_at: u64,
    pub(super) sent_at: u64,
    /// How much the message counts towards the bytes of its queue.
    pub(super) bytes: u64,
}

impl ReceiptHandle {
    /// The message that was received.
    pub fn message_id(&self) -> MessageId {
        self.id
    }
}

impl fmt::Display for ReceiptHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            receives,
            received_at,
            sent_at,
            bytes,
        } = self;
        write!(f, "{id}:{receives}:{received_at}:{sent_at}:{bytes}")
    }
}

impl fmt::Debug for ReceiptHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ReceiptHandle {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = Error::Invalid {
            argument: "receipt handle",
            expected: "a message id and four numbers, with colons between them",
        };
        let (id, numbers) = text.split_once(':').ok_or_else(|| invalid.clone())?;
        let parsed: Option<Vec<u64>> = numbers.split(':').map(|number| number.parse().ok()).collect();
        match (id.parse(), parsed.as_deref()) {
            (Ok(id), Some(&[receives, received_at, sent_at, bytes])) => Ok(Self {
                id,
                receives,
                received_at,
                sent_at,
                bytes,
            }),
            _ => Err(invalid),
        }
    }
}

/// A received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The identity of the message.
    pub id: MessageId,
    /// Proof of this receive.
    pub receipt: ReceiptHandle,
    /// How often it was received, this time included and snoozed receives excluded.
    pub receive_count: u32,
    /// When it was first sent, in ms since 1970 by the clock of Redis.
    pub sent_at: u64,
    /// The group it belongs to.
    pub group: Option<String>,
    /// What the sender said beside the body.
    pub attributes: MessageAttributes,
    /// What was sent.
    pub body: Bytes,
    /// The notes of the messages that this one superseded.
    pub superseded: Vec<String>,
}

/// A message seen without receiving it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peeked {
    /// The identity of the message.
    pub id: MessageId,
    /// Where it is in its life.
    pub state: State,
    /// How long until it becomes visible; zero if it is.
    pub visible_in: Duration,
    /// How often it was received, snoozed receives excluded.
    pub receive_count: u32,
    /// The last error reported with a change of visibility.
    pub last_error: Option<String>,
    /// When it was first sent, in ms since 1970 by the clock of Redis.
    pub sent_at: u64,
    /// The group it belongs to.
    pub group: Option<String>,
    /// What the sender said beside the body.
    pub attributes: MessageAttributes,
    /// What was sent.
    pub body: Bytes,
}

/// Where a message is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// The next receive may take it.
    Visible,
    /// Received and not yet visible again.
    InFlight,
    /// Delayed when sent, or snoozed.
    Delayed,
}

/// A part of a longer list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries of this page.
    pub items: Vec<T>,
    /// The offset of the next page, if there is more.
    pub next: Option<u64>,
}

/// What a queue holds at one moment. Counts are exact, where SQS' are approximate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// Messages that the next receive may take.
    pub visible: u64,
    /// Messages that were received and are not visible again yet.
    pub in_flight: u64,
    /// Messages that were delayed when sent, or snoozed.
    pub delayed: u64,
    /// Time since the oldest of all these was sent, however often it was received.
    pub oldest_age: Option<Duration>,
    /// Messages in the dead-letter queue.
    pub dead: u64,
    /// Time since the first of these got there.
    pub oldest_dead_age: Option<Duration>,
    /// Bytes of all messages, as the budget counts them.
    pub bytes: u64,
    /// Bytes of the dead letters.
    pub dead_bytes: u64,
    /// Groups with visible messages that are neither paused nor blocked.
    pub waiting_groups: u64,
    /// Whether nothing is received until the queue is resumed.
    pub paused: bool,
    /// Groups that are paused.
    pub paused_groups: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_handle_survives_being_written_down() {
        let receipt = ReceiptHandle {
            id: MessageId::random(),
            receives: 7,
            received_at: 8,
            sent_at: 9,
            bytes: 10,
        };
        assert_eq!(receipt.to_string().parse::<ReceiptHandle>().unwrap(), receipt);
        for text in [
            "",
            "x",
            "00:1",
            &format!("{}:1:2:3", receipt.id),
            &format!("{}:1:2:3:-4", receipt.id),
            &format!("{}:1:2:3:4:5", receipt.id),
        ] {
            assert!(text.parse::<ReceiptHandle>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn identities_grow() {
        let ids: Vec<_> = (0..1_000).map(|_| MessageId::random()).collect();
        assert!(ids.is_sorted());
        assert_eq!(ids[0].to_string().len(), 32);
    }
}
