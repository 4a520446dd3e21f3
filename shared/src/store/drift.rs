//! `drift` and `drift_parts`: what comparisons of all ids of a list found, as numbers.

use chrono::{DateTime, Utc};

use super::part_differences::Part;
use super::walks::Name;
use super::{Error, Transaction};

/// What the last comparison of all ids of a list found.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct Drift {
    pub shop_domain: String,
    pub list: String,
    pub compared_at: DateTime<Utc>,
    pub listed: i64,
    pub mirrored: i64,
    pub missing: i64,
    pub stale: i64,
    pub gone: i64,
    pub listed_sum: String,
    pub mirrored_sum: String,
    /// What was found inside the resources, by table.
    pub parts: Vec<Part>,
}

impl Drift {
    /// How many resources differ. Zero: the mirror is equal.
    pub fn differences(&self) -> i64 {
        self.missing + self.stale + self.gone
    }
}

/// The last comparison of every list, of one store or of all.
pub async fn last(tx: &mut Transaction, shop_domain: Option<&str>) -> Result<Vec<Drift>, Error> {
    let rows = sqlx::query!(
        r#"
        select distinct on (s.domain, d.list) d.shop_id, s.domain, d.list, d.compared_at, d.listed, d.mirrored,
               d.missing, d.stale, d.gone, d.listed_sum::text as "listed_sum!", d.mirrored_sum::text as "mirrored_sum!"
        from drift d join shops s on s.id = d.shop_id
        where $1::text is null or s.domain = $1
        order by s.domain, d.list, d.compared_at desc
        "#,
        shop_domain,
    )
    .fetch_all(&mut *tx)
    .await?;
    let of: Vec<_> = rows
        .iter()
        .map(|row| (row.shop_id, row.list.as_str(), row.compared_at))
        .collect();
    let mut parts = parts(tx, &of).await?;
    let drift = rows.into_iter().enumerate().map(|(place, row)| Drift {
        shop_domain: row.domain,
        list: row.list,
        compared_at: row.compared_at,
        listed: row.listed,
        mirrored: row.mirrored,
        missing: row.missing,
        stale: row.stale,
        gone: row.gone,
        listed_sum: row.listed_sum,
        mirrored_sum: row.mirrored_sum,
        parts: std::mem::take(&mut parts[place]),
    });
    Ok(drift.collect())
}

/// The parts of these comparisons, each by table: store, list and time.
async fn parts(tx: &mut Transaction, of: &[(i64, &str, DateTime<Utc>)]) -> Result<Vec<Vec<Part>>, Error> {
    let rows = sqlx::query!(
        r#"
        select d.place as "place!", p.table_name, p.listed, p.mirrored, p.missing, p.stale, p.gone,
               p.listed_sum::text, p.mirrored_sum::text
        from unnest($1::bigint[], $2::text[], $3::timestamptz[])
            with ordinality as d (shop_id, list, compared_at, place)
        join drift_parts p using (shop_id, list, compared_at)
        order by d.place, p.table_name
        "#,
        &of.iter().map(|of| of.0).collect::<Vec<i64>>(),
        &of.iter().map(|of| of.1).collect::<Vec<&str>>() as &[&str],
        &of.iter().map(|of| of.2).collect::<Vec<_>>(),
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut parts = vec![Vec::new(); of.len()];
    for row in rows {
        // Counted from one.
        parts[row.place as usize - 1].push(Part {
            table: row.table_name,
            listed: row.listed,
            mirrored: row.mirrored,
            missing: row.missing,
            stale: row.stale,
            gone: row.gone,
            listed_sum: row.listed_sum,
            mirrored_sum: row.mirrored_sum,
        });
    }
    Ok(parts)
}

/// Adds what a page of a walk told inside its resources.
pub(super) async fn add_part(tx: &mut Transaction, walk: Name<'_>, part: &Part) -> Result<(), Error> {
    sqlx::query!(
        r#"
        insert into drift_parts as d (shop_id, list, compared_at, table_name, listed, mirrored, missing, stale, gone,
            listed_sum, mirrored_sum)
        select shop_id, list, started_at, $5, $6, $7, $8, $9, $10, $11::text::numeric, $12::text::numeric
        from walks where shop_id = $1 and list = $2 and reach = $3 and run = $4
        on conflict (shop_id, list, compared_at, table_name) do update
        set listed = d.listed + excluded.listed, mirrored = d.mirrored + excluded.mirrored,
            missing = d.missing + excluded.missing, stale = d.stale + excluded.stale, gone = d.gone + excluded.gone,
            listed_sum = d.listed_sum + excluded.listed_sum, mirrored_sum = d.mirrored_sum + excluded.mirrored_sum
        "#,
        walk.shop_id,
        walk.list,
        walk.reach,
        walk.run,
        part.table,
        part.listed,
        part.mirrored,
        part.missing,
        part.stale,
        part.gone,
        part.listed_sum,
        part.mirrored_sum,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Keeps the result of a walk through all ids, if it has ended.
pub(super) async fn record(tx: &mut Transaction, walk: Name<'_>) -> Result<(), Error> {
    sqlx::query!(
        r#"
        insert into drift (shop_id, list, compared_at, listed, mirrored, missing, stale, gone, listed_sum, mirrored_sum)
        select shop_id, list, started_at, listed, mirrored, missing, stale, gone, listed_sum, mirrored_sum
        from walks
        where shop_id = $1 and list = $2 and reach = $3 and run = $4 and reach = 'all' and status in ('completed', 'overrun')
        on conflict do nothing
        "#,
        walk.shop_id,
        walk.list,
        walk.reach,
        walk.run,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}
