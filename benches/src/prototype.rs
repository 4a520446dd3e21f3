//! What one would write by hand: stream, parse, upsert a thousand rows at a time on two connections.

use std::time::Instant;

use anyhow::Result;
use chrono::{DateTime, Utc};
use futures_util::future::try_join_all;
use serde::Deserialize;
use shared::shopify::BulkOperation;
use sqlx::PgPool;
use tokio::sync::{Mutex, mpsc};

use super::cases::{Outcome, peak_kb};
use super::count;

const ROWS: usize = 1_000;
const TABLES: [&str; 3] = ["prototype.products", "prototype.product_variants", "prototype.others"];

async fn create_tables(pool: &PgPool) -> Result<()> {
    sqlx::raw_sql(
        r#"
        create schema prototype;
        create table prototype.products (
            id bigint primary key, shop_id bigint not null, title text, handle text, status text, vendor text,
            updated_at timestamptz not null, payload jsonb not null
        );
        create table prototype.product_variants (
            id bigint primary key, shop_id bigint not null, product_id bigint, sku text, price numeric,
            updated_at timestamptz not null, payload jsonb not null
        );
        create table prototype.others (
            id bigint primary key, shop_id bigint not null, parent_id bigint, updated_at timestamptz,
            payload jsonb not null
        );
        create index products_updated on prototype.products (shop_id, updated_at);
        create index products_handle on prototype.products (shop_id, handle);
        create index variants_updated on prototype.product_variants (shop_id, updated_at);
        create index variants_product on prototype.product_variants (product_id);
        create index others_updated on prototype.others (shop_id, updated_at);
        create index others_parent on prototype.others (parent_id);
        alter table prototype.products alter column payload set compression lz4;
        "#,
    )
    .execute(pool)
    .await?;
    Ok(())
}

pub async fn run(pool: &PgPool, operation: &BulkOperation) -> Result<Outcome> {
    create_tables(pool).await?;
    let first = load(pool, operation).await?;
    let again = load(pool, operation).await?;
    Ok(Outcome {
        first,
        again,
        rows: count(pool, &TABLES).await?,
        peak_kb: peak_kb()?,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    #[serde(rename = "__typename")]
    typename: String,
    #[serde(rename = "__parentId")]
    parent_id: Option<String>,
    id: String,
    title: Option<String>,
    handle: Option<String>,
    status: Option<String>,
    vendor: Option<String>,
    sku: Option<String>,
    price: Option<String>,
    updated_at: Option<DateTime<Utc>>,
}

type Batch = Vec<(Line, String)>;

async fn load(pool: &PgPool, operation: &BulkOperation) -> Result<f64> {
    let begin = Instant::now();
    let (sender, receiver) = mpsc::channel::<Batch>(4);
    let receiver = Mutex::new(receiver);
    let writers = (0..2).map(|_| async {
        loop {
            let batch = receiver.lock().await.recv().await;
            match batch {
                Some(batch) => write(pool, &batch).await?,
                None => return anyhow::Ok(()),
            }
        }
    });
    let (read, written) = tokio::join!(read(operation, sender), try_join_all(writers));
    read?;
    written?;
    Ok(begin.elapsed().as_secs_f64())
}

async fn read(operation: &BulkOperation, sender: mpsc::Sender<Batch>) -> Result<()> {
    let mut response = reqwest::get(operation.url.as_deref().unwrap_or_default())
        .await?
        .error_for_status()?;
    let (mut products, mut variants, mut others) = (Batch::new(), Batch::new(), Batch::new());
    let mut buffer = Vec::new();
    while let Some(bytes) = response.chunk().await? {
        buffer.extend_from_slice(&bytes);
        let Some(end) = buffer.iter().rposition(|byte| *byte == b'\n') else {
            continue;
        };
        let rest = buffer.split_off(end + 1);
        for text in std::str::from_utf8(&buffer)?.lines() {
            let line: Line = serde_json::from_str(text)?;
            let batch = match line.typename.as_str() {
                "Product" => &mut products,
                "ProductVariant" => &mut variants,
                _ => &mut others,
            };
            batch.push((line, text.to_owned()));
            if batch.len() == ROWS {
                sender.send(std::mem::take(batch)).await?;
            }
        }
        buffer = rest;
    }
    for batch in [products, variants, others] {
        sender.send(batch).await?;
    }
    Ok(())
}

async fn write(pool: &PgPool, batch: &Batch) -> Result<()> {
    let Some((first, _)) = batch.first() else { return Ok(()) };
    let id = |gid: &str| {
        gid.rsplit('/')
            .next()
            .and_then(|id| id.parse::<i64>().ok())
            .unwrap_or_default()
    };
    let ids: Vec<i64> = batch.iter().map(|(line, _)| id(&line.id)).collect();
    let updated: Vec<Option<DateTime<Utc>>> = batch.iter().map(|(line, _)| line.updated_at).collect();
    let payloads: Vec<&str> = batch.iter().map(|(_, text)| text.as_str()).collect();
    let parents: Vec<Option<i64>> = batch
        .iter()
        .map(|(line, _)| line.parent_id.as_deref().map(id))
        .collect();
    let query = if first.typename == "Product" {
        let column = |get: fn(&Line) -> &Option<String>| -> Vec<Option<&str>> {
            batch.iter().map(|(line, _)| get(line).as_deref()).collect()
        };
        sqlx::query(
            r#"
            insert into prototype.products (id, shop_id, title, handle, status, vendor, updated_at, payload)
            select id, 1, title, handle, status, vendor, updated_at, payload::jsonb
            from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[])
                as t (id, title, handle, status, vendor, updated_at, payload)
            on conflict (id) do update
            set title = excluded.title, handle = excluded.handle, status = excluded.status, vendor = excluded.vendor,
                updated_at = excluded.updated_at, payload = excluded.payload
            where products.updated_at < excluded.updated_at
            "#,
        )
        .bind(ids)
        .bind(column(|line| &line.title))
        .bind(column(|line| &line.handle))
        .bind(column(|line| &line.status))
        .bind(column(|line| &line.vendor))
        .bind(updated)
        .bind(payloads)
        .execute(pool)
        .await
    } else if first.typename == "ProductVariant" {
        let skus: Vec<Option<&str>> = batch.iter().map(|(line, _)| line.sku.as_deref()).collect();
        let prices: Vec<Option<&str>> = batch.iter().map(|(line, _)| line.price.as_deref()).collect();
        sqlx::query(
            r#"
            insert into prototype.product_variants (id, shop_id, product_id, sku, price, updated_at, payload)
            select id, 1, product_id, sku, price::numeric, updated_at, payload::jsonb
            from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::timestamptz[], $6::text[])
                as t (id, product_id, sku, price, updated_at, payload)
            on conflict (id) do update
            set product_id = excluded.product_id, sku = excluded.sku, price = excluded.price,
                updated_at = excluded.updated_at, payload = excluded.payload
            where product_variants.updated_at < excluded.updated_at
            "#,
        )
        .bind(ids)
        .bind(parents)
        .bind(skus)
        .bind(prices)
        .bind(updated)
        .bind(payloads)
        .execute(pool)
        .await
    } else {
        sqlx::query(
            r#"
            insert into prototype.others (id, shop_id, parent_id, updated_at, payload)
            select id, 1, parent_id, updated_at, payload::jsonb
            from unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::text[])
                as t (id, parent_id, updated_at, payload)
            on conflict (id) do update
            set parent_id = excluded.parent_id, updated_at = excluded.updated_at, payload = excluded.payload
            where others.updated_at < excluded.updated_at
            "#,
        )
        .bind(ids)
        .bind(parents)
        .bind(updated)
        .bind(payloads)
        .execute(pool)
        .await
    };
    query?;
    Ok(())
}
