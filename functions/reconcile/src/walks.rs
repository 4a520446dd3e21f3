//! Begins what is to be compared, and asks for an import where that found too much.

use shared::carrier::carry;
use shared::import;
use shared::message::{Body, Import, Page, QueueName, Reach};
use shared::shopify::ShopDomain;
use shared::store::shops::Mirrored;
use shared::store::walks::{self, Name};
use shared::store::{self, sync_jobs};
use shared::walk::{self, WALKS, Walk};
use uuid::Uuid;

use super::{Context, Error, Report};

/// A walk that has not advanced for this long has lost its message, or its worker.
const STALLED_AFTER_SECONDS: f64 = 600.0;

/// Begins the walks of a store that are due, and sends those again that got stuck.
pub(crate) async fn begin(context: &Context, shop: &Mirrored, all: bool, report: &mut Report) -> Result<(), Error> {
    let domain = ShopDomain::parse(&shop.domain).map_err(|_| Error::Domain)?;
    report.imports += import_overrun(context, shop, &domain).await?;
    for walk in &WALKS {
        for reach in [Reach::Changes, Reach::All] {
            if let Some(run) = begin_one(context, shop, walk, reach, all).await? {
                let page = Page {
                    shop: domain.clone(),
                    list: walk.name.to_owned(),
                    reach,
                    run,
                };
                context.queue(walk.queue)?.send(&carry(&Body::Page(page))).await?;
                report.walks += 1;
            }
        }
    }
    Ok(())
}

/// The walk that a message must carry, if one must. What is being imported is not compared meanwhile.
async fn begin_one(
    context: &Context,
    shop: &Mirrored,
    walk: &Walk,
    reach: Reach,
    all: bool,
) -> Result<Option<Uuid>, Error> {
    let mut tx = context.store.begin().await?;
    let under_way = sync_jobs::under_way(&mut tx, shop.id).await?;
    if under_way
        .iter()
        .any(|job| job.kinds.iter().any(|kind| kind == walk.kind))
    {
        return Ok(None);
    }
    let name = Name {
        shop_id: shop.id,
        list: walk.name,
        reach: reach.as_str(),
        run: Uuid::now_v7(),
    };
    let every = if all {
        0.0
    } else {
        context.compare_all_every.as_secs_f64()
    };
    let begun = walks::begin(&mut tx, name, walk.operation, every, STALLED_AFTER_SECONDS).await?;
    store::commit(tx).await?;
    Ok(begun)
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
