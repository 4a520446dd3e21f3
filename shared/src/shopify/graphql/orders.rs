//! Orders as the Admin API writes them.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{Connection, MoneyBag, Reference};
use crate::shopify::{Gid, rest};

/// An order. Its lists are whole in a bulk file and as long as asked for in the answer to a fetch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Order<'a> {
    pub id: Gid,
    pub name: Option<String>,
    pub number: Option<i64>,
    pub email: Option<String>,
    pub phone: Option<String>,
    #[serde(borrow)]
    pub customer: Option<Reference<'a>>,
    pub display_financial_status: Option<String>,
    #[serde(borrow)]
    pub display_fulfillment_status: Option<Cow<'a, str>>,
    pub currency_code: Option<String>,
    pub presentment_currency_code: Option<String>,
    pub subtotal_price_set: Option<MoneyBag>,
    pub total_price_set: Option<MoneyBag>,
    pub total_tax_set: Option<MoneyBag>,
    pub total_discounts_set: Option<MoneyBag>,
    pub total_shipping_price_set: Option<MoneyBag>,
    pub current_subtotal_price_set: Option<MoneyBag>,
    pub current_total_price_set: Option<MoneyBag>,
    #[serde(default)]
    pub tags: Vec<String>,
    pub note: Option<String>,
    #[serde(default)]
    pub discount_codes: Vec<String>,
    #[serde(default)]
    pub payment_gateway_names: Vec<String>,
    pub source_name: Option<String>,
    pub po_number: Option<String>,
    pub test: Option<bool>,
    pub confirmed: Option<bool>,
    pub taxes_included: Option<bool>,
    pub cancel_reason: Option<String>,
    pub cancelled_at: Option<String>,
    pub closed_at: Option<String>,
    pub processed_at: Option<String>,
    pub created_at: Option<String>,
    pub updated_at: DateTime<Utc>,
    pub billing_address: Option<OrderAddress>,
    pub shipping_address: Option<OrderAddress>,
    #[serde(borrow, default)]
    pub transactions: Vec<OrderTransaction<'a>>,
    #[serde(borrow, default)]
    pub refunds: Vec<Refund<'a>>,
    #[serde(borrow, default)]
    pub fulfillments: Vec<Fulfillment<'a>>,
    /// In the answer to a fetch only: the first page.
    #[serde(borrow)]
    pub line_items: Option<Connection<'a>>,
    /// In the answer to a fetch only.
    #[serde(borrow)]
    pub metafields: Option<Connection<'a>>,
}

/// Where an order is sent to, or its bill.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct OrderAddress {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub company: Option<String>,
    pub address1: Option<String>,
    pub address2: Option<String>,
    pub city: Option<String>,
    pub province: Option<String>,
    pub province_code: Option<String>,
    pub country: Option<String>,
    #[serde(rename = "countryCodeV2")]
    pub country_code: Option<String>,
    pub zip: Option<String>,
    pub phone: Option<String>,
}

impl From<OrderAddress> for rest::OrderAddress {
    fn from(address: OrderAddress) -> Self {
        Self {
            first_name: address.first_name,
            last_name: address.last_name,
            company: address.company,
            address1: address.address1,
            address2: address.address2,
            city: address.city,
            province: address.province,
            province_code: address.province_code,
            country: address.country,
            country_code: address.country_code,
            zip: address.zip,
            phone: address.phone,
        }
    }
}

/// One line of an order.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct LineItem<'a> {
    pub id: Gid,
    #[serde(borrow)]
    pub product: Option<Reference<'a>>,
    #[serde(borrow)]
    pub variant: Option<Reference<'a>>,
    pub title: Option<String>,
    pub variant_title: Option<String>,
    pub sku: Option<String>,
    pub vendor: Option<String>,
    pub quantity: Option<i32>,
    pub current_quantity: Option<i32>,
    pub original_unit_price_set: Option<MoneyBag>,
    pub total_discount_set: Option<MoneyBag>,
    pub requires_shipping: Option<bool>,
    pub taxable: Option<bool>,
    pub is_gift_card: Option<bool>,
}

/// A movement of money.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct OrderTransaction<'a> {
    pub id: Gid,
    #[serde(borrow)]
    pub parent_transaction: Option<Reference<'a>>,
    pub kind: Option<String>,
    pub status: Option<String>,
    pub gateway: Option<String>,
    pub amount_set: Option<MoneyBag>,
    pub test: Option<bool>,
    pub error_code: Option<String>,
    pub created_at: Option<String>,
    pub processed_at: Option<String>,
}

/// A refund.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Refund<'a> {
    pub id: Gid,
    pub note: Option<String>,
    pub created_at: Option<String>,
    /// In the answer to a fetch only.
    #[serde(borrow)]
    pub refund_line_items: Option<Connection<'a>>,
}

/// What a refund gives back of a line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct RefundLineItem<'a> {
    /// The schema allows none, for refunds that are only suggested.
    pub id: Option<Gid>,
    #[serde(borrow)]
    pub line_item: Option<Reference<'a>>,
    pub quantity: Option<i32>,
    pub restock_type: Option<String>,
    pub subtotal_set: Option<MoneyBag>,
    pub total_tax_set: Option<MoneyBag>,
}

/// What was sent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Fulfillment<'a> {
    pub id: Gid,
    pub name: Option<String>,
    pub status: Option<String>,
    #[serde(borrow)]
    pub location: Option<Reference<'a>>,
    #[serde(default)]
    pub tracking_info: Vec<TrackingInfo>,
    pub created_at: Option<String>,
    pub updated_at: DateTime<Utc>,
}

/// How a parcel can be followed.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct TrackingInfo {
    pub company: Option<String>,
    pub number: Option<String>,
    pub url: Option<String>,
}
