//! The two spellings of a topic: `products/update` in headers, `PRODUCTS_UPDATE` in the schema.

/// Header forms whose place of the slash (or dot) does not follow from the enum value.
const HEADERS: [&str; 24] = [
    "app/uninstalled",
    "app/scopes_update",
    "bulk_operations/finish",
    "collections/create",
    "collections/delete",
    "collections/update",
    "customer.tags_added",
    "customer.tags_removed",
    "customer.joined_segment",
    "customer.left_segment",
    "customers/purchasing_summary",
    "customers_email_marketing_consent/update",
    "customers_marketing_consent/update",
    "customers_whats_app_marketing_consent/update",
    "orders/partially_fulfilled",
    "orders/risk_assessment_changed",
    "orders/shopify_protect_eligibility_changed",
    "orders/link_requested",
    "product_feeds/full_sync",
    "product_feeds/full_sync_finish",
    "product_feeds/incremental_sync",
    "subscription_billing_cycle_edits/create",
    "variants/in_stock",
    "variants/out_of_stock",
];

/// The enum value of a header form.
pub fn to_enum(header: &str) -> String {
    header.to_uppercase().replace(['/', '.'], "_")
}

/// The header form of an enum value: a known one, or the last word is the action.
pub fn to_header(value: &str) -> String {
    if let Some(known) = HEADERS.iter().find(|header| to_enum(header) == value) {
        return (*known).to_owned();
    }
    let lower = value.to_lowercase();
    match lower.rsplit_once('_') {
        Some((resource, action)) => format!("{resource}/{action}"),
        None => lower,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_name_the_same_topic() {
        for header in [
            "products/update",
            "inventory_levels/connect",
            "customer.tags_added",
            "variants/out_of_stock",
            "orders/partially_fulfilled",
        ] {
            assert_eq!(to_header(&to_enum(header)), header);
        }
    }
}
