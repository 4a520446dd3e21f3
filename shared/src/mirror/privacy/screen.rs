//! What keeps erased things from coming back: every row passes here before it is written, however it came.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::mentions::Mentions;
use crate::mirror::Error;
use crate::store::redaction_sweeps::{self, Wanted};
use crate::store::redactions::{self, Asked, Held, Kind, Known, digest};
use crate::store::{AnyRow, Key, Transaction, erasure};

/// The rows of a batch that must not be written as they came, by their place, as they are to be written.
#[derive(Debug, Default)]
pub(in crate::mirror) struct Screened {
    emptied: HashMap<usize, AnyRow>,
    /// Something was recognised as erased, and a sweep is wanted; already recorded.
    pub sweep: bool,
}

impl Screened {
    /// The row to be written in place of `row`, which has this place in the batch.
    pub fn row<'r>(&'r self, place: usize, row: &'r AnyRow) -> &'r AnyRow {
        self.emptied.get(&place).unwrap_or(row)
    }
}

/// Whose row it is.
#[derive(Debug, Default)]
struct Subject<'r> {
    shop_id: i64,
    customer: Option<i64>,
    order: Option<i64>,
    email: Option<&'r str>,
    created_at: Option<&'r str>,
}

impl Subject<'_> {
    fn customer(&self) -> Option<Key> {
        self.customer.map(|id| Key::new(self.shop_id, id))
    }

    fn order(&self) -> Option<Key> {
        self.order.map(|id| Key::new(self.shop_id, id))
    }

    fn email(&self) -> Option<(i64, [u8; 32])> {
        let email = self.email?.trim().to_lowercase();
        Some((self.shop_id, digest(self.shop_id, &email)))
    }

    /// When the mail address was erased, unless the row is of something newer.
    fn erased_by_email(&self, known: &Known) -> Option<DateTime<Utc>> {
        let erased_at = known.emails.get(&self.email()?)?;
        let created_at = self.created_at.and_then(|at| at.parse::<DateTime<Utc>>().ok());
        created_at.is_none_or(|at| at <= *erased_at).then_some(*erased_at)
    }
}

fn subject(row: &AnyRow) -> Option<Subject<'_>> {
    let of_customer = |shop_id, id| Subject {
        shop_id,
        customer: Some(id),
        ..Subject::default()
    };
    let of_order = |shop_id, id| Subject {
        shop_id,
        order: Some(id),
        ..Subject::default()
    };
    Some(match row {
        AnyRow::Customer(row) => Subject {
            email: row.email.as_deref(),
            created_at: row.created_at.as_deref(),
            ..of_customer(row.shop_id, row.id)
        },
        AnyRow::CustomerTags(row) => of_customer(row.shop_id, row.customer_id),
        AnyRow::CustomerPurchases(row) => of_customer(row.shop_id, row.customer_id),
        AnyRow::EmailConsent(row) => of_customer(row.shop_id, row.customer_id),
        AnyRow::SmsConsent(row) => of_customer(row.shop_id, row.customer_id),
        AnyRow::CustomerAddress(row) => of_customer(row.shop_id, row.customer_id),
        AnyRow::Order(row) => Subject {
            customer: row.customer_id,
            email: row.email.as_deref(),
            created_at: row.created_at.as_deref(),
            ..of_order(row.shop_id, row.id)
        },
        AnyRow::OrderLineItem(row) => of_order(row.shop_id, row.order_id),
        AnyRow::OrderTransaction(row) => of_order(row.shop_id, row.order_id),
        AnyRow::Refund(row) => of_order(row.shop_id, row.order_id),
        AnyRow::RefundLineItem(row) => of_order(row.shop_id, row.order_id),
        AnyRow::Fulfillment(row) => of_order(row.shop_id, row.order_id),
        AnyRow::Metafield(row) => match row.owner_type.as_str() {
            "Customer" => of_customer(row.shop_id, row.owner_id),
            "Order" => of_order(row.shop_id, row.owner_id),
            _ => return None,
        },
        AnyRow::Product(_)
        | AnyRow::ProductOption(_)
        | AnyRow::ProductMedia(_)
        | AnyRow::ProductVariant(_)
        | AnyRow::Collection(_)
        | AnyRow::CollectionProduct(_)
        | AnyRow::Location(_)
        | AnyRow::InventoryItem(_)
        | AnyRow::InventoryLevel(_) => return None,
    })
}

/// Empties the rows of a batch that are of erased customers and orders. Costs nothing in stores where nothing was erased.
///
/// A customer who is recognised by mail address, and an order that is recognised by its customer or by mail address, is
/// recorded, so that what came of it before and what comes later without saying so is erased too. Rows whose place is in
/// `told` are emptied because of what came with them.
pub(in crate::mirror) async fn rows<'r>(
    tx: &mut Transaction,
    held: &Held,
    rows: impl Iterator<Item = &'r AnyRow>,
    told: &HashSet<usize>,
) -> Result<Screened, Error> {
    if !held.any() {
        return Ok(Screened::default());
    }
    let subjects: Vec<(usize, &AnyRow, Subject<'_>)> = rows
        .enumerate()
        .filter_map(|(place, row)| Some((place, row, subject(row)?)))
        .filter(|(_, _, subject)| held.has_redactions(subject.shop_id))
        .collect();
    let mut asked = Asked::default();
    for (_, _, subject) in &subjects {
        asked.customers.extend(subject.customer());
        asked.orders.extend(subject.order());
        asked.emails.extend(subject.email());
    }
    let mut known = redactions::known(tx, &asked).await?;
    let sweep = recognise(tx, &mut known, &subjects).await?;
    let erased = |subject: &Subject<'_>| match (subject.order(), subject.customer()) {
        (Some(order), _) => known.orders.contains(&order),
        (None, Some(customer)) => known.customers.contains_key(&customer),
        (None, None) => false,
    };
    let emptied = subjects
        .iter()
        .filter(|(place, _, subject)| erased(subject) || told.contains(place))
        .map(|(place, row, _)| {
            let mut row = (*row).clone();
            row.erase();
            (*place, row)
        });
    Ok(Screened {
        emptied: emptied.collect(),
        sweep,
    })
}

/// Records customers and orders that are erased without being known as such yet, and erases what is stored of them.
///
/// Another writer may be writing more of them at this moment: a sweep, which waits for it, erases them again. Returns
/// whether one is wanted.
async fn recognise(
    tx: &mut Transaction,
    known: &mut Known,
    subjects: &[(usize, &AnyRow, Subject<'_>)],
) -> Result<bool, Error> {
    // By store and time of the erasure.
    let mut found: BTreeMap<(i64, DateTime<Utc>), Wanted> = BTreeMap::new();
    for (_, row, subject) in subjects {
        if let (AnyRow::Customer(_), Some(key)) = (row, subject.customer())
            && !known.customers.contains_key(&key)
            && let Some(erased_at) = subject.erased_by_email(known)
        {
            found
                .entry((key.shop_id, erased_at))
                .or_default()
                .customer_ids
                .push(key.id);
            known.customers.insert(key, erased_at);
        }
    }
    for (_, row, subject) in subjects {
        let by_customer = subject.customer().and_then(|key| known.customers.get(&key).copied());
        if let (AnyRow::Order(_), Some(key)) = (row, subject.order())
            && !known.orders.contains(&key)
            && let Some(erased_at) = by_customer.or_else(|| subject.erased_by_email(known))
        {
            found
                .entry((key.shop_id, erased_at))
                .or_default()
                .order_ids
                .push(key.id);
            known.orders.insert(key);
        }
    }
    for ((shop_id, erased_at), wanted) in &found {
        let (customers, orders) = (&wanted.customer_ids, &wanted.order_ids);
        redactions::record(tx, *shop_id, Kind::Customer, customers, *erased_at).await?;
        redactions::record(tx, *shop_id, Kind::Order, orders, *erased_at).await?;
        erasure::bury_customers(tx, *shop_id, customers).await?;
        erasure::erase_orders(tx, *shop_id, orders).await?;
        redaction_sweeps::want(tx, *shop_id, *erased_at, wanted).await?;
    }
    Ok(!found.is_empty())
}

/// Whether one of these rows is a customer or an order, and so says itself whose it is.
pub(in crate::mirror) fn says_whose(rows: &[AnyRow]) -> bool {
    rows.iter()
        .any(|row| matches!(row, AnyRow::Customer(_) | AnyRow::Order(_)))
}

/// Of whom a text tells that was erased.
#[derive(Debug, Default)]
pub(in crate::mirror) struct Told {
    pub wanted: Wanted,
    /// When the mail addresses were.
    pub erased_at: DateTime<Utc>,
}

/// Which of these texts, each with its store and topic, tell of somebody or something that was erased, and of whom.
pub(in crate::mirror) async fn texts(
    tx: &mut Transaction,
    held: &Held,
    texts: &[(i64, Option<&str>, &str)],
) -> Result<HashMap<usize, Told>, Error> {
    let mut found = HashMap::new();
    if !held.any() {
        return Ok(found);
    }
    let mut asked = Asked::default();
    let mut mentioned = Vec::new();
    for (place, (shop_id, topic, text)) in texts.iter().enumerate() {
        if !held.has_redactions(*shop_id) {
            continue;
        }
        let mentions = Mentions::of(*topic, text);
        let key = |id: &i64| Key::new(*shop_id, *id);
        asked.customers.extend(mentions.customers.iter().map(key));
        asked.orders.extend(mentions.orders.iter().map(key));
        asked
            .emails
            .extend(mentions.email_digests(*shop_id).map(|digest| (*shop_id, digest)));
        mentioned.push((place, *shop_id, mentions));
    }
    let known = redactions::known(tx, &asked).await?;
    for (place, shop_id, mentions) in mentioned {
        let is_older = |erased_at: &DateTime<Utc>| mentions.created_at.is_none_or(|at| at <= *erased_at);
        let key = |id: &i64| Key::new(shop_id, *id);
        let customers = mentions
            .customers
            .iter()
            .filter(|id| known.customers.contains_key(&key(id)));
        let orders = mentions.orders.iter().filter(|id| known.orders.contains(&key(id)));
        let emails: Vec<[u8; 32]> = mentions
            .email_digests(shop_id)
            .filter(|digest| known.emails.get(&(shop_id, *digest)).is_some_and(is_older))
            .collect();
        let erased_at = emails.iter().filter_map(|digest| known.emails.get(&(shop_id, *digest)));
        let erased_at = erased_at.max().copied().unwrap_or_default();
        let wanted = Wanted {
            customer_ids: customers.copied().collect(),
            order_ids: orders.copied().collect(),
            email_sha256: emails.iter().map(|digest| digest.to_vec()).collect(),
            ..Wanted::default()
        };
        if !(wanted.customer_ids.is_empty() && wanted.order_ids.is_empty() && wanted.email_sha256.is_empty()) {
            found.insert(place, Told { wanted, erased_at });
        }
    }
    Ok(found)
}
