//! What a list tells inside its resources. It does not move their time of change.

use super::super::{Error, customers};
use crate::shopify::{self, Consent, Item};
use crate::store::Transaction;
use crate::store::differences::Listed;
use crate::store::part_differences::{self, CustomerParts, Levels, PartDifferences};

/// Compares it with the mirror.
pub(super) async fn compare(
    tx: &mut Transaction,
    listed: &Listed<'_>,
    items: &[Item],
) -> Result<PartDifferences, Error> {
    let counted = items.iter().filter_map(|item| Some((item.id, item.members?)));
    let (ids, counts): (Vec<i64>, Vec<i64>) = counted.unzip();
    let (mut levels, mut customers) = (Levels::default(), CustomerParts::default());
    for item in items {
        add_levels(&mut levels, item);
        if let Some(parts) = &item.customer {
            add_customer(&mut customers, item.id, parts);
        }
    }
    let mut differences = PartDifferences::default();
    if !ids.is_empty() {
        differences.append(part_differences::of_members(tx, listed.shop_id, &ids, &counts).await?);
    }
    if !levels.item_ids.is_empty() || !levels.whole.is_empty() {
        differences.append(part_differences::of_levels(tx, listed.shop_id, &levels, listed.observed_at).await?);
    }
    if !customers.customer_ids.is_empty() {
        let observed_at = listed.observed_at;
        differences.append(part_differences::of_customer_parts(tx, listed.shop_id, &customers, observed_at).await?);
    }
    Ok(differences)
}

fn add_levels(levels: &mut Levels, item: &Item) {
    for level in &item.levels {
        levels.item_ids.push(item.id);
        levels.location_ids.push(level.location_id);
        levels.updated_at.push(level.updated_at);
        levels.available.push(level.available);
    }
    if item.all_levels {
        levels.whole.push(item.id);
    }
}

fn add_customer(customers: &mut CustomerParts, id: i64, told: &shopify::CustomerParts) {
    let state = |consent: &Consent| consent.state.as_deref().map(customers::consent_state);
    customers.customer_ids.push(id);
    customers.orders.push(told.number_of_orders);
    customers.amounts.push(told.amount_spent.clone());
    customers.last_order_ids.push(told.last_order_id);
    customers.email_states.push(state(&told.email));
    customers.email_updated_at.push(told.email.updated_at);
    customers.sms_states.push(state(&told.sms));
    customers.sms_updated_at.push(told.sms.updated_at);
}
