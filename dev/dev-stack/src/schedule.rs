//! EventBridge's part: each drain is invoked every so often, and the reconcile now and then.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

use crate::functions::{PREFIX, QUEUES};
use crate::gateway::Invoker;

/// So many ticks of a drain are one of the reconcile: deployed, an hour.
const RECONCILE_TICKS: u32 = 60;

/// The eight schedules.
#[derive(Debug)]
pub struct Schedule {
    tasks: Vec<JoinHandle<()>>,
}

impl Schedule {
    /// Starts them. Deployed, `tick` is a minute; a shorter one makes a demonstration quick.
    pub fn start(invoker: &Invoker, tick: Duration) -> Self {
        let spawn = |function: String, event: serde_json::Value, every| {
            let event = Bytes::from(event.to_string());
            tokio::spawn(run(invoker.clone(), format!("{PREFIX}{function}"), event, every))
        };
        let drain = |queue| spawn(format!("drain-{queue}"), json!({ "queue": queue }), tick);
        let mut tasks: Vec<JoinHandle<()>> = QUEUES.map(drain).into();
        tasks.push(spawn("reconcile".to_owned(), json!({}), tick * RECONCILE_TICKS));
        Self { tasks }
    }

    /// No more ticks; what they started is no longer waited for.
    pub fn stop(&self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn run(invoker: Invoker, name: String, event: Bytes, every: Duration) {
    // The last failure, so that one that stays the same is told once.
    let told = Arc::new(Mutex::new(None));
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut drains = JoinSet::new();
    loop {
        ticks.tick().await;
        while drains.try_join_next().is_some() {}
        let (invoker, name, event, told) = (invoker.clone(), name.clone(), event.clone(), told.clone());
        drains.spawn(async move {
            let failure = invoker.tick(&name, event).await;
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(failure) = failure.as_ref().filter(|failure| told.as_ref() != Some(*failure)) {
                eprintln!("dev-stack: {name} failed ({failure})");
            }
            *told = failure;
        });
    }
}
