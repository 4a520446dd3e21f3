//! Our own queue, through what anybody may call.

use std::ops::Range;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use shared::queue::{Policy, Queue, Redis, Send, Settings};

use crate::load::{Receiver, Sender};

/// One way to use the queue: a row of its own in every table.
#[derive(Debug)]
pub struct Case {
    name: &'static str,
    /// Makes a message of its body and its number.
    message: fn(Bytes, usize) -> Send,
}

/// All ways. The first is what everything else is compared with.
pub const CASES: &[Case] = &[
    Case {
        name: "mercury",
        message: |body, _| Send::new(body),
    },
    // As Mercury's own queues are used: every message has the group of its store.
    Case {
        name: "mercury, 1 group",
        message: |body, _| Send::new(body).group("shop"),
    },
    Case {
        name: "mercury, 10 groups",
        message: |body, number| Send::new(body).group(format!("shop-{}", number % 10)),
    },
];

/// The queue, used in one way.
#[derive(Debug, Clone)]
pub struct Mercury {
    queue: Queue,
    case: &'static Case,
}

impl Mercury {
    /// Opens the queue.
    pub fn new(host: &str, port: u16, case: &'static Case) -> Result<Self> {
        let redis = Redis::new(&Settings::new(host, port))?;
        Ok(Self {
            queue: Queue::new(redis, "peers", Policy::default())?,
            case,
        })
    }

    /// What the case is called.
    pub fn name(&self) -> &'static str {
        self.case.name
    }
}

impl Sender for Mercury {
    async fn send(&mut self, body: &Bytes, numbers: Range<usize>) -> Result<()> {
        let messages: Vec<_> = numbers
            .map(|number| (self.case.message)(body.clone(), number))
            .collect();
        self.queue.send_batch(&messages).await?;
        Ok(())
    }
}

impl Receiver for Mercury {
    async fn receive(&mut self, max: usize, delete: bool) -> Result<usize> {
        let messages = self.queue.receive(max, Duration::ZERO).await?;
        if delete && !messages.is_empty() {
            let receipts: Vec<_> = messages.iter().map(|message| message.receipt).collect();
            self.queue.delete(&receipts).await?;
        }
        Ok(messages.len())
    }
}
