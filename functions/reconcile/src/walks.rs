//! Begins what is to be compared, and asks for an import where that found too much.

use shared::carrier::carry;
use shared::import;
use shared::message::{Body, Import, QueueName, Resource};
use shared::mirror;
use shared::mirror::walk::Wanted;
use shared::queue::Send;
use shared::shopify::ShopDomain;
use shared::store::shops::Mirrored;
use shared::store::{self, pending_fetches, sync_jobs, walks};
use shared::walk;
use uuid::Uuid;

use super::{Context, Error, Report};

/// A fetch that is wanted for this long may have lost its message; the drains say so only after ten minutes.
const WANTED_FOR_SECONDS: f64 = 60.0;

/// Begins the walks of a store that are due, and sends those again that got stuck.
pub(crate) async fn begin(context: &Context, shop: &Mirrored, all: bool, report: &mut Report) -> Result<(), Error> {
    let domain = ShopDomain::parse(&shop.domain).map_err(|_| Error::Domain)?;
    report.imports += import_overrun(context, shop, &domain).await?;
    let wanted = Wanted {
        changes: true,
        all_after_seconds: if all {
            0.0
        } else {
            context.compare_all_every.as_secs_f64()
        },
    };
    if all {
        send_wanted(context, shop, &domain).await?;
    }
    for (queue, page) in mirror::walk::begin(&context.store, shop.id, &domain, wanted).await? {
        context.queue(queue)?.send(&carry(&Body::Page(page))).await?;
        report.walks += 1;
    }
    Ok(())
}

/// Sends again the fetches that are wanted and did not come for a while: whoever asks for everything waits for them.
async fn send_wanted(context: &Context, shop: &Mirrored, domain: &ShopDomain) -> Result<(), Error> {
    let mut tx = context.store.begin().await?;
    let lost = pending_fetches::take_lost(&mut tx, Some(shop.id), WANTED_FOR_SECONDS, i64::MAX).await?;
    store::commit(tx).await?;
    let fetches: Vec<Resource> = lost
        .iter()
        .filter_map(|lost| Resource::parse(domain.as_str(), &lost.gid))
        .collect();
    for name in QueueName::ALL {
        let of_queue = fetches
            .iter()
            .filter(|fetch| QueueName::of_resource(&fetch.gid) == Some(name));
        let sends: Vec<Send> = of_queue.map(|fetch| carry(&Body::Resource(fetch.clone()))).collect();
        context.queue(name)?.send_batch(&sends).await?;
    }
    Ok(())
}

/// Asks for an import of what differs too much for single fetches. The walks are marked last: whoever crashes before
/// asks again, and finds the same import.
async fn import_overrun(context: &Context, shop: &Mirrored, domain: &ShopDomain) -> Result<usize, Error> {
    let mut tx = context.store.begin().await?;
    let lists = walks::overrun(&mut tx, shop.id).await?;
    let mut kinds: Vec<String> = lists
        .iter()
        .filter_map(|list| Some(walk::find(list)?.kind.to_owned()))
        .collect();
    kinds.sort();
    kinds.dedup();
    if kinds.is_empty() {
        return Ok(0);
    }
    let id = Uuid::now_v7();
    let (job, created) = sync_jobs::request(&mut tx, id, shop.id, &kinds, import::operations_of).await?;
    store::commit(tx).await?;
    let import = Import {
        shop: domain.clone(),
        job_id: job.id,
        operations: job.operations,
        part: 0,
    };
    let send = carry(&Body::Import(import));
    context.queue(QueueName::BulkImport)?.send(&send).await?;
    let mut tx = context.store.begin().await?;
    walks::handed_over(&mut tx, shop.id, &lists).await?;
    store::commit(tx).await?;
    tracing::warn!(shop.domain = %domain, import.id = %job.id, kinds = job.kinds.join(","), "the mirror differs too much: import requested");
    Ok(usize::from(created))
}
