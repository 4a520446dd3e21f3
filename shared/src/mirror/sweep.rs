//! The sweep after a complete import: what the file lacks, and nobody has seen since it was begun, is gone.
//!
//! - Only a complete file tells what is missing, and only if the app was allowed to see all of it, when the operation was
//!   submitted and still at the verdict. Who calls has made sure of the first ([`decide`] is part of the verdict).
//! - The decision is made once and recorded; the writing may stop anywhere and goes on where it stopped.
//! - A row is swept as a deletion at the operation's `createdAt`, by the same statements and with the same members as any
//!   other deletion, so that only what was observed later brings it back.
//! - Too much is not swept unless somebody has looked: a file that looks complete may still be the mistake.

use tokio::time::Instant;

use crate::import;
use crate::shopify::{self, Gid};
use crate::store::sync_sweeps::{self, Counted, File, Listed, State};
use crate::store::{
    self, Batch, Deletion, Key, Source, Store, Table, Transaction, pending_fetches, redactions, shops, sync_operations,
    sync_seen,
};

/// So many rows of a table may always go: in a small table, a few are a large share.
const ALWAYS_SWEPT: i64 = 50;
/// Rows in one transaction: with their members, well within a second.
const SLICE: i64 = 1_000;

/// What a sweep rests on.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The scopes when the operation was submitted; none if nobody can say.
    pub at_start: Option<&'a [String]>,
    /// The scopes now, or why they are not known.
    pub now: Result<&'a [String], &'a str>,
}

/// Decides what becomes of the rows that a complete file lacks, and records it.
pub async fn decide(
    tx: &mut Transaction,
    file: &File<'_>,
    operation: &import::Operation,
    evidence: &Evidence<'_>,
    max_percent: u32,
) -> Result<State, store::Error> {
    let (state, note) = if let Some(why) = why_not(tx, file, operation, evidence).await? {
        (State::Skipped, Some(why))
    } else {
        let objections = list(tx, file, operation, max_percent).await?;
        let unknown = evidence.now.err();
        let unknown = unknown.map(|why| format!("Shopify did not say which scopes the app has ({why})"));
        let reasons: Vec<String> = unknown.into_iter().chain(objections).collect();
        match reasons.is_empty() {
            true => (State::Running, None),
            false => (State::Held, Some(hold_note(&reasons.join("; ")))),
        }
    };
    sync_sweeps::set_state(tx, file.job_id, file.operation, state, note.as_deref()).await?;
    if let Some(note) = &note {
        tracing::warn!(import.id = %file.job_id, operation = file.operation, sweep = state.as_str(), "{note}");
    }
    Ok(state)
}

/// Leaves what is still missing until somebody confirms.
pub async fn hold(tx: &mut Transaction, file: &File<'_>, reason: &str) -> Result<(), store::Error> {
    sync_sweeps::set_state(tx, file.job_id, file.operation, State::Held, Some(&hold_note(reason))).await
}

fn hold_note(reasons: &str) -> String {
    format!(
        "nothing is swept: {reasons}; look whether these are really gone from the store, then call \
         shopify.confirmSweep, or start the import again"
    )
}

/// Why the file tells nothing about what it lacks.
async fn why_not(
    tx: &mut Transaction,
    file: &File<'_>,
    operation: &import::Operation,
    evidence: &Evidence<'_>,
) -> Result<Option<String>, store::Error> {
    if file.operation != operation.name {
        return Ok(Some(
            "not swept: Shopify listed these in parts; the comparison of all ids finds what is gone".to_owned(),
        ));
    }
    let Some(at_start) = evidence.at_start else {
        return Ok(Some(
            "not swept: nobody knows which scopes the app had when Shopify began to write the file".to_owned(),
        ));
    };
    if let Some(lacking) = [Ok(at_start), evidence.now]
        .into_iter()
        .flatten()
        .find_map(|granted| lacks(operation, granted))
    {
        return Ok(Some(lacking));
    }
    if !sync_seen::is_whole(tx, file.job_id, file.operation).await? {
        return Ok(Some(
            "not swept: another version of Mercury has read a part of the file and did not keep what it saw".to_owned(),
        ));
    }
    Ok(None)
}

/// Why the file lacks rows that exist, if the app has these scopes.
fn lacks(operation: &import::Operation, granted: &[String]) -> Option<String> {
    let group = operation.lacks_scope(granted)?;
    Some(format!(
        "not swept: without the scope {} Shopify does not show all {}",
        group.join(" or "),
        operation.name.replace('_', " "),
    ))
}

/// Lists what is missing, table by table, and says what speaks against sweeping it unseen.
async fn list(
    tx: &mut Transaction,
    file: &File<'_>,
    operation: &import::Operation,
    max_percent: u32,
) -> Result<Vec<String>, store::Error> {
    let refuses_personal = !shops::refusing(tx, &[file.shop_id]).await?.is_empty();
    let mut objections = Vec::new();
    for (place, listed) in (0..).zip(operation.lists) {
        let mut tables = store::tables().into_iter();
        let table = tables.find(|table| table.name == listed.table);
        let table = table.expect("a test compares the lists with the tables");
        let is_root = place == 0 && listed.owner.is_none();
        // Of parts that tell of persons, Shopify may show none at all; their owners it shows always.
        let may_be_hidden = !is_root && table.is_personal();
        if may_be_hidden && refuses_personal {
            continue;
        }
        let seen = sync_seen::any(tx, file.job_id, file.operation, table.name).await?;
        let owner_type = listed.owner;
        let counted = sync_sweeps::list_missing(tx, file, place, Listed { table, owner_type }).await?;
        let must_be_seen = is_root || may_be_hidden;
        objections.extend(objection(*listed, counted, seen || !must_be_seen, max_percent));
    }
    Ok(objections)
}

/// What speaks against sweeping the missing rows of one table, with numbers.
fn objection(listed: import::Listed, counted: Counted, plausible: bool, max_percent: u32) -> Option<String> {
    let Counted { live, missing } = counted;
    let what = match listed.owner {
        Some(owner) => format!("{} of {owner}", listed.table),
        None => listed.table.replace('_', " "),
    };
    if missing == 0 {
        None
    } else if !plausible {
        Some(format!(
            "Shopify shows no {what} at all, and {missing} of {live} here would be deleted"
        ))
    } else if missing > ALWAYS_SWEPT && missing * 100 > live * i64::from(max_percent) {
        let percent = missing * 100 / live.max(1);
        Some(format!(
            "{missing} of {live} {what} ({percent} %) would be deleted, more than SWEEP_MAX_PERCENT ({max_percent} %)"
        ))
    } else {
        None
    }
}

/// How far the writing came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is left to do.
    Done,
    /// The time is up; called again, it goes on.
    Paused,
}

/// Makes tombstones of what is missing until all are or `deadline` has come. Does nothing for a sweep that was not decided
/// or confirmed. Two at once take turns.
pub async fn run(store: &Store, file: &File<'_>, deadline: Instant) -> Result<Outcome, store::Error> {
    loop {
        let mut tx = store.begin().await?;
        // Comes before any lock of a row, as with every writer.
        let held = redactions::hold(&mut tx, &[file.shop_id]).await?;
        let operation = sync_operations::lock(&mut tx, file.job_id, file.operation).await?;
        let sweep = operation.and_then(|operation| operation.sweep);
        if sweep.as_deref() != Some(State::Running.as_str()) {
            return Ok(Outcome::Done);
        }
        let next = if held.is_erased(file.shop_id) {
            None
        } else {
            sync_sweeps::next_slice(&mut tx, file.job_id, file.operation, SLICE).await?
        };
        let Some(slice) = next else {
            sync_sweeps::set_state(&mut tx, file.job_id, file.operation, State::Done, None).await?;
            store::commit(tx).await?;
            tracing::info!(import.id = %file.job_id, operation = file.operation, "swept");
            return Ok(Outcome::Done);
        };
        let mut judged = sync_sweeps::judge(&mut tx, file, &slice).await?;
        spare_wanted(&mut tx, file, slice.table, &mut judged.older).await?;
        let swept = judged.older.len() as i64 + judged.gone;
        let deletion = |key| Deletion {
            table: slice.table,
            key,
            deleted_at: file.created_at,
        };
        let mut batch = Batch::default();
        batch.deletions = judged.older.into_iter().map(deletion).collect();
        batch.write(&mut tx, Source::Bulk).await?;
        sync_sweeps::finish_slice(&mut tx, &slice, swept).await?;
        store::commit(tx).await?;
        if Instant::now() >= deadline {
            return Ok(Outcome::Paused);
        }
    }
}

/// Leaves alone what is about to be fetched: something undecidable was heard of it since the file was begun, and the fetch
/// will tell.
async fn spare_wanted(
    tx: &mut Transaction,
    file: &File<'_>,
    table: &Table,
    keys: &mut Vec<Key>,
) -> Result<(), store::Error> {
    if shopify::fetchable_kinds().any(|kind| kind == table.kind) {
        let gid = |key: &Key| Gid::new(table.kind, key.id).as_str().to_owned();
        let gids: Vec<String> = keys.iter().map(gid).collect();
        let wanted = pending_fetches::among(tx, file.shop_id, &gids, file.created_at).await?;
        keys.retain(|key| !wanted.contains(&gid(key)));
    }
    Ok(())
}

/// What came of a confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmed {
    /// The sweep may be written.
    Yes,
    /// It was not held any more.
    NotHeld,
    /// The app may not see all by now: it never will be written.
    Skipped,
}

/// Lets a sweep that was held be written, unless the app lost a scope meanwhile.
pub async fn confirm(
    tx: &mut Transaction,
    file: &File<'_>,
    operation: &import::Operation,
    granted: &[String],
) -> Result<Confirmed, store::Error> {
    sync_operations::lock(tx, file.job_id, file.operation).await?;
    if !sync_sweeps::confirm(tx, file.job_id, file.operation).await? {
        return Ok(Confirmed::NotHeld);
    }
    let Some(lacking) = lacks(operation, granted) else {
        return Ok(Confirmed::Yes);
    };
    sync_sweeps::set_state(tx, file.job_id, file.operation, State::Skipped, Some(&lacking)).await?;
    Ok(Confirmed::Skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objection_to(missing: i64, live: i64, plausible: bool) -> Option<String> {
        let products = import::find("products").unwrap().lists[0];
        objection(products, Counted { live, missing }, plausible, 20)
    }

    #[test]
    fn a_share_above_the_limit_is_not_swept_unseen() {
        assert_eq!(objection_to(200, 1_000, true), None);
        let said = objection_to(201, 1_000, true).unwrap();
        assert!(
            said.contains("201 of 1000 products (20 %)") && said.contains("SWEEP_MAX_PERCENT (20 %)"),
            "{said}"
        );
    }

    #[test]
    fn a_few_rows_may_always_go_unless_the_file_shows_none_at_all() {
        assert_eq!(objection_to(50, 60, true), None);
        assert!(objection_to(51, 60, true).is_some());
        let said = objection_to(1, 1, false).unwrap();
        assert!(said.contains("no products at all"), "{said}");
        assert_eq!(objection_to(0, 0, false), None);
    }

    #[test]
    fn what_of_metafields_is_meant_is_said() {
        let listed = *import::find("products").unwrap().lists.last().unwrap();
        let counted = Counted { live: 100, missing: 90 };
        let said = objection(listed, counted, true, 20).unwrap();
        assert!(said.contains("90 of 100 metafields of Product"), "{said}");
    }
}
