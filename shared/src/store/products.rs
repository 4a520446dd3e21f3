//! `products`.

use chrono::{DateTime, Utc};
use sqlx::query_file;

use super::text::array_literal;
use super::version::MOST_RACES;
use super::{Error, Key, Source, Transaction, Verdicts, Version};

/// One product. Times and lists that only travel are text, cast by Postgres.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Product {
    pub shop_id: i64,
    pub id: i64,
    pub version: Version,
    pub title: Option<String>,
    pub handle: Option<String>,
    pub status: Option<String>,
    pub vendor: Option<String>,
    pub product_type: Option<String>,
    pub tags: Vec<String>,
    pub body_html: Option<String>,
    pub template_suffix: Option<String>,
    pub has_variants_that_require_components: Option<bool>,
    pub created_at: Option<String>,
    pub published_at: Option<String>,
    pub raw: String,
}

/// Writes every row that is newer than what is stored. Keys must be distinct and sorted ([`super::newest`]).
pub async fn upsert(tx: &mut Transaction, rows: &[&Product], source: Source) -> Result<Verdicts, Error> {
    let mut verdicts = Verdicts::default();
    if rows.is_empty() {
        return Ok(verdicts);
    }
    let shop_ids: Vec<i64> = rows.iter().map(|row| row.shop_id).collect();
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let titles: Vec<Option<&str>> = rows.iter().map(|row| row.title.as_deref()).collect();
    let handles: Vec<Option<&str>> = rows.iter().map(|row| row.handle.as_deref()).collect();
    let statuses: Vec<Option<&str>> = rows.iter().map(|row| row.status.as_deref()).collect();
    let vendors: Vec<Option<&str>> = rows.iter().map(|row| row.vendor.as_deref()).collect();
    let product_types: Vec<Option<&str>> = rows.iter().map(|row| row.product_type.as_deref()).collect();
    let tags: Vec<String> = rows.iter().map(|row| array_literal(&row.tags)).collect();
    let bodies: Vec<Option<&str>> = rows.iter().map(|row| row.body_html.as_deref()).collect();
    let suffixes: Vec<Option<&str>> = rows.iter().map(|row| row.template_suffix.as_deref()).collect();
    let components: Vec<Option<bool>> = rows
        .iter()
        .map(|row| row.has_variants_that_require_components)
        .collect();
    let created: Vec<Option<&str>> = rows.iter().map(|row| row.created_at.as_deref()).collect();
    let published: Vec<Option<&str>> = rows.iter().map(|row| row.published_at.as_deref()).collect();
    let updated: Vec<DateTime<Utc>> = rows.iter().map(|row| row.version.source_updated_at).collect();
    let observed: Vec<DateTime<Utc>> = rows.iter().map(|row| row.version.observed_at).collect();
    let raws: Vec<&str> = rows.iter().map(|row| row.raw.as_str()).collect();
    for _ in 0..MOST_RACES {
        let answer = query_file!(
            "src/store/products_upsert.sql",
            &shop_ids,
            &ids,
            &titles as &[Option<&str>],
            &handles as &[Option<&str>],
            &statuses as &[Option<&str>],
            &vendors as &[Option<&str>],
            &product_types as &[Option<&str>],
            &tags,
            &bodies as &[Option<&str>],
            &suffixes as &[Option<&str>],
            &components as &[Option<bool>],
            &created as &[Option<&str>],
            &published as &[Option<&str>],
            &updated,
            &observed,
            &raws as &[&str],
            source.as_str(),
        )
        .fetch_all(&mut *tx)
        .await?;
        if !verdicts.read(answer.into_iter().map(|row| ((row.shop_id, row.id), row.verdict))) {
            return Ok(verdicts);
        }
    }
    Err(Error::Unavailable {
        code: "other writers".to_owned(),
    })
}

/// A resource that is gone.
#[derive(Debug, Clone, Copy)]
pub struct Deletion {
    /// Which.
    pub key: Key,
    /// Shopify's clock: since when at the latest.
    pub deleted_at: DateTime<Utc>,
}

/// Writes tombstones, also for rows never seen. Keys must be distinct and sorted. Returns the keys that something
/// observed later had already brought back or deleted.
pub async fn delete(tx: &mut Transaction, rows: &[Deletion], source: Source) -> Result<Vec<Key>, Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let shop_ids: Vec<i64> = rows.iter().map(|row| row.key.0).collect();
    let ids: Vec<i64> = rows.iter().map(|row| row.key.1).collect();
    let deleted: Vec<DateTime<Utc>> = rows.iter().map(|row| row.deleted_at).collect();
    let answer = sqlx::query!(
        r#"
        with incoming as (
            select * from unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) as t (shop_id, id, deleted_at)
        ),
        written as (
            insert into products (shop_id, id, source_updated_at, observed_at, deleted_at, source)
            select shop_id, id, '-infinity', '-infinity', deleted_at, $4 from incoming order by shop_id, id
            on conflict (shop_id, id) do update
            set deleted_at = excluded.deleted_at, synced_at = now(), source = excluded.source
            where products.observed_at <= excluded.deleted_at
              and (products.deleted_at is null or products.deleted_at < excluded.deleted_at)
            returning shop_id, id
        )
        select i.shop_id as "shop_id!", i.id as "id!" from incoming i
        where not exists (select from written w where w.shop_id = i.shop_id and w.id = i.id)
        "#,
        &shop_ids,
        &ids,
        &deleted,
        source.as_str(),
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(answer.into_iter().map(|row| (row.shop_id, row.id)).collect())
}
