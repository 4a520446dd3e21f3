//! apalis-redis: `push` and `push_bulk`, and a worker that runs every task in one of tokio.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use apalis::prelude::*;
use apalis_redis::{Config, RedisStorage};
use bytes::Bytes;
use serde_json::value::RawValue;
use tokio::sync::Notify;

use crate::load::{Load, Sender};

/// Its script that fetches hands all that is due to Lua's `unpack`, which fails with some 8,000.
pub const MOST_MESSAGES: usize = 7_000;
const QUEUE: &str = "peers";

/// The body goes through its codec, JSON, as it is.
type Storage = RedisStorage<Box<RawValue>>;

/// The storage on one connection.
#[derive(Debug, Clone)]
pub struct Apalis {
    storage: Storage,
    lean: bool,
}

impl Apalis {
    /// Connects. Lean is without locks and events, which are on unless said otherwise.
    pub async fn new(host: &str, port: u16, lean: bool) -> Result<Self> {
        let connection = apalis_redis::connect((host, port)).await?;
        let storage = RedisStorage::new(connection).with_config(config(lean));
        Ok(Self { storage, lean })
    }

    /// Without locks and events.
    pub fn is_lean(&self) -> bool {
        self.lean
    }

    /// One worker that fetches one batch at a time, until everything is acknowledged.
    pub async fn complete(&self, load: &Load) -> Result<Duration> {
        let messages = load.messages;
        let started = Arc::new(AtomicUsize::new(0));
        let worker = WorkerBuilder::new("worker")
            .backend(self.fetching(load.batch))
            .parallelize(tokio::spawn)
            .build(move |_: Box<RawValue>, worker: WorkerContext| {
                let last = started.fetch_add(1, Relaxed) + 1 == messages;
                async move {
                    if last {
                        worker.stop()?;
                    }
                    Ok::<(), BoxDynError>(())
                }
            });
        let start = Instant::now();
        worker.run().await.map_err(|error| anyhow!("apalis: {error}"))?;
        let taken = start.elapsed();
        let mut connection = self.storage.clone().get_connection().clone();
        let done: usize = redis::cmd("SCARD")
            .arg(config(self.lean).done_jobs_set())
            .query_async(&mut connection)
            .await?;
        ensure!(done == messages, "apalis: {done} of {messages} tasks are done");
        Ok(taken)
    }

    /// One worker that takes everything and finishes nothing.
    pub async fn hold(&self, load: &Load) -> Result<Duration> {
        let messages = load.messages;
        let started = Arc::new(AtomicUsize::new(0));
        let all = Arc::new(Notify::new());
        let full = all.clone();
        let worker = WorkerBuilder::new("worker")
            .backend(self.fetching(load.batch))
            .parallelize(tokio::spawn)
            .build(move |_: Box<RawValue>| {
                if started.fetch_add(1, Relaxed) + 1 == messages {
                    full.notify_one();
                }
                std::future::pending::<Result<(), BoxDynError>>()
            });
        let start = Instant::now();
        tokio::select! {
            outcome = worker.run() => outcome.map_err(|error| anyhow!("apalis: {error}"))?,
            () = all.notified() => {}
        }
        Ok(start.elapsed())
    }

    fn fetching(&self, batch: usize) -> Storage {
        self.storage.clone().with_config(config(self.lean).batch_size(batch))
    }
}

impl Sender for Apalis {
    async fn send(&mut self, body: &Bytes, numbers: Range<usize>) -> Result<()> {
        let body = || RawValue::from_string(String::from_utf8(body.to_vec())?).map_err(anyhow::Error::from);
        if numbers.len() == 1 {
            self.storage.push(body()?).await?;
        } else {
            let bodies = numbers.map(|_| body()).collect::<Result<_>>()?;
            self.storage.push_bulk(bodies).await?;
        }
        Ok(())
    }
}

fn config(lean: bool) -> Config {
    Config::default().queue(QUEUE).lock_tasks(!lean).emit_events(!lean)
}
