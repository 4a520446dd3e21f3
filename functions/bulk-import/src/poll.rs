//! Poll: asks Shopify how far the operation is.

use shared::shopify::{BulkOperation, BulkStatus};
use shared::store::sync_operations::{self, Operation, Polled};
use shared::store::{self, Transaction};

use super::{Answer, Error, Last, Run, finish, progress, split, start};

/// Polls in one execution: each leaves some ten of its 25,000 events.
const MOST_POLLS: u32 = 1_000;
/// Seconds between two polls, at most.
const LONGEST_WAIT: f64 = 300.0;

/// Records what Shopify tells and says what comes next.
pub(crate) async fn run(run: &Run<'_>, last: &Last) -> Result<Answer, Error> {
    let (mut tx, operation) = run.lock().await?;
    match operation.phase.as_str() {
        "starting" => return start::submit(run, tx, &operation, last.polls).await,
        "running" => {}
        // The execution that was started when Shopify told the end has gone ahead.
        "draining" if operation.end_told == Some(operation.submitted) => return Ok(Answer::End { status: None }),
        "draining" => return Ok(progress::first_round(run)),
        _ => return Ok(Answer::Finish),
    }
    let gid = operation.bulk_operation_gid.clone().unwrap_or_default();
    // Before anything else: of a canceled import, no other execution is started.
    if operation.job_status == "canceled" {
        let (shop, token) = run.access(&mut tx).await?;
        run.context.client.cancel_bulk_operation(&shop, &token, &gid).await?;
        return Ok(Answer::Finish);
    }
    if last.polls >= MOST_POLLS {
        return run.continue_elsewhere(tx).await;
    }
    let (shop, token) = run.access(&mut tx).await?;
    let Some(bulk) = run.context.client.bulk_operation(&shop, &token, &gid).await? else {
        return submit_again(run, tx, last).await;
    };
    let answer = Answer::Wait {
        seconds: wait_after(last.polls),
        polls: last.polls + 1,
    };
    match bulk.status {
        BulkStatus::Created | BulkStatus::Running | BulkStatus::Canceling => {
            record(run, &mut tx, &bulk, None, false).await?;
            store::commit(tx).await?;
            Ok(answer)
        }
        BulkStatus::Completed => {
            record(run, &mut tx, &bulk, bulk.url.clone(), false).await?;
            store::commit(tx).await?;
            // No file at all is an empty store.
            Ok(if bulk.url.is_some() {
                Answer::FanOut
            } else {
                Answer::Finish
            })
        }
        BulkStatus::Failed => failed(run, tx, &operation, &bulk, last).await,
        BulkStatus::Canceled | BulkStatus::Expired => submit_again(run, tx, last).await,
    }
}

/// A failed operation may have left a part of its file: it is applied, and nothing concluded from what is missing.
async fn failed(
    run: &Run<'_>,
    mut tx: Transaction,
    operation: &Operation,
    bulk: &BulkOperation,
    last: &Last,
) -> Result<Answer, Error> {
    let code = bulk.error_code.as_deref().unwrap_or("no reason given");
    if code == "INTERNAL_SERVER_ERROR" && operation.submitted < 3 {
        return submit_again(run, tx, last).await;
    }
    if code == "TIMEOUT" {
        let parts = split::record(run, &mut tx, operation).await?;
        if !parts.is_empty() {
            return split::start(run, tx, parts).await;
        }
    }
    if let Some(url) = &bulk.partial_data_url {
        record(run, &mut tx, bulk, Some(url.clone()), true).await?;
        store::commit(tx).await?;
        return Ok(Answer::FanOut);
    }
    let advice = match code {
        "ACCESS_DENIED" => "the app lacks a scope that the query needs: grant read_products and start the import again",
        "TIMEOUT" => "the query took too long at Shopify and cannot be split further: start the import again",
        _ => "start the import again",
    };
    finish::fail(
        run,
        &mut tx,
        &format!("Shopify's bulk operation failed ({code}); {advice}"),
    )
    .await?;
    store::commit(tx).await?;
    Ok(Answer::Finish)
}

async fn submit_again(run: &Run<'_>, mut tx: Transaction, last: &Last) -> Result<Answer, Error> {
    tracing::warn!(import.id = %run.job_id, operation = run.operation, "Shopify ended the operation without a result; it is submitted again");
    sync_operations::resubmit(&mut tx, run.job_id, run.operation).await?;
    store::commit(tx).await?;
    Ok(Answer::Wait {
        seconds: wait_after(last.polls),
        polls: last.polls + 1,
    })
}

async fn record(
    run: &Run<'_>,
    tx: &mut Transaction,
    bulk: &BulkOperation,
    url: Option<String>,
    partial: bool,
) -> Result<(), Error> {
    let polled = Polled {
        bulk_status: format!("{:?}", bulk.status).to_lowercase(),
        object_count: bulk.object_count,
        root_object_count: bulk.root_object_count,
        file_size: bulk.file_size,
        url,
        partial,
    };
    Ok(sync_operations::polled(tx, run.job_id, run.operation, &polled).await?)
}

/// 1 s, 2 s, 3 s, 4 s, … growing by a third, up to five minutes.
fn wait_after(polls: u32) -> u32 {
    1.33f64.powi(polls.min(40) as i32).ceil().min(LONGEST_WAIT) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_operation_is_noticed_soon_and_a_long_one_is_not_pestered() {
        assert_eq!([0, 1, 2, 5, 10].map(wait_after), [1, 2, 2, 5, 18]);
        assert_eq!(wait_after(1_000), 300);
    }
}
