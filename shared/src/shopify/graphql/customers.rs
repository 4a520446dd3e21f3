//! Customers as the Admin API writes them.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Connection, Money, Reference};
use crate::shopify::Gid;

/// A customer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Customer<'a> {
    pub id: Gid,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub state: Option<String>,
    pub note: Option<String>,
    pub verified_email: Option<bool>,
    pub tax_exempt: Option<bool>,
    #[serde(default)]
    pub tax_exemptions: Vec<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    /// A number, written as a text.
    #[serde(borrow)]
    pub number_of_orders: Option<&'a RawValue>,
    pub amount_spent: Option<Money>,
    #[serde(borrow)]
    pub last_order: Option<Reference<'a>>,
    pub default_email_address: Option<DefaultEmailAddress>,
    pub default_phone_number: Option<DefaultPhoneNumber>,
    #[serde(borrow)]
    pub default_address: Option<Reference<'a>>,
    pub created_at: Option<String>,
    pub updated_at: DateTime<Utc>,
    /// In the answer to a fetch only.
    #[serde(borrow)]
    pub metafields: Option<Connection<'a>>,
}

/// Where a customer gets mail, and whether advertising is welcome there.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct DefaultEmailAddress {
    pub email_address: Option<String>,
    pub marketing_state: Option<String>,
    pub marketing_opt_in_level: Option<String>,
    pub marketing_updated_at: Option<DateTime<Utc>>,
}

/// Where a customer gets text messages.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct DefaultPhoneNumber {
    pub phone_number: Option<String>,
    pub sms_marketing_consent: Option<SmsMarketingConsent>,
}

/// Whether advertising by text message is welcome.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct SmsMarketingConsent {
    pub state: Option<String>,
    pub opt_in_level: Option<String>,
    pub updated_at: Option<DateTime<Utc>>,
}

/// An address of a customer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct MailingAddress {
    pub id: Gid,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub company: Option<String>,
    pub address1: Option<String>,
    pub address2: Option<String>,
    pub city: Option<String>,
    pub province: Option<String>,
    pub province_code: Option<String>,
    pub country: Option<String>,
    pub country_code_v2: Option<String>,
    pub zip: Option<String>,
    pub phone: Option<String>,
}
