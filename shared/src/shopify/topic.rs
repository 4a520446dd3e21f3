//! Webhook topics.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The subject of a delivery, in the header's form: `products/update`. Every text is one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Topic(String);

/// Every topic that tells the mirror something and can be subscribed to through the Admin API: the three of the law cannot.
pub const SUBSCRIBABLE: [&str; 46] = [
    "app/uninstalled",
    "app/scopes_update",
    "shop/update",
    "bulk_operations/finish",
    "products/create",
    "products/update",
    "products/delete",
    "variants/in_stock",
    "variants/out_of_stock",
    "collections/create",
    "collections/update",
    "collections/delete",
    "customers/create",
    "customers/update",
    "customers/enable",
    "customers/disable",
    "customers/delete",
    "customers/merge",
    "customers/purchasing_summary",
    "customer.tags_added",
    "customer.tags_removed",
    "customers_email_marketing_consent/update",
    "customers_marketing_consent/update",
    "orders/create",
    "orders/updated",
    "orders/paid",
    "orders/cancelled",
    "orders/fulfilled",
    "orders/partially_fulfilled",
    "orders/edited",
    "orders/delete",
    "order_transactions/create",
    "refunds/create",
    "fulfillments/create",
    "fulfillments/update",
    "inventory_items/create",
    "inventory_items/update",
    "inventory_items/delete",
    "inventory_levels/connect",
    "inventory_levels/update",
    "inventory_levels/disconnect",
    "locations/create",
    "locations/update",
    "locations/activate",
    "locations/deactivate",
    "locations/delete",
];

impl Topic {
    /// Reads a topic.
    pub fn parse(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The topic as the header writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether each body tells the whole state of one resource as it was then, so that only the latest matters.
    pub fn tells_all(&self) -> bool {
        matches!(
            self.as_str(),
            "products/update"
                | "collections/update"
                | "customers/update"
                | "orders/updated"
                | "inventory_items/update"
                | "locations/update"
        )
    }

    /// Whether no later reading of the store could make up for losing this delivery, so that it must be committed
    /// to Postgres before it is answered.
    pub fn is_irrecoverable(&self) -> bool {
        matches!(
            self.as_str(),
            "app/uninstalled" | "customers/data_request" | "customers/redact" | "shop/redact"
        )
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
