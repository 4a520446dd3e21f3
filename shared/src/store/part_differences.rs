//! Compares what a store lists inside its resources with what is mirrored of it. None of this moves a resource's time of
//! change.

use chrono::{DateTime, Utc};

use super::{Error, Transaction};

/// What a table holds on both sides, of what was listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// The table.
    pub table: String,
    /// Rows that are listed.
    pub listed: i64,
    /// Live rows that are mirrored.
    pub mirrored: i64,
    /// Listed, and not mirrored.
    pub missing: i64,
    /// Mirrored as they were before.
    pub stale: i64,
    /// Mirrored, and not listed.
    pub gone: i64,
    /// Over keys and values of what is listed; None where only its number is told. Sums travel as text: they outgrow 64
    /// bits.
    pub listed_sum: Option<String>,
    /// The same of what is mirrored.
    pub mirrored_sum: Option<String>,
}

impl Part {
    /// How many rows differ.
    pub fn differences(&self) -> i64 {
        self.missing + self.stale + self.gone
    }
}

/// The resources in which something differs, and how much in which table.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PartDifferences {
    /// Their numbers.
    pub owners: Vec<i64>,
    /// Every table that was compared.
    pub parts: Vec<Part>,
}

impl PartDifferences {
    /// Adds what was found elsewhere.
    pub fn append(&mut self, mut other: Self) {
        self.owners.append(&mut other.owners);
        self.parts.append(&mut other.parts);
    }
}

/// The collections of which another number of products is mirrored than `counts` says.
pub async fn of_members(
    tx: &mut Transaction,
    shop_id: i64,
    ids: &[i64],
    counts: &[i64],
) -> Result<PartDifferences, Error> {
    let row = sqlx::query!(
        r#"
        select coalesce(array_agg(id) filter (where listed <> mirrored), '{}') as "owners!",
               coalesce(sum(listed), 0)::bigint as "listed!", coalesce(sum(mirrored), 0)::bigint as "mirrored!",
               coalesce(sum(greatest(listed - mirrored, 0)), 0)::bigint as "missing!",
               coalesce(sum(greatest(mirrored - listed, 0)), 0)::bigint as "gone!"
        from (
            select c.id, c.members as listed, (
                select count(*) from collection_products p
                where p.shop_id = $1 and p.collection_id = c.id and p.deleted_at is null
            ) as mirrored
            from unnest($2::bigint[], $3::bigint[]) as c (id, members)
        ) both_sides
        "#,
        shop_id,
        ids,
        counts,
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(PartDifferences {
        owners: row.owners,
        parts: vec![Part {
            table: "collection_products".to_owned(),
            listed: row.listed,
            mirrored: row.mirrored,
            missing: row.missing,
            gone: row.gone,
            ..Part::default()
        }],
    })
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

/// The items of which other levels are mirrored than these. Of an item that is not told in full, only what is told counts.
pub async fn of_levels(
    tx: &mut Transaction,
    shop_id: i64,
    levels: &Levels,
    observed_at: DateTime<Utc>,
) -> Result<PartDifferences, Error> {
    let row = sqlx::query!(
        r#"
        with told as (
            select * from unnest($2::bigint[], $3::bigint[], $4::timestamptz[], $7::integer[])
                as t (item_id, location_id, updated_at, available)
        ), both_sides as (
            select t.item_id, t.location_id, t.updated_at, t.available, true as listed,
                   l.location_id is not null and l.deleted_at is null as mirrored,
                   l.source_updated_at as mirrored_updated_at, l.available as mirrored_available,
                   case when l.location_id is null or l.deleted_at <= $6 then 'missing'
                        when l.deleted_at is null and (
                            l.source_updated_at < t.updated_at
                            or l.source_updated_at = t.updated_at and l.available is distinct from t.available
                        ) then 'stale' end as difference
            from told t
            left join inventory_levels l
                on l.shop_id = $1 and l.inventory_item_id = t.item_id and l.location_id = t.location_id
            union all
            select l.inventory_item_id, l.location_id, null, null, false, true, l.source_updated_at, l.available,
                   case when l.observed_at < $6 then 'gone' end
            from inventory_levels l
            where l.shop_id = $1 and l.inventory_item_id = any ($5) and l.deleted_at is null
              and not exists (
                  select from told t where t.item_id = l.inventory_item_id and t.location_id = l.location_id
              )
        ), digests as (
            select item_id, listed, mirrored, difference,
                   hashtextextended(concat_ws(' ', item_id, location_id,
                       extract(epoch from date_trunc('second', updated_at))::bigint, available), 0) as listed_digest,
                   hashtextextended(concat_ws(' ', item_id, location_id,
                       extract(epoch from date_trunc('second', mirrored_updated_at))::bigint, mirrored_available), 0)
                       as mirrored_digest
            from both_sides
        )
        select coalesce(array_agg(distinct item_id) filter (where difference is not null), '{}') as "owners!",
               count(*) filter (where listed) as "listed!", count(*) filter (where mirrored) as "mirrored!",
               count(*) filter (where difference = 'missing') as "missing!",
               count(*) filter (where difference = 'stale') as "stale!",
               count(*) filter (where difference = 'gone') as "gone!",
               coalesce(sum(listed_digest) filter (where listed), 0)::text as "listed_sum!",
               coalesce(sum(mirrored_digest) filter (where mirrored), 0)::text as "mirrored_sum!"
        from digests
        "#,
        shop_id,
        &levels.item_ids,
        &levels.location_ids,
        &levels.updated_at,
        &levels.whole,
        observed_at,
        &levels.available as &[Option<i32>],
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(PartDifferences {
        owners: row.owners,
        parts: vec![Part {
            table: "inventory_levels".to_owned(),
            listed: row.listed,
            mirrored: row.mirrored,
            missing: row.missing,
            stale: row.stale,
            gone: row.gone,
            listed_sum: Some(row.listed_sum),
            mirrored_sum: Some(row.mirrored_sum),
        }],
    })
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
    told: &CustomerParts,
    observed_at: DateTime<Utc>,
) -> Result<PartDifferences, Error> {
    let row = sqlx::query!(
        r#"
        with both_sides as (
            select t.id,
                   p.customer_id is null as no_purchases, e.customer_id is null as no_email, s.customer_id is null as no_sms,
                   coalesce(p.observed_at < $6 and (
                       p.number_of_orders is distinct from t.orders or p.amount_spent is distinct from t.amount::numeric
                       or p.last_order_id is distinct from t.last_order_id
                   ), false) as old_purchases,
                   coalesce(e.observed_at < $6 and (
                       e.state is distinct from t.email_state
                       or e.consent_updated_at is distinct from t.email_updated_at
                   ), false) as old_email,
                   coalesce(s.observed_at < $6 and (
                       s.state is distinct from t.sms_state or s.consent_updated_at is distinct from t.sms_updated_at
                   ), false) as old_sms
            from unnest(
                $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $7::text[], $8::timestamptz[], $9::text[],
                $10::timestamptz[]
            ) as t (id, orders, amount, last_order_id, email_state, email_updated_at, sms_state, sms_updated_at)
            left join customer_purchases p on p.shop_id = $1 and p.customer_id = t.id
            left join customer_email_consents e on e.shop_id = $1 and e.customer_id = t.id
            left join customer_sms_consents s on s.shop_id = $1 and s.customer_id = t.id
        )
        select coalesce(array_agg(id) filter (
                   where no_purchases or no_email or no_sms or old_purchases or old_email or old_sms
               ), '{}') as "owners!",
               count(*) filter (where no_purchases) as "no_purchases!", count(*) filter (where no_email) as "no_email!",
               count(*) filter (where no_sms) as "no_sms!", count(*) filter (where old_purchases) as "old_purchases!",
               count(*) filter (where old_email) as "old_email!", count(*) filter (where old_sms) as "old_sms!"
        from both_sides
        "#,
        shop_id,
        &told.customer_ids,
        &told.orders,
        &told.amounts as &[Option<String>],
        &told.last_order_ids as &[Option<i64>],
        observed_at,
        &told.email_states as &[Option<String>],
        &told.email_updated_at as &[Option<DateTime<Utc>>],
        &told.sms_states as &[Option<String>],
        &told.sms_updated_at as &[Option<DateTime<Utc>>],
    )
    .fetch_one(&mut *tx)
    .await?;
    // Each customer has one row in each.
    let listed = told.customer_ids.len() as i64;
    let part = |table: &str, missing, stale| Part {
        table: table.to_owned(),
        listed,
        mirrored: listed - missing,
        missing,
        stale,
        ..Part::default()
    };
    Ok(PartDifferences {
        owners: row.owners,
        parts: vec![
            part("customer_purchases", row.no_purchases, row.old_purchases),
            part("customer_email_consents", row.no_email, row.old_email),
            part("customer_sms_consents", row.no_sms, row.old_sms),
        ],
    })
}
