//! Deliveries: a whole batch in one transaction, and a poison message alone.

use std::sync::atomic::Ordering;
use std::time::Duration;

use shared::message::{self, Body, QueueName, Superseded, Webhook};
use shared::mirror::{self, Disposition, Error};
use shared::queue::Message;
use shared::shopify::Priority;
use shared::store;
use shared::store::webhook_logs::Status;
use shared::telemetry::Chain;

use super::Context;
use super::settle::Settlement;

/// A fetch that settles a tie of one second is made some seconds later, so that it is observed later than both.
pub(crate) const FETCH_DELAY: Duration = Duration::from_secs(5);

/// Applies a batch of messages of `webhook-process`; one settlement for each.
pub(crate) async fn handle(context: &Context, messages: &[Message]) -> Vec<Settlement> {
    let mut settlements: Vec<Option<Settlement>> = messages.iter().map(|_| None).collect();
    let mut deliveries: Vec<(usize, Webhook)> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        match message::decode(&message.body) {
            Ok(Body::Webhook(webhook)) => deliveries.push((index, webhook)),
            Ok(Body::Rejected(rejected)) => {
                let kept = mirror::log::refused(&context.store, &rejected).await;
                settlements[index] = Some(settlement(context, message, kept));
            }
            Ok(Body::Resource(_) | Body::Chunk(_) | Body::Page(_) | Body::Import(_)) => {
                let reason = "a message of another queue".to_owned();
                settlements[index] = Some(Settlement::DeadLetter { reason });
            }
            Err(error) => {
                settlements[index] = Some(Settlement::DeadLetter {
                    reason: error.to_string(),
                })
            }
        }
    }
    for (index, settlement) in apply(context, messages, &deliveries).await {
        settlements[index] = Some(settlement);
    }
    settlements
        .into_iter()
        .map(|settlement| settlement.expect("every message has been decoded or given up"))
        .collect()
}

/// Applies one delivery that came on another way than in a batch.
pub(crate) async fn handle_one(context: &Context, message: &Message, webhook: Webhook) -> Settlement {
    let applied = apply(context, std::slice::from_ref(message), &[(0, webhook)]).await;
    applied.into_iter().next().expect("one delivery has one settlement").1
}

/// Applies the deliveries together; if one of them may be at fault, each alone.
async fn apply(context: &Context, messages: &[Message], deliveries: &[(usize, Webhook)]) -> Vec<(usize, Settlement)> {
    if deliveries.is_empty() {
        return Vec::new();
    }
    let received: Vec<mirror::webhook::Received<'_>> = deliveries
        .iter()
        .map(|(index, webhook)| (webhook, messages[*index].receive_count))
        .collect();
    let superseded = superseded(messages, deliveries);
    let applied = async {
        if !superseded.is_empty() {
            mirror::log::superseded(&context.store, &superseded).await?;
        }
        mirror::webhook::apply(&context.store, &received, !context.refresh.is_zero()).await
    };
    match applied.await {
        Ok(applied) => {
            context
                .send_fetches(applied.fetches, FETCH_DELAY, Priority::Foreground)
                .await;
            context.send_imports(applied.imports).await;
            if applied.sweep {
                context.sweep_wanted.store(true, Ordering::Relaxed);
            }
            context
                .send_fetches(applied.refreshes, context.refresh, Priority::Foreground)
                .await;
            let mut settlements = Vec::with_capacity(deliveries.len());
            for ((index, webhook), outcome) in deliveries.iter().zip(applied.outcomes) {
                let settlement = settlement(context, &messages[*index], outcome.map(drop));
                log_failure(context, webhook, &messages[*index], &settlement).await;
                settlements.push((*index, settlement));
            }
            settlements
        }
        Err(error) if error.may_be_of_one_message() && deliveries.len() > 1 => {
            tracing::warn!(count = deliveries.len(), error = %Chain(&error), "batch failed; each delivery is tried alone");
            let mut settlements = Vec::with_capacity(deliveries.len());
            for delivery in deliveries {
                settlements.extend(Box::pin(apply(context, messages, std::slice::from_ref(delivery))).await);
            }
            settlements
        }
        Err(error) => {
            let reason = Chain(&error).to_string();
            let postgres_is_away = matches!(error, Error::Store(store::Error::Unavailable { .. }));
            let mut settlements = Vec::with_capacity(deliveries.len());
            for (index, webhook) in deliveries {
                let settlement = failure(context, &messages[*index], error.disposition(), reason.clone());
                if !postgres_is_away {
                    log_failure(context, webhook, &messages[*index], &settlement).await;
                }
                settlements.push((*index, settlement));
            }
            settlements
        }
    }
}

/// The deliveries whose place these took, each by the one that took it.
fn superseded<'a>(messages: &[Message], deliveries: &'a [(usize, Webhook)]) -> Vec<(&'a Webhook, Superseded)> {
    let mut pairs = Vec::new();
    for (index, webhook) in deliveries {
        for note in &messages[*index].superseded {
            match Superseded::parse(note) {
                Ok(superseded) => pairs.push((webhook, superseded)),
                Err(_) => tracing::warn!(message.id = %messages[*index].id, "a superseded delivery cannot be logged"),
            }
        }
    }
    pairs
}

fn settlement(context: &Context, message: &Message, outcome: Result<(), Error>) -> Settlement {
    match outcome {
        Ok(()) => Settlement::Delete,
        Err(error) => failure(context, message, error.disposition(), Chain(&error).to_string()),
    }
}

fn failure(context: &Context, message: &Message, disposition: Disposition, reason: String) -> Settlement {
    let treatment = context.policies.of(QueueName::WebhookProcess);
    Settlement::of_failure(disposition, reason, message, &treatment)
}

/// The log says why a delivery is not applied. It cannot say so while Postgres is away, and then the message does.
async fn log_failure(context: &Context, webhook: &Webhook, message: &Message, settlement: &Settlement) {
    let (status, reason) = match settlement {
        Settlement::Delete | Settlement::HandBack(_) => return,
        Settlement::Retry { error, .. } => (Status::Retrying, error),
        Settlement::DeadLetter { reason } => (Status::Dead, reason),
    };
    let received = (webhook, message.receive_count);
    if let Err(error) = mirror::log::failure(&context.store, received, status, reason).await {
        tracing::warn!(message.id = %message.id, error = %Chain(&error), "failure not logged");
    }
}
