//! Changes of an order as a whole: placed, annotated, cancelled, closed, deleted.

use serde::{Deserialize, Serialize};

use super::seed::{line, made};
use super::{Order, Transaction};
use crate::catalogue::Catalogue;
use crate::catalogue::edit::Act;
use crate::catalogue::ids::Kind;
use crate::catalogue::seed::Mix;
use crate::catalogue::wire::delete_body;

/// What a new order is made of.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewOrder {
    /// What it follows from.
    pub seed: u64,
    /// Who orders; anybody or nobody if not given.
    pub customer: Option<i64>,
    /// Whether it is paid at once.
    pub paid: bool,
    /// How many lines; one to four if not given.
    pub lines: Option<usize>,
    /// How many days ago it was placed. It is told now all the same.
    pub days_ago: u32,
}

/// New values for an order; a bare number means its id and nothing else.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OrderFields {
    /// Which.
    pub id: i64,
    /// Note.
    #[serde(default)]
    pub note: Option<String>,
    /// Tags; they are sorted.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    /// Mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// The buyer's own number.
    #[serde(default)]
    pub po_number: Option<String>,
}

/// An order to cancel.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CancelFields {
    /// Which.
    pub id: i64,
    /// `customer`, `declined`, `fraud`, `inventory`, `staff` or `other`.
    #[serde(default)]
    pub reason: Option<String>,
}

const REASONS: [&str; 6] = ["customer", "declined", "fraud", "inventory", "staff", "other"];

impl From<i64> for OrderFields {
    fn from(id: i64) -> Self {
        Self { id, ..Self::default() }
    }
}

impl From<i64> for CancelFields {
    fn from(id: i64) -> Self {
        Self { id, reason: None }
    }
}

impl Catalogue {
    /// The order's own topic comes first, then its payment, then what its customer bought so far.
    pub(in crate::catalogue) fn create_order(&mut self, new: &NewOrder, act: &mut Act) -> Result<i64, String> {
        let customers: Vec<i64> = match new.customer {
            Some(id) => vec![self.customer_mut(id)?.id],
            None => self.customers.keys().copied().collect(),
        };
        let products: Vec<i64> = self.products.keys().copied().collect();
        let seed = Mix::new(new.seed).next();
        let mut order = made(self, seed, act.now(), &customers, &products);
        if let Some(wanted) = new.lines {
            let mut mix = Mix::new(seed);
            let discount = order.discount.clone();
            while order.lines.len() < wanted {
                order.lines.push(line(self, &mut mix, &products, discount.as_ref()));
            }
            order.lines.truncate(wanted.max(1));
        }
        order.created_at -= i64::from(new.days_ago) * 86_400;
        order.processed_at = order.created_at;
        order.customer = new.customer.or(order.customer);
        if new.paid {
            let id = self.ids.fresh(Kind::Transaction);
            order.transactions.push(Transaction {
                id,
                parent: None,
                kind: "sale",
                status: "success",
                error: None,
                amount: order.total(),
                created_at: act.now(),
            });
        }
        let id = order.id;
        self.insert_order(order);
        self.tell_order("orders/create", id, act);
        if new.paid {
            self.tell_last_transaction(id, act);
            self.tell_order("orders/paid", id, act);
        }
        self.tell_summary(self.orders[&id].customer, act);
        Ok(id)
    }

    pub(in crate::catalogue) fn update_order(&mut self, fields: &OrderFields, act: &mut Act) -> Result<i64, String> {
        let order = self.order_mut(fields.id)?;
        let given = [
            (&mut order.note, &fields.note),
            (&mut order.email, &fields.email),
            (&mut order.po_number, &fields.po_number),
        ];
        let mut changed = fields.tags.is_some();
        for (column, value) in given {
            if let Some(value) = value {
                *column = Some(value.as_str().into());
                changed = true;
            }
        }
        if let Some(tags) = &fields.tags {
            order.tags = tags.iter().cloned().map(Into::into).collect();
            order.tags.sort_unstable();
        }
        if !changed {
            let calls = order
                .note
                .as_deref()
                .and_then(|note| note.strip_prefix("Call №")?.parse().ok());
            let calls: u32 = calls.unwrap_or(0);
            order.note = Some(format!("Call №{}", calls + 1).into());
        }
        self.touch_order(fields.id, act)
    }

    pub(in crate::catalogue) fn cancel_order(&mut self, fields: &CancelFields, act: &mut Act) -> Result<i64, String> {
        let word = fields.reason.as_deref().unwrap_or("customer");
        let reason = REASONS.into_iter().find(|reason| *reason == word);
        let reason = reason.ok_or_else(|| format!("no such reason: {word}"))?;
        let now = act.now();
        let order = self.order_mut(fields.id)?;
        if order.cancelled.is_some() {
            return Err(format!("order {} is cancelled already", fields.id));
        }
        order.cancelled = Some((now, reason));
        order.closed_at = order.closed_at.or(Some(now));
        order.updated_at = order.updated_at.max(now);
        self.tell_order("orders/cancelled", fields.id, act);
        self.touch_order(fields.id, act)
    }

    /// Closes an order, or opens it again.
    pub(in crate::catalogue) fn close_order(&mut self, id: i64, close: bool, act: &mut Act) -> Result<i64, String> {
        let now = act.now();
        self.order_mut(id)?.closed_at = close.then_some(now);
        self.touch_order(id, act)
    }

    pub(in crate::catalogue) fn delete_order(&mut self, id: i64, act: &mut Act) -> Result<i64, String> {
        let gone = self.orders.remove(&id).ok_or_else(|| format!("no order {id}"))?;
        if let Some(own) = gone.customer.and_then(|customer| self.orders_of.get_mut(&customer)) {
            own.retain(|known| *known != id);
        }
        act.tell_bytes("orders/delete", id, delete_body(id));
        self.tell_summary(gone.customer, act);
        Ok(id)
    }

    /// Moves an order's clock and tells of it as it is now.
    pub(in crate::catalogue) fn touch_order(&mut self, id: i64, act: &mut Act) -> Result<i64, String> {
        let order = self.order_mut(id)?;
        order.updated_at = order.updated_at.max(act.now());
        self.tell_order("orders/updated", id, act);
        Ok(id)
    }

    /// Tells of an order as it is now.
    pub(in crate::catalogue) fn tell_order(&self, topic: &'static str, id: i64, act: &mut Act) {
        if let Some(order) = self.orders.get(&id) {
            act.tell(topic, id, &self.order_body(order));
        }
    }

    /// Tells of the latest payment of an order.
    pub(super) fn tell_last_transaction(&self, id: i64, act: &mut Act) {
        let order = &self.orders[&id];
        if let Some(last) = order.transactions.last() {
            act.tell(
                "order_transactions/create",
                id,
                &self.transaction_body(order, last, true),
            );
        }
    }

    /// Gives all orders of one customer to another; which they were.
    pub(in crate::catalogue) fn move_orders(&mut self, from: i64, to: i64, now: i64) -> Vec<i64> {
        let moved = self.orders_of.remove(&from).unwrap_or_default();
        for id in &moved {
            if let Some(order) = self.orders.get_mut(id) {
                order.customer = Some(to);
                order.updated_at = order.updated_at.max(now);
            }
        }
        self.orders_of.entry(to).or_default().extend(&moved);
        moved
    }

    /// The number of the next order, from one.
    pub(super) fn next_order(&mut self) -> i64 {
        self.next_order += 1;
        self.next_order
    }

    pub(in crate::catalogue) fn order_mut(&mut self, id: i64) -> Result<&mut Order, String> {
        self.orders.get_mut(&id).ok_or_else(|| format!("no order {id}"))
    }
}
