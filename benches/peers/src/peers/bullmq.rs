//! BullMQ: a Node process that is told what to do and takes the time itself.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::load::Load;

const DRIVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bullmq/driver.mjs");

/// A process with a queue, and with a worker of one concurrency when there is something to do.
#[derive(Debug)]
pub struct BullMq {
    concurrency: usize,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    process: Child,
}

#[derive(Debug, Serialize)]
struct Order<'a> {
    command: &'a str,
    messages: usize,
    batch: usize,
    body: &'a str,
    outstanding: usize,
    concurrency: usize,
}

#[derive(Debug, Deserialize)]
struct Answer {
    seconds: Option<f64>,
    error: Option<String>,
}

impl BullMq {
    /// Starts the process.
    pub fn start(concurrency: usize) -> Result<Self> {
        let mut process = Command::new("node")
            .arg(DRIVER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("node does not start")?;
        let commands = process.stdin.take().context("no stdin")?;
        let answers = process.stdout.take().context("no stdout")?;
        Ok(Self {
            concurrency,
            commands,
            answers: BufReader::new(answers).lines(),
            process,
        })
    }

    /// How many jobs the worker has at a time.
    pub fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// The process of Node.
    pub fn process(&self) -> Option<u32> {
        self.process.id()
    }

    /// Makes the queue.
    pub async fn open(&mut self) -> Result<()> {
        self.order("open", &Load::new(16, 1, 1)).await?;
        Ok(())
    }

    /// `add`, or `addBulk` for batches.
    pub async fn send(&mut self, load: &Load) -> Result<Duration> {
        self.order("send", load).await
    }

    /// One worker until nothing is left.
    pub async fn complete(&mut self, load: &Load) -> Result<Duration> {
        self.order("complete", load).await
    }

    /// One worker that takes everything at once and finishes nothing.
    pub async fn hold(&mut self, load: &Load) -> Result<Duration> {
        self.order("hold", load).await
    }

    async fn order(&mut self, command: &str, load: &Load) -> Result<Duration> {
        let order = Order {
            command,
            messages: load.messages,
            batch: load.batch,
            body: str::from_utf8(&load.body)?,
            // For single jobs as many as the worker has, for batches as many as the others.
            outstanding: if load.batch == 1 { self.concurrency } else { load.tasks() },
            concurrency: self.concurrency,
        };
        let line = format!("{}\n", serde_json::to_string(&order)?);
        self.commands.write_all(line.as_bytes()).await?;
        let line = self.answers.next_line().await?.context("node has ended")?;
        let answer: Answer = serde_json::from_str(&line)?;
        match answer {
            Answer {
                seconds: Some(seconds), ..
            } => Ok(Duration::from_secs_f64(seconds)),
            Answer { error, .. } => Err(anyhow!("BullMQ, {command}: {}", error.unwrap_or(line))),
        }
    }
}
