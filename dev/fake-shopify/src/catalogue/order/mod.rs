//! Orders: what was bought, paid, sent and paid back.
//!
//! Amounts are hundredths of the shop's currency; those in the buyer's currency follow by the order's rate. Every
//! total and every status is computed (`totals`), never stored. Whatever happens to a part of an order (a payment, a
//! refund, a fulfillment, an edit) moves the order's clock. Stock is left alone.

mod edit;
mod fulfil_edit;
mod line_node;
mod list;
mod money_edit;
mod node;
mod parts_node;
mod parts_wire;
mod seed;
mod totals;
mod wire;

use std::borrow::Cow;

use super::Catalogue;
use super::address::Address;

pub use edit::{CancelFields, NewOrder, OrderFields};
pub use fulfil_edit::{FulfilFields, LineEdit, TrackingFields};
pub use list::{OrderNode, find, of_customer, part_node, root_field};
pub use money_edit::RefundFields;
pub use seed::seed as seed_orders;
pub use totals::{financial_status, fulfillment_status};

/// An order.
#[derive(Clone, Debug)]
pub struct Order {
    /// The number of its gid.
    pub id: i64,
    /// The number in its name, from 1001.
    pub number: i64,
    /// Who ordered.
    pub customer: Option<i64>,
    /// Mail address given with the order.
    pub email: Option<Box<str>>,
    /// Telephone given with the order.
    pub phone: Option<Box<str>>,
    /// Seconds since 1970.
    pub created_at: i64,
    /// Seconds since 1970.
    pub updated_at: i64,
    /// Seconds since 1970.
    pub processed_at: i64,
    /// When and why it was cancelled.
    pub cancelled: Option<(i64, &'static str)>,
    /// Seconds since 1970.
    pub closed_at: Option<i64>,
    /// Note.
    pub note: Option<Box<str>>,
    /// Sorted.
    pub tags: Vec<Cow<'static, str>>,
    /// Paid with play money.
    pub test: bool,
    /// Whether lines were changed after it was placed.
    pub edited: bool,
    /// The buyer's currency.
    pub currency: &'static str,
    /// What one of the shop's currency is in the buyer's, in hundredths.
    pub rate: i64,
    /// How it came.
    pub source: &'static str,
    /// The buyer's own number.
    pub po_number: Option<Box<str>>,
    /// How it is paid.
    pub gateway: &'static str,
    /// Who pays.
    pub billing: Option<Address>,
    /// Where it goes.
    pub shipping: Option<Address>,
    /// What was ordered.
    pub lines: Vec<Line>,
    /// How it goes there.
    pub shipping_line: Option<ShippingLine>,
    /// The discount on it.
    pub discount: Option<Discount>,
    /// Payments and payments back.
    pub transactions: Vec<Transaction>,
    /// Refunds.
    pub refunds: Vec<Refund>,
    /// What was sent.
    pub fulfillments: Vec<Fulfillment>,
    /// The number of what is to be fulfilled.
    pub fulfillment_order: i64,
}

/// A line of an order.
#[derive(Clone, Debug)]
pub struct Line {
    /// The number of its gid.
    pub id: i64,
    /// The product, unless the line was written by hand. It stays when the product goes.
    pub product: Option<i64>,
    /// The variant.
    pub variant: Option<i64>,
    /// Title, as it was then.
    pub title: Box<str>,
    /// Title of the variant, as it was then.
    pub variant_title: Option<Box<str>>,
    /// Stock-keeping unit, as it was then.
    pub sku: Option<Box<str>>,
    /// Vendor, as it was then.
    pub vendor: Option<Box<str>>,
    /// How many.
    pub quantity: i64,
    /// How many of them an edit took away again.
    pub removed: i64,
    /// Of one, before discounts.
    pub price: i64,
    /// Off the whole line.
    pub discount: i64,
    /// Whether tax is taken.
    pub taxable: bool,
}

/// A way of shipping.
#[derive(Clone, Debug)]
pub struct ShippingLine {
    /// The number of its gid.
    pub id: i64,
    /// Title.
    pub title: &'static str,
    /// Code.
    pub code: &'static str,
    /// Price.
    pub price: i64,
}

/// A discount over all lines.
#[derive(Clone, Debug)]
pub struct Discount {
    /// `code`, `manual` or `automatic`.
    pub kind: &'static str,
    /// The code, or the title.
    pub name: &'static str,
    /// Percent off; otherwise a fixed amount that is spread over the lines.
    pub percent: Option<i64>,
}

/// A payment or a payment back.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// The number of its gid.
    pub id: i64,
    /// The one it belongs to.
    pub parent: Option<i64>,
    /// `authorization`, `capture`, `sale` or `refund`.
    pub kind: &'static str,
    /// `success`, `pending` or `failure`.
    pub status: &'static str,
    /// Why it failed.
    pub error: Option<&'static str>,
    /// How much.
    pub amount: i64,
    /// Seconds since 1970.
    pub created_at: i64,
}

/// A refund.
#[derive(Clone, Debug)]
pub struct Refund {
    /// The number of its gid.
    pub id: i64,
    /// Note.
    pub note: Option<Box<str>>,
    /// Seconds since 1970.
    pub created_at: i64,
    /// What came back.
    pub lines: Vec<RefundLine>,
    /// The payment back.
    pub transaction: Option<i64>,
}

/// A line of a refund.
#[derive(Clone, Debug)]
pub struct RefundLine {
    /// The number of its gid.
    pub id: i64,
    /// The line of the order.
    pub line: i64,
    /// How many.
    pub quantity: i64,
    /// `no_restock`, `cancel` or `return`.
    pub restock: &'static str,
    /// Without tax.
    pub subtotal: i64,
    /// The tax.
    pub tax: i64,
}

/// Something that was sent.
#[derive(Clone, Debug)]
pub struct Fulfillment {
    /// The number of its gid.
    pub id: i64,
    /// `success` or `cancelled`.
    pub status: &'static str,
    /// From where.
    pub location: Option<i64>,
    /// Who carries it.
    pub company: Option<Box<str>>,
    /// Its tracking numbers.
    pub tracking: Vec<Box<str>>,
    /// Seconds since 1970.
    pub created_at: i64,
    /// Seconds since 1970.
    pub updated_at: i64,
    /// Number of the fulfillment line, line of the order, how many.
    pub lines: Vec<(i64, i64, i64)>,
}

/// What a customer bought so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    /// How many orders.
    pub orders: usize,
    /// What came in for them and stayed.
    pub spent: i64,
    /// The latest order that may be seen.
    pub last: Option<i64>,
}

impl Order {
    /// Its name.
    pub fn name(&self) -> String {
        format!("#{}", self.number)
    }

    /// The name of one of its fulfillments, counted from zero.
    pub fn fulfillment_name(&self, at: usize) -> String {
        format!("#{}.{}", self.number, at + 1)
    }

    /// One of its lines.
    pub fn line(&self, id: i64) -> Option<&Line> {
        self.lines.iter().find(|line| line.id == id)
    }
}

impl Fulfillment {
    /// Where each of its parcels can be followed.
    pub fn tracking_urls(&self) -> Vec<String> {
        let numbers = self.tracking.iter();
        numbers
            .map(|number| format!("https://carrier.example/track?n={number}&lang=en"))
            .collect()
    }
}

impl Line {
    /// What it is called in full.
    pub fn name(&self) -> String {
        match &self.variant_title {
            Some(variant) => format!("{} - {variant}", self.title),
            None => self.title.to_string(),
        }
    }
}

impl Catalogue {
    /// Whether the app may see this order.
    pub(super) fn sees(&self, order: &Order) -> bool {
        self.facts.reads_all_orders() || order.created_at >= self.facts.orders_from
    }

    /// The orders the app may see.
    pub fn visible_orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values().filter(|order| self.sees(order))
    }

    /// What a customer bought so far.
    pub(super) fn summary(&self, customer: i64) -> Summary {
        let ids = self.orders_of.get(&customer).map_or(&[][..], Vec::as_slice);
        let orders = || ids.iter().filter_map(|id| self.orders.get(id));
        Summary {
            orders: ids.len(),
            spent: orders().map(|order| order.received() - order.paid_back()).sum(),
            last: orders()
                .filter(|order| self.sees(order))
                .max_by_key(|order| (order.processed_at, order.id))
                .map(|order| order.id),
        }
    }

    /// Takes an order in, with the index of its customer.
    fn insert_order(&mut self, order: Order) {
        if let Some(customer) = order.customer {
            self.orders_of.entry(customer).or_default().push(order.id);
        }
        self.orders.insert(order.id, order);
    }
}
