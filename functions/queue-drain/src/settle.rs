//! Tells the queue what became of each message.

use std::time::Duration;

use shared::mirror::Disposition;
use shared::policies::Treatment;
use shared::queue::{self, ChangeVisibility, DeadLetter, Message, Queue, ReceiptHandle, Settled, Snooze};

use super::backoff::{Next, next};
use super::drain::Report;

/// What becomes of one message.
#[derive(Debug)]
pub(crate) enum Settlement {
    /// It is done.
    Delete,
    /// Visible again after this long, because of an error that may pass.
    Retry {
        /// How long.
        after: Duration,
        /// Why; kept with the message.
        error: String,
    },
    /// Visible again after this long; the receive does not count.
    HandBack(Duration),
    /// It can never succeed, or has failed too often.
    DeadLetter {
        /// Why.
        reason: String,
    },
}

impl Settlement {
    /// What becomes of `message` after its handling failed.
    pub fn of_failure(disposition: Disposition, reason: String, message: &Message, treatment: &Treatment) -> Self {
        match next(disposition, message.receive_count, treatment) {
            Next::Retry(after) => Self::Retry { after, error: reason },
            Next::Snooze(after) => Self::HandBack(after),
            Next::DeadLetter => Self::DeadLetter { reason },
        }
    }
}

/// Settles the messages, one call for each kind of end, and counts them in `report`. A stale receipt is no error: the
/// message was received again elsewhere, and what was applied twice was applied once.
pub(crate) async fn settle(
    queue: &Queue,
    messages: &[Message],
    settlements: Vec<Settlement>,
    report: &mut Report,
) -> Result<(), queue::Error> {
    let mut deletes: Vec<ReceiptHandle> = Vec::new();
    let mut retries: Vec<ChangeVisibility> = Vec::new();
    let mut snoozes: Vec<Snooze> = Vec::new();
    let mut letters: Vec<DeadLetter> = Vec::new();
    for (message, settlement) in messages.iter().zip(settlements) {
        let receipt = message.receipt;
        match settlement {
            Settlement::Delete => deletes.push(receipt),
            Settlement::Retry { after, error } => {
                tracing::warn!(
                    queue.name = queue.name(), message.id = %message.id, message.receive_count = message.receive_count,
                    retry_after_ms = after.as_millis() as u64, error, "message failed and comes again"
                );
                retries.push(ChangeVisibility {
                    receipt,
                    timeout: after,
                    error: Some(error),
                });
            }
            Settlement::HandBack(delay) => snoozes.push(Snooze { receipt, delay }),
            Settlement::DeadLetter { reason } => {
                tracing::error!(
                    queue.name = queue.name(), message.id = %message.id, message.receive_count = message.receive_count,
                    reason, "message given up"
                );
                letters.push(DeadLetter { receipt, reason });
            }
        }
    }
    let mut settled = Vec::with_capacity(messages.len());
    if !letters.is_empty() {
        report.dead_lettered += letters.len();
        settled.extend(queue.dead_letter(&letters).await?);
    }
    if !retries.is_empty() {
        report.retried += retries.len();
        settled.extend(queue.change_visibility(&retries).await?);
    }
    if !snoozes.is_empty() {
        report.snoozed += snoozes.len();
        settled.extend(queue.snooze(&snoozes).await?);
    }
    if !deletes.is_empty() {
        report.deleted += deletes.len();
        settled.extend(queue.delete(&deletes).await?);
    }
    let stale = settled.iter().filter(|settled| **settled == Settled::Stale).count();
    if stale > 0 {
        tracing::warn!(
            queue.name = queue.name(),
            stale,
            "messages were received elsewhere meanwhile"
        );
    }
    Ok(())
}
