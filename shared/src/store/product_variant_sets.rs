//! `product_variant_sets`: which variants a product has, where somebody told in full.

use chrono::{DateTime, Utc};

use super::{Error, Source, Transaction};

/// All variants of one product at one time; none if the product is gone.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct VariantSet {
    pub shop_id: i64,
    pub product_id: i64,
    pub observed_at: DateTime<Utc>,
    pub variant_ids: Vec<i64>,
}

/// Records the sets that are newer than the known ones. Keys must be distinct and sorted.
///
/// Comes before the variants' own upsert in a transaction: its row locks make two workers with bodies of the same
/// product take turns, so that the later of them sees what the earlier removed.
pub async fn upsert(tx: &mut Transaction, sets: &[VariantSet]) -> Result<(), Error> {
    if sets.is_empty() {
        return Ok(());
    }
    let shop_ids: Vec<i64> = sets.iter().map(|set| set.shop_id).collect();
    let product_ids: Vec<i64> = sets.iter().map(|set| set.product_id).collect();
    let observed: Vec<DateTime<Utc>> = sets.iter().map(|set| set.observed_at).collect();
    let variant_ids: Vec<String> = sets.iter().map(|set| array_of(&set.variant_ids)).collect();
    sqlx::query!(
        r#"
        insert into product_variant_sets (shop_id, product_id, observed_at, variant_ids)
        select shop_id, product_id, observed_at, variant_ids::bigint[]
        from unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::text[])
            as t (shop_id, product_id, observed_at, variant_ids)
        order by shop_id, product_id
        on conflict (shop_id, product_id) do update
        set observed_at = excluded.observed_at, variant_ids = excluded.variant_ids
        where product_variant_sets.observed_at < excluded.observed_at
        "#,
        &shop_ids,
        &product_ids,
        &observed,
        &variant_ids,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Turns the variants that left the sets of these products into tombstones. Returns how many.
pub async fn remove_missing(tx: &mut Transaction, sets: &[VariantSet], source: Source) -> Result<u64, Error> {
    if sets.is_empty() {
        return Ok(0);
    }
    let shop_ids: Vec<i64> = sets.iter().map(|set| set.shop_id).collect();
    let product_ids: Vec<i64> = sets.iter().map(|set| set.product_id).collect();
    let removed = sqlx::query!(
        r#"
        with gone as (
            select v.shop_id, v.id, s.observed_at
            from unnest($1::bigint[], $2::bigint[]) as t (shop_id, product_id)
            join product_variant_sets s on s.shop_id = t.shop_id and s.product_id = t.product_id
            join product_variants v on v.shop_id = t.shop_id and v.product_id = t.product_id
            where v.deleted_at is null and v.observed_at <= s.observed_at and not v.id = any (s.variant_ids)
            order by v.shop_id, v.id
            for update of v
        )
        update product_variants v
        set deleted_at = gone.observed_at, synced_at = now(), source = $3
        from gone
        where v.shop_id = gone.shop_id and v.id = gone.id
        "#,
        &shop_ids,
        &product_ids,
        source.as_str(),
    )
    .execute(&mut *tx)
    .await?;
    Ok(removed.rows_affected())
}

/// The same for all products of a store, once a bulk file has been applied: a chunk and a delivery that ran at the
/// same moment may each have missed what the other wrote.
pub async fn settle(tx: &mut Transaction, shop_id: i64) -> Result<u64, Error> {
    let removed = sqlx::query!(
        r#"
        with gone as (
            select v.shop_id, v.id, s.observed_at
            from product_variant_sets s
            join product_variants v on v.shop_id = s.shop_id and v.product_id = s.product_id
            where s.shop_id = $1 and v.deleted_at is null and v.observed_at <= s.observed_at
              and not v.id = any (s.variant_ids)
            order by v.shop_id, v.id
            for update of v
        )
        update product_variants v
        set deleted_at = gone.observed_at, synced_at = now()
        from gone
        where v.shop_id = gone.shop_id and v.id = gone.id
        "#,
        shop_id,
    )
    .execute(&mut *tx)
    .await?;
    Ok(removed.rows_affected())
}

fn array_of(ids: &[i64]) -> String {
    let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
    format!("{{{}}}", ids.join(","))
}
