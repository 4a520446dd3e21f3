//! How rows are written: judged by version, compared where columns decide, and only then sent whole.
//!
//! Rows that would change nothing cost one look-up in an index: no transfer of `raw`, no lock, no write-ahead log. Where a
//! sample of a file says that all are new, they are written at once, and judged only if that wrote them not.
//!
//! Answers come as arrays: a row of its own for each takes longer to send and to read.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{Row as _, query_with};

use super::row::Arguments;
use super::{Error, Key, Row, Source, Table, Transaction, Verdicts, member_sets};

/// How often a batch is judged anew because another writer came in between.
const MOST_RACES: usize = 5;
/// Rows of a sample.
const SAMPLE: usize = 50;

/// Writes every row that is newer than what is stored. Keys must be distinct and sorted ([`super::newest`]). What seems to
/// be new is written before it is looked up; never if any owner has told its members, which only [`judge`] looks at.
pub(super) async fn upsert<R: Row>(
    tx: &mut Transaction,
    rows: &[&R],
    source: Source,
    seem_new: bool,
) -> Result<Verdicts, Error> {
    let mut verdicts = Verdicts::default();
    let mut open: Vec<&R> = rows.to_vec();
    if seem_new && !rows.is_empty() && !members_are_told(tx, rows).await? {
        write(tx, &mut open, source, &mut verdicts).await?;
    }
    for _ in 0..MOST_RACES {
        if open.is_empty() {
            return Ok(verdicts);
        }
        let judged = judge(tx, &open, source).await?;
        let same_second = settle(&mut verdicts, &mut open, judged);
        if !same_second.is_empty() {
            let judged = compare(tx, &same_second, source).await?;
            let mut newer = same_second;
            settle(&mut verdicts, &mut newer, judged);
            open.extend(newer);
            open.sort_by_key(|row| row.key());
        }
        if open.is_empty() {
            return Ok(verdicts);
        }
        write(tx, &mut open, source, &mut verdicts).await?;
    }
    if open.is_empty() {
        Ok(verdicts)
    } else {
        Err(Error::Unavailable {
            code: "other writers".to_owned(),
        })
    }
}

/// Whether a sample of many rows would all be written, so that to look up each of them first is not worth it. None if they
/// are too few to tell.
pub(super) async fn seem_new<R: Row>(tx: &mut Transaction, rows: &[&R]) -> Result<Option<bool>, Error> {
    let step = rows.len() / SAMPLE;
    if step < 4 {
        return Ok(None);
    }
    let sample: Vec<&R> = rows.iter().step_by(step).copied().collect();
    let judged = judge(tx, &sample, Source::Bulk).await?;
    Ok(Some(judged.iter().all(Option::is_none)))
}

async fn members_are_told<R: Row>(tx: &mut Transaction, rows: &[&R]) -> Result<bool, Error> {
    let shop_ids: HashSet<i64> = rows.iter().map(|row| row.key().shop_id).collect();
    member_sets::any(tx, R::table(), &Vec::from_iter(shop_ids)).await
}

/// A verdict for every row that is not to be written.
type Judged = Vec<Option<Verdict>>;

struct Verdict {
    /// In the words of the SQL function `judge`.
    word: String,
    /// Of a tie: a fetch observed later than this settles it.
    tied_until: Option<DateTime<Utc>>,
    /// Since when the owner was known not to have the row.
    outside_since: Option<DateTime<Utc>>,
}

/// Notes the verdicts and keeps in `open` what is to be written. Returns the rows that depend on their columns.
fn settle<'r, R: Row>(verdicts: &mut Verdicts, open: &mut Vec<&'r R>, judged: Judged) -> Vec<&'r R> {
    let mut same_second = Vec::new();
    let mut judged = judged.into_iter();
    open.retain(|row| {
        let Some(verdict) = judged.next().flatten() else {
            return true;
        };
        match (verdict.word.as_str(), verdict.tied_until) {
            ("compare", _) => same_second.push(*row),
            ("tie", until) => drop(
                verdicts
                    .ties
                    .insert(row.key(), until.unwrap_or(row.version().observed_at)),
            ),
            _ => drop(verdicts.stale.insert(row.key())),
        }
        let outside = verdict.outside_since.map(|since| (row.key(), since));
        verdicts.outside.extend(outside);
        false
    });
    same_second
}

async fn judge<R: Row>(tx: &mut Transaction, rows: &[&R], source: Source) -> Result<Judged, Error> {
    let mut arguments = Arguments::default();
    arguments.add_heads(rows);
    R::bind_owner(rows, &mut arguments);
    arguments.add(source.as_str());
    let judged = query_with(R::table().statements().judge.as_str(), arguments.0);
    verdicts_of(&judged.fetch_one(tx).await?, rows.len())
}

async fn compare<R: Row>(tx: &mut Transaction, rows: &[&R], source: Source) -> Result<Judged, Error> {
    let mut arguments = Arguments::default();
    arguments.add_heads(rows);
    R::bind_columns(rows, &mut arguments);
    arguments.add(source.as_str());
    let judged = query_with(R::table().statements().compare.as_str(), arguments.0);
    verdicts_of(&judged.fetch_one(tx).await?, rows.len())
}

/// Writes the rows, leaves in `open` what was not written, and notes what is new.
async fn write<R: Row>(
    tx: &mut Transaction,
    open: &mut Vec<&R>,
    source: Source,
    verdicts: &mut Verdicts,
) -> Result<(), Error> {
    let mut arguments = Arguments::default();
    arguments.add_heads(open);
    R::bind_columns(open, &mut arguments);
    arguments.add(open.iter().map(|row| row.raw()).collect::<Vec<&str>>());
    arguments.add(source.as_str());
    let written = query_with(R::table().statements().write.as_str(), arguments.0);
    let answer = written.fetch_one(tx).await?;
    let keys = R::table().keys.len();
    let shop_ids: Vec<i64> = list(&answer, 0)?;
    let ids: Vec<i64> = list(&answer, 1)?;
    let with: Vec<i64> = if keys == 2 {
        list(&answer, 2)?
    } else {
        vec![0; ids.len()]
    };
    let new: Vec<bool> = list(&answer, 1 + keys)?;
    let keys = shop_ids.into_iter().zip(ids).zip(with);
    let keys = keys.map(|((shop_id, id), with)| Key { shop_id, id, with });
    let mut written: Vec<(Key, bool)> = keys.zip(new).collect();
    written.sort_unstable();
    verdicts
        .new
        .extend(written.iter().filter(|(_, is_new)| *is_new).map(|(key, _)| *key));
    // Both are sorted.
    let mut written = written.into_iter().peekable();
    open.retain(|row| written.next_if(|(key, _)| *key == row.key()).is_none());
    Ok(())
}

/// Writes tombstones, also for rows never seen. Keys must be distinct and sorted. Returns the keys that something
/// observed later had already brought back or deleted.
pub(super) async fn delete(
    tx: &mut Transaction,
    table: &'static Table,
    rows: &[(Key, DateTime<Utc>)],
    source: Source,
) -> Result<Vec<Key>, Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<Key> = rows.iter().map(|(key, _)| *key).collect();
    let mut arguments = Arguments::default();
    arguments.add_keys(table, &keys);
    arguments.add(rows.iter().map(|(_, deleted_at)| *deleted_at).collect::<Vec<_>>());
    arguments.add(source.as_str());
    let kept = query_with(table.statements().delete.as_str(), arguments.0);
    let kept = kept.fetch_all(tx).await?;
    kept.iter().map(|row| Ok(keys[index(row.try_get(0)?)])).collect()
}

fn verdicts_of(answer: &PgRow, rows: usize) -> Result<Judged, Error> {
    let places: Vec<i64> = list(answer, 0)?;
    let words: Vec<String> = list(answer, 1)?;
    let tied: Vec<Option<DateTime<Utc>>> = list(answer, 2)?;
    let outside: Vec<Option<DateTime<Utc>>> = list(answer, 3)?;
    let mut judged = Judged::new();
    judged.resize_with(rows, || None);
    for (((place, word), tied_until), outside_since) in places.into_iter().zip(words).zip(tied).zip(outside) {
        judged[index(place)] = Some(Verdict {
            word,
            tied_until,
            outside_since,
        });
    }
    Ok(judged)
}

/// An aggregated column, which is null where there was nothing.
fn list<'r, T>(row: &'r PgRow, column: usize) -> Result<Vec<T>, Error>
where
    Vec<T>: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    Ok(row.try_get::<Option<Vec<T>>, _>(column)?.unwrap_or_default())
}

/// Of a place that is counted from one.
fn index(place: i64) -> usize {
    usize::try_from(place - 1).expect("places are counted from one")
}

/// The key that a statement returned.
pub(super) fn key_of(table: &Table, row: &PgRow) -> Result<Key, Error> {
    let mut key = Key::new(row.try_get(0)?, row.try_get(1)?);
    if table.keys.len() == 2 {
        key.with = row.try_get(2)?;
    }
    Ok(key)
}
