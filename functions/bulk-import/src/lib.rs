//! One step of one bulk operation of an import.
//!
//! The state machine holds when and how often; what an import is, counts and decides stands in Postgres. Every step may
//! run twice or late: it locks the operation, looks how far it is, and does what is missing.

mod answer;
mod error;
mod fan_out;
mod finish;
mod ownerless;
mod poll;
mod progress;
mod renew;
mod split;
mod start;
mod sweep;

use std::sync::Arc;

use serde::Deserialize;
use shared::carrier::carry;
use shared::config::Environment;
use shared::import;
use shared::message::{Body, Import, QueueName};
use shared::policies::Policies;
use shared::queue::{Queue, Redis};
use shared::shopify::{Client, ResultFiles, ShopDomain};
use shared::store::sync_operations::Operation;
use shared::store::{self, Store, Transaction, credentials, sync_jobs, sync_operations};
use shared::throttle::Throttle;
use uuid::Uuid;

pub use answer::Answer;
pub use error::Error;

/// What the state machine sends.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Which step.
    pub step: Step,
    /// The import.
    pub job_id: Uuid,
    /// Which of its operations.
    pub operation: String,
    /// What the step before answered.
    #[serde(default)]
    pub result: Last,
    /// What went wrong, if the state machine gave up.
    #[serde(default)]
    pub error: Option<Failure>,
}

/// A step of the state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Submits the operation to Shopify.
    Start,
    /// Asks Shopify how far it is.
    Poll,
    /// Cuts the result into chunks.
    FanOut,
    /// Looks how far the chunks are.
    Progress,
    /// Gives the verdict.
    Finish,
}

/// What is handed from step to step.
#[derive(Debug, Default, Deserialize)]
pub struct Last {
    /// Polls so far in this execution.
    #[serde(default)]
    pub polls: u32,
    /// Rounds of draining so far in this execution.
    #[serde(default)]
    pub rounds: u32,
    /// Rounds since the last one in which a line was applied.
    #[serde(default)]
    pub idle: u32,
    /// Lines applied at the last round.
    #[serde(default)]
    pub lines: i64,
}

/// How Step Functions describes a failure.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Failure {
    /// The error's name.
    pub error: String,
    /// What was said about it.
    #[serde(default)]
    pub cause: Option<String>,
}

/// What one process holds.
pub struct Context {
    redis: Redis,
    policies: Policies,
    store: Store,
    client: Client,
    files: ResultFiles,
    /// Drains that the state machine invokes at once.
    drains: usize,
    /// The largest share of a table that a sweep may delete unseen.
    sweep_max_percent: u32,
}

impl Context {
    /// Reads the configuration. Touches no network.
    pub fn load(environment: &Environment) -> Result<Self, lambda_runtime::Error> {
        let redis = Redis::new(&environment.redis()?)?;
        let budget = Arc::new(Throttle::new(redis.clone()));
        // An import has time; webhooks' fetches go first.
        let client = Client::new(environment.shopify()?)?.with_budget(budget).background();
        Ok(Self {
            redis,
            policies: Policies::load(environment)?,
            store: Store::new(&environment.postgres()?)?,
            files: ResultFiles::new(&client)?,
            client,
            drains: environment.parsed("IMPORT_DRAINS", "a whole number, such as 2", 2)?,
            sweep_max_percent: environment.percent("SWEEP_MAX_PERCENT", 20)?,
        })
    }

    fn queue(&self, name: QueueName) -> Result<Queue, Error> {
        Ok(Queue::new(
            self.redis.clone(),
            name.as_str(),
            self.policies.of(name).policy,
        )?)
    }
}

/// Runs one step.
pub async fn handle(context: &Context, event: Event) -> Result<Answer, Error> {
    let run = Run::new(context, &event)?;
    let answer = match event.step {
        Step::Start => start::run(&run).await,
        Step::Poll => poll::run(&run, &event.result).await,
        Step::FanOut => fan_out::run(&run).await,
        Step::Progress => progress::run(&run, &event.result).await,
        Step::Finish => finish::run(&run, event.error.as_ref()).await,
    };
    let answer = match answer {
        Err(error) if error.is_replaced() => Ok(Answer::End { status: None }),
        answer => answer,
    };
    match &answer {
        Ok(answer) => tracing::info!(
            import.id = %event.job_id, operation = event.operation, step = ?event.step, next = answer.next(), "step done"
        ),
        Err(error) => tracing::warn!(
            import.id = %event.job_id, operation = event.operation, step = ?event.step, error = %error, "step failed"
        ),
    }
    answer
}

/// One operation of one import, as every step sees it.
pub(crate) struct Run<'a> {
    pub context: &'a Context,
    pub job_id: Uuid,
    pub operation: &'a str,
    /// What is asked of Shopify, and which queue takes the result.
    pub definition: &'static import::Operation,
}

impl<'a> Run<'a> {
    fn new(context: &'a Context, event: &'a Event) -> Result<Self, Error> {
        let definition = import::find(&event.operation)
            .ok_or_else(|| Error::permanent(format!("there is no operation called `{}`", event.operation)))?;
        Ok(Self {
            context,
            job_id: event.job_id,
            operation: &event.operation,
            definition,
        })
    }

    /// Locks the operation for the rest of the transaction.
    pub async fn lock(&self) -> Result<(Transaction, Operation), Error> {
        let mut tx = self.context.store.begin().await?;
        sync_operations::stepped(&mut tx, self.job_id, self.operation).await?;
        store::commit(tx).await?;
        let mut tx = self.context.store.begin().await?;
        let operation = sync_operations::lock(&mut tx, self.job_id, self.operation).await?;
        if let Some(operation) = operation {
            return Ok((tx, operation));
        }
        Err(match sync_jobs::shop_domain(&mut tx, self.job_id).await? {
            Some(_) => Error::replaced(),
            None => Error::permanent("there is no import of this id".to_owned()),
        })
    }

    /// The store, and the token that reads it.
    pub async fn access(&self, tx: &mut Transaction) -> Result<(ShopDomain, String), Error> {
        let shop = self.shop(tx).await?;
        let (_, token) = credentials::token(tx, shop.as_str()).await?.ok_or_else(|| {
            Error::permanent(format!(
                "no access token for {shop}: add the store again with shops.add"
            ))
        })?;
        Ok((shop, token))
    }

    /// The store.
    pub async fn shop(&self, tx: &mut Transaction) -> Result<ShopDomain, Error> {
        let domain = sync_jobs::shop_domain(tx, self.job_id).await?.unwrap_or_default();
        ShopDomain::parse(&domain).map_err(|_| Error::permanent("the import's store has no valid name".to_owned()))
    }

    /// Ends this execution and lets another go on: one keeps only 25,000 events.
    pub async fn continue_elsewhere(&self, mut tx: Transaction) -> Result<Answer, Error> {
        let shop = self.shop(&mut tx).await?;
        let part = sync_operations::continued(&mut tx, self.job_id, self.operation).await?;
        store::commit(tx).await?;
        let import = Import::going_on(shop, self.job_id, self.operation.to_owned(), part);
        let send = carry(&Body::Import(import));
        self.context.queue(QueueName::BulkImport)?.send(&send).await?;
        Ok(Answer::End { status: None })
    }
}
