//! Starts imports again that nobody carries any more.

use shared::carrier::carry;
use shared::message::{Body, Import, QueueName};
use shared::shopify::ShopDomain;
use shared::store::shops::Mirrored;
use shared::store::{self, sync_operations};

use super::{Context, Error, Report};

/// Sends a message for every operation whose message or execution got lost. Whoever carries it after all does no harm: the
/// steps take turns. A send that fails is made up for an hour later.
pub(crate) async fn revive(context: &Context, shop: &Mirrored, report: &mut Report) -> Result<(), Error> {
    let domain = ShopDomain::parse(&shop.domain).map_err(|_| Error::Domain)?;
    let mut tx = context.store.begin().await?;
    let stranded = sync_operations::take_stranded(&mut tx, shop.id).await?;
    store::commit(tx).await?;
    if stranded.is_empty() {
        return Ok(());
    }
    let mut sends = Vec::with_capacity(stranded.len());
    for on in stranded {
        tracing::warn!(
            shop.domain = %domain, import.id = %on.job_id, operation = on.operation, part = on.part, "a lost import is started again"
        );
        let import = Import::going_on(domain.clone(), on.job_id, on.operation, on.part);
        sends.push(carry(&Body::Import(import)));
    }
    report.revived += sends.len();
    context.queue(QueueName::BulkImport)?.send_batch(&sends).await?;
    Ok(())
}
