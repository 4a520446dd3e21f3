use std::time::Duration;

use super::ReceiptHandle;

/// What became of one entry of a batch of receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// As asked.
    Done,
    /// Nothing changed: the message is gone, was received again since, or (except to delete and dead-letter it) is not
    /// in flight any more.
    Stale,
    /// The dead letters' bytes are spent. The message stays, hidden for a quarter of an hour.
    Full,
    /// Nothing changed: the message would have been hidden for more than twelve hours after it was received.
    TooLong,
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
