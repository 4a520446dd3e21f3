use std::fmt;

use bytes::Bytes;

use super::{Error, Filter, MAX_MESSAGES, MAX_RECEIPTS, MessageAttributes, MessageId, Page, Queue, Settled, scripts};

/// The messages that one queue gave up. It is not received from: people look at it, delete, or send back.
#[derive(Clone)]
pub struct DeadLetterQueue {
    pub(super) queue: Queue,
    name: String,
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
    /// The group it belongs to.
    pub group: Option<String>,
    /// What the sender said beside the body.
    pub attributes: MessageAttributes,
    /// The notes of the messages that this one superseded.
    pub superseded: Vec<String>,
    /// What was sent.
    pub body: Bytes,
}

/// Where a page of dead letters begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum After {
    /// Behind so many.
    Offset(u64),
    /// Behind this one.
    Letter { id: MessageId, dead_at: u64 },
}

impl DeadLetterQueue {
    pub(super) fn of(queue: &Queue) -> Self {
        Self {
            name: format!("{}-dlq", queue.name),
            queue: queue.clone(),
        }
    }

    /// The name of its source with `-dlq` after it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Shows dead letters, the longest dead first.
    pub async fn peek(&self, offset: u64, limit: usize) -> Result<Page<DeadMessage>, Error> {
        scripts::peek_dead(&self.queue, After::Offset(offset), limit.clamp(1, MAX_MESSAGES)).await
    }

    /// Shows those of the next `scan` dead letters that are meant. The page may be empty and yet have a next one.
    pub async fn search(&self, filter: &Filter, offset: u64, scan: usize) -> Result<Page<DeadMessage>, Error> {
        let mut page = self.peek(offset, scan).await?;
        page.items.retain(|letter| filter.matches_dead(letter));
        Ok(page)
    }

    /// How many dead letters are meant: what a redrive with this filter would move. Looks at every one.
    pub async fn count(&self, filter: &Filter) -> Result<u64, Error> {
        let (mut count, mut offset) = (0, Some(0));
        while let Some(at) = offset {
            let page = self.search(filter, at, MAX_MESSAGES).await?;
            count += page.items.len() as u64;
            offset = page.next;
        }
        Ok(count)
    }

    /// Deletes dead letters.
    pub async fn delete(&self, ids: &[MessageId]) -> Result<Vec<Settled>, Error> {
        let mut settled = Vec::with_capacity(ids.len());
        for request in ids.chunks(MAX_RECEIPTS) {
            settled.extend(scripts::delete_dead(&self.queue, request).await?);
        }
        Ok(settled)
    }

    /// Sends these dead letters back to their source, and says which. There their receive count starts again; identity,
    /// time of sending, group, attributes and body stay.
    pub async fn send_back(&self, ids: &[MessageId]) -> Result<Vec<Settled>, Error> {
        let mut moved = Vec::with_capacity(ids.len());
        let mut rest = ids;
        while !rest.is_empty() {
            let (request, _) = rest.split_at(rest.len().min(MAX_RECEIPTS));
            let answers = scripts::redrive(&self.queue, request).await?;
            // What was left because of its size goes into the next request.
            let done = answers
                .iter()
                .position(|answer| *answer == Settled::Full)
                .unwrap_or(answers.len());
            moved.extend_from_slice(&answers[..done]);
            rest = &rest[done..];
        }
        Ok(moved)
    }

    /// Sends up to `max` dead letters back to their source, the longest dead first, and says how many.
    pub async fn redrive(&self, max: usize) -> Result<u64, Error> {
        let mut moved = 0;
        while moved < max {
            let page = self.peek(0, max - moved).await?;
            let ids: Vec<MessageId> = page.items.iter().map(|letter| letter.id).collect();
            let answers = self.send_back(&ids).await?;
            match answers.iter().filter(|answer| **answer == Settled::Done).count() {
                0 => break,
                n => moved += n,
            }
        }
        Ok(moved as u64)
    }

    /// Deletes every dead letter and says how many.
    pub async fn purge(&self) -> Result<u64, Error> {
        scripts::purge_dead(&self.queue).await
    }
}

impl fmt::Debug for DeadLetterQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DeadLetterQueue").field(&self.name).finish()
    }
}
