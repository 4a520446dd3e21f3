//! Drains one queue: receive, apply, settle, until it is empty or the time is up.
//!
//! Delays, retries and leases advance whenever any drain runs: no process stays resident.

mod backoff;
mod deadline;
mod drain;
mod housekeeping;
mod import;
mod settle;
mod single;
mod sweep;
mod webhooks;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent};
use serde::Deserialize;
use shared::carrier::{carry, in_background};
use shared::config::{self, Environment};
use shared::message::{self, QueueName};
use shared::policies::Policies;
use shared::queue::{self, Queue, Redis, Send};
use shared::shopify::{Client, Priority, ResultFiles};
use shared::store::Store;
use shared::telemetry::Chain;
use shared::throttle::Throttle;

pub use drain::Report;

/// What the schedule and the state machine send.
#[derive(Debug, Deserialize)]
pub struct Event {
    /// Which queue to drain.
    pub queue: QueueName,
}

/// What one process holds.
pub struct Context {
    redis: Redis,
    policies: Policies,
    store: Store,
    client: Client,
    files: ResultFiles,
    executions: import::Executions,
    /// Workers that receive side by side, one database connection each.
    concurrency: usize,
    /// Deliveries that one worker takes at once.
    batch_size: usize,
    /// How long an empty queue is watched before the drain ends.
    linger: Duration,
    /// Something was erased, and nobody has looked through the dead letters since.
    sweep_wanted: AtomicBool,
    /// What is wrong with Redis has been said.
    advised: AtomicBool,
    /// How long after a webhook its resource is fetched for what no webhook tells; zero: never.
    refresh: Duration,
}

impl Context {
    /// Reads the configuration. Touches no network.
    pub fn load(environment: &Environment) -> Result<Self, Error> {
        let redis = Redis::new(&environment.redis()?)?;
        let budget = Arc::new(Throttle::new(redis.clone()));
        let client = Client::new(environment.shopify()?)?.with_budget(budget);
        let whole_number = "a whole number above 0";
        let concurrency: usize = environment.parsed("QUEUE_CONCURRENCY", whole_number, 2)?;
        let batch_size: usize = environment.parsed("BATCH_SIZE", whole_number, 100)?;
        if concurrency == 0 || batch_size == 0 {
            let name = if concurrency == 0 {
                "QUEUE_CONCURRENCY"
            } else {
                "BATCH_SIZE"
            };
            return Err(config::Error::Malformed {
                name,
                expected: whole_number,
            }
            .into());
        }
        let refresh: u64 = environment.parsed("REFRESH_SECONDS", "whole seconds up to 900, such as 60", 60)?;
        if refresh > 900 {
            return Err(config::Error::Malformed {
                name: "REFRESH_SECONDS",
                expected: "whole seconds up to 900, such as 60",
            }
            .into());
        }
        let linger: u64 = environment.parsed("LINGER_SECONDS", "whole seconds, such as 75", 0)?;
        Ok(Self {
            redis,
            policies: Policies::load(environment)?,
            store: Store::new(&environment.postgres()?)?,
            files: ResultFiles::new(&client)?,
            client,
            executions: import::Executions::new(environment.optional("STATE_MACHINE_ARN")),
            concurrency,
            batch_size,
            linger: Duration::from_secs(linger),
            sweep_wanted: AtomicBool::new(false),
            advised: AtomicBool::new(false),
            refresh: Duration::from_secs(refresh),
        })
    }

    fn queue(&self, name: QueueName) -> Result<Queue, queue::Error> {
        Queue::new(self.redis.clone(), name.as_str(), self.policies.of(name).policy)
    }

    /// Sends the messages that carry fetches which are already recorded. A send that fails is made up for by
    /// [`housekeeping`].
    async fn send_fetches(&self, fetches: Vec<message::Resource>, delay: Duration, priority: Priority) {
        for name in QueueName::ALL {
            let sends: Vec<Send> = fetches
                .iter()
                .filter(|resource| QueueName::of_resource(&resource.gid) == Some(name))
                .map(|resource| {
                    let send = carry(&message::Body::Resource(resource.clone())).delay(delay);
                    match priority {
                        Priority::Foreground => send,
                        Priority::Background => in_background(send),
                    }
                })
                .collect();
            if sends.is_empty() {
                continue;
            }
            let sent = async { self.queue(name)?.send_batch(&sends).await };
            if let Err(error) = sent.await {
                tracing::warn!(queue.name = %name, count = sends.len(), error = %Chain(&error), "wanted fetches not sent; they are recorded and will be");
            }
        }
    }

    /// Sends on the imports that need wait no longer. If that fails, they only wait.
    async fn send_imports(&self, imports: Vec<message::Import>) {
        if imports.is_empty() {
            return;
        }
        let sends: Vec<Send> = imports
            .into_iter()
            .map(|import| carry(&message::Body::Import(import)))
            .collect();
        let sent = async { self.queue(QueueName::BulkImport)?.send_batch(&sends).await };
        if let Err(error) = sent.await {
            tracing::warn!(queue.name = %QueueName::BulkImport, error = %Chain(&error), "imports not sent on; they ask by themselves");
        }
    }
}

/// Drains the queue that the event names.
pub async fn handle(context: &Context, event: LambdaEvent<Event>) -> Result<Report, Error> {
    let deadline = deadline::of(&event.context);
    let queue = event.payload.queue;
    housekeeping::before(context, queue, deadline).await;
    let report = drain::drain(context, queue, deadline).await?;
    tracing::info!(
        queue.name = %queue,
        received = report.received,
        deleted = report.deleted,
        retried = report.retried,
        snoozed = report.snoozed,
        dead_lettered = report.dead_lettered,
        stopped = report.stopped.as_str(),
        "queue drained"
    );
    Ok(report)
}
