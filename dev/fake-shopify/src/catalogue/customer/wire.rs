//! REST forms of a customer. Since 2025-01 they carry neither tags nor consent nor what was bought; those have
//! topics of their own.

use serde_json::{Value as Json, json};

use super::{Consent, Customer};
use crate::catalogue::Catalogue;
use crate::catalogue::address::Address;
use crate::catalogue::facts::{CURRENCY, amount};
use crate::clock;

impl Catalogue {
    /// The body of `customers/create`, `update`, `enable` and `disable`.
    pub(in crate::catalogue) fn customer_body(&self, customer: &Customer) -> Json {
        let mut body = self.customer_in_order(customer);
        let addresses: Vec<Json> = customer
            .addresses
            .iter()
            .map(|(id, address)| self.customer_address(customer, *id, address))
            .collect();
        body["created_at"] = self.local(customer.created_at).into();
        body["updated_at"] = self.local(customer.updated_at).into();
        // A list stays a list: what may not be seen is not in it.
        let hidden = self.facts.refused.contains("Customer.addressesV2");
        body["addresses"] = if hidden { json!([]) } else { addresses.into() };
        body
    }

    /// The reduced copy inside an order. It does not say when the customer was made or changed.
    pub(in crate::catalogue) fn customer_in_order(&self, customer: &Customer) -> Json {
        let default = customer
            .default_address()
            .map(|(id, address)| self.customer_address(customer, id, address));
        json!({
            "id": customer.id,
            "created_at": null,
            "updated_at": null,
            "first_name": self.open("Customer.firstName", &customer.first_name),
            "last_name": self.open("Customer.lastName", &customer.last_name),
            "state": customer.state,
            "note": self.open("Customer.note", &customer.note),
            "verified_email": customer.verified_email,
            "multipass_identifier": null,
            "tax_exempt": customer.tax_exempt,
            "email": self.open("Customer.defaultEmailAddress", &customer.email),
            "phone": self.open("Customer.defaultPhoneNumber", &customer.phone),
            "currency": CURRENCY,
            "tax_exemptions": customer.tax_exemptions,
            "admin_graphql_api_id": format!("gid://shopify/Customer/{}", customer.id),
            "default_address": self.open("Customer.defaultAddress", default),
        })
    }

    /// The body of `customers_email_marketing_consent/update`.
    pub(in crate::catalogue) fn email_consent_body(&self, customer: &Customer) -> Json {
        let Consent { level, updated_at, .. } = customer.email_consent;
        json!({
            "customer_id": customer.id,
            "email_address": self.open("Customer.defaultEmailAddress", &customer.email),
            "email_marketing_consent": {
                "state": customer.email_consent.state(),
                "opt_in_level": level,
                "consent_updated_at": updated_at.map(|at| self.local(at)),
            },
        })
    }

    /// The body of `customers_marketing_consent/update`.
    pub(in crate::catalogue) fn sms_consent_body(&self, customer: &Customer) -> Json {
        let Consent { level, updated_at, .. } = customer.sms_consent;
        json!({
            "id": customer.id,
            "phone": self.open("Customer.defaultPhoneNumber", &customer.phone),
            "sms_marketing_consent": {
                "state": customer.sms_consent.state(),
                "opt_in_level": level,
                "consent_updated_at": updated_at.map(|at| self.local(at)),
                "consent_collected_from": "other",
            },
        })
    }

    /// The body of `customers/purchasing_summary`, with gids and keys of the graph.
    pub(in crate::catalogue) fn summary_body(&self, id: i64, at: i64) -> Json {
        let summary = self.summary(id);
        json!({
            "customerId": gid(id),
            "numberOfOrders": summary.orders,
            "amountSpent": {"amount": amount(summary.spent), "currencyCode": CURRENCY},
            "lastOrderId": summary.last.map(|order| format!("gid://shopify/Order/{order}")),
            "occurredAt": clock::utc_fraction(at),
        })
    }

    fn customer_address(&self, customer: &Customer, id: i64, address: &Address) -> Json {
        json!({
            "id": id,
            "customer_id": customer.id,
            "first_name": self.open("MailingAddress.firstName", &address.first_name),
            "last_name": self.open("MailingAddress.lastName", &address.last_name),
            "company": self.open("MailingAddress.company", &address.company),
            "address1": self.open("MailingAddress.address1", &address.address1),
            "address2": self.open("MailingAddress.address2", &address.address2),
            "city": self.open("MailingAddress.city", address.city()),
            "province": address.province(),
            "country": address.country(),
            "zip": self.open("MailingAddress.zip", &address.zip),
            "phone": self.open("MailingAddress.phone", &address.phone),
            "name": self.open("MailingAddress.name", address.name()),
            "province_code": address.province_code(),
            "country_code": address.country_code(),
            "country_name": address.country(),
            "default": customer.default_address == Some(id),
        })
    }
}

/// The body of `customers/delete`.
pub fn deleted(customer: &Customer) -> Json {
    json!({
        "id": customer.id,
        "tax_exemptions": customer.tax_exemptions,
        "admin_graphql_api_id": gid(customer.id),
    })
}

/// The body of `customers/merge`.
pub fn merged(kept: i64, deleted: i64) -> Json {
    json!({
        "admin_graphql_api_customer_kept_id": gid(kept),
        "admin_graphql_api_customer_deleted_id": gid(deleted),
        "admin_graphql_api_job_id": null,
        "status": "completed",
        "errors": [],
    })
}

/// The body of `customer.tags_added` and `customer.tags_removed`: what changed, not what is.
pub fn tags(id: i64, tags: &[String], at: i64) -> Json {
    json!({"customerId": gid(id), "tags": tags, "occurredAt": clock::utc_fraction(at)})
}

fn gid(id: i64) -> String {
    format!("gid://shopify/Customer/{id}")
}
