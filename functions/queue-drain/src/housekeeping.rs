//! What must happen now and then, and happens because a drain runs anyway. Nothing here fails a drain.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{Days, Utc};
use shared::message::{QueueName, Resource};
use shared::queue;
use shared::shopify::Priority;
use shared::store::{self, partitions, pending_fetches};
use shared::telemetry::Chain;

use tokio::time::Instant;

use super::{Context, sweep};

/// A wanted fetch whose message was sent this long ago is carried by a new one.
const LOST_AFTER_SECONDS: f64 = 600.0;
/// Lost fetches that one drain takes up.
const MOST_LOST: i64 = 500;

/// The drain that looks for what was erased, where the one that erased it did not come to that: it has the least to do.
const SWEEPER: QueueName = QueueName::CustomerSync;

/// Before a drain of `queue`.
pub(crate) async fn before(context: &Context, queue: QueueName, deadline: Instant) {
    if !context.advised.swap(true, Ordering::Relaxed) {
        advise(context).await;
    }
    redrive(context, queue, deadline).await;
    let done = match queue {
        QueueName::WebhookProcess => make_partitions(context).await,
        QueueName::ProductSync => send_lost_fetches(context).await,
        QueueName::VariantSync
        | QueueName::CollectionSync
        | QueueName::CustomerSync
        | QueueName::OrderSync
        | QueueName::BulkImport => Ok(()),
    };
    if let Err(error) = done {
        tracing::warn!(queue.name = %queue, error = %Chain(&error), "housekeeping put off");
    }
    if queue == SWEEPER {
        // Deliveries are not kept waiting by it, nor fetches by a long one.
        let half = deadline.saturating_duration_since(Instant::now()) / 2;
        sweep::run(context, Instant::now() + half).await;
    }
}

/// Says once a process what is wrong with the server behind the queues.
async fn advise(context: &Context) {
    match context.redis.advice().await {
        Ok(advice) => advice
            .iter()
            .for_each(|advice| tracing::warn!(advice, "Redis is not set up for queues")),
        Err(error) => tracing::debug!(error = %Chain(&error), "Redis does not say how it is set up"),
    }
}

/// Goes on with a redrive that was asked for, for a part of the time.
async fn redrive(context: &Context, name: QueueName, deadline: Instant) {
    let until = Instant::now() + deadline.saturating_duration_since(Instant::now()) / 4;
    let open = |name: &str| match name.parse() {
        Ok(name) => context.queue(name),
        Err(_) => Err(queue::Error::Invalid {
            argument: "the queue of a redrive",
            expected: "one of the seven queues",
        }),
    };
    let advanced = async { context.queue(name)?.dead_letter_queue().advance(until, open).await };
    match advanced.await {
        Ok(Some(task)) => {
            tracing::info!(queue.name = %name, redrive.id = %task.id, redrive.moved = task.moved, "redrive goes on later");
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(queue.name = %name, error = %Chain(&error), "redrive put off"),
    }
}

/// The partitions of the webhook log for today and tomorrow. Each in its own transaction: two drains may make the same.
async fn make_partitions(context: &Context) -> Result<(), store::Error> {
    let today = Utc::now().date_naive();
    for day in [Some(today), today.checked_add_days(Days::new(1))]
        .into_iter()
        .flatten()
    {
        let mut tx = context.store.begin().await?;
        if partitions::ensure_day(&mut tx, day).await? {
            store::commit(tx).await?;
        }
    }
    Ok(())
}

async fn send_lost_fetches(context: &Context) -> Result<(), store::Error> {
    let mut tx = context.store.begin().await?;
    let lost = pending_fetches::take_lost(&mut tx, None, LOST_AFTER_SECONDS, MOST_LOST).await?;
    store::commit(tx).await?;
    let fetches: Vec<Resource> = lost
        .into_iter()
        .filter_map(|lost| Resource::parse(&lost.shop_domain, &lost.gid))
        .collect();
    // They are late, and may be many.
    context
        .send_fetches(fetches, Duration::ZERO, Priority::Background)
        .await;
    Ok(())
}
