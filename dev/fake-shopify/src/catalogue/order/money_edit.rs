//! Money that comes in for an order and goes back.

use serde::{Deserialize, Serialize};

use super::{Refund, RefundLine, Transaction, financial_status};
use crate::catalogue::Catalogue;
use crate::catalogue::edit::Act;
use crate::catalogue::ids::Kind;

/// A refund to make.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RefundFields {
    /// The order.
    pub id: i64,
    /// The line that comes back; the first that can, if not given.
    #[serde(default)]
    pub line: Option<i64>,
    /// How many; one if not given.
    #[serde(default)]
    pub quantity: Option<i64>,
    /// Note.
    #[serde(default)]
    pub note: Option<String>,
    /// Whether the goods are put back on the shelf.
    #[serde(default)]
    pub restock: bool,
}

impl From<i64> for RefundFields {
    fn from(id: i64) -> Self {
        Self { id, ..Self::default() }
    }
}

impl Catalogue {
    /// Takes in what is outstanding: captures what was authorized, or sells.
    pub(in crate::catalogue) fn pay_order(&mut self, id: i64, act: &mut Act) -> Result<i64, String> {
        let payment = self.ids.fresh(Kind::Transaction);
        let order = self.order_mut(id)?;
        let amount = order.outstanding();
        if amount == 0 {
            return Err(format!("nothing is outstanding on order {id}"));
        }
        let held = order
            .transactions
            .iter()
            .find(|it| it.kind == "authorization" && it.status == "success");
        let parent = held.map(|it| it.id);
        order.transactions.push(Transaction {
            id: payment,
            parent,
            kind: if parent.is_some() { "capture" } else { "sale" },
            status: "success",
            error: None,
            amount,
            created_at: act.now(),
        });
        order.updated_at = order.updated_at.max(act.now());
        let (paid, customer) = (financial_status(order) == "paid", order.customer);
        self.tell_last_transaction(id, act);
        if paid {
            self.tell_order("orders/paid", id, act);
        }
        self.touch_order(id, act)?;
        self.tell_summary(customer, act);
        Ok(id)
    }

    /// Takes goods back and pays for them.
    pub(in crate::catalogue) fn refund_order(&mut self, fields: &RefundFields, act: &mut Act) -> Result<i64, String> {
        let ids = [Kind::Refund, Kind::RefundLine, Kind::Transaction].map(|kind| self.ids.fresh(kind));
        let order = self.order_mut(fields.id)?;
        let mut lines = order.lines.iter();
        let line = match fields.line {
            Some(id) => lines.find(|line| line.id == id),
            None => lines.find(|line| order.refundable(line) > 0),
        };
        let line = line.ok_or_else(|| format!("order {} has no such line to refund", fields.id))?;
        let quantity = fields.quantity.unwrap_or(1);
        if quantity < 1 || quantity > order.refundable(line) {
            return Err(format!("{quantity} of line {} cannot be refunded", line.id));
        }
        let (subtotal, tax, line) = (line.net(quantity), line.tax(quantity), line.id);
        let mut payments = order.transactions.iter().filter(|it| it.status == "success");
        let payment = payments
            .find(|it| matches!(it.kind, "sale" | "capture"))
            .map(|it| it.id);
        // Goods nobody paid for are taken back without money.
        let back = (subtotal + tax).min(order.received() - order.paid_back());
        let paid = payment.is_some() && back > 0;
        if paid {
            order.transactions.push(Transaction {
                id: ids[2],
                parent: payment,
                kind: "refund",
                status: "success",
                error: None,
                amount: back,
                created_at: act.now(),
            });
        }
        order.refunds.push(Refund {
            id: ids[0],
            note: fields.note.as_deref().map(Into::into),
            created_at: act.now(),
            lines: vec![RefundLine {
                id: ids[1],
                line,
                quantity,
                restock: if fields.restock { "return" } else { "no_restock" },
                subtotal,
                tax,
            }],
            transaction: paid.then_some(ids[2]),
        });
        order.updated_at = order.updated_at.max(act.now());
        let order = &self.orders[&fields.id];
        let customer = order.customer;
        if let Some(refund) = order.refunds.last() {
            act.tell("refunds/create", fields.id, &self.refund_body(order, refund));
        }
        if paid {
            self.tell_last_transaction(fields.id, act);
        }
        self.touch_order(fields.id, act)?;
        if paid {
            self.tell_summary(customer, act);
        }
        Ok(fields.id)
    }
}
