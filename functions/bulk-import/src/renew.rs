//! A result that is gone: its address has expired, or the file with it.
//!
//! While Shopify still gives the same file under another address, the chunks go on where they stand. Else the operation is
//! submitted anew and nothing of the old file counts: its chunks are deleted in the transaction that resubmits, and a late
//! worker finds another submission than its own.

use shared::shopify;
use shared::store::sync_operations::{self, Operation};
use shared::store::{self, Transaction, sync_chunks};

use super::{Answer, Error, Run, fan_out};

/// Whether the host says for good that there is no such file.
pub(crate) async fn is_gone(run: &Run<'_>, operation: &Operation) -> Result<bool, Error> {
    match &operation.url {
        Some(url) => Ok(probe(run, url).await?.is_none()),
        None => Ok(true),
    }
}

/// Finds the same file under a fresh address, and then `then` comes next; else submits the operation anew, which goes on in
/// another execution: this one may have used up most of its events.
pub(crate) async fn run(
    run: &Run<'_>,
    mut tx: Transaction,
    operation: &Operation,
    then: Answer,
) -> Result<Answer, Error> {
    if let Some(url) = fresh_address(run, &mut tx, operation).await? {
        sync_operations::readdress(&mut tx, run.job_id, run.operation, &url).await?;
        let shop = run.shop(&mut tx).await?;
        let open = sync_chunks::open(&mut tx, run.job_id, run.operation).await?;
        store::commit(tx).await?;
        tracing::info!(import.id = %run.job_id, operation = run.operation, "the result has a fresh address");
        fan_out::send(run, &shop, &open).await?;
        return Ok(then);
    }
    tracing::warn!(import.id = %run.job_id, operation = run.operation, "the result is gone; the operation is submitted again");
    sync_operations::resubmit(&mut tx, run.job_id, run.operation).await?;
    run.continue_elsewhere(tx).await
}

/// Where Shopify keeps the very file that the chunks were cut from; none if nowhere.
async fn fresh_address(run: &Run<'_>, tx: &mut Transaction, operation: &Operation) -> Result<Option<String>, Error> {
    let Some(gid) = &operation.bulk_operation_gid else {
        return Ok(None);
    };
    let (shop, token) = run.access(tx).await?;
    let bulk = run.context.client.bulk_operation(&shop, &token, gid).await?;
    let url = bulk.and_then(|bulk| match operation.partial {
        true => bulk.partial_data_url,
        false => bulk.url,
    });
    let Some(url) = url else { return Ok(None) };
    let found = probe(run, &url).await?;
    let is_same = found.is_some_and(|probe| operation.phase != "draining" || probe.etag == operation.etag);
    Ok(is_same.then_some(url))
}

/// What the host says about a file; none if it is gone.
async fn probe(run: &Run<'_>, url: &str) -> Result<Option<shopify::Probe>, Error> {
    match run.context.files.probe(url).await {
        Ok(probe) => Ok(Some(probe)),
        Err(shopify::Error::ResultGone { .. } | shopify::Error::ForeignHost) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
