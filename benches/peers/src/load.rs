//! What is sent, and how tasks side by side send and receive it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use futures_util::future::try_join_all;

/// So many calls of batches are outstanding at a time, on one connection.
const TASKS: usize = 8;
/// So many calls of single messages: as many as the smaller of BullMQ's workers has.
const SINGLE_TASKS: usize = 50;
/// A queue that hands nothing out for so long has lost something.
const PATIENCE: Duration = Duration::from_secs(60);

/// So many messages of one size, in calls of one batch each.
#[derive(Debug, Clone)]
pub struct Load {
    /// What every message carries: an object in JSON.
    pub body: Bytes,
    /// How many there are: a multiple of the batch.
    pub messages: usize,
    /// How many go into one call.
    pub batch: usize,
}

/// Sends to a queue.
pub trait Sender: Clone + Send + Sync + 'static {
    /// Sends the messages of these numbers in one call.
    fn send(&mut self, body: &Bytes, numbers: Range<usize>) -> impl Future<Output = Result<()>> + Send;
}

/// Receives from a queue.
pub trait Receiver: Clone + Send + Sync + 'static {
    /// Receives up to so many messages, deletes them if told to, and says how many there were.
    fn receive(&mut self, max: usize, delete: bool) -> impl Future<Output = Result<usize>> + Send;
}

impl Load {
    /// Bodies of exactly `size` bytes.
    pub fn new(size: usize, messages: usize, batch: usize) -> Self {
        let frame = r#"{"body":""}"#.len();
        Self {
            body: format!(r#"{{"body":"{}"}}"#, "x".repeat(size - frame)).into(),
            messages: (messages / batch).max(1) * batch,
            batch,
        }
    }

    /// The same with fewer messages.
    pub fn at_most(&self, messages: usize) -> Self {
        Self::new(self.body.len(), self.messages.min(messages), self.batch)
    }

    /// How many calls are outstanding at a time.
    pub fn tasks(&self) -> usize {
        if self.batch == 1 { SINGLE_TASKS } else { TASKS }
    }

    /// The bytes of all bodies.
    pub fn bytes(&self) -> f64 {
        (self.body.len() * self.messages) as f64
    }
}

/// Sends all of a load.
pub async fn send_all(sender: &impl Sender, load: &Load) -> Result<Duration> {
    let next = Arc::new(AtomicUsize::new(0));
    side_by_side(load, || {
        let (mut sender, load, next) = (sender.clone(), load.clone(), next.clone());
        async move {
            loop {
                let first = next.fetch_add(load.batch, Relaxed);
                if first >= load.messages {
                    return Ok(());
                }
                sender.send(&load.body, first..first + load.batch).await?;
            }
        }
    })
    .await
}

/// Receives all of a load, and deletes it unless it shall stay in flight.
pub async fn receive_all(receiver: &impl Receiver, load: &Load, delete: bool) -> Result<Duration> {
    let done = Arc::new(AtomicUsize::new(0));
    let taken = side_by_side(load, || {
        let (mut receiver, load, done) = (receiver.clone(), load.clone(), done.clone());
        async move {
            let start = Instant::now();
            while done.load(Relaxed) < load.messages {
                done.fetch_add(receiver.receive(load.batch, delete).await?, Relaxed);
                ensure!(start.elapsed() < PATIENCE, "messages are missing");
            }
            Ok(())
        }
    })
    .await?;
    let received = done.load(Relaxed);
    ensure!(received == load.messages, "{received} of {} messages", load.messages);
    Ok(taken)
}

async fn side_by_side<F>(load: &Load, task: impl Fn() -> F) -> Result<Duration>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let start = Instant::now();
    let tasks: Vec<_> = (0..load.tasks()).map(|_| tokio::spawn(task())).collect();
    for outcome in try_join_all(tasks).await? {
        outcome?;
    }
    Ok(start.elapsed())
}
