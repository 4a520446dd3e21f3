//! Queues with the semantics of Amazon SQS, on Redis.
//!
//! - A message that was sent is received again and again, by one consumer at a time, until a receipt of its latest
//!   receive deletes it, or it becomes a dead letter with a reason. It is never lost by a crash between two calls.
//! - What a consumer does with a stale receipt changes nothing, and the answer says so, entry by entry.
//! - Every operation is one script or one transaction, so one moment; the clock is that of the Redis server.
//! - Nothing resident is needed: delays and timeouts advance whenever anybody receives.
//! - All keys of a queue and of its dead-letter queue are in one hash slot, and none has a time to live.
//! - Groups that wait share every batch. A message is put off by others of its own group only.
//!
//! ARCHITECTURE.md compares this with SQS rule by rule.
//!
//! This module must not know Shopify, Postgres, or what a body means.

mod advice;
mod connection;
mod dead_letter;
mod error;
mod filter;
mod fresh;
mod keys;
mod message;
mod policy;
mod redrive;
mod script;
mod scripts;
mod send;
mod settings;
mod settle;
mod wire;

use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use keys::Keys;
use scripts::Received;

pub use connection::Redis;
pub use dead_letter::{DeadLetterQueue, DeadMessage};
pub use error::Error;
pub use filter::Filter;
pub use message::{Attributes, Message, MessageAttributes, MessageId, Page, Peeked, ReceiptHandle, State};
pub use policy::Policy;
pub use redrive::{Redrive, RedriveStatus, RedriveTask};
pub(crate) use script::{CLOCK, Layout, Script};
pub use send::{Send, SendOutcome, Sent};
pub use settings::Settings;
pub use settle::{ChangeVisibility, DeadLetter, Settled, Snooze};

/// Most messages in one answer, and in one request to send.
const MAX_MESSAGES: usize = 500;
/// Most receipts in one request: with six arguments each, it stays below the 3,999 of ElastiCache Serverless.
const MAX_RECEIPTS: usize = 600;
/// Larger bodies belong somewhere else, with their address in a message.
const MAX_BODY: usize = 16 << 20;
/// The longest pause of a long wait: so late is a message noticed that was sent meanwhile.
const MAX_PAUSE: Duration = Duration::from_millis(200);
/// The shortest pause of a long wait.
const MIN_PAUSE: Duration = Duration::from_millis(10);

/// One queue. Cloning it is cheap.
#[derive(Clone)]
pub struct Queue {
    redis: Redis,
    name: Arc<str>,
    keys: Arc<Keys>,
    policy: Policy,
    clock: Clock,
}

/// Whose clock the scripts go by.
#[derive(Debug, Clone, Copy)]
enum Clock {
    Server,
    Fixed(u64),
}

impl Queue {
    /// Opens a queue; it exists as soon as a message is in it. Touches no network.
    ///
    /// # Errors
    /// If the name or the policy is not allowed.
    pub fn new(redis: Redis, name: &str, policy: Policy) -> Result<Self, Error> {
        policy.check()?;
        let keys = Arc::new(Keys::new(name)?);
        Ok(Self {
            redis,
            name: name.into(),
            keys,
            policy,
            clock: Clock::Server,
        })
    }

    /// The same queue at a moment of the caller's choosing, in ms since 1970, so that tests need not wait.
    #[must_use]
    pub fn at(&self, now_ms: u64) -> Self {
        Self {
            clock: Clock::Fixed(now_ms),
            ..self.clone()
        }
    }

    /// The moment, in ms since 1970.
    async fn now(&self) -> Result<u64, Error> {
        match self.clock {
            Clock::Server => self.redis.now().await,
            Clock::Fixed(now_ms) => Ok(now_ms),
        }
    }

    /// The queue's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends one message.
    pub async fn send(&self, send: &Send) -> Result<Sent, Error> {
        let sent = self.send_batch(std::slice::from_ref(send)).await?;
        sent.into_iter().next().ok_or(Error::Corrupt {
            what: "the answer to a send",
        })
    }

    /// Sends messages, in as few requests as their number and size allow. If one of these fails, the messages before it
    /// are sent and the others are not; sending the same slice again completes it without doubling any.
    pub async fn send_batch(&self, batch: &[Send]) -> Result<Vec<Sent>, Error> {
        batch.iter().try_for_each(|send| send.check(&self.policy))?;
        let mut sent = Vec::with_capacity(batch.len());
        let mut rest = batch;
        while !rest.is_empty() {
            let (request, later) = rest.split_at(fitting(rest));
            sent.extend(fresh::send(self, request).await?);
            rest = later;
        }
        Ok(sent)
    }

    /// Receives up to `max` messages (at most 500 and about 8 MiB at once), waiting for the first if there is none. If
    /// the future is dropped, messages may already be received; they reappear after the visibility timeout.
    pub async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Message>, Error> {
        if max == 0 {
            return Err(Error::Invalid {
                argument: "max",
                expected: "at least 1",
            });
        }
        let max = max.min(MAX_MESSAGES);
        let deadline = Instant::now() + wait;
        let mut pause = MIN_PAUSE;
        loop {
            let Received { messages, next_ms } = scripts::receive(self, max).await?;
            if !messages.is_empty() {
                return Ok(messages);
            }
            // The script spent the call on messages that are gone or dead, and there is more.
            if next_ms == Some(0) {
                continue;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(messages);
            }
            let next = next_ms.map_or(MAX_PAUSE, Duration::from_millis);
            tokio::time::sleep(pause.min(next).max(MIN_PAUSE).min(left)).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// Deletes received messages.
    pub async fn delete(&self, receipts: &[ReceiptHandle]) -> Result<Vec<Settled>, Error> {
        let mut settled = Vec::with_capacity(receipts.len());
        for request in receipts.chunks(MAX_RECEIPTS) {
            settled.extend(scripts::delete(self, request).await?);
        }
        Ok(settled)
    }

    /// Moves the time at which received messages become visible again: later, to go on working; earlier, to give up.
    pub async fn change_visibility(&self, changes: &[ChangeVisibility]) -> Result<Vec<Settled>, Error> {
        changes
            .iter()
            .try_for_each(|change| policy::visibility_ms(change.timeout).map(drop))?;
        let mut settled = Vec::with_capacity(changes.len());
        for request in changes.chunks(MAX_RECEIPTS) {
            settled.extend(scripts::change_visibility(self, request).await?);
        }
        Ok(settled)
    }

    /// Hands received messages back for a while, as if this receive had not been.
    pub async fn snooze(&self, snoozes: &[Snooze]) -> Result<Vec<Settled>, Error> {
        snoozes
            .iter()
            .try_for_each(|snooze| policy::visibility_ms(snooze.delay).map(drop))?;
        let mut settled = Vec::with_capacity(snoozes.len());
        for request in snoozes.chunks(MAX_RECEIPTS) {
            settled.extend(scripts::snooze(self, request).await?);
        }
        Ok(settled)
    }

    /// Gives received messages up, for a human to look at.
    pub async fn dead_letter(&self, letters: &[DeadLetter]) -> Result<Vec<Settled>, Error> {
        let mut settled = Vec::with_capacity(letters.len());
        for request in letters.chunks(MAX_RECEIPTS) {
            settled.extend(scripts::dead_letter(self, request).await?);
        }
        Ok(settled)
    }

    /// Counts and ages.
    pub async fn attributes(&self) -> Result<Attributes, Error> {
        scripts::attributes(self).await
    }

    /// Shows messages without receiving them: visible ones first, then those in flight, then delayed ones.
    pub async fn peek(&self, offset: u64, limit: usize) -> Result<Page<Peeked>, Error> {
        scripts::peek(self, offset, limit.clamp(1, MAX_MESSAGES)).await
    }

    /// Shows those of the next `scan` messages that are meant. The page may be empty and yet have a next one.
    pub async fn search(&self, filter: &Filter, offset: u64, scan: usize) -> Result<Page<Peeked>, Error> {
        let mut page = self.peek(offset, scan).await?;
        page.items.retain(|message| filter.matches(message));
        Ok(page)
    }

    /// Removes messages, wherever they are. Whoever holds one finds its receipt stale.
    pub async fn cancel(&self, ids: &[MessageId]) -> Result<Vec<Settled>, Error> {
        let mut settled = Vec::with_capacity(ids.len());
        for request in ids.chunks(MAX_RECEIPTS) {
            settled.extend(scripts::cancel(self, request).await?);
        }
        Ok(settled)
    }

    /// Has no message of the group received any more, or none at all without a group. Sending goes on, and so does work
    /// on what is in flight. Says whether that changed anything.
    pub async fn pause(&self, group: Option<&str>) -> Result<bool, Error> {
        scripts::pause(self, group, true).await
    }

    /// Ends a pause of the same group, or of the queue. Says whether that changed anything.
    pub async fn resume(&self, group: Option<&str>) -> Result<bool, Error> {
        scripts::pause(self, group, false).await
    }

    /// Deletes every message, also those in flight, and says how many. The dead-letter queue is left alone.
    pub async fn purge(&self) -> Result<u64, Error> {
        scripts::purge(self).await
    }

    /// Where this queue's messages go when they are given up.
    pub fn dead_letter_queue(&self) -> DeadLetterQueue {
        DeadLetterQueue::of(self)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Queue").field(&self.name).finish()
    }
}

impl Clock {
    /// What the scripts take for the time: nothing means their own server's.
    fn argument(self) -> String {
        match self {
            Self::Server => String::new(),
            Self::Fixed(now_ms) => now_ms.to_string(),
        }
    }
}

/// How many of these messages go into the next request: at least one.
fn fitting(batch: &[Send]) -> usize {
    let mut bytes = 0;
    let fits = batch.iter().take(MAX_MESSAGES).take_while(|send| {
        bytes += send.body.len();
        bytes <= scripts::MAX_BYTES
    });
    fits.count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_stays_within_number_and_size() {
        let small = Send::new("x");
        assert_eq!(fitting(&vec![small.clone(); 2_000]), MAX_MESSAGES);
        let large = Send::new(vec![0; 3 << 20]);
        assert_eq!(fitting(&vec![large; 4]), 2);
        let huge = Send::new(vec![0; 9 << 20]);
        assert_eq!(fitting(&[huge, small]), 1);
    }
}
