//! Stock as webhooks write it.

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// The body of `inventory_items/create` and `inventory_items/update`.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct InventoryItem {
    pub id: i64,
    pub sku: Option<String>,
    pub tracked: Option<bool>,
    pub requires_shipping: Option<bool>,
    pub cost: Option<String>,
    pub country_code_of_origin: Option<String>,
    pub province_code_of_origin: Option<String>,
    pub harmonized_system_code: Option<String>,
    pub created_at: Option<String>,
    pub updated_at: Option<DateTime<Utc>>,
}

/// The body of `inventory_levels/connect` and `inventory_levels/update`, and, but for the last two, of
/// `inventory_levels/disconnect`.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct InventoryLevel {
    pub inventory_item_id: i64,
    pub location_id: i64,
    pub available: Option<i32>,
    pub updated_at: Option<DateTime<Utc>>,
}

/// The body of `locations/create`, `…/update`, `…/activate` and `…/deactivate`.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Location {
    pub id: i64,
    pub name: Option<String>,
    pub active: Option<bool>,
    pub address1: Option<String>,
    pub address2: Option<String>,
    pub city: Option<String>,
    pub zip: Option<String>,
    pub province_code: Option<String>,
    pub country_code: Option<String>,
    pub phone: Option<String>,
    pub created_at: Option<String>,
    pub updated_at: Option<DateTime<Utc>>,
}
