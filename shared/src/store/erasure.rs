//! The statements that erase what tells of a person, made from the tables' descriptions: a new column is covered by its
//! mark, a new table by its owner.
//!
//! A customer is buried: a tombstone at `infinity`, which nothing lifts, and every column empty. An order is erased: it
//! stays with its numbers, and the columns marked as personal are empty, as an incoming row has them that was erased, so
//! that the two are the same.

use sqlx::query_with;

use super::member_sets::may_own;
use super::row::Arguments;
use super::table::Owner;
use super::{Column, Error, MemberSet, Table, Transaction, tables};

/// Rows of a store that one statement deletes: well within a second.
pub const MOST_CLEARED: i64 = 5_000;

impl Table {
    /// Makes the named rows tombstones for ever, also those never seen.
    pub(super) fn bury(&self) -> String {
        let [key] = self.keys else {
            return String::new();
        };
        format!(
            "insert into {table} (shop_id, {key}, source_updated_at, observed_at, deleted_at, source) \
             select $1::bigint, id, '-infinity', '-infinity', 'infinity', 'webhook' from unnest($2::bigint[]) as t (id) \
             order by id on conflict (shop_id, {key}) do update \
             set deleted_at = 'infinity', synced_at = now(), {emptied}raw = null",
            table = self.name,
            emptied = self.emptied(),
        )
    }

    /// The same for all members of these owners that are known.
    pub(super) fn bury_members(&self) -> String {
        let Some(members) = self.of_owners() else {
            return String::new();
        };
        format!(
            "update {table} set deleted_at = 'infinity', synced_at = now(), {emptied}raw = null \
             where shop_id = $1::bigint and {members}",
            table = self.name,
            emptied = self.emptied(),
        )
    }

    /// Empties what tells of a person in the named rows.
    pub(super) fn erase(&self) -> String {
        let [key] = self.keys else {
            return String::new();
        };
        self.erasing(&format!("{key} = any ($2::bigint[])"))
    }

    /// The same in all members of these owners.
    pub(super) fn erase_members(&self) -> String {
        self.of_owners()
            .map(|members| self.erasing(&members))
            .unwrap_or_default()
    }

    /// Deletes some rows of a store.
    pub(super) fn clear(&self) -> String {
        format!(
            "delete from {table} where ctid = any (array(select ctid from {table} where shop_id = $1 limit $2))",
            table = self.name,
        )
    }

    fn erasing(&self, condition: &str) -> String {
        let personal = || self.columns.iter().filter(|column| column.is_personal());
        let emptied: String = personal()
            .map(|column| format!("{} = {}, ", column.name, column.empty()))
            .collect();
        let filled: String = personal()
            .map(|column| format!(" or {} is distinct from {}", column.name, column.empty()))
            .collect();
        format!(
            "update {table} set {emptied}raw = null, synced_at = now() \
             where shop_id = $1::bigint and {condition} and (raw is not null{filled})",
            table = self.name,
        )
    }

    /// Assignments that empty every column but those that name the owner.
    fn emptied(&self) -> String {
        let owners: &[&str] = match &self.owner {
            None => &[],
            Some(Owner::One { column, .. }) => &[*column],
            Some(Owner::Any) => &["owner_type", "owner_id"],
        };
        let others = self.columns.iter().filter(|column| !owners.contains(&column.name));
        others.map(|column| format!("{} = null, ", column.name)).collect()
    }

    fn of_owners(&self) -> Option<String> {
        Some(match self.owner? {
            Owner::One { column, .. } => format!("{column} = any ($2::bigint[])"),
            Owner::Any => "owner_id = any ($2::bigint[]) and owner_type = $3".to_owned(),
        })
    }
}

impl Column {
    /// What an erased row has here: the same as [`super::row::Cell::erase`] leaves.
    fn empty(&self) -> &'static str {
        if self.pg.ends_with("[]") { "'{}'" } else { "null" }
    }
}

/// Erases customers with all their parts and members, and keeps them away for ever. Returns how many rows that took.
pub async fn bury_customers(tx: &mut Transaction, shop_id: i64, ids: &[i64]) -> Result<u64, Error> {
    let mut rows = 0;
    if ids.is_empty() {
        return Ok(rows);
    }
    for table in tables() {
        if table.kind == "Customer" {
            rows += run(tx, table.statements().bury.as_str(), shop_id, ids, None).await?;
        } else if may_own("Customer", table) {
            rows += bury_members(tx, table, "Customer", shop_id, ids).await?;
        }
    }
    Ok(rows)
}

/// Empties what tells of a person in orders and all that belongs to them. Returns how many rows that changed.
pub async fn erase_orders(tx: &mut Transaction, shop_id: i64, ids: &[i64]) -> Result<u64, Error> {
    let mut rows = 0;
    if ids.is_empty() {
        return Ok(rows);
    }
    for table in tables() {
        let statements = table.statements();
        rows += match table.owner {
            _ if table.kind == "Order" => run(tx, statements.erase.as_str(), shop_id, ids, None).await?,
            Some(Owner::One { kind: "Order", .. }) => {
                run(tx, statements.erase_members.as_str(), shop_id, ids, None).await?
            }
            Some(Owner::Any) => bury_members(tx, table, "Order", shop_id, ids).await?,
            Some(Owner::One { .. }) | None => 0,
        };
    }
    Ok(rows)
}

/// Deletes up to [`MOST_CLEARED`] rows of a store from one mirrored table. Returns how many there were.
pub async fn clear(tx: &mut Transaction, table: &'static Table, shop_id: i64) -> Result<u64, Error> {
    let mut arguments = Arguments::default();
    arguments.add(shop_id);
    arguments.add(MOST_CLEARED);
    let statement = query_with(table.statements().clear.as_str(), arguments.0);
    Ok(statement.execute(tx).await?.rows_affected())
}

/// Erases the members of these owners. That they have none, known to be so for ever, keeps later ones away.
async fn bury_members(
    tx: &mut Transaction,
    table: &'static Table,
    kind: &str,
    shop_id: i64,
    owners: &[i64],
) -> Result<u64, Error> {
    let members = MemberSet::members_of(table, kind);
    sqlx::query!(
        r#"
        insert into member_sets (shop_id, members, owner_id, observed_at, ids)
        select $1::bigint, $2::text, id, 'infinity', '{}' from unnest($3::bigint[]) as t (id) order by id
        on conflict (shop_id, members, owner_id) do update set observed_at = 'infinity', ids = '{}'
        "#,
        shop_id,
        members,
        owners,
    )
    .execute(&mut *tx)
    .await?;
    let kind = matches!(table.owner, Some(Owner::Any)).then_some(kind);
    run(tx, table.statements().bury_members.as_str(), shop_id, owners, kind).await
}

async fn run(
    tx: &mut Transaction,
    statement: &'static str,
    shop_id: i64,
    ids: &[i64],
    owner_type: Option<&str>,
) -> Result<u64, Error> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut arguments = Arguments::default();
    arguments.add(shop_id);
    arguments.add(ids);
    if let Some(owner_type) = owner_type {
        arguments.add(owner_type.to_owned());
    }
    Ok(query_with(statement, arguments.0).execute(tx).await?.rows_affected())
}
