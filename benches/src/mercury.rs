//! The mirror as a drain calls it: chunks on two workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chrono::{DateTime, Utc};
use shared::message::Chunk;
use shared::mirror::chunk;
use shared::shopify::{BulkOperation, Client, ResultFiles, ShopDomain};
use shared::store::shops::{self, Profile};
use shared::store::sync_operations::{Polled, ResultFile};
use shared::store::{MIGRATOR, Store, commit, sync_chunks, sync_jobs, sync_operations};
use sqlx::PgPool;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::cases::{Outcome, peak_kb};
use super::{SHOP, count};

const FEWEST_CHUNKS: i64 = 8;
/// Bytes of a chunk, as an import cuts large files.
const LARGEST_CHUNK: i64 = 32 << 20;
const WORKERS: usize = 2;
const TABLES: [&str; 5] = [
    "live.products",
    "live.product_options",
    "live.product_variants",
    "live.product_media",
    "live.metafields",
];

pub async fn run(pool: &PgPool, client: &Client, operation: &BulkOperation) -> Result<Outcome> {
    MIGRATOR.run(pool).await?;
    let first = load(pool, client, operation).await?;
    let again = load(pool, client, operation).await?;
    Ok(Outcome {
        first,
        again,
        rows: count(pool, &TABLES).await?,
        peak_kb: peak_kb()?,
    })
}

async fn load(pool: &PgPool, client: &Client, operation: &BulkOperation) -> Result<f64> {
    sqlx::raw_sql("truncate sync_jobs cascade").execute(pool).await?;
    let store = Store::from_pool(pool.clone());
    let files = Arc::new(ResultFiles::new(client)?);
    let chunks = FEWEST_CHUNKS.max(operation.file_size.unwrap_or_default() / LARGEST_CHUNK);
    let job_id = prepare(&store, &files, operation, chunks).await?;

    let begin = Instant::now();
    let next = Arc::new(AtomicI32::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        workers.spawn(work(store.clone(), files.clone(), next.clone(), chunks, job_id));
    }
    while let Some(worked) = workers.join_next().await {
        worked??;
    }
    let seconds = begin.elapsed().as_secs_f64();

    let mut tx = store.begin().await?;
    let sums = sync_chunks::sums(&mut tx, job_id, "products").await?;
    ensure!(
        Some(sums.lines) == operation.object_count && sums.rejected == 0,
        "the account does not match: {sums:?}"
    );
    Ok(seconds)
}

/// A drain: takes chunks while there are any.
async fn work(store: Store, files: Arc<ResultFiles>, next: Arc<AtomicI32>, chunks: i64, job_id: Uuid) -> Result<()> {
    loop {
        let chunk = next.fetch_add(1, Ordering::Relaxed);
        if i64::from(chunk) >= chunks {
            return Ok(());
        }
        let message = Chunk {
            shop: ShopDomain::parse(SHOP)?,
            job_id,
            operation: "products".to_owned(),
            chunk,
        };
        let deadline = tokio::time::Instant::now() + Duration::from_secs(600);
        chunk::apply(&store, &files, &message, deadline).await?;
    }
}

/// An import as it stands after the fan-out.
async fn prepare(store: &Store, files: &ResultFiles, operation: &BulkOperation, chunks: i64) -> Result<Uuid> {
    let profile = Profile {
        shopify_id: 1,
        name: "Bench".to_owned(),
        email: None,
        currency_code: "EUR".to_owned(),
        iana_timezone: "UTC".to_owned(),
        plan: "Basic".to_owned(),
        created_at: DateTime::<Utc>::UNIX_EPOCH,
    };
    let url = operation.url.clone().unwrap_or_default();
    let probe = files.probe(&url).await?;
    let job_id = Uuid::now_v7();
    let mut tx = store.begin().await?;
    let shop_id = shops::add(&mut tx, SHOP, &profile).await?;
    sync_jobs::create(
        &mut tx,
        job_id,
        shop_id,
        &["products".to_owned()],
        &["products".to_owned()],
    )
    .await?;
    sync_jobs::start(&mut tx, job_id).await?;
    sync_operations::lock(&mut tx, job_id, "products").await?;
    sync_operations::submitted(&mut tx, job_id, "products", &operation.id, operation.created_at, None).await?;
    let polled = Polled {
        bulk_status: "completed".to_owned(),
        object_count: operation.object_count,
        root_object_count: operation.root_object_count,
        file_size: operation.file_size,
        url: Some(url),
        partial: false,
    };
    sync_operations::polled(&mut tx, job_id, "products", &polled).await?;
    let size = operation.file_size.unwrap_or_default();
    let bounds: Vec<(i64, i64)> = (0..chunks)
        .map(|chunk| (size * chunk / chunks, size * (chunk + 1) / chunks))
        .collect();
    sync_chunks::create(&mut tx, job_id, "products", &bounds).await?;
    let result = ResultFile {
        size: probe.size.map(|size| size as i64),
        etag: probe.etag.as_deref(),
        ranges: probe.ranges,
    };
    sync_operations::fanned_out(&mut tx, job_id, "products", &result).await?;
    commit(tx).await?;
    Ok(job_id)
}
