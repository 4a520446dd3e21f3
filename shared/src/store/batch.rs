//! What is written together: rows of any tables, whole sets of members, and deletions, in one transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::member_sets::{self, MemberSet, emptied};
use super::tables::{AnyRow, Piles};
use super::{Error, Key, Row, Source, Table, Transaction, Version, newest, upsert};

/// Rows, sets and deletions that are to be written together.
#[derive(Debug, Default)]
pub struct Batch<'r> {
    piles: Piles<'r>,
    /// Who has which members, where that is told in full.
    pub sets: Vec<MemberSet>,
    /// What is gone.
    pub deletions: Vec<Deletion>,
}

/// A resource that is gone, and with it all its members.
#[derive(Debug, Clone, Copy)]
pub struct Deletion {
    /// In which table.
    pub table: &'static Table,
    /// Which.
    pub key: Key,
    /// Shopify's clock: since when at the latest.
    pub deleted_at: DateTime<Utc>,
}

/// A row of a bulk file of which nobody can say whether it is newer than what is known by a webhook or from its owner:
/// only a fetch can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tie {
    /// The store.
    pub shop_id: i64,
    /// The resource whose fetch settles it.
    pub kind: String,
    /// Its number.
    pub id: i64,
    /// A fetch must be observed later than this.
    pub observed_at: DateTime<Utc>,
    /// The row is a variant of this product.
    pub product_id: Option<i64>,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Written {
    /// Rows that changed the mirror.
    pub applied: usize,
    /// Rows for which something newer, or the same, was there.
    pub stale: usize,
    /// What must be fetched.
    pub ties: Vec<Tie>,
    /// By table, sorted by key.
    rows: HashMap<&'static str, Vec<Change>>,
    kept: HashSet<(&'static str, Key)>,
}

/// A row and what became of it.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    /// Which.
    pub key: Key,
    /// In which version.
    pub version: Version,
    /// The number of the resource that it belongs to, or its own.
    pub fetched_as: Option<i64>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It changed the mirror.
    Applied,
    /// It changed the mirror, and was never seen before.
    New,
    /// Something newer, or the same, was there.
    Stale,
    /// Nobody can say: it is fetched.
    Tied,
}

impl<'r> Batch<'r> {
    /// Adds a row.
    pub fn add(&mut self, row: &'r AnyRow) {
        self.piles.add(row);
    }

    /// Writes all of it, each row if it is newer than what is stored.
    pub async fn write(mut self, tx: &mut Transaction, source: Source) -> Result<Written, Error> {
        for deletion in &self.deletions {
            let emptied = emptied(deletion.table, deletion.key, deletion.deleted_at);
            self.sets.extend(emptied);
        }
        member_sets::upsert(tx, &mut self.sets).await?;
        let mut work = Work {
            tx,
            source,
            seems_new: None,
            sets: self.sets,
            deletions: BTreeMap::new(),
            written: Written::default(),
        };
        for deletion in self.deletions {
            let of_table = work.deletions.entry(deletion.table.name).or_default();
            let newest = of_table.entry(deletion.key).or_insert(deletion.deleted_at);
            *newest = deletion.deleted_at.max(*newest);
        }
        self.piles.write(&mut work).await?;
        Ok(work.written)
    }
}

/// A batch being written, table by table.
pub(super) struct Work<'t> {
    tx: &'t mut Transaction,
    source: Source,
    /// Whether a bulk file seems to tell only what was never seen: what holds for owners holds for their members.
    seems_new: Option<bool>,
    sets: Vec<MemberSet>,
    deletions: BTreeMap<&'static str, BTreeMap<Key, DateTime<Utc>>>,
    written: Written,
}

impl Work<'_> {
    /// Writes what concerns one table. Owners come before their members.
    pub(super) async fn write<R: Row>(&mut self, mut rows: Vec<&R>) -> Result<(), Error> {
        let table = R::table();
        if let Some(deletions) = self.deletions.remove(table.name) {
            let deletions: Vec<(Key, DateTime<Utc>)> = deletions.into_iter().collect();
            let kept = upsert::delete(self.tx, table, &deletions, self.source).await?;
            self.written.kept.extend(kept.into_iter().map(|key| (table.name, key)));
        }
        newest(&mut rows, |row| row.key(), |row| row.version());
        if self.source == Source::Bulk && self.seems_new.is_none() {
            self.seems_new = upsert::seem_new(self.tx, &rows).await?;
        }
        let seem_new = self.seems_new == Some(true);
        let verdicts = upsert::upsert(self.tx, &rows, self.source, seem_new).await?;
        let mut changes = Vec::with_capacity(rows.len());
        for row in rows {
            let key = row.key();
            let fate = if let Some(until) = verdicts.ties.get(&key) {
                self.written.ties.extend(tie(row, *until));
                Fate::Tied
            } else if verdicts.stale.contains(&key) {
                self.written.stale += 1;
                Fate::Stale
            } else {
                self.written.applied += 1;
                if verdicts.new.contains(&key) {
                    Fate::New
                } else {
                    Fate::Applied
                }
            };
            changes.push(Change {
                key,
                version: row.version(),
                fetched_as: row.fetched_as().map(|(_, id)| id),
                fate,
            });
        }
        self.written.rows.insert(table.name, changes);
        self.remove_missing(table, verdicts.outside).await
    }

    /// Removes what left the sets of this table, and the members of what was removed or came after it had left.
    async fn remove_missing(&mut self, table: &'static Table, outside: Vec<(Key, DateTime<Utc>)>) -> Result<(), Error> {
        let sets: Vec<&MemberSet> = self.sets.iter().filter(|set| set.is_of(table)).collect();
        let removed = member_sets::remove_missing(self.tx, table, &sets, self.source).await?;
        let gone = removed.into_iter().chain(outside);
        let mut orphaned: Vec<MemberSet> = gone.flat_map(|(key, since)| emptied(table, key, since)).collect();
        member_sets::upsert(self.tx, &mut orphaned).await?;
        self.sets.extend(orphaned);
        Ok(())
    }
}

fn tie<R: Row>(row: &R, observed_at: DateTime<Utc>) -> Option<Tie> {
    let table = R::table();
    let (kind, id) = row.fetched_as()?;
    let mut tie = Tie {
        shop_id: row.key().shop_id,
        kind: kind.to_owned(),
        id,
        observed_at,
        product_id: None,
    };
    // A variant can be fetched by itself.
    if table.kind == "ProductVariant" {
        tie.product_id = Some(id);
        (tie.kind, tie.id) = (table.kind.to_owned(), row.key().id);
    }
    Some(tie)
}

impl Written {
    /// What became of the row of this key and version; superseded within the batch is stale.
    pub fn fate(&self, table: &Table, key: Key, version: Version) -> Fate {
        let of_table = self.rows.get(table.name).map_or(&[][..], Vec::as_slice);
        match of_table.binary_search_by_key(&key, |change| change.key) {
            Ok(place) if of_table[place].version == version => of_table[place].fate,
            _ => Fate::Stale,
        }
    }

    /// The rows of a table that changed the mirror.
    pub fn changed(&self, table: &Table) -> impl Iterator<Item = &Change> {
        let of_table = self.rows.get(table.name).into_iter().flatten();
        of_table.filter(|change| matches!(change.fate, Fate::Applied | Fate::New))
    }

    /// Whether a deletion came too late: something observed later had brought the resource back or deleted it.
    pub fn is_kept(&self, table: &Table, key: Key) -> bool {
        self.kept.contains(&(table.name, key))
    }
}
