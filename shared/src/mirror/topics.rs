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
    /// Shopify has ended a bulk operation.
    BulkEnd(String),
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
        // The import asks by itself how far an operation is; being told only saves a wait.
        "bulk_operations/finish" => return bulk_end(raw).map(Plan::BulkEnd),
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
        "orders" | "order_transactions" | "refunds" | "fulfillments" => "Order",
        "inventory_items" => "InventoryItem",
        "locations" => "Location",
        _ => return Ok(Plan::Nothing),
    };
    let named = parse::<rest::Stub>(raw, NAMES)?;
    Ok(Plan::Rows(rows.want(
        kind,
        named.order_id.unwrap_or(named.id),
        OVERSIZED,
    )))
}

const NAMES: &str = "body that names a resource";

fn stub(raw: &str) -> Result<i64, Error> {
    parse::<rest::Stub>(raw, NAMES).map(|stub| stub.id)
}

fn scopes(raw: &str) -> Result<Vec<String>, Error> {
    #[derive(serde::Deserialize)]
    struct Body {
        current: Vec<String>,
    }
    parse::<Body>(raw, "list of scopes").map(|body| body.current)
}

fn bulk_end(raw: &str) -> Result<String, Error> {
    #[derive(serde::Deserialize)]
    struct Body {
        admin_graphql_api_id: String,
    }
    parse::<Body>(raw, "end of a bulk operation").map(|body| body.admin_graphql_api_id)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::{Value, json};

    use super::*;
    use crate::message::QueueName;
    use crate::shopify::Gid;

    /// What a delivery leads to, in words.
    fn effect(topic: &str, body: &Value) -> String {
        let mut rows = Rows::new(7, DateTime::from_timestamp(2_000_000_000, 0).unwrap());
        let plan = plan(&mut rows, topic, &body.to_string()).unwrap_or_else(|error| panic!("{topic}: {error}"));
        for want in &rows.wants {
            let gid = Gid::parse(&want.gid).unwrap();
            assert!(
                QueueName::of_resource(&gid).is_some(),
                "{topic} wants {gid}, which no queue takes"
            );
        }
        match plan {
            Plan::Rows(Subject::Row { table, .. }) => format!("row of {}", table.name),
            Plan::Rows(Subject::Deletion { table, .. }) => format!("deletion in {}", table.name),
            Plan::Rows(Subject::Wanted) => {
                let wants = rows
                    .wants
                    .iter()
                    .map(|want| want.gid.trim_start_matches("gid://shopify/"));
                format!("fetch of {}", wants.collect::<Vec<_>>().join(", "))
            }
            Plan::Uninstall => "uninstall".to_owned(),
            Plan::Scopes(scopes) => format!("scopes {}", scopes.join(", ")),
            Plan::Privacy(_) => "privacy".to_owned(),
            Plan::BulkEnd(gid) => format!("end of {gid}"),
            Plan::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn every_topic_leads_to_something() {
        let whole = json!({"id": 1, "order_id": 2, "updated_at": "2026-11-20T09:01:14Z"});
        let id = json!({"id": 1});
        let level =
            json!({"inventory_item_id": 1, "location_id": 2, "available": 3, "updated_at": "2026-11-20T09:01:14Z"});
        let of_customer = json!({"customerId": "gid://shopify/Customer/1", "tags": ["x"]});
        let merge = json!({
            "admin_graphql_api_customer_kept_id": "gid://shopify/Customer/1",
            "admin_graphql_api_customer_deleted_id": "gid://shopify/Customer/2",
            "status": "completed",
        });
        let edit = json!({"order_edit": {"id": 5, "order_id": 1}});
        let scopes = json!({"current": ["read_products", "read_orders"]});
        let privacy =
            json!({"shop_id": 1, "shop_domain": "a.myshopify.com", "customer": {"id": 1}, "data_request": {"id": 9}});
        let bulk = json!({"admin_graphql_api_id": "gid://shopify/BulkOperation/1", "status": "completed"});
        let mail = json!({"customer_id": 1, "email_marketing_consent": {"state": "subscribed"}});
        for (topics, body, expected) in [
            ("products/create products/update", &whole, "row of products"),
            ("products/delete", &id, "deletion in products"),
            (
                "variants/in_stock variants/out_of_stock",
                &id,
                "fetch of ProductVariant/1",
            ),
            ("collections/create collections/update", &whole, "row of collections"),
            ("collections/delete", &id, "deletion in collections"),
            (
                "customers/create customers/update customers/enable customers/disable",
                &whole,
                "row of customers",
            ),
            ("customers/delete", &id, "deletion in customers"),
            ("customers/merge", &merge, "deletion in customers"),
            (
                "customers/purchasing_summary",
                &of_customer,
                "row of customer_purchases",
            ),
            (
                "customer.tags_added customer.tags_removed",
                &of_customer,
                "fetch of Customer/1",
            ),
            (
                "customers_email_marketing_consent/update",
                &mail,
                "row of customer_email_consents",
            ),
            (
                "customers_marketing_consent/update",
                &id,
                "row of customer_sms_consents",
            ),
            (
                "orders/create orders/updated orders/paid orders/cancelled orders/fulfilled orders/partially_fulfilled",
                &whole,
                "row of orders",
            ),
            ("orders/edited", &edit, "fetch of Order/1"),
            ("orders/delete", &id, "deletion in orders"),
            ("order_transactions/create", &whole, "row of order_transactions"),
            ("refunds/create", &whole, "row of refunds"),
            ("fulfillments/create fulfillments/update", &whole, "row of fulfillments"),
            (
                "inventory_items/create inventory_items/update",
                &whole,
                "row of inventory_items",
            ),
            ("inventory_items/delete", &id, "deletion in inventory_items"),
            (
                "inventory_levels/connect inventory_levels/update",
                &level,
                "row of inventory_levels",
            ),
            ("inventory_levels/disconnect", &level, "deletion in inventory_levels"),
            (
                "locations/create locations/update locations/activate locations/deactivate",
                &whole,
                "row of locations",
            ),
            ("locations/delete", &id, "deletion in locations"),
            ("shop/update", &id, "fetch of Shop/1"),
            ("app/scopes_update", &scopes, "scopes read_products, read_orders"),
            ("app/uninstalled", &id, "uninstall"),
            (
                "customers/data_request customers/redact shop/redact",
                &privacy,
                "privacy",
            ),
            ("bulk_operations/finish", &bulk, "end of gid://shopify/BulkOperation/1"),
            ("orders/update products carts/update", &id, "nothing"),
        ] {
            for topic in topics.split(' ') {
                assert_eq!(effect(topic, body), expected, "{topic}");
            }
        }
    }

    #[test]
    fn a_body_without_a_version_is_fetched_whatever_its_kind() {
        for (topic, expected) in [
            ("products/update", "fetch of Product/1"),
            ("collections/update", "fetch of Collection/1"),
            ("customers/update", "fetch of Customer/1"),
            ("orders/updated", "fetch of Order/1"),
            ("fulfillments/update", "fetch of Order/2"),
            ("inventory_items/update", "fetch of InventoryItem/1"),
            ("inventory_levels/update", "fetch of InventoryItem/3"),
            ("locations/update", "fetch of Location/1"),
        ] {
            let body = json!({"id": 1, "order_id": 2, "inventory_item_id": 3, "location_id": 4});
            assert_eq!(effect(topic, &body), expected);
        }
    }

    #[test]
    fn a_body_too_large_is_fetched_whatever_its_kind() {
        let (whole, part) = (r#"{"id":1}"#, r#"{"id":1,"order_id":2}"#);
        for (topic, body, wanted) in [
            ("products/update", whole, "Product/1"),
            ("variants/in_stock", whole, "ProductVariant/1"),
            ("collections/update", whole, "Collection/1"),
            ("customers/update", whole, "Customer/1"),
            ("orders/updated", whole, "Order/1"),
            ("order_transactions/create", part, "Order/2"),
            ("refunds/create", part, "Order/2"),
            ("fulfillments/update", part, "Order/2"),
            ("inventory_items/update", whole, "InventoryItem/1"),
            ("locations/update", whole, "Location/1"),
        ] {
            let mut rows = Rows::new(7, DateTime::UNIX_EPOCH);
            let plan = plan_oversized(&mut rows, topic, body).unwrap();
            assert!(matches!(plan, Plan::Rows(Subject::Wanted)));
            assert_eq!(rows.wants[0].gid, format!("gid://shopify/{wanted}"));
        }
    }
}
