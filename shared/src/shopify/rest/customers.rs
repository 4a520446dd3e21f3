//! Customers as webhooks write them: the customer, and by topics of their own what was bought, which tags changed and
//! what a customer agreed to.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::shopify::Gid;

/// The body of `customers/create`, `…/update`, `…/enable` and `…/disable`. It has no tags, no consent and no totals.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Customer {
    pub id: i64,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub state: Option<String>,
    pub note: Option<String>,
    pub verified_email: Option<bool>,
    pub tax_exempt: Option<bool>,
    pub tax_exemptions: Option<Vec<String>>,
    pub default_address: Option<Address>,
    /// The ten that changed last.
    pub addresses: Option<Vec<Address>>,
    pub created_at: Option<String>,
    pub updated_at: Option<DateTime<Utc>>,
}

/// An address inside a customer's body.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Address {
    pub id: i64,
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

/// The body of `customers/merge`.
#[derive(Debug, Deserialize)]
pub struct CustomersMerge {
    /// `completed`, or `failed` and others.
    pub status: String,
    /// Who stays.
    #[serde(rename = "admin_graphql_api_customer_kept_id")]
    pub kept: Gid,
    /// Who goes.
    #[serde(rename = "admin_graphql_api_customer_deleted_id")]
    pub deleted: Gid,
}

/// The body of `customers/purchasing_summary`. It is written like the Admin API, but its count is a number there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct PurchasingSummary<'a> {
    pub customer_id: Gid,
    #[serde(borrow)]
    pub number_of_orders: Option<&'a RawValue>,
    #[serde(borrow)]
    pub amount_spent: Option<AmountSpent<'a>>,
    pub last_order_id: Option<Gid>,
    pub occurred_at: Option<DateTime<Utc>>,
}

/// What a customer has spent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct AmountSpent<'a> {
    #[serde(borrow)]
    pub amount: Option<&'a RawValue>,
    pub currency_code: Option<String>,
}

/// The body of `customer.tags_added` and `customer.tags_removed`, but for the tags, which are a difference and nothing
/// that could be stored.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerTagsDelta {
    /// Whose.
    pub customer_id: Gid,
}

/// The body of `customers_email_marketing_consent/update`.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct EmailConsentUpdate {
    pub customer_id: i64,
    pub email_marketing_consent: Option<MarketingConsent>,
}

/// The body of `customers_marketing_consent/update`.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct SmsConsentUpdate {
    /// The customer's.
    pub id: i64,
    pub sms_marketing_consent: Option<MarketingConsent>,
}

/// What a customer agreed to.
#[derive(Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct MarketingConsent {
    pub state: Option<String>,
    pub opt_in_level: Option<String>,
    pub consent_updated_at: Option<DateTime<Utc>>,
}
