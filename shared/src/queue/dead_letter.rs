use std::{fmt, sync::Arc};

use bytes::Bytes;

use super::{
    Error, MAX_MESSAGES, MAX_RECEIPTS, MessageAttributes, MessageId, Page, Queue, Redis, Settled, keys::Keys, scripts,
};

/// The messages that one queue gave up. It is not received from: people look at it, delete, or send back.
#[derive(Clone)]
pub struct DeadLetterQueue {
    redis: Redis,
    name: String,
    keys: Arc<Keys>,
}

/// A message that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadMessage {
    /// The identity it always had.
    pub id: MessageId,
    /// Why it was given up.
    pub reason: String,
    /// When, in ms since 1970 by the clock of Redis.
    pub dead_at: u64,
    /// How often it was received, snoozed receives excluded.
    pub receive_count: u32,
    /// When it was first sent, in ms since 1970 by the clock of Redis.
    pub sent_at: u64,
    /// What the sender said beside the body.
    pub attributes: MessageAttributes,
    /// What was sent.
    pub body: Bytes,
}

impl DeadLetterQueue {
    pub(super) fn of(queue: &Queue) -> Self {
        Self {
            redis: queue.redis.clone(),
            name: format!("{}-dlq", queue.name),
            keys: queue.keys.clone(),
        }
    }

    /// The name of its source with `-dlq` after it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Shows dead letters, the longest dead first.
    pub async fn peek(&self, offset: u64, limit: usize) -> Result<Page<DeadMessage>, Error> {
        scripts::peek_dead(&self.redis, &self.keys, offset, limit.clamp(1, MAX_MESSAGES)).await
    }

    /// Deletes dead letters.
    pub async fn delete(&self, ids: &[MessageId]) -> Result<Vec<Settled>, Error> {
        let mut settled = Vec::with_capacity(ids.len());
        for request in ids.chunks(MAX_RECEIPTS) {
            settled.extend(scripts::delete_dead(&self.redis, &self.keys, request).await?);
        }
        Ok(settled)
    }

    /// Sends up to `max` dead letters back to their source, the longest dead first, and says how many. There their
    /// receive count starts again; identity, time of sending, attributes and body stay.
    pub async fn redrive(&self, max: usize) -> Result<u64, Error> {
        let mut moved = 0;
        while moved < max as u64 {
            let step = (max - moved as usize).min(MAX_MESSAGES);
            match scripts::redrive(&self.redis, &self.keys, step).await? {
                0 => break,
                n => moved += n,
            }
        }
        Ok(moved)
    }

    /// Deletes every dead letter and says how many.
    pub async fn purge(&self) -> Result<u64, Error> {
        scripts::purge_dead(&self.redis, &self.keys).await
    }
}

impl fmt::Debug for DeadLetterQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DeadLetterQueue").field(&self.name).finish()
    }
}
