//! Orders as webhooks write them.
//!
//! Nearly every amount is a text. Those of a refund's lines are JSON numbers, which are kept as they are written.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::MoneySet;

/// The body of `orders/create`, `…/updated`, `…/paid`, `…/cancelled`, `…/fulfilled` and `…/partially_fulfilled`.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Order<'a> {
    pub id: i64,
    pub name: Option<String>,
    /// The number in the name. `number` is another.
    pub order_number: Option<i64>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub customer: Option<OrderCustomer>,
    pub financial_status: Option<String>,
    pub fulfillment_status: Option<String>,
    pub currency: Option<String>,
    pub presentment_currency: Option<String>,
    pub subtotal_price_set: Option<MoneySet>,
    pub total_price_set: Option<MoneySet>,
    pub total_tax_set: Option<MoneySet>,
    pub total_discounts_set: Option<MoneySet>,
    pub total_shipping_price_set: Option<MoneySet>,
    pub current_subtotal_price_set: Option<MoneySet>,
    pub current_total_price_set: Option<MoneySet>,
    /// One string, joined by commas.
    pub tags: Option<String>,
    pub note: Option<String>,
    pub discount_codes: Option<Vec<OrderDiscountCode>>,
    pub payment_gateway_names: Option<Vec<String>>,
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
    /// Absent if the subscription's `include_fields` lacks it: then the body has no version and must be fetched.
    pub updated_at: Option<DateTime<Utc>>,
    pub billing_address: Option<OrderAddress>,
    pub shipping_address: Option<OrderAddress>,
    pub line_items: Option<Vec<OrderLineItem>>,
    #[serde(borrow)]
    pub refunds: Option<Vec<Refund<'a>>>,
    pub fulfillments: Option<Vec<Fulfillment>>,
}

/// Who ordered: a reduced copy, in which nothing but the number can be relied on.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct OrderCustomer {
    pub id: Option<i64>,
}

/// A code that was used.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct OrderDiscountCode {
    pub code: Option<String>,
}

/// Where an order is sent to, or its bill. Written out again, it is the text that the mirror keeps.
#[derive(Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
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
    pub country_code: Option<String>,
    pub zip: Option<String>,
    pub phone: Option<String>,
}

impl OrderAddress {
    /// Every part of it.
    pub fn parts_mut(&mut self) -> [&mut Option<String>; 12] {
        [
            &mut self.first_name,
            &mut self.last_name,
            &mut self.company,
            &mut self.address1,
            &mut self.address2,
            &mut self.city,
            &mut self.province,
            &mut self.province_code,
            &mut self.country,
            &mut self.country_code,
            &mut self.zip,
            &mut self.phone,
        ]
    }
}

/// One line of an order.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct OrderLineItem {
    pub id: i64,
    pub product_id: Option<i64>,
    pub variant_id: Option<i64>,
    pub title: Option<String>,
    pub variant_title: Option<String>,
    pub sku: Option<String>,
    pub vendor: Option<String>,
    pub quantity: Option<i32>,
    pub current_quantity: Option<i32>,
    pub price_set: Option<MoneySet>,
    pub total_discount_set: Option<MoneySet>,
    pub requires_shipping: Option<bool>,
    pub taxable: Option<bool>,
    pub gift_card: Option<bool>,
}

/// A movement of money: the body of `order_transactions/create`, and inside a refund.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Transaction<'a> {
    pub id: i64,
    pub order_id: Option<i64>,
    pub parent_id: Option<i64>,
    pub kind: Option<String>,
    pub status: Option<String>,
    pub gateway: Option<String>,
    #[serde(borrow)]
    pub amount: Option<&'a RawValue>,
    pub currency: Option<String>,
    pub test: Option<bool>,
    pub error_code: Option<String>,
    pub created_at: Option<String>,
    pub processed_at: Option<String>,
}

/// A refund: the body of `refunds/create`, and inside an order.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Refund<'a> {
    pub id: i64,
    pub order_id: Option<i64>,
    pub note: Option<String>,
    pub created_at: Option<String>,
    #[serde(borrow)]
    pub refund_line_items: Option<Vec<RefundLineItem<'a>>>,
    #[serde(borrow)]
    pub transactions: Option<Vec<Transaction<'a>>>,
}

/// What a refund gives back of a line.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct RefundLineItem<'a> {
    pub id: i64,
    pub line_item_id: Option<i64>,
    pub quantity: Option<i32>,
    pub restock_type: Option<String>,
    /// A number.
    #[serde(borrow)]
    pub subtotal: Option<&'a RawValue>,
    /// A number.
    #[serde(borrow)]
    pub total_tax: Option<&'a RawValue>,
    pub subtotal_set: Option<MoneySet>,
    pub total_tax_set: Option<MoneySet>,
}

/// What was sent: the body of `fulfillments/create` and `fulfillments/update`, and inside an order.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Fulfillment {
    pub id: i64,
    pub order_id: Option<i64>,
    pub location_id: Option<i64>,
    pub name: Option<String>,
    pub status: Option<String>,
    pub tracking_company: Option<String>,
    pub tracking_numbers: Option<Vec<String>>,
    pub tracking_urls: Option<Vec<String>>,
    pub created_at: Option<String>,
    pub updated_at: Option<DateTime<Utc>>,
}

/// The body of `orders/edited`, which is no order.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct OrderEdited {
    pub order_edit: OrderEdit,
}

/// What was changed, of which only the order's number is read.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct OrderEdit {
    pub order_id: i64,
}
