//! Whether mirror and store are equal: each row of both as one canonical line, compared per table by count and checksum.
//!
//! The two sides share no code: the store's lines are written by fake-shopify, the mirror's by SQL, from the views that
//! users read.

use std::fmt;

use anyhow::{Context, Result};
use md5::{Digest, Md5};
use sqlx::{AssertSqlSafe, PgConnection};

use super::progress::grouped;
use super::tables::TABLES;
use crate::shopify::FakeShopify;

/// How many differing rows are shown.
const SHOWN: usize = 3;

/// The comparison of one table.
#[derive(Debug)]
pub struct Verdict {
    table: &'static str,
    store: Side,
    mirror: Side,
    /// The first rows that differ: what the store has, what the mirror has.
    differences: Vec<(Option<String>, Option<String>)>,
}

#[derive(Debug, PartialEq, Eq)]
struct Side {
    rows: u64,
    checksum: String,
}

impl Verdict {
    /// Same number of rows and same checksum.
    pub fn equal(&self) -> bool {
        self.store == self.mirror
    }

    /// The table.
    pub fn table(&self) -> &'static str {
        self.table
    }

    /// How many rows the store has.
    pub fn rows(&self) -> u64 {
        self.store.rows
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.equal() { "equal" } else { "DIFFERENT" };
        let (store, mirror) = (&self.store, &self.mirror);
        write!(
            formatter,
            "  {:19} store {:>9} rows {}",
            self.table,
            grouped(store.rows),
            store.checksum
        )?;
        write!(
            formatter,
            "  mirror {:>9} rows {}  {verdict}",
            grouped(mirror.rows),
            mirror.checksum
        )?;
        for (store, mirror) in &self.differences {
            let same = match (store, mirror) {
                (Some(store), Some(mirror)) => common(store, mirror),
                _ => 0,
            };
            let line = |line: &Option<String>| {
                let line = line.as_deref();
                line.map_or_else(|| "(no such row)".to_owned(), |line| shortened(line, same))
            };
            write!(formatter, "\n    store:  {}\n    mirror: {}", line(store), line(mirror))?;
        }
        Ok(())
    }
}

/// Compares all tables of the store's shop.
pub async fn compare(store: &FakeShopify, mirror: &mut PgConnection) -> Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for table in &TABLES {
        let wanted = store.rows(table.name)?;
        let lines = table.lines();
        let keys = table.keys;
        let aggregate = format!("select count(*), md5(coalesce(string_agg(line, E'\\n' order by {keys}), ''))");
        // Our own text; the shop is a parameter.
        let (rows, checksum): (i64, String) =
            sqlx::query_as(AssertSqlSafe(format!("{aggregate} from ({lines}) as rows")))
                .bind(store.shop())
                .fetch_one(&mut *mirror)
                .await?;
        let verdict = Verdict {
            table: table.name,
            store: Side {
                rows: wanted.len() as u64,
                checksum: checksum_of(&wanted),
            },
            mirror: Side {
                rows: u64::try_from(rows)?,
                checksum,
            },
            differences: Vec::new(),
        };
        let differences = if verdict.equal() {
            Vec::new()
        } else {
            let found = format!("select array[{keys}], line from ({lines}) as rows order by {keys}");
            let found: Vec<Row> = sqlx::query_as(AssertSqlSafe(found))
                .bind(store.shop())
                .fetch_all(&mut *mirror)
                .await
                .context("cannot read the mirror's rows")?;
            first_differences(&wanted, &found)
        };
        verdicts.push(Verdict { differences, ..verdict });
    }
    Ok(verdicts)
}

/// A row's keys and its canonical line.
type Row = (Vec<i64>, String);

fn checksum_of(rows: &[Row]) -> String {
    let mut checksum = Md5::new();
    for (place, (_, line)) in rows.iter().enumerate() {
        if place > 0 {
            checksum.update("\n");
        }
        checksum.update(line);
    }
    checksum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Both sides are sorted by their keys.
fn first_differences(store: &[Row], mirror: &[Row]) -> Vec<(Option<String>, Option<String>)> {
    let (mut store, mut mirror) = (store.iter().peekable(), mirror.iter().peekable());
    let mut found = Vec::new();
    while found.len() < SHOWN {
        let (left, right) = match (store.peek(), mirror.peek()) {
            (None, None) => break,
            (Some(_), None) => (store.next(), None),
            (None, Some(_)) => (None, mirror.next()),
            (Some(left), Some(right)) if left.0 < right.0 => (store.next(), None),
            (Some(left), Some(right)) if left.0 > right.0 => (None, mirror.next()),
            (Some(_), Some(_)) => (store.next(), mirror.next()),
        };
        let (left, right) = (left.map(|(_, line)| line.clone()), right.map(|(_, line)| line.clone()));
        if left != right {
            found.push((left, right));
        }
    }
    found
}

/// Where two lines begin to differ, in characters.
fn common(one: &str, other: &str) -> usize {
    one.chars()
        .zip(other.chars())
        .take_while(|(one, other)| one == other)
        .count()
}

/// How much of a line is shown before the place where it differs, and in all.
const BEFORE: usize = 60;
const WIDTH: usize = 160;

/// On one line of a terminal: its id, and what stands around the place where it differs.
fn shortened(line: &str, differs_at: usize) -> String {
    let line: Vec<char> = line.replace('\n', " ").chars().collect();
    let start = if differs_at <= BEFORE * 2 {
        0
    } else {
        differs_at - BEFORE
    };
    let end = line.len().min(start + WIDTH);
    let mut text = String::new();
    if start > 0 {
        text.extend(line.iter().take_while(|character| **character != '|'));
        text.push_str("|…");
    }
    text.extend(&line[start..end]);
    if end < line.len() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(of: &[(i64, &str)]) -> Vec<Row> {
        of.iter().map(|(id, line)| (vec![*id], (*line).to_owned())).collect()
    }

    #[test]
    fn missing_extra_and_changed_rows_are_found() {
        let found = first_differences(
            &rows(&[(1, "a"), (2, "b"), (4, "d")]),
            &rows(&[(1, "a"), (3, "c"), (4, "D")]),
        );
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(found, [(text("b"), None), (None, text("c")), (text("d"), text("D"))]);
    }

    #[test]
    fn a_long_line_is_shown_where_it_differs() {
        let line = format!("7|{}|here|end", "x".repeat(300));
        let shown = shortened(&line, 303);
        assert!(shown.starts_with("7|…x") && shown.ends_with("|here|end"), "{shown}");
        assert_eq!(shortened("7|a", 2), "7|a");
    }

    #[test]
    fn the_checksum_is_the_one_that_postgres_computes() {
        // select md5('a' || E'\n' || 'b')
        assert_eq!(
            checksum_of(&rows(&[(1, "a"), (2, "b")])),
            "8cdeb44417f3c26826595d5820cf5700"
        );
    }
}
