//! Where wire shapes become rows. Pure.
//!
//! The REST form of webhooks and the GraphQL form of fetches and bulk files end in the same rows. Where one form writes
//! an empty text and the other nothing, the row has nothing; words are in lower case. A row that has no clock of its own
//! takes its parent's when it comes inside the parent, and else the moment at which it was observed.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::Error;
use super::error::place;
use crate::shopify::Gid;
use crate::store::pending_fetches::Want;
use crate::store::{AnyRow, Deletion, Key, MemberSet, Row, Table, Version, strip_nul};

/// Collects what one or many bodies of a store ask of the tables.
#[derive(Debug)]
pub(super) struct Rows {
    /// The store.
    pub shop_id: i64,
    /// When the state was read, at the earliest.
    pub observed_at: DateTime<Utc>,
    /// Rows to be written.
    pub rows: Vec<AnyRow>,
    /// Members told in full.
    pub sets: Vec<MemberSet>,
    /// What is gone.
    pub deletions: Vec<Deletion>,
    /// What must be fetched, whatever the tables say.
    pub wants: Vec<Want>,
    /// Resources that must be fetched unless the tables have them.
    pub mentions: Vec<Mention>,
    /// NUL characters removed so far.
    pub nul_removed: usize,
}

/// Something that a body names and does not show.
#[derive(Debug, Clone)]
pub(super) enum Mention {
    /// A variant of a product, with the version it has by now.
    Variant {
        key: Key,
        product_id: i64,
        source_updated_at: DateTime<Utc>,
        observed_at: DateTime<Utc>,
    },
    /// An order that has refunds, without their lines.
    RefundedOrder {
        key: Key,
        source_updated_at: DateTime<Utc>,
        observed_at: DateTime<Utc>,
    },
}

/// What a delivery is about, so that the log can say what became of it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject {
    /// A row.
    Row {
        table: &'static Table,
        key: Key,
        version: Version,
    },
    /// Something that is gone.
    Deletion { table: &'static Table, key: Key },
    /// Nothing that could be applied as it came: a fetch is wanted.
    Wanted,
}

pub(super) const NO_VERSION: &str = "a body without updated_at";
pub(super) const OVERSIZED: &str = "a body too large for the queue";

impl Rows {
    pub fn new(shop_id: i64, observed_at: DateTime<Utc>) -> Self {
        Self {
            shop_id,
            observed_at,
            rows: Vec::new(),
            sets: Vec::new(),
            deletions: Vec::new(),
            wants: Vec::new(),
            mentions: Vec::new(),
            nul_removed: 0,
        }
    }

    /// Adds what another body asks for.
    pub fn append(&mut self, mut other: Self) {
        self.rows.append(&mut other.rows);
        self.sets.append(&mut other.sets);
        self.deletions.append(&mut other.deletions);
        self.wants.append(&mut other.wants);
        self.mentions.append(&mut other.mentions);
        self.nul_removed += other.nul_removed;
    }

    pub fn key(&self, id: i64) -> Key {
        Key::new(self.shop_id, id)
    }

    /// The body shows a change at `updated_at`, so that it was read no earlier: a delivery's body may have been written
    /// some time after its trigger.
    pub fn knows_of(&mut self, updated_at: DateTime<Utc>) {
        self.observed_at = self.observed_at.max(updated_at);
    }

    /// The version of what has no clock of its own and comes by itself. In whole seconds, like Shopify's clocks, so
    /// that a later reading of the same second is not taken for older.
    pub fn clockless(&self) -> Version {
        let second = DateTime::from_timestamp(self.observed_at.timestamp(), 0);
        Version::new(second.unwrap_or(self.observed_at), self.observed_at)
    }

    /// Adds a row and tells what it is.
    pub fn add<R: Row + Into<AnyRow>>(&mut self, row: R) -> Subject {
        let subject = Subject::Row {
            table: R::table(),
            key: row.key(),
            version: row.version(),
        };
        self.rows.push(row.into());
        subject
    }

    /// Adds the members in the table of `R` that an owner has, all of them.
    pub fn has_exactly<R: Row>(&mut self, kind: &str, owner_id: i64, ids: Vec<i64>) {
        let owner = self.key(owner_id);
        self.sets
            .push(MemberSet::new(R::table(), kind, owner, self.observed_at, ids));
    }

    /// Adds that a resource is gone.
    pub fn delete<R: Row>(&mut self, id: i64) -> Subject {
        self.delete_key(R::table(), self.key(id))
    }

    /// Adds that a row is gone.
    pub fn delete_key(&mut self, table: &'static Table, key: Key) -> Subject {
        self.deletions.push(Deletion {
            table,
            key,
            deleted_at: self.observed_at,
        });
        Subject::Deletion { table, key }
    }

    /// Adds that a resource must be fetched.
    pub fn want(&mut self, kind: &str, id: i64, reason: &'static str) -> Subject {
        self.wants.push(Want {
            shop_id: self.shop_id,
            gid: Gid::new(kind, id).as_str().to_owned(),
            wanted_at: self.observed_at,
            reason,
        });
        Subject::Wanted
    }

    pub fn text(&mut self, text: Option<String>) -> Option<String> {
        text.map(|text| self.owned(text))
    }

    pub fn texts(&mut self, texts: Vec<String>) -> Vec<String> {
        texts.into_iter().map(|text| self.owned(text)).collect()
    }

    /// A text of which the empty one means that there is none.
    pub fn filled(&mut self, text: Option<String>) -> Option<String> {
        self.text(text).filter(|text| !text.is_empty())
    }

    /// A word that one form writes in capitals and the other not.
    pub fn word(&mut self, text: Option<String>) -> Option<String> {
        self.text(text).map(|text| text.to_ascii_lowercase())
    }

    /// A list that webhooks write as one text: sorted, as the Admin API gives it.
    pub fn split(&mut self, joined: Option<String>) -> Vec<String> {
        let joined = joined.unwrap_or_default();
        let mut items: Vec<String> = joined
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| self.clean(item))
            .collect();
        items.sort();
        items
    }

    pub fn owned(&mut self, text: String) -> String {
        if text.contains('\0') { self.clean(&text) } else { text }
    }

    pub fn clean(&mut self, text: &str) -> String {
        let (text, removed) = strip_nul(Cow::Borrowed(text));
        self.nul_removed += removed;
        text.into_owned()
    }
}

/// Reads a body, or says where it stops making sense, without the values around it.
pub(super) fn parse<'a, T: Deserialize<'a>>(raw: &'a str, what: &'static str) -> Result<T, Error> {
    serde_json::from_str(raw).map_err(|error| Error::Payload {
        what,
        reason: place(&error),
    })
}

/// The number in a global id.
pub(super) fn number(gid: &str, what: &'static str) -> Result<i64, Error> {
    Gid::parse(gid).map(|gid| gid.id()).map_err(|error| Error::Payload {
        what,
        reason: error.to_string(),
    })
}
