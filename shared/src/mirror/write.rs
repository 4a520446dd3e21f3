//! The one way into the tables: whether by a webhook, a fetch or a file, rows are screened for what was erased and then
//! written together with the sets and deletions that came with them.

use std::collections::HashSet;

use super::Error;
use super::privacy::screen;
use super::rows::Rows;
use crate::store::redactions::Held;
use crate::store::tables::CustomerAddress;
use crate::store::{AnyRow, Batch, MemberSet, Row, Source, Transaction, Written, shops};

/// What became of the rows, and whether some were recognised as erased, so that a sweep is wanted (already recorded).
pub(super) struct Outcome {
    pub written: Written,
    pub sweep: bool,
}

/// Writes `rows`, each if it is newer than what is stored, and the sets and deletions of `with`. Rows whose place is in
/// `told` are of somebody erased, as what came with them says.
pub(super) async fn write<'r>(
    tx: &mut Transaction,
    held: &Held,
    rows: impl Iterator<Item = &'r AnyRow> + Clone,
    told: &HashSet<usize>,
    with: &mut Rows,
    source: Source,
) -> Result<Outcome, Error> {
    let screened = screen::rows(tx, held, rows.clone(), told).await?;
    let mut batch = Batch::default();
    for (place, row) in rows.enumerate() {
        batch.add(screened.row(place, row));
    }
    batch.sets = std::mem::take(&mut with.sets);
    spare_refused(tx, &mut batch.sets).await?;
    batch.deletions = std::mem::take(&mut with.deletions);
    Ok(Outcome {
        written: batch.write(tx, source).await?,
        sweep: screened.sweep,
    })
}

/// A customer whose addresses are refused is shown without any: that tells nothing about which there are.
async fn spare_refused(tx: &mut Transaction, sets: &mut Vec<MemberSet>) -> Result<(), Error> {
    let table = CustomerAddress::table();
    let of_addresses = sets.iter().filter(|set| set.is_of(table));
    let shop_ids: Vec<i64> = of_addresses.map(|set| set.shop_id).collect();
    if !shop_ids.is_empty() {
        let refusing = shops::refusing(tx, &shop_ids).await?;
        sets.retain(|set| !set.is_of(table) || !refusing.contains(&set.shop_id));
    }
    Ok(())
}
