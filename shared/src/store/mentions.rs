//! What a body names without showing it: looked up, so that only what is missing here is fetched.

use chrono::{DateTime, Utc};

use super::{Error, Key, Transaction};

/// Something that a body names, and the version that it has by now.
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
pub async fn missing_variants(tx: &mut Transaction, mentions: &[Mention]) -> Result<Vec<Key>, Error> {
    if mentions.is_empty() {
        return Ok(Vec::new());
    }
    let shop_ids: Vec<i64> = mentions.iter().map(|mention| mention.key.shop_id).collect();
    let ids: Vec<i64> = mentions.iter().map(|mention| mention.key.id).collect();
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
    Ok(answer.into_iter().map(|row| Key::new(row.shop_id, row.id)).collect())
}

/// Of the orders mentioned, which have refunds, those whose refund lines were not told in full since they changed last.
pub async fn untold_refunds(tx: &mut Transaction, mentions: &[Mention]) -> Result<Vec<Key>, Error> {
    if mentions.is_empty() {
        return Ok(Vec::new());
    }
    let shop_ids: Vec<i64> = mentions.iter().map(|mention| mention.key.shop_id).collect();
    let ids: Vec<i64> = mentions.iter().map(|mention| mention.key.id).collect();
    let updated: Vec<DateTime<Utc>> = mentions.iter().map(|mention| mention.source_updated_at).collect();
    let answer = sqlx::query!(
        r#"
        select m.shop_id as "shop_id!", m.id as "id!"
        from unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) as m (shop_id, id, source_updated_at)
        left join member_sets s on s.shop_id = m.shop_id and s.members = 'refund_line_items' and s.owner_id = m.id
        where s.observed_at is null or s.observed_at < m.source_updated_at
        order by m.shop_id, m.id
        "#,
        &shop_ids,
        &ids,
        &updated,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(answer.into_iter().map(|row| Key::new(row.shop_id, row.id)).collect())
}
