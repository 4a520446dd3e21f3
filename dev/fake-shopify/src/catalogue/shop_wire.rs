//! REST forms of the shop, of the app's scopes, and of what the law demands.

use serde_json::{Map, Value as Json, json};

use super::Catalogue;
use super::facts::CURRENCY;
use crate::clock;

/// What this shop has nothing of, or does not tell.
const ABSENT: [&str; 14] = [
    "domain",
    "source",
    "latitude",
    "longitude",
    "address2",
    "taxes_included",
    "auto_configure_tax_inclusivity",
    "tax_shipping",
    "county_taxes",
    "google_apps_domain",
    "google_apps_login_enabled",
    "password_enabled",
    "myshopify_domain",
    "primary_location_id",
];

/// What is true of it.
const TRUE: [&str; 6] = [
    "has_gift_cards",
    "eligible_for_payments",
    "has_storefront",
    "finances",
    "checkout_api_supported",
    "multi_location_enabled",
];

/// What is not.
const FALSE: [&str; 6] = [
    "has_discounts",
    "requires_extra_payments_agreement",
    "setup_required",
    "pre_launch_enabled",
    "marketing_sms_consent_enabled_at_checkout",
    "transactional_sms_disabled",
];

impl Catalogue {
    /// The body of `shop/update` and `app/uninstalled`.
    pub(super) fn shop_body(&self) -> Json {
        let flags = [(&ABSENT[..], Json::Null), (&TRUE, true.into()), (&FALSE, false.into())];
        let mut body = Map::new();
        for (keys, value) in flags {
            body.extend(keys.iter().map(|key| ((*key).to_owned(), value.clone())));
        }
        let facts = &self.facts;
        let fields = json!({
            "id": self.shop_id(),
            "name": facts.name,
            "email": facts.email,
            "province": "Tennessee",
            "country": "US",
            "address1": "190 MacLaren Street",
            "zip": "37178",
            "city": "Houston",
            "phone": "3213213210",
            "primary_locale": "en",
            "created_at": self.local(1_700_000_000),
            "updated_at": self.local(facts.updated_at),
            "country_code": "US",
            "country_name": "United States",
            "currency": CURRENCY,
            "customer_email": facts.email,
            "timezone": "(GMT-05:00) Eastern Time (US & Canada)",
            "iana_timezone": "America/New_York",
            "shop_owner": "John Smith",
            "money_format": "${{amount}}",
            "money_with_currency_format": "${{amount}} USD",
            "weight_unit": "kg",
            "province_code": "TN",
            "plan_display_name": "Development",
            "plan_name": "partner_test",
            "money_in_emails_format": "${{amount}}",
            "money_with_currency_in_emails_format": "${{amount}} USD",
            "enabled_presentment_currencies": ["USD", "EUR", "CAD"],
        });
        if let Json::Object(fields) = fields {
            body.extend(fields);
        }
        let main = self.locations.values().find(|location| location.active);
        body.insert("myshopify_domain".to_owned(), self.domain.as_str().into());
        body.insert(
            "primary_location_id".to_owned(),
            main.map(|location| location.id).into(),
        );
        Json::Object(body)
    }

    /// The body of `app/scopes_update`.
    pub(super) fn scopes_body(&self, previous: &[String], at: i64) -> Json {
        json!({
            "id": 690_000_000_001_i64,
            "shop_id": format!("gid://shopify/Shop/{}", self.shop_id()),
            "previous": previous,
            "current": self.facts.scopes,
            "updated_at": clock::utc_millis(at),
        })
    }

    /// The body of `customers/data_request`.
    pub(super) fn data_request_body(&self, customer: i64, at: i64) -> Json {
        json!({
            "shop_id": self.shop_id(),
            "shop_domain": self.domain,
            "customer": self.person(customer),
            "orders_requested": self.orders_of.get(&customer).map_or(&[][..], Vec::as_slice),
            "data_request": {"id": at},
        })
    }

    /// The body of `customers/redact`.
    pub(super) fn redact_body(&self, customer: i64) -> Json {
        json!({
            "shop_id": self.shop_id(),
            "shop_domain": self.domain,
            "customer": self.person(customer),
            "orders_to_redact": self.orders_of.get(&customer).map_or(&[][..], Vec::as_slice),
        })
    }

    /// The body of `shop/redact`.
    pub(super) fn shop_redact_body(&self) -> Json {
        json!({"shop_id": self.shop_id(), "shop_domain": self.domain})
    }

    /// Who is meant. Of one who is deleted only the id is left.
    fn person(&self, id: i64) -> Json {
        let customer = self.customers.get(&id);
        json!({
            "id": id,
            "email": customer.and_then(|customer| customer.email.as_deref()),
            "phone": customer.and_then(|customer| customer.phone.as_deref()),
        })
    }
}
