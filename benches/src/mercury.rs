//! The mirror as a drain calls it: eight chunks on two workers.

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chrono::{DateTime, Utc};
use futures_util::future::try_join_all;
use shared::message::Chunk;
use shared::mirror::chunk;
use shared::shopify::{BulkOperation, Client, ResultFiles, ShopDomain};
use shared::store::shops::{self, Profile};
use shared::store::sync_operations::{Polled, ResultFile};
use shared::store::{Store, commit, sync_chunks, sync_jobs, sync_operations};
use sqlx::PgPool;
use uuid::Uuid;

use super::{SHOP, Times, ensure_rows};

const CHUNKS: i64 = 8;
const WORKERS: usize = 2;
const TABLES: [&str; 4] = [
    "live.products",
    "live.product_variants",
    "live.product_media",
    "live.metafields",
];

pub async fn run(pool: &PgPool, client: &Client, operation: &BulkOperation) -> Result<Times> {
    sqlx::raw_sql(
        "truncate products, product_options, product_media, product_variants, metafields, member_sets; checkpoint",
    )
    .execute(pool)
    .await?;
    let first = load(pool, client, operation).await?;
    let again = load(pool, client, operation).await?;
    ensure_rows(pool, &TABLES, operation).await?;
    Ok(Times { first, again })
}

async fn load(pool: &PgPool, client: &Client, operation: &BulkOperation) -> Result<f64> {
    sqlx::raw_sql("truncate sync_jobs cascade").execute(pool).await?;
    let store = Store::from_pool(pool.clone());
    let files = ResultFiles::new(client)?;
    let job_id = prepare(&store, &files, operation).await?;

    let begin = Instant::now();
    let next = AtomicI32::new(0);
    let workers = (0..WORKERS).map(|_| {
        let (store, files, next) = (&store, &files, &next);
        async move {
            loop {
                let chunk = next.fetch_add(1, Ordering::Relaxed);
                if i64::from(chunk) >= CHUNKS {
                    return anyhow::Ok(());
                }
                let operation = "products".to_owned();
                let message = Chunk {
                    shop: ShopDomain::parse(SHOP)?,
                    job_id,
                    operation,
                    chunk,
                };
                chunk::apply(
                    store,
                    files,
                    &message,
                    tokio::time::Instant::now() + Duration::from_secs(600),
                )
                .await?;
            }
        }
    });
    try_join_all(workers).await?;
    let seconds = begin.elapsed().as_secs_f64();

    let mut tx = store.begin().await?;
    let sums = sync_chunks::sums(&mut tx, job_id, "products").await?;
    ensure!(
        Some(sums.lines) == operation.object_count && sums.rejected == 0,
        "the account does not match: {sums:?}"
    );
    Ok(seconds)
}

/// An import as it stands after the fan-out.
async fn prepare(store: &Store, files: &ResultFiles, operation: &BulkOperation) -> Result<Uuid> {
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
    let bounds: Vec<(i64, i64)> = (0..CHUNKS)
        .map(|chunk| (size * chunk / CHUNKS, size * (chunk + 1) / CHUNKS))
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
