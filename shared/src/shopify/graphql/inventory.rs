//! Stock as the Admin API writes it.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{Money, Reference};
use crate::shopify::Gid;

/// What is stored.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct InventoryItem {
    pub id: Gid,
    pub sku: Option<String>,
    pub tracked: Option<bool>,
    pub requires_shipping: Option<bool>,
    pub unit_cost: Option<Money>,
    pub country_code_of_origin: Option<String>,
    pub province_code_of_origin: Option<String>,
    pub harmonized_system_code: Option<String>,
    pub created_at: Option<String>,
    pub updated_at: DateTime<Utc>,
}

/// How much of an item is at a place. Its own id means nothing: webhooks write another.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct InventoryLevel<'a> {
    #[serde(borrow)]
    pub location: Reference<'a>,
    pub is_active: Option<bool>,
    #[serde(default)]
    pub quantities: Vec<Quantity>,
    pub updated_at: DateTime<Utc>,
}

/// One of the quantities of a level.
#[derive(Debug, Deserialize)]
pub struct Quantity {
    /// `available`, `on_hand`, …
    pub name: String,
    /// How many.
    pub quantity: i32,
}

/// A place.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Location {
    pub id: Gid,
    pub name: Option<String>,
    pub is_active: Option<bool>,
    pub address: Option<LocationAddress>,
    pub created_at: Option<String>,
    pub updated_at: DateTime<Utc>,
}

/// Where a place is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocationAddress {
    pub address1: Option<String>,
    pub address2: Option<String>,
    pub city: Option<String>,
    pub zip: Option<String>,
    pub province_code: Option<String>,
    pub country_code: Option<String>,
    pub phone: Option<String>,
}
