//! `product_variants`.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::query_file;

use super::text::array_literal;
use super::upsert::{Judged, Row};
use super::{Error, Key, Source, Transaction, Verdicts, Version};

/// One variant. Amounts, times and lists that only travel are text, cast by Postgres: money never passes a float.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct ProductVariant {
    pub shop_id: i64,
    pub id: i64,
    pub version: Version,
    pub product_id: Option<i64>,
    pub title: Option<String>,
    pub sku: Option<String>,
    pub barcode: Option<String>,
    pub position: Option<i32>,
    pub price: Option<String>,
    pub compare_at_price: Option<String>,
    pub taxable: Option<bool>,
    pub inventory_policy: Option<String>,
    pub inventory_quantity: Option<i32>,
    pub inventory_item_id: Option<i64>,
    pub options: Vec<String>,
    pub created_at: Option<String>,
    pub raw: String,
}

/// Writes every row that is newer than what is stored and that its product still has. Keys must be distinct and
/// sorted ([`super::newest`]).
pub async fn upsert(tx: &mut Transaction, rows: &[&ProductVariant], source: Source) -> Result<Verdicts, Error> {
    super::upsert::upsert(tx, rows, source).await
}

/// The rows as columns, which is how `unnest` takes them.
struct Columns<'a> {
    shop_ids: Vec<i64>,
    ids: Vec<i64>,
    updated: Vec<DateTime<Utc>>,
    observed: Vec<DateTime<Utc>>,
    product_ids: Vec<Option<i64>>,
    titles: Vec<Option<&'a str>>,
    skus: Vec<Option<&'a str>>,
    barcodes: Vec<Option<&'a str>>,
    positions: Vec<Option<i32>>,
    prices: Vec<Option<&'a str>>,
    compare_at: Vec<Option<&'a str>>,
    taxable: Vec<Option<bool>>,
    policies: Vec<Option<&'a str>>,
    quantities: Vec<Option<i32>>,
    items: Vec<Option<i64>>,
    options: Vec<String>,
    created: Vec<Option<&'a str>>,
}

impl<'a> Columns<'a> {
    fn of(rows: &[&'a ProductVariant]) -> Self {
        Self {
            shop_ids: rows.iter().map(|row| row.shop_id).collect(),
            ids: rows.iter().map(|row| row.id).collect(),
            updated: rows.iter().map(|row| row.version.source_updated_at).collect(),
            observed: rows.iter().map(|row| row.version.observed_at).collect(),
            product_ids: rows.iter().map(|row| row.product_id).collect(),
            titles: rows.iter().map(|row| row.title.as_deref()).collect(),
            skus: rows.iter().map(|row| row.sku.as_deref()).collect(),
            barcodes: rows.iter().map(|row| row.barcode.as_deref()).collect(),
            positions: rows.iter().map(|row| row.position).collect(),
            prices: rows.iter().map(|row| row.price.as_deref()).collect(),
            compare_at: rows.iter().map(|row| row.compare_at_price.as_deref()).collect(),
            taxable: rows.iter().map(|row| row.taxable).collect(),
            policies: rows.iter().map(|row| row.inventory_policy.as_deref()).collect(),
            quantities: rows.iter().map(|row| row.inventory_quantity).collect(),
            items: rows.iter().map(|row| row.inventory_item_id).collect(),
            options: rows.iter().map(|row| array_literal(&row.options)).collect(),
            created: rows.iter().map(|row| row.created_at.as_deref()).collect(),
        }
    }
}

impl Row for ProductVariant {
    fn key(&self) -> Key {
        (self.shop_id, self.id)
    }

    async fn judge(tx: &mut Transaction, rows: &[&Self], source: Source) -> Judged {
        let shop_ids: Vec<i64> = rows.iter().map(|row| row.shop_id).collect();
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let updated: Vec<DateTime<Utc>> = rows.iter().map(|row| row.version.source_updated_at).collect();
        let observed: Vec<DateTime<Utc>> = rows.iter().map(|row| row.version.observed_at).collect();
        let product_ids: Vec<Option<i64>> = rows.iter().map(|row| row.product_id).collect();
        let judged = query_file!(
            "src/store/product_variants_judge.sql",
            &shop_ids,
            &ids,
            &updated,
            &observed,
            &product_ids as &[Option<i64>],
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
            "src/store/product_variants_compare.sql",
            &columns.shop_ids,
            &columns.ids,
            &columns.updated,
            &columns.observed,
            &columns.product_ids as &[Option<i64>],
            &columns.titles as &[Option<&str>],
            &columns.skus as &[Option<&str>],
            &columns.barcodes as &[Option<&str>],
            &columns.positions as &[Option<i32>],
            &columns.prices as &[Option<&str>],
            &columns.compare_at as &[Option<&str>],
            &columns.taxable as &[Option<bool>],
            &columns.policies as &[Option<&str>],
            &columns.quantities as &[Option<i32>],
            &columns.items as &[Option<i64>],
            &columns.options,
            &columns.created as &[Option<&str>],
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
            "src/store/product_variants_write.sql",
            &columns.shop_ids,
            &columns.ids,
            &columns.updated,
            &columns.observed,
            &columns.product_ids as &[Option<i64>],
            &columns.titles as &[Option<&str>],
            &columns.skus as &[Option<&str>],
            &columns.barcodes as &[Option<&str>],
            &columns.positions as &[Option<i32>],
            &columns.prices as &[Option<&str>],
            &columns.compare_at as &[Option<&str>],
            &columns.taxable as &[Option<bool>],
            &columns.policies as &[Option<&str>],
            &columns.quantities as &[Option<i32>],
            &columns.items as &[Option<i64>],
            &columns.options,
            &columns.created as &[Option<&str>],
            &raws as &[&str],
            source.as_str(),
        )
        .fetch_all(tx)
        .await?;
        Ok(written.into_iter().map(|row| (row.shop_id, row.id)).collect())
    }
}

/// Writes tombstones for single variants, also for ones never seen. Keys must be distinct and sorted.
pub async fn delete(tx: &mut Transaction, rows: &[super::products::Deletion], source: Source) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let shop_ids: Vec<i64> = rows.iter().map(|row| row.key.0).collect();
    let ids: Vec<i64> = rows.iter().map(|row| row.key.1).collect();
    let deleted: Vec<DateTime<Utc>> = rows.iter().map(|row| row.deleted_at).collect();
    sqlx::query!(
        r#"
        insert into product_variants (shop_id, id, source_updated_at, observed_at, deleted_at, source)
        select shop_id, id, '-infinity', '-infinity', deleted_at, $4
        from unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) as t (shop_id, id, deleted_at)
        order by shop_id, id
        on conflict (shop_id, id) do update
        set deleted_at = excluded.deleted_at, synced_at = now(), source = excluded.source
        where product_variants.observed_at <= excluded.deleted_at
          and (product_variants.deleted_at is null or product_variants.deleted_at < excluded.deleted_at)
        "#,
        &shop_ids,
        &ids,
        &deleted,
        source.as_str(),
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// A variant that a product's body names without showing it.
#[derive(Debug, Clone, Copy)]
pub struct Mention {
    /// Which.
    pub key: Key,
    /// The version it has by now.
    pub source_updated_at: DateTime<Utc>,
    /// When the body was true.
    pub observed_at: DateTime<Utc>,
}

/// Of the variants mentioned, those that are missing or older here.
pub async fn missing(tx: &mut Transaction, mentions: &[Mention]) -> Result<Vec<Key>, Error> {
    if mentions.is_empty() {
        return Ok(Vec::new());
    }
    let shop_ids: Vec<i64> = mentions.iter().map(|mention| mention.key.0).collect();
    let ids: Vec<i64> = mentions.iter().map(|mention| mention.key.1).collect();
    let updated: Vec<DateTime<Utc>> = mentions.iter().map(|mention| mention.source_updated_at).collect();
    let observed: Vec<DateTime<Utc>> = mentions.iter().map(|mention| mention.observed_at).collect();
    let answer = sqlx::query!(
        r#"
        select m.shop_id as "shop_id!", m.id as "id!"
        from unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[])
            as m (shop_id, id, source_updated_at, observed_at)
        left join product_variants v on v.shop_id = m.shop_id and v.id = m.id
        where v.id is null
           -- The Admin API tells whole seconds, a body may tell milliseconds.
           or v.source_updated_at < date_trunc('second', m.source_updated_at)
           or v.deleted_at < m.observed_at
        order by m.shop_id, m.id
        "#,
        &shop_ids,
        &ids,
        &updated,
        &observed,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(answer.into_iter().map(|row| (row.shop_id, row.id)).collect())
}
