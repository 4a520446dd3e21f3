//! Resources as webhooks write them.

mod collections;
mod customers;
mod inventory;
mod orders;
mod privacy;
mod products;

use serde::Deserialize;
use serde_json::value::RawValue;

pub use collections::Collection;
pub use customers::*;
pub use inventory::{InventoryItem, InventoryLevel, Location};
pub use orders::*;
pub use privacy::{CustomerDataRequest, CustomerRedact, NamedCustomer};
pub use products::{Media, Product, ProductOption, ProductVariant, VariantGid};

/// A body that names a resource and says nothing more: a delete, or a body too large for the queue.
#[derive(Debug, Deserialize, serde::Serialize)]
pub struct Stub {
    /// The number.
    pub id: i64,
    /// The order that it is part of, where the body says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<i64>,
}

/// An amount in the store's currency and in the one that the customer saw.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct MoneySet {
    pub shop_money: Money,
    pub presentment_money: Money,
}

/// An amount.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Money {
    pub amount: String,
    pub currency_code: String,
}

/// An amount that some bodies write as a text and some as a number. The number is taken as it is written: it never
/// becomes a float.
pub fn amount(raw: &RawValue) -> String {
    raw.get().trim_matches('"').to_owned()
}
