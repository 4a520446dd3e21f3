//! The sweep that belongs to the verdict `completed`: decided once, written in as many invocations as it takes.

use std::time::Duration;

use shared::mirror::sweep::{self, Evidence};
use shared::store::sync_operations::Operation;
use shared::store::sync_sweeps::File;
use shared::store::{self, Transaction, shops};
use tokio::time::Instant;

pub(crate) use shared::mirror::sweep::Outcome;

use super::{Error, Run};

/// How long one invocation goes on to sweep: deciding, which comes before, and the last slice fit into the function's timeout
/// besides (`template.yaml`), and that into the three minutes of a step.
const LONGEST: Duration = Duration::from_secs(45);

/// Decides and sweeps. With a sentence about what the state machine gave up on, what is not yet swept is held.
pub(crate) async fn run(
    run: &Run<'_>,
    mut tx: Transaction,
    operation: &Operation,
    gave_up: Option<&str>,
) -> Result<Outcome, Error> {
    let Some(created_at) = operation.bulk_created_at else {
        // Shopify never told of an operation, so there is no file to hold anything against.
        return Ok(Outcome::Done);
    };
    let file = File {
        job_id: run.job_id,
        operation: run.operation,
        shop_id: operation.shop_id,
        created_at,
    };
    match (operation.sweep.as_deref(), gave_up) {
        (None, _) => decide(run, &mut tx, operation, &file, gave_up).await?,
        (Some("running"), Some(gave_up)) => sweep::hold(&mut tx, &file, gave_up).await?,
        (Some(_), _) => {}
    }
    store::commit(tx).await?;
    Ok(sweep::run(&run.context.store, &file, Instant::now() + LONGEST).await?)
}

/// Asks Shopify what the app may see, and decides. After the state machine gave up nobody is asked.
async fn decide(
    run: &Run<'_>,
    tx: &mut Transaction,
    operation: &Operation,
    file: &File<'_>,
    gave_up: Option<&str>,
) -> Result<(), Error> {
    let granted = match gave_up {
        Some(gave_up) => Err(gave_up.to_owned()),
        None => ask(run, tx, file.shop_id).await?,
    };
    let evidence = Evidence {
        at_start: operation.scopes.as_deref(),
        now: granted.as_deref().map_err(String::as_str),
    };
    let max_percent = run.context.sweep_max_percent;
    sweep::decide(tx, file, run.definition, &evidence, max_percent).await?;
    Ok(())
}

/// The scopes that the app has, or why Shopify will not say. An answer that a retry may bring is an error.
async fn ask(run: &Run<'_>, tx: &mut Transaction, shop_id: i64) -> Result<Result<Vec<String>, String>, Error> {
    let (shop, token) = match run.access(tx).await {
        Ok(access) => access,
        Err(error) => return Ok(Err(error.to_string())),
    };
    match run.context.client.access_scopes(&shop, &token).await {
        Ok(answer) => {
            shops::grant(tx, shop_id, &answer.data, answer.observed_at).await?;
            Ok(Ok(answer.data))
        }
        Err(error) if error.is_transient() || error.retry_after().is_some() => Err(error.into()),
        Err(error) => Ok(Err(error.to_string())),
    }
}
