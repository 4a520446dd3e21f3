//! Compares what a store lists with what is mirrored of it.

use std::collections::HashSet;

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

/// Of collections, those of which another number of products is mirrored than `counts` says.
pub async fn of_members(
    tx: &mut Transaction,
    shop_id: i64,
    ids: &[i64],
    counts: &[i64],
) -> Result<HashSet<i64>, Error> {
    let rows = sqlx::query!(
        r#"
        select c.id as "id!"
        from unnest($2::bigint[], $3::bigint[]) as c (id, members)
        where c.members <> (
            select count(*) from collection_products p
            where p.shop_id = $1 and p.collection_id = c.id and p.deleted_at is null
        )
        "#,
        shop_id,
        ids,
        counts,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Levels of stock as a list tells them.
#[derive(Debug, Default)]
pub struct Levels {
    /// Of which item.
    pub item_ids: Vec<i64>,
    /// Where.
    pub location_ids: Vec<i64>,
    /// When they changed last.
    pub updated_at: Vec<DateTime<Utc>>,
    /// How many are available.
    pub available: Vec<Option<i32>>,
    /// Items that are told in full.
    pub whole: Vec<i64>,
}

/// The items of which other levels are mirrored than these.
pub async fn of_levels(
    tx: &mut Transaction,
    shop_id: i64,
    levels: &Levels,
    observed_at: DateTime<Utc>,
) -> Result<HashSet<i64>, Error> {
    let rows = sqlx::query!(
        r#"
        with told as (
            select * from unnest($2::bigint[], $3::bigint[], $4::timestamptz[], $7::integer[])
                as t (item_id, location_id, updated_at, available)
        )
        select t.item_id as "id!"
        from told t
        left join inventory_levels l
            on l.shop_id = $1 and l.inventory_item_id = t.item_id and l.location_id = t.location_id
        where l.location_id is null or l.deleted_at <= $6 or l.deleted_at is null and (
            l.source_updated_at < t.updated_at
            or l.source_updated_at = t.updated_at and l.available is distinct from t.available
        )
        union
        select l.inventory_item_id
        from inventory_levels l
        where l.shop_id = $1 and l.inventory_item_id = any ($5) and l.deleted_at is null and l.observed_at < $6
          and not exists (
              select from told t where t.item_id = l.inventory_item_id and t.location_id = l.location_id
          )
        "#,
        shop_id,
        &levels.item_ids,
        &levels.location_ids,
        &levels.updated_at,
        &levels.whole,
        observed_at,
        &levels.available as &[Option<i32>],
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// What customers bought and agreed to, as a list tells it; words as they are mirrored.
#[derive(Debug, Default)]
pub struct CustomerParts {
    /// Whose.
    pub customer_ids: Vec<i64>,
    /// How many orders.
    pub orders: Vec<i64>,
    /// For how much.
    pub amounts: Vec<Option<String>>,
    /// The last of them.
    pub last_order_ids: Vec<Option<i64>>,
    /// Whether mail is agreed to.
    pub email_states: Vec<Option<String>>,
    /// Since when.
    pub email_updated_at: Vec<Option<DateTime<Utc>>>,
    /// Whether text messages are agreed to.
    pub sms_states: Vec<Option<String>>,
    /// Since when.
    pub sms_updated_at: Vec<Option<DateTime<Utc>>>,
}

/// The customers of whom something else is mirrored than this, unless it was seen later.
pub async fn of_customer_parts(
    tx: &mut Transaction,
    shop_id: i64,
    parts: &CustomerParts,
    observed_at: DateTime<Utc>,
) -> Result<HashSet<i64>, Error> {
    let rows = sqlx::query!(
        r#"
        select t.id as "id!"
        from unnest(
            $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $7::text[], $8::timestamptz[], $9::text[],
            $10::timestamptz[]
        ) as t (id, orders, amount, last_order_id, email_state, email_updated_at, sms_state, sms_updated_at)
        left join customer_purchases p on p.shop_id = $1 and p.customer_id = t.id
        left join customer_email_consents e on e.shop_id = $1 and e.customer_id = t.id
        left join customer_sms_consents s on s.shop_id = $1 and s.customer_id = t.id
        where p.customer_id is null or p.observed_at < $6 and (
            p.number_of_orders is distinct from t.orders or p.amount_spent is distinct from t.amount::numeric
            or p.last_order_id is distinct from t.last_order_id
        )
        or e.customer_id is null or e.observed_at < $6 and (
            e.state is distinct from t.email_state or e.consent_updated_at is distinct from t.email_updated_at
        )
        or s.customer_id is null or s.observed_at < $6 and (
            s.state is distinct from t.sms_state or s.consent_updated_at is distinct from t.sms_updated_at
        )
        "#,
        shop_id,
        &parts.customer_ids,
        &parts.orders,
        &parts.amounts as &[Option<String>],
        &parts.last_order_ids as &[Option<i64>],
        observed_at,
        &parts.email_states as &[Option<String>],
        &parts.email_updated_at as &[Option<DateTime<Utc>>],
        &parts.sms_states as &[Option<String>],
        &parts.sms_updated_at as &[Option<DateTime<Utc>>],
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
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
