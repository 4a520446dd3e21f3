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
    /// What its file lists in full, owners before their members: a row that it lacks is gone.
    pub lists: &'static [Listed],
    /// The scopes without which the file lacks rows that exist: of each group, one is enough.
    pub scopes: &'static [&'static [&'static str]],
}

/// Rows of which a file holds all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// The table.
    pub table: &'static str,
    /// Only those of owners of this kind, where the table holds those of several.
    pub owner: Option<&'static str>,
}

const fn all(table: &'static str) -> Listed {
    Listed { table, owner: None }
}

const fn metafields_of(kind: &'static str) -> Listed {
    Listed {
        table: "metafields",
        owner: Some(kind),
    }
}

impl Operation {
    /// The group of scopes of which none is among `granted`; none if the file is whole. A scope to write includes the one
    /// to read.
    pub fn lacks_scope(&self, granted: &[String]) -> Option<&'static [&'static str]> {
        let has = |scope: &&str| {
            let write = scope.replacen("read_", "write_", 1);
            granted.iter().any(|it| it == scope || *it == write)
        };
        self.scopes.iter().copied().find(|group| !group.iter().any(has))
    }
}

/// Every operation.
pub static OPERATIONS: [Operation; 7] = [
    Operation {
        name: "products",
        kind: "products",
        query: include_str!("shopify/queries/products_bulk.graphql"),
        queue: QueueName::ProductSync,
        lists: &[
            all("products"),
            all("product_options"),
            all("product_media"),
            all("product_variants"),
            metafields_of("Product"),
        ],
        scopes: &[&["read_products"]],
    },
    Operation {
        name: "variant_metafields",
        kind: "products",
        query: include_str!("shopify/queries/variant_metafields_bulk.graphql"),
        queue: QueueName::VariantSync,
        lists: &[metafields_of("ProductVariant")],
        scopes: &[&["read_products"]],
    },
    Operation {
        name: "collections",
        kind: "collections",
        query: include_str!("shopify/queries/collections_bulk.graphql"),
        queue: QueueName::CollectionSync,
        lists: &[
            all("collections"),
            all("collection_products"),
            metafields_of("Collection"),
        ],
        scopes: &[&["read_products"]],
    },
    Operation {
        name: "customers",
        kind: "customers",
        query: include_str!("shopify/queries/customers_bulk.graphql"),
        queue: QueueName::CustomerSync,
        // Tags, totals and consents are hidden with their customer.
        lists: &[all("customers"), all("customer_addresses"), metafields_of("Customer")],
        scopes: &[&["read_customers"]],
    },
    Operation {
        name: "orders",
        kind: "orders",
        query: include_str!("shopify/queries/orders_bulk.graphql"),
        queue: QueueName::OrderSync,
        // Lines of refunds are fetched order by order, and go with their order.
        lists: &[
            all("orders"),
            all("order_line_items"),
            all("order_transactions"),
            all("refunds"),
            all("fulfillments"),
            metafields_of("Order"),
        ],
        scopes: &[&["read_orders"], &["read_all_orders"]],
    },
    Operation {
        name: "inventory",
        kind: "inventory",
        query: include_str!("shopify/queries/inventory_bulk.graphql"),
        queue: QueueName::ProductSync,
        lists: &[all("inventory_items"), all("inventory_levels")],
        scopes: &[&["read_inventory"]],
    },
    Operation {
        name: "locations",
        kind: "inventory",
        query: include_str!("shopify/queries/locations_bulk.graphql"),
        queue: QueueName::ProductSync,
        lists: &[all("locations")],
        scopes: &[&["read_locations", "read_inventory"]],
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
    fn what_a_file_lists_is_a_mirrored_table_with_its_owners_first() {
        for operation in &OPERATIONS {
            let place = |listed: &Listed| {
                crate::store::tables()
                    .iter()
                    .position(|table| table.name == listed.table)
            };
            let places: Vec<usize> = operation
                .lists
                .iter()
                .map(|listed| place(listed).unwrap_or_else(|| panic!("no table {}", listed.table)))
                .collect();
            assert!(places.is_sorted() && !places.is_empty(), "{}", operation.name);
        }
    }

    #[test]
    fn orders_are_all_there_only_with_both_scopes_and_to_write_is_to_read() {
        let lacks = |name: &str, granted: &[&str]| {
            let granted: Vec<String> = granted.iter().map(|scope| (*scope).to_owned()).collect();
            find(name).unwrap().lacks_scope(&granted)
        };
        assert_eq!(lacks("orders", &["read_orders"]), Some(["read_all_orders"].as_slice()));
        assert_eq!(lacks("orders", &["write_orders", "read_all_orders"]), None);
        assert_eq!(lacks("locations", &["read_inventory"]), None);
        assert_eq!(
            lacks("locations", &[]),
            Some(["read_locations", "read_inventory"].as_slice())
        );
    }

    #[test]
    fn kinds_are_in_the_order_in_which_a_job_names_them() {
        assert!(KINDS.is_sorted());
    }
}
