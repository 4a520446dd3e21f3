//! Compares a list of a store with its mirror, page by page, and wants fetched what differs.
//!
//! A list is only compared: rows come by fetches, which are recorded in the transaction that moves the walk on. So what a
//! list gets wrong, or leaves out, costs a fetch and no row; and a walk that completed knows that whatever differed when
//! it began is mirrored or wanted. Where too much differs for single fetches, the walk ends, and an import is due.

mod begin;
mod parts;

use chrono::{DateTime, Utc};

use super::{Error, visible};
use crate::message::{Page, Reach, Resource};
use crate::shopify::{Answer, Changes, Client, Gid, ListPage, Position};
use crate::store::differences::{self, Listed};
use crate::store::ownerless;
use crate::store::pending_fetches::{self, Want};
pub use crate::store::walks::Totals;
use crate::store::walks::{self, Name, Step};
use crate::store::{self, Store, Table, Transaction, credentials};
use crate::walk::{self, Walk};
pub use begin::{Wanted, begin};

/// Shopify ends a list after 25,000 rows: before that, it is begun anew where it stands.
const MOST_ROWS_OF_A_LIST: i32 = 20_000;
/// More differences than this are healed by an import.
const MOST_DIFFERENT: i64 = 2_000;
/// So are more rows that were seen within the second of their change; there is no hurry about them.
const MOST_UNSETTLED: i64 = 10_000;

const DIFFERS: &str = "a list of the store differs from the mirror";

/// How far a walk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    More,
    /// It had ended before.
    Ended,
    /// It ends with this page, and found this.
    Done(Totals),
}

/// What became of a page, and what must be fetched (already recorded).
#[derive(Debug)]
pub struct Walked {
    /// How far the walk is.
    pub outcome: Outcome,
    /// What must be fetched.
    pub fetches: Vec<Resource>,
}

/// Reads the next page of the walk and compares it.
pub async fn step(store: &Store, client: &Client, page: &Page) -> Result<Walked, Error> {
    let nothing = |outcome| Walked {
        outcome,
        fetches: Vec::new(),
    };
    let walk = walk::find(&page.list).ok_or_else(|| Error::UnknownKind {
        kind: page.list.clone(),
    })?;
    let mut tx = store.begin().await?;
    let token = credentials::token(&mut tx, page.shop.as_str()).await?;
    let (shop_id, token) = token.ok_or(Error::NoToken)?;
    let name = name(shop_id, page);
    let Some(state) = walks::running(&mut tx, name, false).await? else {
        return Ok(nothing(Outcome::Ended));
    };
    // No transaction stays open while we talk to Shopify.
    drop(tx);
    let from = position(walk, page.reach, &state);
    let answer = client.list(&page.shop, &token, &walk.list, from).await?;
    let hides =
        walk.may_hide && page.reach == Reach::All && !visible::sees_all_orders(client, &page.shop, &token).await?;

    let mut tx = store.begin().await?;
    // Another worker may have read the same page.
    if walks::running(&mut tx, name, true).await?.as_ref() != Some(&state) {
        return Ok(nothing(Outcome::More));
    }
    let (step, wants) = compare(&mut tx, walk, (page.reach, hides), name, &state, &answer).await?;
    let wants = pending_fetches::want(&mut tx, &wants).await?;
    let totals = walks::step(&mut tx, name, &step).await?;
    store::commit(tx).await?;
    let fetches = wants
        .iter()
        .filter_map(|want| Resource::parse(page.shop.as_str(), &want.gid));
    Ok(Walked {
        outcome: match step.status {
            Some(_) => Outcome::Done(totals),
            None => Outcome::More,
        },
        fetches: fetches.collect(),
    })
}

/// Ends a walk that cannot be made.
pub async fn fail(store: &Store, page: &Page, error: &str) -> Result<(), Error> {
    let mut tx = store.begin().await?;
    if let Some((shop_id, _)) = credentials::token(&mut tx, page.shop.as_str()).await? {
        walks::fail(&mut tx, name(shop_id, page), error).await?;
    }
    Ok(store::commit(tx).await?)
}

fn name(shop_id: i64, page: &Page) -> Name<'_> {
    Name {
        shop_id,
        list: &page.list,
        reach: page.reach.as_str(),
        run: page.run,
    }
}

fn position<'a>(walk: &Walk, reach: Reach, state: &'a walks::Walk) -> Position<'a> {
    let after = state.after_id;
    match (reach, walk.list.changes, state.window_since.or(state.since)) {
        (Reach::Changes, Changes::Sorted, Some(since)) => Position::Cursor {
            since,
            cursor: state.cursor.as_deref(),
        },
        (Reach::Changes, Changes::Filtered, since) => Position::Id { since, after },
        _ => Position::Id { since: None, after },
    }
}

/// What a page tells, and where the walk goes on. The store may hide what is old.
async fn compare(
    tx: &mut Transaction,
    walk: &Walk,
    (reach, hides): (Reach, bool),
    name: Name<'_>,
    state: &walks::Walk,
    answer: &Answer<ListPage>,
) -> Result<(Step, Vec<Want>), Error> {
    let table = (walk.table)();
    let ListPage { items, next } = &answer.data;
    let ids: Vec<i64> = items.iter().map(|item| item.id).collect();
    let updated_at: Vec<DateTime<Utc>> = items.iter().map(|item| item.updated_at).collect();
    let listed = Listed {
        shop_id: name.shop_id,
        ids: &ids,
        updated_at: &updated_at,
        observed_at: answer.observed_at,
    };
    let mut differences = differences::of_listed(tx, table, &listed).await?;
    let parts = parts::compare(tx, &listed, items).await?;
    differences.add(parts.owners);
    let last = ids.iter().copied().max().unwrap_or(state.after_id);
    let mut step = Step {
        window_since: state.window_since,
        after_id: last,
        bound: answer.observed_at,
        listed: ids.len() as i64,
        missing: differences.missing.len() as i64,
        stale: differences.stale.len() as i64,
        listed_sum: "0".to_owned(),
        mirrored_sum: "0".to_owned(),
        ..Step::default()
    };
    let mut different = [differences.missing, differences.stale].concat();
    let mut unsettled = Vec::new();
    if reach == Reach::All {
        unsettled = differences.unsettled;
        step.unsettled = unsettled.len() as i64;
        let until = next.is_some().then_some(last);
        let shown_since = hides.then(|| visible::orders_shown_since(answer.observed_at));
        let mut gone = differences::gone(tx, table, &listed, (state.after_id, until), shown_since).await?;
        if next.is_none() {
            let owners = ownerless::owners(tx, table, name.shop_id, answer.observed_at, MOST_DIFFERENT).await?;
            gone.extend(owners.into_iter().filter(|id| !different.contains(id)));
        }
        step.gone = gone.len() as i64;
        different.extend(gone);
        let sums = differences::sums(tx, table, &listed, state.after_id, until).await?;
        step.mirrored = sums.mirrored;
        (step.listed_sum, step.mirrored_sum) = (sums.listed_sum, sums.mirrored_sum);
        step.parts = parts.parts;
    }
    go_on(&mut step, state, next.as_deref(), updated_at.last().copied());
    if next.is_none() {
        step.status = Some("completed");
    } else if state.different + different.len() as i64 > MOST_DIFFERENT
        || state.unsettled + step.unsettled > MOST_UNSETTLED
    {
        step.status = Some("overrun");
    }
    different.append(&mut unsettled);
    Ok((step, wants(name.shop_id, table, &different, answer.observed_at)))
}

/// Where a list in the order of changes goes on: behind its cursor, and before it gets too long, anew from the last change.
fn go_on(step: &mut Step, state: &walks::Walk, next: Option<&str>, last: Option<DateTime<Utc>>) {
    step.window_rows = state.window_rows + step.listed as i32;
    step.cursor = next.map(str::to_owned);
    let since = state.window_since.or(state.since);
    if step.window_rows >= MOST_ROWS_OF_A_LIST
        && let Some(last) = last.filter(|last| since.is_some_and(|since| *last > since))
    {
        (step.window_since, step.window_rows, step.cursor) = (Some(last), 0, None);
    }
}

fn wants(shop_id: i64, table: &Table, ids: &[i64], wanted_at: DateTime<Utc>) -> Vec<Want> {
    let want = |id: &i64| Want {
        shop_id,
        gid: Gid::new(table.kind, *id).as_str().to_owned(),
        wanted_at,
        reason: DIFFERS,
    };
    ids.iter().map(want).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn state(window_rows: i32) -> walks::Walk {
        walks::Walk {
            since: Some(at(5)),
            window_since: None,
            window_rows,
            cursor: None,
            after_id: 0,
            bound: None,
            pages: 0,
            different: 0,
            unsettled: 0,
        }
    }

    #[test]
    fn a_list_is_begun_anew_before_shopify_ends_it() {
        let mut step = Step {
            listed: 250,
            ..Step::default()
        };
        go_on(&mut step, &state(1_000), Some("c"), Some(at(9)));
        assert_eq!((step.cursor.as_deref(), step.window_rows), (Some("c"), 1_250));
        go_on(&mut step, &state(19_800), Some("c"), Some(at(9)));
        assert_eq!((step.cursor, step.window_rows), (None, 0));
        assert_eq!(step.window_since, Some(at(9)));
    }

    #[test]
    fn a_list_whose_rows_all_changed_in_one_second_goes_on_by_its_cursor() {
        let mut step = Step {
            listed: 250,
            ..Step::default()
        };
        go_on(&mut step, &state(19_800), Some("c"), Some(at(5)));
        assert_eq!((step.cursor.as_deref(), step.window_since), (Some("c"), None));
    }
}
