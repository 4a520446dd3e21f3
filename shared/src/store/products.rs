//! `products`.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::query_file;

use super::text::array_literal;
use super::upsert::{Judged, Row};
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

/// Writes every row that is newer than what is stored. Keys must be distinct and
/// sorted ([`super::newest`]).
pub async fn upsert(tx: &mut Transaction, rows: &[&Product], source: Source) -> Result<Verdicts, Error> {
    super::upsert::upsert(tx, rows, source).await
}

/// The rows as columns, which is how `unnest` takes them.
struct Columns<'a> {
    shop_ids: Vec<i64>,
    ids: Vec<i64>,
    updated: Vec<DateTime<Utc>>,
    observed: Vec<DateTime<Utc>>,
    titles: Vec<Option<&'a str>>,
    handles: Vec<Option<&'a str>>,
    statuses: Vec<Option<&'a str>>,
    vendors: Vec<Option<&'a str>>,
    product_types: Vec<Option<&'a str>>,
    tags: Vec<String>,
    bodies: Vec<Option<&'a str>>,
    suffixes: Vec<Option<&'a str>>,
    components: Vec<Option<bool>>,
    created: Vec<Option<&'a str>>,
    published: Vec<Option<&'a str>>,
}

impl<'a> Columns<'a> {
    fn of(rows: &[&'a Product]) -> Self {
        Self {
            shop_ids: rows.iter().map(|row| row.shop_id).collect(),
            ids: rows.iter().map(|row| row.id).collect(),
            updated: rows.iter().map(|row| row.version.source_updated_at).collect(),
            observed: rows.iter().map(|row| row.version.observed_at).collect(),
            titles: rows.iter().map(|row| row.title.as_deref()).collect(),
            handles: rows.iter().map(|row| row.handle.as_deref()).collect(),
            statuses: rows.iter().map(|row| row.status.as_deref()).collect(),
            vendors: rows.iter().map(|row| row.vendor.as_deref()).collect(),
            product_types: rows.iter().map(|row| row.product_type.as_deref()).collect(),
            tags: rows.iter().map(|row| array_literal(&row.tags)).collect(),
            bodies: rows.iter().map(|row| row.body_html.as_deref()).collect(),
            suffixes: rows.iter().map(|row| row.template_suffix.as_deref()).collect(),
            components: rows
                .iter()
                .map(|row| row.has_variants_that_require_components)
                .collect(),
            created: rows.iter().map(|row| row.created_at.as_deref()).collect(),
            published: rows.iter().map(|row| row.published_at.as_deref()).collect(),
        }
    }
}

impl Row for Product {
    fn key(&self) -> Key {
        (self.shop_id, self.id)
    }

    async fn judge(tx: &mut Transaction, rows: &[&Self], source: Source) -> Judged {
        let shop_ids: Vec<i64> = rows.iter().map(|row| row.shop_id).collect();
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let updated: Vec<DateTime<Utc>> = rows.iter().map(|row| row.version.source_updated_at).collect();
        let observed: Vec<DateTime<Utc>> = rows.iter().map(|row| row.version.observed_at).collect();
        let judged = query_file!(
            "src/store/products_judge.sql",
            &shop_ids,
            &ids,
            &updated,
            &observed,
            source.as_str(),
        )
        .fetch_all(tx)
        .await?;
        Ok(judged
            .into_iter()
            .map(|row| ((row.shop_id, row.id), row.verdict))
            .collect())
    }

    async fn compare(tx: &mut Transaction, rows: &[&Self], source: Source) -> Judged {
        let columns = Columns::of(rows);
        let judged = query_file!(
            "src/store/products_compare.sql",
            &columns.shop_ids,
            &columns.ids,
            &columns.updated,
            &columns.observed,
            &columns.titles as &[Option<&str>],
            &columns.handles as &[Option<&str>],
            &columns.statuses as &[Option<&str>],
            &columns.vendors as &[Option<&str>],
            &columns.product_types as &[Option<&str>],
            &columns.tags,
            &columns.bodies as &[Option<&str>],
            &columns.suffixes as &[Option<&str>],
            &columns.components as &[Option<bool>],
            &columns.created as &[Option<&str>],
            &columns.published as &[Option<&str>],
            source.as_str(),
        )
        .fetch_all(tx)
        .await?;
        Ok(judged
            .into_iter()
            .map(|row| ((row.shop_id, row.id), row.verdict))
            .collect())
    }

    async fn write(tx: &mut Transaction, rows: &[&Self], source: Source) -> Result<HashSet<Key>, Error> {
        let columns = Columns::of(rows);
        let raws: Vec<&str> = rows.iter().map(|row| row.raw.as_str()).collect();
        let written = query_file!(
            "src/store/products_write.sql",
            &columns.shop_ids,
            &columns.ids,
            &columns.updated,
            &columns.observed,
            &columns.titles as &[Option<&str>],
            &columns.handles as &[Option<&str>],
            &columns.statuses as &[Option<&str>],
            &columns.vendors as &[Option<&str>],
            &columns.product_types as &[Option<&str>],
            &columns.tags,
            &columns.bodies as &[Option<&str>],
            &columns.suffixes as &[Option<&str>],
            &columns.components as &[Option<bool>],
            &columns.created as &[Option<&str>],
            &columns.published as &[Option<&str>],
            &raws as &[&str],
            source.as_str(),
        )
        .fetch_all(tx)
        .await?;
        Ok(written.into_iter().map(|row| (row.shop_id, row.id)).collect())
    }
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
