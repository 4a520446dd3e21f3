//! How a batch of rows is written: judged by version, compared where columns decide, and only then sent whole.
//!
//! Rows that would change nothing cost one look-up in an index: no transfer of `raw`, no lock, no write-ahead log.

use std::collections::{HashMap, HashSet};
use std::future::Future;

use super::{Error, Key, Source, Transaction, Verdicts};

/// How often a batch is judged anew because another writer came in between.
const MOST_RACES: usize = 5;

/// A row of a mirrored table, and the three statements of its table.
pub(super) trait Row: Sized + Sync {
    /// Its key.
    fn key(&self) -> Key;

    /// The verdicts by version alone, but for rows that are to be written.
    fn judge(tx: &mut Transaction, rows: &[&Self], source: Source) -> impl Future<Output = Judged> + Send;

    /// The verdicts by version and columns, but for rows that are to be written.
    fn compare(tx: &mut Transaction, rows: &[&Self], source: Source) -> impl Future<Output = Judged> + Send;

    /// Writes the rows and tells which were written.
    fn write(
        tx: &mut Transaction,
        rows: &[&Self],
        source: Source,
    ) -> impl Future<Output = Result<HashSet<Key>, Error>> + Send;
}

/// Verdicts in the words of the SQL function `judge`.
pub(super) type Judged = Result<HashMap<Key, String>, Error>;

/// Writes every row that is newer than what is stored. Keys must be distinct and sorted ([`super::newest`]).
pub(super) async fn upsert<R: Row>(tx: &mut Transaction, rows: &[&R], source: Source) -> Result<Verdicts, Error> {
    let mut verdicts = Verdicts::default();
    let mut open: Vec<&R> = rows.to_vec();
    for _ in 0..MOST_RACES {
        if open.is_empty() {
            return Ok(verdicts);
        }
        let mut judged = R::judge(tx, &open, source).await?;
        let same_second: Vec<&R> = open
            .iter()
            .copied()
            .filter(|row| judged.get(&row.key()).is_some_and(|word| word == "compare"))
            .collect();
        if !same_second.is_empty() {
            judged.retain(|_, word| word != "compare");
            judged.extend(R::compare(tx, &same_second, source).await?);
        }
        open.retain(|row| verdicts.admit(row.key(), judged.get(&row.key()).map(String::as_str)));
        if open.is_empty() {
            return Ok(verdicts);
        }
        let written = R::write(tx, &open, source).await?;
        open.retain(|row| !written.contains(&row.key()));
    }
    if open.is_empty() {
        Ok(verdicts)
    } else {
        Err(Error::Unavailable {
            code: "other writers".to_owned(),
        })
    }
}
