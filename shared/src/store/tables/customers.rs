//! Customers, in parts: what a webhook's body tells of a customer, and beside it what comes by other ways with clocks
//! of its own. A source that does not carry a part has no row for it, so it cannot touch it. The view puts the parts
//! together.

use crate::store::row::row;

row! {
    /// One customer, as far as every source tells.
    pub struct Customer: "Customer" in "customers" (id) {
        first_name: Option<String> => "text" personal,
        last_name: Option<String> => "text" personal,
        email: Option<String> => "text" personal,
        phone: Option<String> => "text" personal,
        state: Option<String> => "text",
        note: Option<String> => "text" personal,
        verified_email: Option<bool> => "boolean",
        tax_exempt: Option<bool> => "boolean",
        tax_exemptions: Vec<String> => "text[]",
        default_address_id: Option<i64> => "bigint",
        created_at: Option<String> => "timestamptz",
    }
}

row! {
    /// A customer's tags: told by the Admin API only.
    pub struct CustomerTags: "Customer" in "customer_tags" (customer_id) {
        tags: Vec<String> => "text[]" personal,
    }
}

row! {
    /// What a customer has bought: told by the Admin API and by `customers/purchasing_summary`.
    pub struct CustomerPurchases: "Customer" in "customer_purchases" (customer_id) {
        number_of_orders: Option<i64> => "bigint",
        amount_spent: Option<String> => "numeric",
        amount_spent_currency: Option<String> => "text",
        last_order_id: Option<i64> => "bigint",
    }
}

row! {
    /// Whether a customer wants mail: told by the Admin API and by `customers_email_marketing_consent/update`.
    pub struct EmailConsent: "Customer" in "customer_email_consents" (customer_id) {
        state: Option<String> => "text",
        opt_in_level: Option<String> => "text",
        consent_updated_at: Option<String> => "timestamptz",
    }
}

row! {
    /// Whether a customer wants text messages: told by the Admin API and by `customers_marketing_consent/update`.
    pub struct SmsConsent: "Customer" in "customer_sms_consents" (customer_id) {
        state: Option<String> => "text",
        opt_in_level: Option<String> => "text",
        consent_updated_at: Option<String> => "timestamptz",
    }
}

row! {
    /// One address of a customer.
    pub struct CustomerAddress: "MailingAddress" in "customer_addresses" (id) of (column "Customer" customer_id id) {
        customer_id: i64 => "bigint",
        first_name: Option<String> => "text" personal,
        last_name: Option<String> => "text" personal,
        company: Option<String> => "text" personal,
        address1: Option<String> => "text" personal,
        address2: Option<String> => "text" personal,
        city: Option<String> => "text" personal,
        province: Option<String> => "text" personal,
        province_code: Option<String> => "text" personal,
        country: Option<String> => "text" personal,
        country_code: Option<String> => "text" personal,
        zip: Option<String> => "text" personal,
        phone: Option<String> => "text" personal,
    }
}
