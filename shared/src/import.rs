//! What an import is made of: kinds that a user names, and the bulk operations that each is.

use crate::message::QueueName;

/// What can be imported.
pub const KINDS: [&str; 5] = ["collections", "customers", "inventory", "orders", "products"];

/// One bulk operation.
#[derive(Debug)]
pub struct Operation {
    /// Its name in jobs, executions and messages.
    pub name: &'static str,
    /// The kind that it is a part of.
    pub kind: &'static str,
    /// What Shopify is asked to list.
    pub query: &'static str,
    /// The queue that takes its chunks.
    pub queue: QueueName,
}

/// Every operation.
pub static OPERATIONS: [Operation; 7] = [
    Operation {
        name: "products",
        kind: "products",
        query: include_str!("shopify/queries/products_bulk.graphql"),
        queue: QueueName::ProductSync,
    },
    Operation {
        name: "variant_metafields",
        kind: "products",
        query: include_str!("shopify/queries/variant_metafields_bulk.graphql"),
        queue: QueueName::VariantSync,
    },
    Operation {
        name: "collections",
        kind: "collections",
        query: include_str!("shopify/queries/collections_bulk.graphql"),
        queue: QueueName::CollectionSync,
    },
    Operation {
        name: "customers",
        kind: "customers",
        query: include_str!("shopify/queries/customers_bulk.graphql"),
        queue: QueueName::CustomerSync,
    },
    Operation {
        name: "orders",
        kind: "orders",
        query: include_str!("shopify/queries/orders_bulk.graphql"),
        queue: QueueName::OrderSync,
    },
    Operation {
        name: "inventory",
        kind: "inventory",
        query: include_str!("shopify/queries/inventory_bulk.graphql"),
        queue: QueueName::ProductSync,
    },
    Operation {
        name: "locations",
        kind: "inventory",
        query: include_str!("shopify/queries/locations_bulk.graphql"),
        queue: QueueName::ProductSync,
    },
];

/// The operation called `name`.
pub fn find(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}

/// The operations that these kinds are.
pub fn operations_of(kinds: &[String]) -> Vec<String> {
    let parts = OPERATIONS
        .iter()
        .filter(|operation| kinds.iter().any(|kind| kind == operation.kind));
    parts.map(|operation| operation.name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_an_operation_and_every_operation_a_known_kind() {
        for kind in KINDS {
            assert!(!operations_of(&[kind.to_owned()]).is_empty(), "{kind}");
        }
        assert!(OPERATIONS.iter().all(|operation| KINDS.contains(&operation.kind)));
        assert_eq!(operations_of(&KINDS.map(str::to_owned)).len(), OPERATIONS.len());
    }

    #[test]
    fn kinds_are_in_the_order_in_which_a_job_names_them() {
        assert!(KINDS.is_sorted());
    }
}
