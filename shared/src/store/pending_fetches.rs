//! `pending_fetches`: resources that must be fetched by id.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::{Error, Transaction};

/// A fetch that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// The store.
    pub shop_id: i64,
    /// The resource's global id.
    pub gid: String,
    /// Shopify's clock: only a fetch observed later than this settles it.
    pub wanted_at: DateTime<Utc>,
    /// Why, for people.
    pub reason: &'static str,
}

/// Records that these fetches are wanted. Returns those that were not wanted before: the others have a carrier already.
pub async fn want(tx: &mut Transaction, wants: &[Want]) -> Result<Vec<Want>, Error> {
    if wants.is_empty() {
        return Ok(Vec::new());
    }
    let mut wants: Vec<&Want> = wants.iter().collect();
    wants.sort_by(|a, b| (a.shop_id, &a.gid, b.wanted_at).cmp(&(b.shop_id, &b.gid, a.wanted_at)));
    wants.dedup_by(|a, b| (a.shop_id, &a.gid) == (b.shop_id, &b.gid));
    let shop_ids: Vec<i64> = wants.iter().map(|want| want.shop_id).collect();
    let gids: Vec<&str> = wants.iter().map(|want| want.gid.as_str()).collect();
    let wanted: Vec<DateTime<Utc>> = wants.iter().map(|want| want.wanted_at).collect();
    let reasons: Vec<&str> = wants.iter().map(|want| want.reason).collect();
    let new = sqlx::query!(
        r#"
        with wanted as (
            insert into pending_fetches (shop_id, gid, wanted_at, reason)
            select * from unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::text[])
            on conflict (shop_id, gid) do update
            set wanted_at = greatest(pending_fetches.wanted_at, excluded.wanted_at), reason = excluded.reason
            returning shop_id, gid, xmax = 0 as is_new
        )
        select shop_id, gid from wanted where is_new
        "#,
        &shop_ids,
        &gids as &[&str],
        &wanted,
        &reasons as &[&str],
    )
    .fetch_all(&mut *tx)
    .await?;
    let new: HashSet<(i64, String)> = new.into_iter().map(|row| (row.shop_id, row.gid)).collect();
    let is_new = |want: &&Want| new.contains(&(want.shop_id, want.gid.clone()));
    Ok(wants.into_iter().filter(is_new).cloned().collect())
}

/// Records that `gid` was fetched and applied as it was at `observed_at`. False if something later is still wanted.
pub async fn settled(tx: &mut Transaction, shop_id: i64, gid: &str, observed_at: DateTime<Utc>) -> Result<bool, Error> {
    sqlx::query!(
        "delete from pending_fetches where shop_id = $1 and gid = $2 and wanted_at < $3",
        shop_id,
        gid,
        observed_at,
    )
    .execute(&mut *tx)
    .await?;
    let row = sqlx::query!(
        r#"select exists (select from pending_fetches where shop_id = $1 and gid = $2) as "wanted!""#,
        shop_id,
        gid,
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(!row.wanted)
}

/// Which of these resources of a store are to be fetched for something that was heard at `since` or later.
pub async fn among(
    tx: &mut Transaction,
    shop_id: i64,
    gids: &[String],
    since: DateTime<Utc>,
) -> Result<HashSet<String>, Error> {
    let rows = sqlx::query!(
        "select gid from pending_fetches where shop_id = $1 and gid = any ($2) and wanted_at >= $3",
        shop_id,
        gids,
        since,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows.into_iter().map(|row| row.gid).collect())
}

/// Forgets a fetch that can never succeed.
pub async fn give_up(tx: &mut Transaction, shop_domain: &str, gid: &str) -> Result<(), Error> {
    sqlx::query!(
        "delete from pending_fetches where gid = $2 and shop_id = (select id from shops where domain = $1)",
        shop_domain,
        gid,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// A wanted fetch whose message may have been lost.
#[derive(Debug)]
pub struct Lost {
    /// The store's domain.
    pub shop_domain: String,
    /// The resource's global id.
    pub gid: String,
}

/// Takes up to `limit` fetches, of one store or of all, whose message was sent more than `seconds` ago and counts them as
/// sent now.
pub async fn take_lost(
    tx: &mut Transaction,
    shop_id: Option<i64>,
    seconds: f64,
    limit: i64,
) -> Result<Vec<Lost>, Error> {
    let rows = sqlx::query_as!(
        Lost,
        r#"
        with lost as (
            select shop_id, gid from pending_fetches
            where sent_at < now() - make_interval(secs => $1) and ($3::bigint is null or shop_id = $3)
            order by sent_at
            limit $2
            for update skip locked
        )
        update pending_fetches p
        set sent_at = now()
        from lost, shops s
        where p.shop_id = lost.shop_id and p.gid = lost.gid and s.id = p.shop_id
        returning s.domain as shop_domain, p.gid
        "#,
        seconds,
        limit,
        shop_id,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows)
}
