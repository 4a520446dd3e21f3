//! `sync_sweeps` and `sync_missing`: what a complete file lacks, and how far that is swept.
//!
//! What is missing is found once, by the verdict, inside of Postgres: no id passes through the process. From then on the
//! list stands for the file, and `sync_seen` is forgotten. A slice of the list is swept in one transaction with its
//! removal from the list and the counters, so that a crash repeats or loses nothing. A row that is not older than the file
//! is spared, however late the sweep comes. Knows not when a sweep is allowed.

use chrono::{DateTime, Utc};
use sqlx::{Row as _, query_with};
use uuid::Uuid;

use super::row::Arguments;
use super::table::Owner;
use super::upsert::key_of;
use super::{Error, Key, Table, Transaction, sync_seen};

impl Table {
    /// Counts the rows of a store that are no tombstones; `$2` is the kind of owner whose rows are meant, or null.
    pub(super) fn live(&self) -> String {
        format!(
            "select count(*) from {table} v where v.shop_id = $1 and v.deleted_at is null and {owner}",
            table = self.name,
            owner = self.of_owner_type(),
        )
    }

    /// Lists the rows that are older than the file ($3) and not among those seen.
    ///
    /// `except` sorts or hashes both sides once, whatever the statistics say of a list that was just written.
    pub(super) fn missing(&self) -> String {
        let (key, with, seen_with) = match self.keys {
            [key, with] => (*key, format!("v.{with}"), "unnest(s.with_ids)"),
            keys => (keys[0], "0::bigint".to_owned(), "0::bigint"),
        };
        format!(
            "insert into sync_missing (sweep_id, id, with_id) select $6::bigint, m.id, m.with_id from ( \
             select v.{key}, {with} from {table} v where v.shop_id = $1 and v.deleted_at is null \
             and {older} and {owner} \
             except select unnest(s.ids), {seen_with} from sync_seen s \
             where s.job_id = $4 and s.operation = $5 and s.table_name = '{table}') as m (id, with_id)",
            table = self.name,
            older = OLDER.replace("$", "$3"),
            owner = self.of_owner_type(),
        )
    }

    /// Locks the named rows and tells of each whether it is to become a tombstone at `$4`, and whether it is one.
    pub(super) fn sweepable(&self) -> String {
        let (keys, with) = match self.keys {
            [key, with] => (format!("v.{key}, v.{with}"), format!("and v.{with} = t.with_id")),
            keys => (format!("v.{}", keys[0]), String::new()),
        };
        format!(
            "select v.shop_id, {keys}, v.deleted_at is null and {older}, v.deleted_at is not null \
             from {table} v join unnest($2::bigint[], $3::bigint[]) as t (id, with_id) on v.{key} = t.id {with} \
             where v.shop_id = $1 order by {keys} for update of v",
            table = self.name,
            key = self.keys[0],
            older = OLDER.replace("$", "$4"),
        )
    }

    fn of_owner_type(&self) -> &'static str {
        match self.owner {
            Some(Owner::Any) => "($2::text is null or v.owner_type = $2)",
            Some(Owner::One { .. }) | None => "$2::text is null",
        }
    }
}

/// Strictly: of two moments in one second, nobody knows the order.
const OLDER: &str = "v.observed_at < $::timestamptz and v.source_updated_at < $::timestamptz";

/// The rows that an operation's file should list.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    /// In which table.
    pub table: &'static Table,
    /// Those of owners of this kind, where the table holds those of several.
    pub owner_type: Option<&'static str>,
}

/// The file against which rows are held.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// The import.
    pub job_id: Uuid,
    /// Its operation.
    pub operation: &'a str,
    /// The store.
    pub shop_id: i64,
    /// Shopify's clock: nothing in the file was read before.
    pub created_at: DateTime<Utc>,
}

/// Rows of one table: how many there are, and how many of them the file lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// No tombstones.
    pub live: i64,
    /// Of these, those that the file lacks and that are older than it.
    pub missing: i64,
}

/// Lists what the file lacks of the rows at `place` among all that it should list.
pub async fn list_missing(tx: &mut Transaction, file: &File<'_>, place: i16, listed: Listed) -> Result<Counted, Error> {
    let mut arguments = Arguments::default();
    arguments.add(file.shop_id);
    arguments.add(listed.owner_type);
    let live = query_with(listed.table.statements().live.as_str(), arguments.0);
    let live: i64 = live.fetch_one(&mut *tx).await?.try_get(0)?;
    let sweep = sqlx::query!(
        r#"
        insert into sync_sweeps (job_id, operation, place, table_name, owner_type, live, missing)
        values ($1, $2, $3, $4, $5, $6, 0) returning id
        "#,
        file.job_id,
        file.operation,
        place,
        listed.table.name,
        listed.owner_type,
        live,
    )
    .fetch_one(&mut *tx)
    .await?;
    let mut arguments = Arguments::default();
    arguments.add(file.shop_id);
    arguments.add(listed.owner_type);
    arguments.add(file.created_at);
    arguments.add(file.job_id);
    arguments.add(file.operation);
    arguments.add(sweep.id);
    let missing = query_with(listed.table.statements().missing.as_str(), arguments.0);
    let missing = missing.execute(&mut *tx).await?.rows_affected() as i64;
    sqlx::query!("update sync_sweeps set missing = $2 where id = $1", sweep.id, missing)
        .execute(&mut *tx)
        .await?;
    Ok(Counted { live, missing })
}

/// How far the sweep of an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Decided: tombstones are being written.
    Running,
    /// Too much for nobody to look: it waits to be confirmed.
    Held,
    /// Every missing row is a tombstone, or was spared.
    Done,
    /// The file cannot tell what is gone.
    Skipped,
    /// A later import of the kind began before anybody confirmed.
    Superseded,
}

impl State {
    /// The name in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Held => "held",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Superseded => "superseded",
        }
    }
}

/// Records how far the sweep is, with a sentence for people, and forgets the lists that this makes useless.
pub async fn set_state(
    tx: &mut Transaction,
    job_id: Uuid,
    operation: &str,
    state: State,
    note: Option<&str>,
) -> Result<(), Error> {
    sqlx::query!(
        "update sync_operations set sweep = $3, sweep_note = $4 where job_id = $1 and operation = $2",
        job_id,
        operation,
        state.as_str(),
        note,
    )
    .execute(&mut *tx)
    .await?;
    sync_seen::forget(tx, job_id, operation).await?;
    if !matches!(state, State::Running | State::Held) {
        sqlx::query!(
            r#"
            delete from sync_missing
            where sweep_id in (select id from sync_sweeps where job_id = $1 and operation = $2)
            "#,
            job_id,
            operation,
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// Records that somebody has looked and wants the sweep. False if it was not held.
pub async fn confirm(tx: &mut Transaction, job_id: Uuid, operation: &str) -> Result<bool, Error> {
    let confirmed = sqlx::query!(
        r#"
        update sync_operations set sweep = 'running', sweep_note = null, sweep_confirmed_at = now()
        where job_id = $1 and operation = $2 and sweep = 'held'
        "#,
        job_id,
        operation,
    )
    .execute(&mut *tx)
    .await?;
    Ok(confirmed.rows_affected() > 0)
}

/// Ends the sweeps of earlier imports of these operations (of all without any) that nobody confirmed: a later import sees rows again without
/// writing them, so that the older list may name what exists.
pub async fn supersede(tx: &mut Transaction, shop_id: i64, operations: Option<&[String]>) -> Result<(), Error> {
    let ended = sqlx::query!(
        r#"
        update sync_operations o set sweep = 'superseded', sweep_note = null
        from sync_jobs j
        where j.id = o.job_id and j.shop_id = $1 and ($2::text[] is null or o.operation = any ($2))
          and o.sweep in ('held', 'running')
        returning o.job_id, o.operation
        "#,
        shop_id,
        operations,
    )
    .fetch_all(&mut *tx)
    .await?;
    for operation in &ended {
        set_state(tx, operation.job_id, &operation.operation, State::Superseded, None).await?;
    }
    // A chunk that went on after its import had ended left these.
    sqlx::query!(
        r#"
        delete from sync_seen s using sync_operations o, sync_jobs j
        where o.job_id = s.job_id and o.operation = s.operation and o.phase = 'finished'
          and j.id = o.job_id and j.shop_id = $1
        "#,
        shop_id,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Some missing rows of one table, by their numbers.
#[derive(Debug)]
pub struct Slice {
    sweep_id: i64,
    /// In which table.
    pub table: &'static Table,
    ids: Vec<i64>,
    with_ids: Vec<i64>,
}

/// The next missing rows that are not yet swept; none if there are none. The operation must be locked.
pub async fn next_slice(
    tx: &mut Transaction,
    job_id: Uuid,
    operation: &str,
    most: i64,
) -> Result<Option<Slice>, Error> {
    let next = sqlx::query!(
        r#"
        select s.id, s.table_name from sync_sweeps s
        where s.job_id = $1 and s.operation = $2 and exists (select from sync_missing m where m.sweep_id = s.id)
        order by s.place limit 1
        "#,
        job_id,
        operation,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(next) = next else { return Ok(None) };
    let table = super::tables().into_iter().find(|table| table.name == next.table_name);
    let rows = sqlx::query!(
        "select id, with_id from sync_missing where sweep_id = $1 order by id, with_id limit $2",
        next.id,
        most,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(Some(Slice {
        sweep_id: next.id,
        table: table.expect("only mirrored tables are swept"),
        ids: rows.iter().map(|row| row.id).collect(),
        with_ids: rows.iter().map(|row| row.with_id).collect(),
    }))
}

/// What became of a slice's rows since the list was made.
#[derive(Debug, Default)]
pub struct Judged {
    /// Still older than the file: these become tombstones.
    pub older: Vec<Key>,
    /// Tombstones already, such as the parts of what was swept before them.
    pub gone: i64,
}

/// Locks the rows of a slice and looks at them again.
pub async fn judge(tx: &mut Transaction, file: &File<'_>, slice: &Slice) -> Result<Judged, Error> {
    let mut arguments = Arguments::default();
    arguments.add(file.shop_id);
    arguments.add(slice.ids.clone());
    arguments.add(slice.with_ids.clone());
    arguments.add(file.created_at);
    let rows = query_with(slice.table.statements().sweepable.as_str(), arguments.0);
    let mut judged = Judged::default();
    let after_keys = slice.table.keys.len() + 1;
    for row in rows.fetch_all(&mut *tx).await? {
        if row.try_get(after_keys)? {
            judged.older.push(key_of(slice.table, &row)?);
        } else if row.try_get(after_keys + 1)? {
            judged.gone += 1;
        }
    }
    Ok(judged)
}

/// Takes a slice off the list and counts its rows.
pub async fn finish_slice(tx: &mut Transaction, slice: &Slice, swept: i64) -> Result<(), Error> {
    sqlx::query!(
        r#"
        delete from sync_missing m using unnest($2::bigint[], $3::bigint[]) as t (id, with_id)
        where m.sweep_id = $1 and m.id = t.id and m.with_id = t.with_id
        "#,
        slice.sweep_id,
        &slice.ids,
        &slice.with_ids,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "update sync_sweeps set swept = swept + $2, spared = spared + $3 where id = $1",
        slice.sweep_id,
        swept,
        slice.ids.len() as i64 - swept,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}
