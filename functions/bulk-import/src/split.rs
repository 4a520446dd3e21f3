//! What is too much for one operation of Shopify becomes several, each of a range of ids, which run side by side.
//!
//! The parts take the operation's place in the import, in one transaction. A message that is not sent after it is sent by
//! the reconcile; an execution of the operation that comes late finds it replaced and ends.

use shared::carrier::carry;
use shared::import;
use shared::message::{Body, Import, QueueName};
use shared::store::sync_operations::{self, Operation};
use shared::store::{self, Transaction};

use super::{Answer, Error, Run};

/// Puts the parts in the operation's place, and returns their names; none if it cannot be split further.
pub(crate) async fn record(run: &Run<'_>, tx: &mut Transaction, operation: &Operation) -> Result<Vec<String>, Error> {
    let range = operation.range();
    let (shop, token) = run.access(tx).await?;
    let query = run.definition.bounds_query(range);
    let Some((first, last)) = run.context.client.id_bounds(&shop, &token, &query).await? else {
        return Ok(Vec::new());
    };
    let parts = import::parts(run.operation, range, first, last);
    if !parts.is_empty() {
        sync_operations::split(tx, run.job_id, run.operation, &parts).await?;
    }
    Ok(parts.into_iter().map(|(name, _)| name).collect())
}

/// Starts an execution for each part; this one has nothing left to do.
pub(crate) async fn start(run: &Run<'_>, mut tx: Transaction, parts: Vec<String>) -> Result<Answer, Error> {
    let shop = run.shop(&mut tx).await?;
    store::commit(tx).await?;
    tracing::warn!(
        shop.domain = %shop, import.id = %run.job_id, operation = run.operation, parts = parts.join(","),
        "too much for one operation: split by ids"
    );
    let import = Import {
        shop,
        job_id: run.job_id,
        operations: parts,
        part: 0,
    };
    let send = carry(&Body::Import(import));
    run.context.queue(QueueName::BulkImport)?.send(&send).await?;
    Ok(Answer::End { status: None })
}
