//! `member_sets`: which members an owner has, where somebody told in full.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{Row as _, query_with};

use super::row::Arguments;
use super::table::{KINDS_OF_ANY, Owner};
use super::text::number_array_literal;
use super::upsert::key_of;
use super::{Error, Key, Source, Table, Transaction};

/// All members of one owner at one time; none if the owner is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSet {
    /// The store.
    pub shop_id: i64,
    /// The table of the members; with the kind of the owner where it is not the table's first.
    pub members: String,
    /// Whose.
    pub owner_id: i64,
    /// When it was so, at the earliest.
    pub observed_at: DateTime<Utc>,
    /// What tells the members of one owner apart.
    pub ids: Vec<i64>,
}

impl MemberSet {
    /// The members in `table` of an owner of this kind.
    pub fn new(table: &Table, kind: &str, owner: Key, observed_at: DateTime<Utc>, ids: Vec<i64>) -> Self {
        Self {
            shop_id: owner.shop_id,
            members: Self::members_of(table, kind),
            owner_id: owner.id,
            observed_at,
            ids,
        }
    }

    /// What the members in `table` of owners of this kind are called.
    pub(super) fn members_of(table: &Table, kind: &str) -> String {
        match table.owner {
            Some(Owner::One { kind: owner, .. }) if owner == kind => table.name.to_owned(),
            _ => format!("{}/{kind}", table.name),
        }
    }

    /// Whether its members are in this table.
    pub fn is_of(&self, table: &Table) -> bool {
        self.members.split('/').next() == Some(table.name)
    }
}

/// Whether rows of this table may be members of what has this kind.
pub(super) fn may_own(kind: &str, table: &Table) -> bool {
    table.owners().any(|owner| match owner {
        Owner::One { kind: owner, .. } => owner == kind,
        Owner::Any => KINDS_OF_ANY.contains(&kind),
    })
}

/// Whether anybody in these stores has told all its members in this table.
pub(super) async fn any(tx: &mut Transaction, table: &Table, shop_ids: &[i64]) -> Result<bool, Error> {
    let kinds = table.owners().flat_map(|owner| match owner {
        Owner::One { kind, .. } => vec![kind],
        Owner::Any => KINDS_OF_ANY.to_vec(),
    });
    let members: Vec<String> = kinds.map(|kind| MemberSet::members_of(table, kind)).collect();
    let row = sqlx::query!(
        r#"
        select exists (select from member_sets where shop_id = any ($1) and members = any ($2)) as "any!"
        "#,
        shop_ids,
        &members,
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(row.any)
}

/// Records the sets that are newer than the known ones.
///
/// Comes before the members' own upsert in a transaction: its row locks make two workers with bodies of the same owner
/// take turns, so that the later of them sees what the earlier removed.
pub(super) async fn upsert(tx: &mut Transaction, sets: &mut Vec<MemberSet>) -> Result<(), Error> {
    if sets.is_empty() {
        return Ok(());
    }
    let key = |set: &MemberSet| (set.shop_id, set.members.clone(), set.owner_id);
    sets.sort_by(|a, b| key(a).cmp(&key(b)).then(b.observed_at.cmp(&a.observed_at)));
    sets.dedup_by(|a, b| key(a) == key(b));
    let shop_ids: Vec<i64> = sets.iter().map(|set| set.shop_id).collect();
    let members: Vec<&str> = sets.iter().map(|set| set.members.as_str()).collect();
    let owner_ids: Vec<i64> = sets.iter().map(|set| set.owner_id).collect();
    let observed: Vec<DateTime<Utc>> = sets.iter().map(|set| set.observed_at).collect();
    let ids: Vec<String> = sets.iter().map(|set| number_array_literal(&set.ids)).collect();
    sqlx::query!(
        r#"
        insert into member_sets (shop_id, members, owner_id, observed_at, ids)
        select shop_id, members, owner_id, observed_at, ids::bigint[]
        from unnest($1::bigint[], $2::text[], $3::bigint[], $4::timestamptz[], $5::text[])
            as t (shop_id, members, owner_id, observed_at, ids)
        order by shop_id, members, owner_id
        on conflict (shop_id, members, owner_id) do update
        set observed_at = excluded.observed_at, ids = excluded.ids
        where member_sets.observed_at < excluded.observed_at
        "#,
        &shop_ids,
        &members as &[&str],
        &owner_ids,
        &observed,
        &ids,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// The empty sets of all members of something that is gone.
pub(super) fn emptied(table: &Table, owner: Key, gone_at: DateTime<Utc>) -> impl Iterator<Item = MemberSet> {
    super::tables()
        .into_iter()
        .filter(|members| may_own(table.kind, members))
        .map(move |members| MemberSet::new(members, table.kind, owner, gone_at, Vec::new()))
}

/// Turns the rows of this table that left these sets into tombstones. Returns their keys and since when.
pub(super) async fn remove_missing(
    tx: &mut Transaction,
    table: &'static Table,
    sets: &[&MemberSet],
    source: Source,
) -> Result<Vec<(Key, DateTime<Utc>)>, Error> {
    if sets.is_empty() {
        return Ok(Vec::new());
    }
    let mut arguments = Arguments::default();
    arguments.add(sets.iter().map(|set| set.shop_id).collect::<Vec<i64>>());
    arguments.add(sets.iter().map(|set| set.members.as_str()).collect::<Vec<&str>>());
    arguments.add(sets.iter().map(|set| set.owner_id).collect::<Vec<i64>>());
    arguments.add(source.as_str());
    let removed = query_with(table.statements().remove_missing.as_str(), arguments.0);
    let removed = removed.fetch_all(tx).await?;
    removed.iter().filter_map(|row| gone(table, row).transpose()).collect()
}

/// What was removed and since when; nothing for what was erased, which owned nothing.
fn gone(table: &Table, row: &PgRow) -> Result<Option<(Key, DateTime<Utc>)>, Error> {
    let since: Option<DateTime<Utc>> = row.try_get(table.keys.len() + 1)?;
    since.map(|since| Ok((key_of(table, row)?, since))).transpose()
}

/// The same for the owners of a store whose sets were told since `since`, once a bulk file created then has been applied: a
/// chunk and a delivery that ran at the same moment may each have missed what the other wrote. Older sets say nothing about
/// the file's rows. Returns how many rows were removed.
pub async fn settle(tx: &mut Transaction, shop_id: i64, since: DateTime<Utc>) -> Result<usize, Error> {
    let mut removed = 0;
    for table in super::tables().into_iter().filter(|table| table.owner.is_some()) {
        let mut arguments = Arguments::default();
        arguments.add(shop_id);
        arguments.add(since);
        let statement = query_with(table.statements().settle.as_str(), arguments.0);
        let rows = statement.fetch_all(&mut *tx).await?;
        removed += rows.len();
        let mut orphaned = Vec::new();
        for row in &rows {
            if let Some((key, since)) = gone(table, row)? {
                orphaned.extend(emptied(table, key, since));
            }
        }
        upsert(tx, &mut orphaned).await?;
    }
    Ok(removed)
}
