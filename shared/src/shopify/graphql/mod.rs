//! Resources as the Admin API writes them: in bulk files and in answers to a fetch.

mod access;
mod collections;
mod customers;
mod inventory;
mod metafields;
mod orders;
mod products;
mod shop;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

pub use collections::Collection;
pub use customers::*;
pub use inventory::{InventoryItem, InventoryLevel, Location};
pub use metafields::Metafield;
pub use orders::*;
pub use products::{Media, Product, ProductExtras, ProductOption, ProductVariant};
pub use shop::Shop;

/// What tells the kind of a line in a bulk file.
#[derive(Debug, Deserialize)]
pub struct LineHead<'a> {
    /// The type of the node.
    #[serde(rename = "__typename", borrow)]
    pub typename: Option<Cow<'a, str>>,
    /// The id of the immediate parent; none in a root line.
    #[serde(rename = "__parentId", borrow)]
    pub parent_id: Option<Cow<'a, str>>,
}

/// A resource named by its id.
#[derive(Debug, Deserialize)]
pub struct Reference<'a> {
    /// The global id.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
}

/// One page of a list inside an answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection<'a> {
    /// The nodes, each as the text that came.
    #[serde(borrow)]
    pub nodes: Vec<&'a RawValue>,
    /// Whether there are more.
    pub page_info: PageInfo,
}

/// Whether a list goes on, and where.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct PageInfo {
    pub has_next_page: bool,
    pub end_cursor: Option<String>,
}

/// An amount.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Money {
    /// As Shopify writes it; never a float.
    pub amount: String,
    /// ISO 4217.
    pub currency_code: String,
}

/// An amount in the store's currency and in the one that the customer saw.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MoneyBag {
    /// In the store's currency.
    pub shop_money: Money,
    /// In the customer's currency.
    pub presentment_money: Money,
}
