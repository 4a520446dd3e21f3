//! Looks for what was erased in the dead letters of every queue, and lets the mirror look through the rest.
//!
//! What is to be looked for is recorded in Postgres, so a drain that dies, or runs out of time, loses nothing: the next one
//! takes it up. Messages that still wait are left alone: they are erased as they are applied.

use shared::message::QueueName;
use shared::mirror;
use shared::mirror::privacy::sweep::{Sweep, due};
use shared::queue::{self, DeadMessage, MessageId};
use shared::telemetry::Chain;
use tokio::time::{Instant, timeout_at};

use super::Context;

/// Dead letters that are looked at in one request.
const LETTERS_AT_ONCE: usize = 100;

/// Why a sweep was not finished.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Mirror(#[from] mirror::Error),
    #[error(transparent)]
    Queue(#[from] queue::Error),
}

/// Makes the sweeps that are due, until `stop_at`. Nothing here fails a drain.
pub(crate) async fn run(context: &Context, stop_at: Instant) {
    match timeout_at(stop_at, Box::pin(make_due(context))).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(error = %Chain(&error), "sweeps of erased data put off"),
        Err(_) => tracing::warn!("time is up: sweeps of erased data go on later"),
    }
}

async fn make_due(context: &Context) -> Result<(), Error> {
    for sweep in due(&context.store).await? {
        // One that cannot be made must not keep the others from it.
        if let Err(error) = make(context, &sweep).await {
            tracing::warn!(shop.domain = sweep.shop_domain(), error = %Chain(&error), "sweep of erased data put off");
        }
    }
    Ok(())
}

async fn make(context: &Context, sweep: &Sweep) -> Result<(), Error> {
    let mut letters = 0;
    if sweep.sweep(&context.store).await? {
        for name in QueueName::ALL {
            letters += sweep_dead_letters(context, name, sweep).await?;
        }
    }
    sweep.made(&context.store).await?;
    tracing::info!(shop.domain = sweep.shop_domain(), letters, "erased data swept");
    Ok(())
}

/// Deletes the dead letters of one queue that the sweep is about. Returns how many there were.
async fn sweep_dead_letters(context: &Context, name: QueueName, sweep: &Sweep) -> Result<usize, Error> {
    let letters = context.queue(name)?.dead_letter_queue();
    let (mut offset, mut deleted) = (0, 0);
    loop {
        let page = letters.peek(offset, LETTERS_AT_ONCE).await?;
        let concerned: Vec<MessageId> = page
            .items
            .iter()
            .filter(|letter: &&DeadMessage| sweep.concerns(&letter.body))
            .map(|letter| letter.id)
            .collect();
        if !concerned.is_empty() {
            letters.delete(&concerned).await?;
            deleted += concerned.len();
        }
        match page.next {
            // What was deleted moves the rest forward.
            Some(next) => offset = next.saturating_sub(concerned.len() as u64),
            None => return Ok(deleted),
        }
    }
}
