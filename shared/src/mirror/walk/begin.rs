//! Which walks are due, and begins them.

use uuid::Uuid;

use super::super::Error;
use crate::message::{Page, QueueName, Reach};
use crate::shopify::ShopDomain;
use crate::store::walks::{self, Name};
use crate::store::{self, Store, sync_jobs};
use crate::walk::{WALKS, Walk};

/// A walk that has not advanced for this long has lost its message, or its worker.
const STALLED_AFTER_SECONDS: f64 = 600.0;

/// Which walks are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Through what changed since the last time.
    pub changes: bool,
    /// Through every id, if the last time is so many seconds ago.
    pub all_after_seconds: f64,
}

/// Begins the walks through the lists of a store that are due, each in its own transaction. Returns what must be sent, and
/// where; what is not sent is due again after some minutes. What is being imported is not compared meanwhile, nor what
/// never was.
pub async fn begin(
    store: &Store,
    shop_id: i64,
    shop: &ShopDomain,
    wanted: Wanted,
) -> Result<Vec<(QueueName, Page)>, Error> {
    let mut pages = Vec::new();
    for walk in &WALKS {
        for reach in [Reach::Changes, Reach::All] {
            if reach == Reach::Changes && !wanted.changes {
                continue;
            }
            if let Some(run) = begin_one(store, shop_id, walk, reach, wanted.all_after_seconds).await? {
                let page = Page {
                    shop: shop.clone(),
                    list: walk.name.to_owned(),
                    reach,
                    run,
                };
                pages.push((walk.queue, page));
            }
        }
    }
    Ok(pages)
}

async fn begin_one(
    store: &Store,
    shop_id: i64,
    walk: &Walk,
    reach: Reach,
    after_seconds: f64,
) -> Result<Option<Uuid>, Error> {
    let mut tx = store.begin().await?;
    let under_way = sync_jobs::under_way(&mut tx, shop_id).await?;
    if under_way
        .iter()
        .any(|job| job.kinds.iter().any(|kind| kind == walk.kind))
    {
        return Ok(None);
    }
    let name = Name {
        shop_id,
        list: walk.name,
        reach: reach.as_str(),
        run: Uuid::now_v7(),
    };
    let begun = walks::begin(&mut tx, name, walk.operation, after_seconds, STALLED_AFTER_SECONDS).await?;
    store::commit(tx).await?;
    Ok(begun)
}
