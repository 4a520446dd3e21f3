//! The loop: receive → apply → settle, by several workers side by side.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::try_join_all;
use serde::Serialize;
use shared::message::QueueName;
use shared::queue::{self, ChangeVisibility, Message, Queue};
use tokio::time::{Instant, timeout_at};

use super::settle::{Settlement, settle};
use super::{Context, single, sweep, webhooks};

/// Before the deadline, no message is taken any more: what was taken must be applied and settled.
const STOP_RECEIVING: Duration = Duration::from_secs(8);
/// So long before the deadline, work that is not done is handed back.
const HAND_BACK: Duration = Duration::from_secs(3);
/// SQS's longest wait for a first message.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// Deliveries wait no longer than this for a sweep of erased data; the rest of it is housekeeping.
const LONGEST_SWEEP: Duration = Duration::from_secs(20);
/// A message received more often than this is handled alone, so that it cannot spoil a batch again and again.
const MOST_RECEIVES_IN_BATCH: u32 = 2;

/// What a drain did.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Messages received.
    pub received: usize,
    /// Messages done with.
    pub deleted: usize,
    /// Messages that failed and come again.
    pub retried: usize,
    /// Messages handed back without counting the receive.
    pub snoozed: usize,
    /// Messages given up.
    pub dead_lettered: usize,
    /// Why the drain ended.
    pub stopped: Stopped,
}

/// Why a drain ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// Nothing was visible.
    #[default]
    Empty,
    /// The time was up, and there may be more.
    Deadline,
}

impl Stopped {
    /// The word in the report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Deadline => "deadline",
        }
    }
}

impl Report {
    fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.deleted += other.deleted;
        self.retried += other.retried;
        self.snoozed += other.snoozed;
        self.dead_lettered += other.dead_lettered;
        if other.stopped == Stopped::Deadline {
            self.stopped = Stopped::Deadline;
        }
    }
}

/// Drains `name` until it is empty (and has been watched for the linger time) or the deadline is near.
///
/// # Errors
/// If Redis does not answer. Messages that were received reappear after their visibility timeout.
pub(crate) async fn drain(context: &Context, name: QueueName, deadline: Instant) -> Result<Report, queue::Error> {
    let queue = context.queue(name)?;
    let linger_until = Instant::now() + context.linger;
    let workers = (0..context.concurrency).map(|_| work(context, name, &queue, linger_until, deadline));
    let mut report = Report::default();
    for worker in try_join_all(workers).await? {
        report.add(&worker);
    }
    Ok(report)
}

async fn work(
    context: &Context,
    name: QueueName,
    queue: &Queue,
    linger_until: Instant,
    deadline: Instant,
) -> Result<Report, queue::Error> {
    let mut report = Report::default();
    // Deliveries are applied many at a time; everything else is long work by itself.
    let most = if name == QueueName::WebhookProcess {
        context.batch_size
    } else {
        1
    };
    loop {
        let now = Instant::now();
        let stop_at = deadline - STOP_RECEIVING.min(deadline.saturating_duration_since(now));
        if now >= stop_at {
            report.stopped = Stopped::Deadline;
            return Ok(report);
        }
        let wait = linger_until
            .min(stop_at)
            .saturating_duration_since(now)
            .min(LONGEST_WAIT);
        let messages = queue.receive(most, wait).await?;
        if messages.is_empty() {
            if Instant::now() >= linger_until {
                return Ok(report);
            }
            continue;
        }
        report.received += messages.len();
        let (often, seldom): (Vec<Message>, Vec<Message>) = messages
            .into_iter()
            .partition(|message| message.receive_count > MOST_RECEIVES_IN_BATCH);
        let mut parts: Vec<Vec<Message>> = often.into_iter().map(|message| vec![message]).collect();
        if !seldom.is_empty() {
            parts.insert(0, seldom);
        }
        for part in parts {
            // Boxed, because the state of a whole batch is large.
            let handled = Box::pin(handle(context, name, &part, deadline));
            let settlements = while_hidden(
                queue,
                context.policies.of(name).policy.visibility_timeout,
                &part,
                handled,
            )
            .await?;
            settle(queue, &part, settlements, &mut report).await?;
            if context.sweep_wanted.swap(false, Ordering::Relaxed) {
                let hand_back_at = deadline - HAND_BACK.min(deadline.saturating_duration_since(Instant::now()));
                sweep::run(context, hand_back_at.min(Instant::now() + LONGEST_SWEEP)).await;
            }
        }
    }
}

/// Applies the messages; what is not done shortly before the deadline is handed back.
async fn handle(context: &Context, name: QueueName, messages: &[Message], deadline: Instant) -> Vec<Settlement> {
    let hand_back_at = deadline - HAND_BACK.min(deadline.saturating_duration_since(Instant::now()));
    let work = async {
        match (name, messages) {
            (QueueName::WebhookProcess, _) => webhooks::handle(context, messages).await,
            (_, [message]) => vec![single::handle(context, &context.policies.of(name), message, hand_back_at).await],
            _ => unreachable!("only deliveries are received many at a time"),
        }
    };
    match timeout_at(hand_back_at, work).await {
        Ok(settlements) => settlements,
        Err(_) => {
            tracing::warn!(queue.name = %name, count = messages.len(), "time is up: messages handed back");
            messages.iter().map(|_| Settlement::HandBack(Duration::ZERO)).collect()
        }
    }
}

/// Keeps the messages hidden from other workers while `work` goes on.
async fn while_hidden<T>(
    queue: &Queue,
    visibility_timeout: Duration,
    messages: &[Message],
    work: impl Future<Output = T>,
) -> Result<T, queue::Error> {
    let mut work = std::pin::pin!(work);
    let mut extend = tokio::time::interval(visibility_timeout / 3);
    extend.tick().await;
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            _ = extend.tick() => {
                let changes: Vec<ChangeVisibility> = messages
                    .iter()
                    .map(|message| ChangeVisibility {
                        receipt: message.receipt,
                        timeout: visibility_timeout,
                        error: None,
                    })
                    .collect();
                queue.change_visibility(&changes).await?;
            }
        }
    }
}
