//! Rows that belong to something which the mirror does not have.
//!
//! A bulk file may tell a member of an owner that was deleted before any file or delivery showed it, so that no tombstone
//! and no set speaks of it. Only a look at both tables finds that.

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, Row as _};

use super::row::Arguments;
use super::table::{KINDS_OF_ANY, Owner};
use super::{Error, Table, Transaction};

/// The numbers of owners in `table` that are not mirrored and have live members observed before `observed_at`; so many at
/// most, and none that was erased or is wanted anyway.
pub async fn owners(
    tx: &mut Transaction,
    table: &Table,
    shop_id: i64,
    observed_at: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<i64>, Error> {
    let members: Vec<String> = super::tables()
        .into_iter()
        .flat_map(|members| {
            members
                .owners()
                .filter_map(move |owner| members_of(table, members, owner))
        })
        .collect();
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let statement = format!(
        "select m.id from ({members}) m \
         where not exists (select from {owners} o where o.shop_id = $1 and o.{key} = m.id and o.deleted_at is null) \
         and not exists (select from redactions r where r.shop_id = $1 and r.kind = $3 and r.id = m.id) \
         and not exists (select from pending_fetches w where w.shop_id = $1 \
         and w.gid = 'gid://shopify/' || $3 || '/' || m.id) \
         order by m.id limit $4",
        members = members.join(" union "),
        owners = table.name,
        key = table.keys[0],
    );
    let mut arguments = Arguments::default();
    arguments.add(shop_id);
    arguments.add(observed_at);
    arguments.add(table.kind);
    arguments.add(limit);
    let rows = sqlx::query_with(AssertSqlSafe(statement), arguments.0)
        .fetch_all(&mut *tx)
        .await?;
    let ids: Result<Vec<i64>, sqlx::Error> = rows.iter().map(|row| row.try_get(0)).collect();
    Ok(ids?)
}

/// Selects the owners of these members, if they are in `table`.
fn members_of(table: &Table, members: &Table, owner: Owner) -> Option<String> {
    let (column, condition) = match owner {
        Owner::One { kind, column, .. } if kind == table.kind => (column, String::new()),
        Owner::Any if KINDS_OF_ANY.contains(&table.kind) => ("owner_id", format!(" and owner_type = '{}'", table.kind)),
        _ => return None,
    };
    Some(format!(
        "select {column} as id from {name} where shop_id = $1 and deleted_at is null and observed_at < $2 \
         and {column} is not null{condition}",
        name = members.name,
    ))
}
