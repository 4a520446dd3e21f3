//! The one table of topics: what the mirror does with a delivery.

use super::rows::{OVERSIZED, Rows, Subject, parse};
use super::{Error, privacy};
use crate::shopify::rest;
use crate::store::tables::{Collection, Customer, InventoryItem, Location, Order, Product};

/// What a delivery asks for.
#[derive(Debug)]
pub(super) enum Plan {
    /// Rows, as they are in the [`Rows`] that were given.
    Rows(Subject),
    /// The store removed the app.
    Uninstall,
    /// The store granted other scopes.
    Scopes(Vec<String>),
    /// A customer or the law asks for something. It is done by itself, not with other deliveries.
    Privacy(privacy::Request),
    /// Nothing: the topic is not of the mirror.
    Nothing,
}

/// Why resources are fetched whose bodies do not tell their state.
const IN_PART: &str = "the topic's body tells only part of the state";

/// Whether a topic asks for something under the law.
pub(super) fn is_privacy(topic: &str) -> bool {
    matches!(topic, "customers/data_request" | "customers/redact" | "shop/redact")
}

/// Adds what a delivery of `topic` asks for to `rows`.
pub(super) fn plan(rows: &mut Rows, topic: &str, raw: &str) -> Result<Plan, Error> {
    let subject = match topic {
        "products/create" | "products/update" => rows.product_of_webhook(raw),
        "products/delete" => stub(raw).map(|id| rows.delete::<Product>(id)),
        "variants/in_stock" | "variants/out_of_stock" => stub(raw).map(|id| rows.want("ProductVariant", id, IN_PART)),

        "collections/create" | "collections/update" => rows.collection_of_webhook(raw),
        "collections/delete" => stub(raw).map(|id| rows.delete::<Collection>(id)),

        "customers/create" | "customers/update" | "customers/enable" | "customers/disable" => {
            rows.customer_of_webhook(raw)
        }
        "customers/delete" => stub(raw).map(|id| rows.delete::<Customer>(id)),
        "customers/merge" => match rows.customers_merge(raw)? {
            Some(subject) => Ok(subject),
            None => return Ok(Plan::Nothing),
        },
        "customers/purchasing_summary" => rows.purchases_of_webhook(raw),
        "customer.tags_added" | "customer.tags_removed" => rows.customer_tags_delta(raw),
        "customers_email_marketing_consent/update" => rows.email_consent_of_webhook(raw),
        "customers_marketing_consent/update" => rows.sms_consent_of_webhook(raw),

        "orders/create"
        | "orders/updated"
        | "orders/paid"
        | "orders/cancelled"
        | "orders/fulfilled"
        | "orders/partially_fulfilled" => rows.order_of_webhook(raw),
        "orders/edited" => rows.order_edit(raw),
        "orders/delete" => stub(raw).map(|id| rows.delete::<Order>(id)),
        "order_transactions/create" => rows.transaction_of_webhook(raw),
        "refunds/create" => rows.refund_of_webhook(raw),
        "fulfillments/create" | "fulfillments/update" => rows.fulfillment_of_webhook(raw),

        "inventory_items/create" | "inventory_items/update" => rows.inventory_item_of_webhook(raw),
        "inventory_items/delete" => stub(raw).map(|id| rows.delete::<InventoryItem>(id)),
        "inventory_levels/connect" | "inventory_levels/update" => rows.inventory_level_of_webhook(raw),
        "inventory_levels/disconnect" => rows.inventory_level_disconnected(raw),
        "locations/create" | "locations/update" | "locations/activate" | "locations/deactivate" => {
            rows.location_of_webhook(raw)
        }
        "locations/delete" => stub(raw).map(|id| rows.delete::<Location>(id)),

        "shop/update" => stub(raw).map(|id| rows.want("Shop", id, IN_PART)),
        "app/scopes_update" => return scopes(raw).map(Plan::Scopes),
        "app/uninstalled" => return Ok(Plan::Uninstall),
        "customers/data_request" => {
            return parse(raw, "data request").map(|body| Plan::Privacy(privacy::Request::Data(body)));
        }
        "customers/redact" => {
            return parse(raw, "request to erase a customer")
                .map(|body| Plan::Privacy(privacy::Request::Customer(body)));
        }
        "shop/redact" => return Ok(Plan::Privacy(privacy::Request::Shop)),
        // The import asks by itself how far an operation is, and never relies on being told.
        "bulk_operations/finish" => return Ok(Plan::Nothing),
        _ => return Ok(Plan::Nothing),
    };
    subject.map(Plan::Rows)
}

/// Adds that the resource must be fetched whose body was too large for the queue and came as its id only.
pub(super) fn plan_oversized(rows: &mut Rows, topic: &str, raw: &str) -> Result<Plan, Error> {
    let kind = match topic.split(['/', '.']).next().unwrap_or_default() {
        "products" => "Product",
        "variants" => "ProductVariant",
        "collections" => "Collection",
        "customers" => "Customer",
        "orders" => "Order",
        "inventory_items" => "InventoryItem",
        "locations" => "Location",
        _ => return Ok(Plan::Nothing),
    };
    let id = stub(raw)?;
    Ok(Plan::Rows(rows.want(kind, id, OVERSIZED)))
}

fn stub(raw: &str) -> Result<i64, Error> {
    parse::<rest::Stub>(raw, "body that names a resource").map(|stub| stub.id)
}

fn scopes(raw: &str) -> Result<Vec<String>, Error> {
    #[derive(serde::Deserialize)]
    struct Body {
        current: Vec<String>,
    }
    parse::<Body>(raw, "list of scopes").map(|body| body.current)
}
