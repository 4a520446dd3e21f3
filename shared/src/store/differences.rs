//! Compares what a store lists with what is mirrored of it.

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, Row as _};

use super::row::Arguments;
use super::{Error, Table, Transaction};

/// A part of a list: its resources, each with the time of its last change.
#[derive(Debug)]
pub struct Listed<'a> {
    /// The store.
    pub shop_id: i64,
    /// The numbers of the resources.
    pub ids: &'a [i64],
    /// When they changed last.
    pub updated_at: &'a [DateTime<Utc>],
    /// Shopify's clock: the part was read no earlier than this.
    pub observed_at: DateTime<Utc>,
}

/// The numbers of resources that differ.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Listed, and not mirrored.
    pub missing: Vec<i64>,
    /// Listed with a later change than mirrored.
    pub stale: Vec<i64>,
    /// Mirrored as it was within the second of its last change: later in that second it may have changed again, and no
    /// list would show it.
    pub unsettled: Vec<i64>,
}

impl Differences {
    /// Adds resources that differ inside as stale, unless they are known to differ.
    pub fn add(&mut self, mut owners: Vec<i64>) {
        owners.retain(|id| !self.missing.contains(id) && !self.stale.contains(id));
        owners.sort_unstable();
        self.stale.append(&mut owners);
    }
}

/// What a range of ids holds on both sides.
#[derive(Debug, PartialEq, Eq)]
pub struct Sums {
    /// Live rows that are mirrored.
    pub mirrored: i64,
    /// Over id and time of change, in whole seconds, of what is listed.
    pub listed_sum: String,
    /// The same of what is mirrored.
    pub mirrored_sum: String,
}

/// Of what is listed, what is missing or older in `table`. What was deleted after the list was read is not missing, nor
/// what was erased for good.
pub async fn of_listed(tx: &mut Transaction, table: &Table, listed: &Listed<'_>) -> Result<Differences, Error> {
    let mut arguments = Arguments::default();
    arguments.add(listed.shop_id);
    arguments.add(listed.ids);
    arguments.add(listed.updated_at);
    arguments.add(listed.observed_at);
    arguments.add(table.kind);
    let rows = sqlx::query_with(AssertSqlSafe(of_listed_statement(table)), arguments.0)
        .fetch_all(&mut *tx)
        .await?;
    let mut differences = Differences::default();
    for row in rows {
        let id = row.try_get(0)?;
        match row.try_get(1)? {
            "missing" => differences.missing.push(id),
            "stale" => differences.stale.push(id),
            _ => differences.unsettled.push(id),
        }
    }
    Ok(differences)
}

/// Live rows of `table` with an id behind `after`, and up to `until` if the list goes on there, that are not listed. With
/// a `created_since`, only those that the store made since then.
pub async fn gone(
    tx: &mut Transaction,
    table: &Table,
    listed: &Listed<'_>,
    (after, until): (i64, Option<i64>),
    created_since: Option<DateTime<Utc>>,
) -> Result<Vec<i64>, Error> {
    let mut arguments = Arguments::default();
    arguments.add(listed.shop_id);
    arguments.add(listed.ids);
    arguments.add(after);
    arguments.add(until);
    arguments.add(listed.observed_at);
    let mut statement = gone_statement(table);
    if let Some(created_since) = created_since {
        arguments.add(created_since);
        statement.push_str(" and p.created_at >= $6");
    }
    let rows = sqlx::query_with(AssertSqlSafe(statement + " order by p.id"), arguments.0)
        .fetch_all(&mut *tx)
        .await?;
    let ids: Result<Vec<i64>, sqlx::Error> = rows.iter().map(|row| row.try_get(0)).collect();
    Ok(ids?)
}

/// What the same range holds on both sides.
pub async fn sums(
    tx: &mut Transaction,
    table: &Table,
    listed: &Listed<'_>,
    after: i64,
    until: Option<i64>,
) -> Result<Sums, Error> {
    let mut arguments = Arguments::default();
    arguments.add(listed.shop_id);
    arguments.add(listed.ids);
    arguments.add(listed.updated_at);
    arguments.add(after);
    arguments.add(until);
    let row = sqlx::query_with(AssertSqlSafe(sums_statement(table)), arguments.0)
        .fetch_one(&mut *tx)
        .await?;
    Ok(Sums {
        mirrored: row.try_get(0)?,
        mirrored_sum: row.try_get(1)?,
        listed_sum: row.try_get(2)?,
    })
}

fn of_listed_statement(table: &Table) -> String {
    format!(
        "select l.id, case when p.id is null or p.deleted_at is not null then 'missing' \
         when p.source_updated_at < l.updated_at then 'stale' else 'unsettled' end \
         from unnest($2::bigint[], $3::timestamptz[]) as l (id, updated_at) \
         left join lateral (select * from {table} p where p.shop_id = $1 and p.id = l.id limit 1) p on true \
         where (p.id is null or p.deleted_at <= $4 or p.deleted_at is null and (p.source_updated_at < l.updated_at \
         or p.observed_at < date_trunc('second', p.source_updated_at) + interval '1 second')) \
         and not exists (select from redactions r where r.shop_id = $1 and r.kind = $5 and r.id = l.id) \
         order by l.id",
        table = table.name,
    )
}

fn gone_statement(table: &Table) -> String {
    format!(
        "select p.id from {table} p where p.shop_id = $1 and p.id > $3 and ($4::bigint is null or p.id <= $4) \
         and p.deleted_at is null and p.observed_at < $5 and p.id <> all ($2)",
        table = table.name,
    )
}

/// Numbers of 64 bits that depend on id and second; their sum does not depend on the order.
const DIGEST: &str =
    "hashtextextended(id::text || ' ' || extract(epoch from date_trunc('second', at))::bigint::text, 0)";

fn sums_statement(table: &Table) -> String {
    format!(
        "select (select count(*) from mirrored), (select coalesce(sum({DIGEST}), 0)::text from mirrored), \
         (select coalesce(sum({DIGEST}), 0)::text from unnest($2::bigint[], $3::timestamptz[]) as l (id, at))",
    )
    .replacen(
        "select ",
        &format!(
            "with mirrored as (select p.id, p.source_updated_at as at from {table} p where p.shop_id = $1 \
             and p.id > $4 and ($5::bigint is null or p.id <= $5) and p.deleted_at is null) select ",
            table = table.name,
        ),
        1,
    )
}
