use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{DeadMessage, Error, MAX_BODY, MessageAttributes, MessageId, Policy, policy};

/// The group of messages that need one and name none.
const NO_GROUP: &str = "-";
/// The longest head start.
const MAX_HEAD_START: Duration = Duration::from_secs(86_400);

/// A message to be sent. It has its identity from the start, so sending the same value again after a failure, when
/// nobody knows whether the first attempt arrived, never makes a second message.
#[derive(Debug, Clone)]
pub struct Send {
    pub(super) id: MessageId,
    pub(super) body: Bytes,
    pub(super) attributes: MessageAttributes,
    delay: Option<Duration>,
    dedup_id: Option<String>,
    group: Option<String>,
    head_start: Duration,
    coalesce: Option<Coalesce>,
    /// When it, or a clone of it, was sent for the first time, in ms.
    sent_at: Arc<OnceLock<u64>>,
    /// If it is the copy of a message: the notes of those that one superseded. It may have been sent before.
    copied: Option<Vec<String>>,
}

/// How a message takes the place of another.
#[derive(Debug, Clone)]
struct Coalesce {
    key: String,
    order: u64,
    note: String,
}

impl Send {
    /// A message with a new identity. The body may be any bytes, also none.
    pub fn new(body: impl Into<Bytes>) -> Self {
        Self {
            id: MessageId::random(),
            body: body.into(),
            attributes: MessageAttributes::new(),
            delay: None,
            dedup_id: None,
            group: None,
            head_start: Duration::ZERO,
            coalesce: None,
            sent_at: Arc::default(),
            copied: None,
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

    /// Drops the message if one with the same body was sent within the queue's window. Attributes do not count.
    #[must_use]
    pub fn dedup_by_content(self) -> Self {
        let digest = Sha256::digest(&self.body);
        self.dedup_id(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }

    /// Puts the message in a group (1 to 128 visible ASCII characters). Groups share every batch that is received,
    /// however much each of them has; in a FIFO queue the messages of a group keep their order.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Puts the message where it would be had it been sent so much earlier (at most a day): before what waits in its
    /// group, but for what has waited longer than that. So it has priority, and nothing ever starves. Not in FIFO queues.
    #[must_use]
    pub fn head_start(mut self, head_start: Duration) -> Self {
        self.head_start = head_start;
        self
    }

    /// Replaces the message with the same key (1 to 512 visible ASCII characters) that waits and was never received,
    /// taking its place and its age; but if that one's `order` is greater, this one is dropped. The `note` of the one
    /// that is superseded (at most 1,024 bytes on one line) comes with the other. Not in FIFO queues.
    #[must_use]
    pub fn coalesce(mut self, key: impl Into<String>, order: u64, note: impl Into<String>) -> Self {
        self.coalesce = Some(Coalesce {
            key: key.into(),
            order,
            note: note.into(),
        });
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

    /// A copy of a message under its own identity, for another queue.
    pub(super) fn copy(letter: DeadMessage) -> Self {
        Self {
            id: letter.id,
            attributes: letter.attributes,
            group: letter.group,
            copied: Some(letter.superseded),
            ..Self::new(letter.body)
        }
    }

    /// Whether a queue with this policy takes the message.
    pub(super) fn check(&self, policy: &Policy) -> Result<(), Error> {
        let refuse = |argument, expected| Err(Error::Invalid { argument, expected });
        if let Some(delay) = self.delay {
            policy::delay_ms(delay)?;
        }
        if self.dedup_id.as_deref().is_some_and(|id| !is_line(id, 1, 512)) {
            return refuse("deduplication id", "1 to 512 bytes on one line");
        }
        if self.group.as_deref().is_some_and(|group| !is_word(group, 128)) {
            return refuse("group", "1 to 128 visible ASCII characters");
        }
        if self.head_start > MAX_HEAD_START {
            return refuse("head start", "at most a day");
        }
        if let Some(Coalesce { key, order, note }) = &self.coalesce {
            if !is_word(key, 512) {
                return refuse("coalescing key", "1 to 512 visible ASCII characters");
            }
            if *order > 1 << 53 {
                return refuse("coalescing order", "at most 2^53");
            }
            if !is_line(note, 0, 1_024) || note.contains('\t') {
                return refuse("note", "at most 1,024 bytes on one line without a tab");
            }
        }
        if policy.fifo && (self.delay.is_some() || !self.head_start.is_zero() || self.coalesce.is_some()) {
            return refuse(
                "message of a FIFO queue",
                "without a delay, a head start or a coalescing key",
            );
        }
        if self.body.len() > MAX_BODY {
            return refuse("body", "at most 16 MiB");
        }
        Ok(())
    }

    /// Begins to send it, now. Says when that was begun first, and whether there may be a message of this identity
    /// already.
    pub(super) fn begin(&self, now_ms: u64) -> (u64, bool) {
        let mut is_repeated = true;
        let sent_at = *self.sent_at.get_or_init(|| {
            is_repeated = false;
            now_ms
        });
        (sent_at, is_repeated || self.copied.is_some())
    }

    /// Whether it can be sent without a look at other messages.
    pub(super) fn is_simple(&self, policy: &Policy) -> bool {
        let is_delayed = !self.delay.unwrap_or(policy.delay).is_zero();
        let is_unique = self.dedup_id.is_some() && !policy.dedup_window.is_zero();
        !(is_delayed || is_unique || self.coalesce.is_some() || policy.fifo)
    }

    /// The group it belongs to. What needs a place needs a group.
    pub(super) fn group_in(&self, policy: &Policy) -> Option<&str> {
        let needs_group = policy.fifo || self.coalesce.is_some() || !self.head_start.is_zero();
        self.group.as_deref().or(needs_group.then_some(NO_GROUP))
    }

    /// Its head start in ms.
    pub(super) fn head_start_ms(&self) -> u64 {
        self.head_start.as_millis() as u64
    }

    /// What the script reads: nothing for a message that asks for nothing.
    pub(super) fn options(&self, policy: &Policy) -> String {
        let delay = self.delay.unwrap_or(policy.delay).as_millis();
        let dedup_id = self.dedup_id.as_deref().filter(|_| !policy.dedup_window.is_zero());
        let group = self.group_in(policy);
        if delay == 0 && dedup_id.is_none() && group.is_none() {
            return String::new();
        }
        let key = self.coalesce.as_ref().map(|coalesce| coalesce.key.as_str());
        format!(
            "{delay}\n{}\n{}\n{}\n{}",
            dedup_id.unwrap_or_default(),
            group.unwrap_or_default(),
            self.head_start_ms(),
            key.unwrap_or_default()
        )
    }

    /// What is stored of how it takes the place of others.
    pub(super) fn fold_line(&self) -> String {
        match &self.coalesce {
            Some(Coalesce { key, order, note }) => format!("{key} {order} {note}"),
            None => {
                let notes = self.copied.iter().flatten();
                notes.flat_map(|note| ["\t", note]).collect()
            }
        }
    }
}

fn is_word(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_line(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.len()) && !text.contains('\n')
}

/// What became of one sent message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The identity of the message.
    pub message_id: MessageId,
    /// What became of it.
    pub outcome: SendOutcome,
}

impl Sent {
    /// Whether it was dropped, because its deduplication id was used within the window.
    pub fn is_duplicate(&self) -> bool {
        self.outcome == SendOutcome::Duplicate
    }
}

/// What became of a message that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendOutcome {
    /// It will be received.
    Sent,
    /// Dropped, because its deduplication id was used within the window.
    Duplicate,
    /// Dropped, because a waiting message with its coalescing key is newer; that one has its note.
    Superseded,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(send: &Send) -> bool {
        send.check(&Policy::default()).is_ok()
    }

    #[test]
    fn what_sqs_would_refuse_is_refused() {
        assert!(is_taken(&Send::new("").delay(Duration::from_secs(900))));
        assert!(!is_taken(&Send::new("").delay(Duration::from_secs(901))));
        for id in ["", "a\nb", &"x".repeat(513)] {
            assert!(!is_taken(&Send::new("").dedup_id(id)), "{id:?}");
        }
        for group in ["", "a b", "é", "a\0", &"x".repeat(129)] {
            assert!(!is_taken(&Send::new("").group(group)), "{group:?}");
        }
        for (key, note) in [
            ("", ""),
            ("a b", ""),
            ("a", "b\tc"),
            ("a", "b\nc"),
            ("a", &"x".repeat(1_025)),
        ] {
            assert!(!is_taken(&Send::new("").coalesce(key, 1, note)), "{key:?} {note:?}");
        }
        assert!(!is_taken(&Send::new(vec![0; MAX_BODY + 1])));
        let fifo = Policy {
            fifo: true,
            ..Policy::default()
        };
        assert!(Send::new("").group("a").check(&fifo).is_ok());
        assert!(Send::new("").delay(Duration::from_secs(1)).check(&fifo).is_err());
    }

    #[test]
    fn a_message_that_asks_for_nothing_has_no_options() {
        let policy = Policy::default();
        assert_eq!(Send::new("x").attribute("a", "b").options(&policy), "");
        let asks = Send::new("x").group("g").dedup_id("d").delay(Duration::from_millis(5));
        assert_eq!(asks.options(&policy), "5\nd\ng\n0\n");
    }

    #[test]
    fn only_what_was_never_begun_cannot_be_there() {
        let send = Send::new("x");
        let clone = send.clone();
        assert_eq!(send.begin(5), (5, false));
        assert_eq!((send.begin(6), clone.begin(7)), ((5, true), (5, true)));
        let copy = Send {
            copied: Some(Vec::new()),
            ..Send::new("x")
        };
        assert_eq!(copy.begin(8), (8, true));
    }

    #[test]
    fn the_same_content_has_the_same_deduplication_id() {
        let id = |send: Send| send.dedup_by_content().dedup_id.unwrap();
        assert_eq!(id(Send::new("x")), id(Send::new("x").attribute("a", "b")));
        assert_eq!(
            id(Send::new("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
