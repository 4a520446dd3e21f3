//! Versions: by which a newer state wins over an older one, whatever the order of arrival.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

/// A row's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The store.
    pub shop_id: i64,
    /// Shopify's number.
    pub id: i64,
    /// The second number where two tell the rows apart; else zero.
    pub with: i64,
}

impl Key {
    /// The key of a row that has one number.
    pub fn new(shop_id: i64, id: i64) -> Self {
        Self { shop_id, id, with: 0 }
    }
}

/// When a state was true. All on Shopify's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The resource's own `updated_at`.
    pub source_updated_at: DateTime<Utc>,
    /// The state was read no earlier than this. Breaks ties of one second.
    pub observed_at: DateTime<Utc>,
}

impl Version {
    /// A state that was read no earlier than `observed_at`, and, since it knows of a change at `source_updated_at`,
    /// no earlier than that either.
    pub fn new(source_updated_at: DateTime<Utc>, observed_at: DateTime<Utc>) -> Self {
        Self {
            source_updated_at,
            observed_at: observed_at.max(source_updated_at),
        }
    }
}

/// How a row came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// By a delivery.
    Webhook,
    /// By a single fetch.
    Fetch,
    /// In the file of a bulk operation.
    Bulk,
}

impl Source {
    /// The name in the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Fetch => "fetch",
            Self::Bulk => "bulk",
        }
    }
}

/// What became of the rows of one table. Keys that are in neither of the first two were written.
#[derive(Debug, Default)]
pub struct Verdicts {
    /// Something newer, or the same, was there.
    pub stale: HashSet<Key>,
    /// Nobody can say which is newer: a fetch observed later than this will.
    pub ties: HashMap<Key, DateTime<Utc>>,
    /// Since when the owner was known not to have the row.
    pub outside: Vec<(Key, DateTime<Utc>)>,
    /// Written, and never seen before.
    pub new: HashSet<Key>,
}

/// Keeps the newest row of every key, sorted by key: two versions of a row in one statement would fail it, and a
/// stable order of locks keeps two workers from deadlock.
pub fn newest<T>(rows: &mut Vec<T>, key: impl Fn(&T) -> Key, version: impl Fn(&T) -> Version) {
    // As most files come.
    if rows.is_sorted_by(|a, b| key(a) < key(b)) {
        return;
    }
    rows.sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| version(b).cmp(&version(a))));
    rows.dedup_by(|a, b| key(a) == key(b));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_versions_in_one_batch_the_newer_stays() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let mut rows = vec![((1, 2), 10, 10), ((1, 1), 5, 6), ((1, 2), 10, 11), ((1, 1), 5, 5)];
        newest(
            &mut rows,
            |row| Key::new(row.0.0, row.0.1),
            |row| Version::new(at(row.1), at(row.2)),
        );
        assert_eq!(rows, [((1, 1), 5, 6), ((1, 2), 10, 11)]);
    }

    #[test]
    fn a_state_is_observed_no_earlier_than_the_change_it_knows_of() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        assert_eq!(Version::new(at(10), at(3)).observed_at, at(10));
    }
}
