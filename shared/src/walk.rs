//! The lists of a store that are compared with its mirror.
//!
//! A list names every resource of a kind with the time of its last change. What differs is fetched by its id, so a list
//! writes no row and a wrong one does no harm.

use crate::message::QueueName;
use crate::shopify::{Changes, List};
use crate::store::tables::{Collection, Customer, InventoryItem, Location, Order, Product, ProductVariant};
use crate::store::{Row, Table};

/// One list.
#[derive(Debug)]
pub struct Walk {
    /// Its name in rows and messages.
    pub name: &'static str,
    /// The kind of import that would heal what is too much for single fetches.
    pub kind: &'static str,
    /// The bulk operation that reads the same resources: since it ran, changes are known.
    pub operation: &'static str,
    /// How Shopify is asked.
    pub list: List,
    /// Where the resources are mirrored.
    pub table: fn() -> &'static Table,
    /// The queue that takes its messages.
    pub queue: QueueName,
    /// Shopify may leave out what is old, unless the store grants `read_all_orders`.
    pub may_hide: bool,
}

/// Every list.
pub static WALKS: [Walk; 7] = [
    Walk {
        name: "products",
        kind: "products",
        operation: "products",
        list: List {
            document: include_str!("shopify/queries/products_list.graphql"),
            changes: Changes::Sorted,
            whole_days: false,
        },
        table: Product::table,
        queue: QueueName::ProductSync,
        may_hide: false,
    },
    Walk {
        name: "variants",
        kind: "products",
        operation: "products",
        list: List {
            document: include_str!("shopify/queries/product_variants_list.graphql"),
            changes: Changes::Filtered,
            whole_days: false,
        },
        table: ProductVariant::table,
        queue: QueueName::VariantSync,
        may_hide: false,
    },
    Walk {
        name: "collections",
        kind: "collections",
        operation: "collections",
        list: List {
            document: include_str!("shopify/queries/collections_list.graphql"),
            changes: Changes::Sorted,
            whole_days: false,
        },
        table: Collection::table,
        queue: QueueName::CollectionSync,
        may_hide: false,
    },
    Walk {
        name: "customers",
        kind: "customers",
        operation: "customers",
        list: List {
            document: include_str!("shopify/queries/customers_list.graphql"),
            changes: Changes::Sorted,
            whole_days: true,
        },
        table: Customer::table,
        queue: QueueName::CustomerSync,
        may_hide: false,
    },
    Walk {
        name: "orders",
        kind: "orders",
        operation: "orders",
        list: List {
            document: include_str!("shopify/queries/orders_list.graphql"),
            changes: Changes::Sorted,
            whole_days: false,
        },
        table: Order::table,
        queue: QueueName::OrderSync,
        may_hide: true,
    },
    Walk {
        name: "inventory",
        kind: "inventory",
        operation: "inventory",
        list: List {
            document: include_str!("shopify/queries/inventory_items_list.graphql"),
            changes: Changes::Filtered,
            whole_days: false,
        },
        table: InventoryItem::table,
        queue: QueueName::ProductSync,
        may_hide: false,
    },
    Walk {
        name: "locations",
        kind: "inventory",
        operation: "locations",
        list: List {
            document: include_str!("shopify/queries/locations_list.graphql"),
            changes: Changes::Whole,
            whole_days: false,
        },
        table: Location::table,
        queue: QueueName::ProductSync,
        may_hide: false,
    },
];

/// The list called `name`.
pub fn find(name: &str) -> Option<&'static Walk> {
    WALKS.iter().find(|walk| walk.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import;

    #[test]
    fn every_list_has_an_import_that_heals_it() {
        for walk in &WALKS {
            let operation = import::find(walk.operation).expect("the operation exists");
            assert_eq!(operation.kind, walk.kind, "{}", walk.name);
            assert_eq!(find(walk.name).map(|found| found.name), Some(walk.name));
        }
    }
}
