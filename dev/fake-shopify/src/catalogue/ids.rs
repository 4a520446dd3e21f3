//! Ids of everything but goods: one sequence per kind, so that a new kind never moves the ids of another.

use super::seed::{FLOAT_LIMIT, ID_STRIDE};

/// A kind of thing with ids of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A location.
    Location,
    /// A customer.
    Customer,
    /// An address of a customer.
    Address,
    /// An order.
    Order,
    /// A line of an order.
    LineItem,
    /// A shipping line.
    ShippingLine,
    /// A payment or a payment back.
    Transaction,
    /// A refund.
    Refund,
    /// A line of a refund.
    RefundLine,
    /// A fulfillment.
    Fulfillment,
    /// A line of a fulfillment.
    FulfillmentLine,
    /// What is to be fulfilled of an order.
    FulfillmentOrder,
    /// An edit of an order.
    OrderEdit,
    /// A collection.
    Collection,
    /// A source of a collection, or a condition of it.
    Source,
    /// A metafield set by an edit.
    Metafield,
    /// A picture added by an edit.
    Media,
}

/// How many kinds there are.
const KINDS: usize = Kind::Media as usize + 1;

/// Of these kinds every twentieth has an id above 2^53, which a float would round.
const BIG: [Kind; 4] = [Kind::Customer, Kind::Order, Kind::LineItem, Kind::Refund];

/// The numbers handed out so far.
#[derive(Debug, Default)]
pub struct Ids([i64; KINDS]);

impl Ids {
    /// An id nobody has.
    pub fn fresh(&mut self, kind: Kind) -> i64 {
        let number = self.0[kind as usize];
        self.0[kind as usize] += 1;
        if BIG.contains(&kind) && number % 20 == 7 {
            return FLOAT_LIMIT + 2 * number + 1;
        }
        let base = match kind {
            Kind::Location => 98_700_000_000,
            Kind::Collection => 460_000_000_000,
            Kind::Refund => 960_000_000_000,
            other => 5_000_000_000_000 + 1_000_000_000_000 * other as i64,
        };
        base + ID_STRIDE * number
    }
}
