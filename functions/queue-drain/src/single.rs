//! Messages that are work by themselves: a fetch, a chunk of an import, a list to compare, an import to start.

use std::time::Duration;

use shared::carrier::is_background;
use shared::message::{self, Body, Chunk, Import, Page, Reach, Resource};
use shared::mirror::{self, Disposition, Error};
use shared::policies::Treatment;
use shared::queue::Message;
use shared::shopify::{self, Priority};
use shared::store::{self, pending_fetches, sync_chunks};
use shared::telemetry::Chain;
use tokio::time::Instant;

use super::Context;
use super::settle::Settlement;
use super::webhooks::{self, FETCH_DELAY};

/// A pause of a chunk: it is taken up again by whoever drains next.
const AT_ONCE: Duration = Duration::ZERO;

/// Handles one message; long work stops at `stop_at` and hands the message back.
pub(crate) async fn handle(
    context: &Context,
    treatment: &Treatment,
    message: &Message,
    stop_at: Instant,
) -> Settlement {
    match message::decode(&message.body) {
        Ok(Body::Resource(resource)) => fetch(context, treatment, message, &resource).await,
        Ok(Body::Chunk(chunk)) => apply_chunk(context, treatment, message, &chunk, stop_at).await,
        Ok(Body::Page(page)) => walk(context, treatment, message, &page, stop_at).await,
        Ok(Body::Import(import)) => start(context, treatment, message, &import).await,
        Ok(Body::Webhook(webhook)) => webhooks::handle_one(context, message, webhook).await,
        Ok(Body::Rejected(_)) => Settlement::DeadLetter {
            reason: "a refused delivery on a queue that does not keep them".to_owned(),
        },
        Err(error) => Settlement::DeadLetter {
            reason: error.to_string(),
        },
    }
}

async fn fetch(context: &Context, treatment: &Treatment, message: &Message, resource: &Resource) -> Settlement {
    let client = match is_background(message) {
        true => context.client.background(),
        false => context.client.clone(),
    };
    match mirror::resource::apply(&context.store, &client, resource).await {
        Ok(mirror::resource::Outcome::Settled) => Settlement::Delete,
        Ok(mirror::resource::Outcome::WantedAgain) => Settlement::HandBack(FETCH_DELAY),
        Err(error) => {
            let settlement = failure(treatment, message, &error);
            if let Settlement::DeadLetter { .. } = settlement {
                // Else the wanted fetch would be sent again and again.
                give_up(context, resource).await;
            }
            settlement
        }
    }
}

async fn give_up(context: &Context, resource: &Resource) {
    let forgotten = async {
        let mut tx = context.store.begin().await?;
        pending_fetches::give_up(&mut tx, resource.shop.as_str(), resource.gid.as_str()).await?;
        store::commit(tx).await
    };
    if let Err(error) = forgotten.await {
        tracing::warn!(shop.domain = %resource.shop, error = %Chain(&error), "wanted fetch not given up");
    }
}

async fn apply_chunk(
    context: &Context,
    treatment: &Treatment,
    message: &Message,
    chunk: &Chunk,
    stop_at: Instant,
) -> Settlement {
    match mirror::chunk::apply(&context.store, &context.files, chunk, stop_at).await {
        Ok(applied) => {
            context
                .send_fetches(applied.fetches, FETCH_DELAY, Priority::Background)
                .await;
            match applied.outcome {
                mirror::chunk::Outcome::Paused => Settlement::HandBack(AT_ONCE),
                mirror::chunk::Outcome::Done | mirror::chunk::Outcome::Ended => Settlement::Delete,
            }
        }
        Err(error) => {
            note_error(context, chunk, &Chain(&error).to_string()).await;
            // The next step of the import sees the note, finds the file again or orders another, and sends what is open.
            if matches!(&error, Error::Shopify(shopify::Error::ResultGone { .. })) {
                tracing::warn!(import.id = %chunk.job_id, operation = chunk.operation, "the result is gone; left to the import");
                return Settlement::Delete;
            }
            failure(treatment, message, &error)
        }
    }
}

/// Goes through a list until it ends, or the time is up.
async fn walk(
    context: &Context,
    treatment: &Treatment,
    message: &Message,
    page: &Page,
    stop_at: Instant,
) -> Settlement {
    // A comparison has time; webhooks' fetches go first.
    let client = context.client.background();
    loop {
        match mirror::walk::step(&context.store, &client, page).await {
            Ok(walked) => {
                context
                    .send_fetches(walked.fetches, Duration::ZERO, Priority::Background)
                    .await;
                match walked.outcome {
                    mirror::walk::Outcome::More => {}
                    mirror::walk::Outcome::Ended => return Settlement::Delete,
                    mirror::walk::Outcome::Done(totals) => {
                        log_walk(page, totals);
                        return Settlement::Delete;
                    }
                }
            }
            Err(error) => {
                let settlement = failure(treatment, message, &error);
                return match settlement {
                    Settlement::DeadLetter { reason } => fail_walk(context, page, reason).await,
                    settlement => settlement,
                };
            }
        }
        if Instant::now() >= stop_at {
            return Settlement::HandBack(AT_ONCE);
        }
    }
}

/// The numbers of a comparison of all ids are a metric, see template.yaml.
fn log_walk(page: &Page, totals: mirror::walk::Totals) {
    let (listed, missing, stale, gone) = (totals.listed, totals.missing, totals.stale, totals.gone);
    match page.reach {
        Reach::Changes => tracing::info!(
            shop.domain = %page.shop, list = page.list, listed, missing, stale, "changes of a store compared"
        ),
        Reach::All => tracing::info!(
            shop.domain = %page.shop, list = page.list, listed, missing, stale, gone, drift = totals.differences(),
            "a store's list compared with the mirror"
        ),
    }
}

/// The walk says why it ended; the next one begins anew, so the message is of no more use.
async fn fail_walk(context: &Context, page: &Page, reason: String) -> Settlement {
    match mirror::walk::fail(&context.store, page, &reason).await {
        Ok(()) => {
            tracing::warn!(shop.domain = %page.shop, list = page.list, reason, "a list could not be compared");
            Settlement::Delete
        }
        Err(_) => Settlement::DeadLetter { reason },
    }
}

/// The import shows why a chunk does not advance.
async fn note_error(context: &Context, chunk: &Chunk, error: &str) {
    let noted = async {
        let mut tx = context.store.begin().await?;
        sync_chunks::note_error(&mut tx, chunk.job_id, &chunk.operation, chunk.chunk, error).await?;
        store::commit(tx).await
    };
    if let Err(error) = noted.await {
        tracing::warn!(import.id = %chunk.job_id, error = %Chain(&error), "error of a chunk not noted");
    }
}

async fn start(context: &Context, treatment: &Treatment, message: &Message, import: &Import) -> Settlement {
    match context.executions.start(&context.store, import).await {
        Ok(()) => Settlement::Delete,
        Err(error) => {
            let disposition = Disposition::RetryLater;
            let reason = Chain(&error).to_string();
            Settlement::of_failure(disposition, reason, message, treatment)
        }
    }
}

fn failure(treatment: &Treatment, message: &Message, error: &Error) -> Settlement {
    let reason = Chain(error).to_string();
    Settlement::of_failure(error.disposition(), reason, message, treatment)
}
