use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use bytes::Bytes;
use uuid::Uuid;

use super::Error;

/// The attributes of a message: short facts beside the body, as in SQS.
pub type MessageAttributes = BTreeMap<String, String>;

/// The identity of a message. It is made by the sender and never changes, not even in the dead-letter queue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(Uuid);

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
}

impl ReceiptHandle {
    /// The message that was received.
    pub fn message_id(&self) -> MessageId {
        self.id
    }
}

impl fmt::Display for ReceiptHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.id, self.receives)
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
            expected: "a message id, a colon and a number",
        };
        let (id, receives) = text.split_once(':').ok_or_else(|| invalid.clone())?;
        Ok(Self {
            id: id.parse().map_err(|_| invalid.clone())?,
            receives: receives.parse().map_err(|_| invalid)?,
        })
    }
}

/// A message to be sent. It has its identity from the start, so sending the same value again after a failure, when
/// nobody knows whether the first attempt arrived, never makes a second message.
#[derive(Debug, Clone)]
pub struct Send {
    pub(super) id: MessageId,
    pub(super) body: Bytes,
    pub(super) delay: Option<Duration>,
    pub(super) dedup_id: Option<String>,
    pub(super) attributes: MessageAttributes,
}

impl Send {
    /// A message with a new identity. The body may be any bytes, also none.
    pub fn new(body: impl Into<Bytes>) -> Self {
        Self {
            id: MessageId::random(),
            body: body.into(),
            delay: None,
            dedup_id: None,
            attributes: MessageAttributes::new(),
        }
    }

    /// Hides the message for this long after it was sent (at most 15 minutes); else the queue's delay counts.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// Drops the message if one with the same deduplication id was sent within the queue's window (at most 512 bytes).
    #[must_use]
    pub fn dedup_id(mut self, id: impl Into<String>) -> Self {
        self.dedup_id = Some(id.into());
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// The identity the message will have.
    pub fn message_id(&self) -> MessageId {
        self.id
    }
}

/// What became of one sent message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The identity of the message.
    pub message_id: MessageId,
    /// Dropped, because its deduplication id was used within the window.
    pub duplicate: bool,
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
    /// What the sender said beside the body.
    pub attributes: MessageAttributes,
    /// What was sent.
    pub body: Bytes,
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

/// What became of one entry of a batch of receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// As asked.
    Done,
    /// Nothing changed: the message is gone, was received again since, or (except to delete and dead-letter it) is not
    /// in flight any more.
    Stale,
}

/// One entry of a batch that changes visibility.
#[derive(Debug, Clone)]
pub struct ChangeVisibility {
    /// Proof of the receive.
    pub receipt: ReceiptHandle,
    /// When the message becomes visible again, counted from now; zero is at once, the most is 12 hours.
    pub timeout: Duration,
    /// Why it was handed back. Kept, and part of the reason should the message become a dead letter.
    pub error: Option<String>,
}

/// One entry of a batch that hands messages back without counting their receive.
#[derive(Debug, Clone)]
pub struct Snooze {
    /// Proof of the receive.
    pub receipt: ReceiptHandle,
    /// When the message becomes visible again, counted from now; the most is 12 hours.
    pub delay: Duration,
}

/// One entry of a batch that gives messages up.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// Proof of the receive.
    pub receipt: ReceiptHandle,
    /// Why it can never succeed.
    pub reason: String,
}

/// What a queue holds at one moment. Exact, where SQS is approximate.
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_handle_survives_being_written_down() {
        let receipt = ReceiptHandle {
            id: MessageId::random(),
            receives: 7,
        };
        assert_eq!(receipt.to_string().parse::<ReceiptHandle>().unwrap(), receipt);
        for text in [
            "",
            "x",
            "00:1",
            &format!("{}:", receipt.id),
            &format!("{}:-1", receipt.id),
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
