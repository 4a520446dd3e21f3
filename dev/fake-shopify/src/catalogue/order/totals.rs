//! What an order sums up to, now and as it was placed, and the statuses that follow.

use super::{Line, Order};

/// Tax in hundredths of what it is taken of.
pub const TAX_PERCENT: i64 = 5;

impl Line {
    /// Of so many, discounts taken off.
    pub fn net(&self, quantity: i64) -> i64 {
        self.price * quantity - self.discount_of(quantity)
    }

    /// The tax on so many.
    pub fn tax(&self, quantity: i64) -> i64 {
        if self.taxable {
            self.net(quantity) * TAX_PERCENT / 100
        } else {
            0
        }
    }

    /// The discount that falls on so many.
    pub fn discount_of(&self, quantity: i64) -> i64 {
        self.discount * quantity / self.quantity.max(1)
    }

    /// Of one, discounts taken off.
    pub fn unit(&self) -> i64 {
        self.net(self.quantity) / self.quantity.max(1)
    }
}

impl Order {
    /// An amount in the buyer's currency.
    pub fn presentment(&self, amount: i64) -> i64 {
        (amount * self.rate + 50) / 100
    }

    /// How many of a line came back.
    pub fn refunded(&self, line: &Line) -> i64 {
        let lines = self.refunds.iter().flat_map(|refund| &refund.lines);
        lines.filter(|it| it.line == line.id).map(|it| it.quantity).sum()
    }

    /// How many of a line were sent.
    pub fn fulfilled(&self, line: &Line) -> i64 {
        let sent = self.fulfillments.iter().filter(|it| it.status == "success");
        let lines = sent.flat_map(|fulfillment| &fulfillment.lines);
        lines
            .filter(|(_, id, _)| *id == line.id)
            .map(|(_, _, quantity)| quantity)
            .sum()
    }

    /// How many of a line the order still has.
    pub fn current(&self, line: &Line) -> i64 {
        (line.quantity - line.removed - self.refunded(line)).max(0)
    }

    /// How many of a line are still to be sent.
    pub fn unfulfilled(&self, line: &Line) -> i64 {
        (self.current(line) - self.fulfilled(line)).max(0)
    }

    /// How many of a line can still come back.
    pub fn refundable(&self, line: &Line) -> i64 {
        self.current(line)
    }

    /// All lines before discounts.
    pub fn lines_price(&self) -> i64 {
        self.lines.iter().map(|line| line.price * line.quantity).sum()
    }

    /// All discounts.
    pub fn discounts(&self) -> i64 {
        self.lines.iter().map(|line| line.discount).sum()
    }

    /// All lines, discounts taken off.
    pub fn subtotal(&self) -> i64 {
        self.lines_price() - self.discounts()
    }

    /// Shipping.
    pub fn shipping(&self) -> i64 {
        self.shipping_line.as_ref().map_or(0, |line| line.price)
    }

    /// Tax.
    pub fn tax(&self) -> i64 {
        self.lines.iter().map(|line| line.tax(line.quantity)).sum()
    }

    /// All of it.
    pub fn total(&self) -> i64 {
        self.subtotal() + self.tax() + self.shipping()
    }

    /// The lines the order still has, discounts taken off.
    pub fn current_subtotal(&self) -> i64 {
        self.lines.iter().map(|line| line.net(self.current(line))).sum()
    }

    /// The discounts on them.
    pub fn current_discounts(&self) -> i64 {
        self.lines.iter().map(|line| line.discount_of(self.current(line))).sum()
    }

    /// The tax on them.
    pub fn current_tax(&self) -> i64 {
        self.lines.iter().map(|line| line.tax(self.current(line))).sum()
    }

    /// All the order still is.
    pub fn current_total(&self) -> i64 {
        self.current_subtotal() + self.current_tax() + self.shipping()
    }

    /// What came in.
    pub fn received(&self) -> i64 {
        self.settled(&["sale", "capture"])
    }

    /// What went back.
    pub fn paid_back(&self) -> i64 {
        self.settled(&["refund"])
    }

    /// What is still to come in.
    pub fn outstanding(&self) -> i64 {
        if self.cancelled.is_some() {
            return 0;
        }
        (self.current_total() - self.received() + self.paid_back()).max(0)
    }

    fn settled(&self, kinds: &[&str]) -> i64 {
        let done = self.transactions.iter().filter(|it| it.status == "success");
        done.filter(|it| kinds.contains(&it.kind)).map(|it| it.amount).sum()
    }
}

/// The word of REST for how far it is paid.
pub fn financial_status(order: &Order) -> &'static str {
    let (received, back) = (order.received(), order.paid_back());
    let authorized = order
        .transactions
        .iter()
        .any(|it| it.kind == "authorization" && it.status == "success");
    match (received, back) {
        (0, _) if order.cancelled.is_some() => "voided",
        (0, _) if authorized => "authorized",
        (0, _) => "pending",
        (_, 0) if order.outstanding() > 0 => "partially_paid",
        (_, 0) => "paid",
        _ if back >= received => "refunded",
        _ => "partially_refunded",
    }
}

/// The word of REST for how far it is sent; none if nothing was.
pub fn fulfillment_status(order: &Order) -> Option<&'static str> {
    let sent = order.lines.iter().any(|line| order.fulfilled(line) > 0);
    let open = order.lines.iter().any(|line| order.unfulfilled(line) > 0);
    match (sent, open) {
        (false, _) => None,
        (true, true) => Some("partial"),
        (true, false) => Some("fulfilled"),
    }
}
