//! Start: hands the query to Shopify, once.

use shared::shopify;
use shared::store::sync_operations::{self, Operation};
use shared::store::{self, Transaction, sync_jobs};

use super::{Answer, Error, Run, progress};

/// An operation that Shopify ends without a result is submitted again this often.
const MOST_SUBMISSIONS: i32 = 5;
/// The longest pause, in seconds, until Shopify is asked again whether one of its five places is free.
const UNTIL_A_PLACE_IS_FREE: u32 = 30;

/// Submits the operation if that has not been done, and says where the import stands.
pub(crate) async fn run(run: &Run<'_>) -> Result<Answer, Error> {
    let (tx, operation) = run.lock().await?;
    match operation.phase.as_str() {
        "starting" => submit(run, tx, &operation, 0).await,
        "running" => Ok(Answer::Wait { seconds: 1, polls: 0 }),
        "draining" => Ok(progress::first_round(run)),
        _ => Ok(Answer::Finish),
    }
}

/// Adopts the operation of this import that Shopify already runs (a crash between the call and the record), or starts
/// one. The row stays locked meanwhile, so that two executions do not start two.
pub(crate) async fn submit(
    run: &Run<'_>,
    mut tx: Transaction,
    operation: &Operation,
    polls: u32,
) -> Result<Answer, Error> {
    if operation.job_status != "queued" && operation.job_status != "running" {
        return Ok(Answer::Finish);
    }
    if operation.submitted >= MOST_SUBMISSIONS {
        return Err(Error::permanent(format!(
            "Shopify ended this operation {} times without a result: try again later",
            operation.submitted
        )));
    }
    let (shop, token) = run.access(&mut tx).await?;
    let client = &run.context.client;
    // The number tells a second submission from the first, which Shopify ended.
    let marker = format!("mercury {} {} {}", run.job_id, run.operation, operation.submitted);
    let found = client.find_bulk_operation(&shop, &token, &marker).await?;
    let (bulk, scopes) = match found {
        // Which scopes it had when it was started, nobody can say any more.
        Some(bulk) => (bulk, None),
        None => {
            // Asked before, so that no scope is taken for granted that came while the file was being written.
            let scopes = client.access_scopes(&shop, &token).await?.data;
            match client
                .run_bulk_query(&shop, &token, &marker, &run.definition.query_of(operation.range()))
                .await
            {
                Ok(bulk) => (bulk, Some(scopes)),
                Err(shopify::Error::OperationInProgress) => {
                    store::commit(tx).await?;
                    tracing::info!(shop.domain = %shop, import.id = %run.job_id, "all places for bulk operations are taken");
                    return Ok(Answer::Wait {
                        seconds: (1 << polls.min(5)).min(UNTIL_A_PLACE_IS_FREE),
                        polls: polls + 1,
                    });
                }
                Err(error) => return Err(error.into()),
            }
        }
    };
    sync_jobs::start(&mut tx, run.job_id).await?;
    sync_operations::submitted(
        &mut tx,
        run.job_id,
        run.operation,
        &bulk.id,
        bulk.created_at,
        scopes.as_deref(),
    )
    .await?;
    store::commit(tx).await?;
    Ok(Answer::Wait { seconds: 1, polls })
}
