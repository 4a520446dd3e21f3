//! `sync_seen`: which rows the file of an import named.
//!
//! Written in the transaction that counts the lines, so that a row is seen exactly if its line is counted, whatever is
//! delivered twice or crashes. Whether the row was newer than the stored one does not matter. Knows not what follows from
//! what was not seen ([`super::sync_sweeps`]).

use std::collections::BTreeMap;

use uuid::Uuid;

use super::text::number_array_literal;
use super::{AnyRow, Error, Key, Transaction};

/// Keeps the keys of the rows that are in one of `tables`, under the place where their lines begin in the chunk.
pub async fn keep(
    tx: &mut Transaction,
    (job_id, operation, chunk): (Uuid, &str, i32),
    from_offset: i64,
    tables: impl Fn(&str) -> bool,
    rows: impl Iterator<Item = &AnyRow>,
) -> Result<(), Error> {
    let mut seen: BTreeMap<&str, (bool, Vec<Key>)> = BTreeMap::new();
    for row in rows {
        let (table, key) = row.place();
        if tables(table.name) {
            let (_, keys) = seen.entry(table.name).or_insert((table.keys.len() == 2, Vec::new()));
            keys.push(key);
        }
    }
    if seen.is_empty() {
        return Ok(());
    }
    let mut names = Vec::with_capacity(seen.len());
    let mut ids = Vec::with_capacity(seen.len());
    let mut with_ids = Vec::with_capacity(seen.len());
    for (name, (is_pair, mut keys)) in seen {
        // In order they compress better.
        keys.sort_unstable();
        keys.dedup();
        let numbers = |number: fn(&Key) -> i64| number_array_literal(&keys.iter().map(number).collect::<Vec<i64>>());
        names.push(name);
        ids.push(numbers(|key| key.id));
        with_ids.push(is_pair.then(|| numbers(|key| key.with)));
    }
    sqlx::query!(
        r#"
        insert into sync_seen (job_id, operation, chunk, from_offset, table_name, ids, with_ids)
        select $1, $2, $3, $4, t.table_name, t.ids::bigint[], t.with_ids::bigint[]
        from unnest($5::text[], $6::text[], $7::text[]) as t (table_name, ids, with_ids)
        "#,
        job_id,
        operation,
        chunk,
        from_offset,
        &names as &[&str],
        &ids,
        &with_ids as &[Option<String>],
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Whether the rows of every counted line were kept: a version of ours that kept none may have worked on a chunk.
pub async fn is_whole(tx: &mut Transaction, job_id: Uuid, operation: &str) -> Result<bool, Error> {
    let row = sqlx::query!(
        r#"
        select coalesce(bool_and(seen_lines = lines), true) as "whole!" from sync_chunks
        where job_id = $1 and operation = $2
        "#,
        job_id,
        operation,
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(row.whole)
}

/// Whether the file named any row of this table.
pub async fn any(tx: &mut Transaction, job_id: Uuid, operation: &str, table: &str) -> Result<bool, Error> {
    let row = sqlx::query!(
        r#"
        select exists (
            select from sync_seen where job_id = $1 and operation = $2 and table_name = $3
        ) as "any!"
        "#,
        job_id,
        operation,
        table,
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(row.any)
}

/// Forgets what the file of this operation named.
pub(super) async fn forget(tx: &mut Transaction, job_id: Uuid, operation: &str) -> Result<(), Error> {
    sqlx::query!(
        "delete from sync_seen where job_id = $1 and operation = $2",
        job_id,
        operation,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}
