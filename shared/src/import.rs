//! What an import is made of: kinds that a user names, and the bulk operations that each is.

use crate::message::QueueName;

/// What can be imported.
pub const KINDS: [&str; 5] = ["collections", "customers", "inventory", "orders", "products"];

/// One bulk operation.
#[derive(Debug)]
pub struct Operation {
    /// Its name in jobs, executions and messages; a part of it has a number behind that, and a part of that another.
    pub name: &'static str,
    /// The kind that it is a part of.
    pub kind: &'static str,
    /// What Shopify is asked to list.
    pub query: &'static str,
    /// The list in that query.
    pub root: &'static str,
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

/// The ids that a part of an operation lists, both included; none: without bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Range {
    /// The least.
    pub from: Option<i64>,
    /// The greatest.
    pub to: Option<i64>,
}

/// Parts into which an operation is split that is too much for Shopify: more than the five that may run at once, for ids
/// are even in time, and the last years may hold the most.
const PARTS: i64 = 8;
/// The longest name of an operation: an execution's name holds the import's id besides.
const LONGEST_NAME: usize = 40;

impl Range {
    /// The filter in the words of Shopify's search; empty if everything is in the range.
    fn filter(self) -> String {
        let from = self.from.map(|id| format!("id:>={id}"));
        let to = self.to.map(|id| format!("id:<={id}"));
        from.into_iter().chain(to).collect::<Vec<_>>().join(" ")
    }

    /// Cuts the range, in which ids go from `first` to `last`, into parts that miss none, whatever is added at its ends.
    fn cut(self, first: i64, last: i64) -> Vec<Self> {
        let step = (last - first) / PARTS + 1;
        let starts: Vec<i64> = (1..PARTS)
            .map(|part| first + step * part)
            .filter(|start| *start <= last)
            .collect();
        let from = std::iter::once(self.from).chain(starts.iter().copied().map(Some));
        let to = starts.iter().map(|start| Some(start - 1)).chain([self.to]);
        from.zip(to).map(|(from, to)| Self { from, to }).collect()
    }
}

/// Names and ranges of the parts of the operation called `name`, in which ids go from `first` to `last`; none if it cannot
/// be split further.
pub fn parts(name: &str, range: Range, first: i64, last: i64) -> Vec<(String, Range)> {
    let ranges = range.cut(first, last);
    if ranges.len() < 2 || name.len() + 2 > LONGEST_NAME {
        return Vec::new();
    }
    let numbered = ranges.into_iter().enumerate();
    numbered
        .map(|(place, range)| (format!("{name}-{}", place + 1), range))
        .collect()
}

impl Operation {
    /// The query for the ids in a range.
    pub fn query_of(&self, range: Range) -> String {
        let filter = range.filter();
        if filter.is_empty() {
            return self.query.to_owned();
        }
        let (before, after) = self
            .query
            .split_once(&format!("\n  {}", self.root))
            .expect("a query lists its root");
        // Either arguments follow, or the selection.
        let rest = match after.strip_prefix('(') {
            Some(arguments) => format!(", {arguments}"),
            None => format!("){after}"),
        };
        format!("{before}\n  {}(query: \"{filter}\"{rest}", self.root)
    }

    /// Asks for the first and the last id in a range, called `first` and `last`.
    pub fn bounds_query(&self, range: Range) -> String {
        let filter = range.filter();
        // Shopify lists these in the order of their ids, and lets nobody ask for it.
        let sort = if self.root == "inventoryItems" {
            ""
        } else {
            ", sortKey: ID"
        };
        let list = |name, more| {
            format!(
                "  {name}: {}(first: 1{sort}{more}, query: \"{filter}\") {{ nodes {{ id }} }}\n",
                self.root
            )
        };
        format!("{{\n{}{}}}\n", list("first", ""), list("last", ", reverse: true"))
    }

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
        root: "products",
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
        root: "productVariants",
        queue: QueueName::VariantSync,
        lists: &[metafields_of("ProductVariant")],
        scopes: &[&["read_products"]],
    },
    Operation {
        name: "collections",
        kind: "collections",
        query: include_str!("shopify/queries/collections_bulk.graphql"),
        root: "collections",
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
        root: "customers",
        queue: QueueName::CustomerSync,
        // Tags, totals and consents are hidden with their customer.
        lists: &[all("customers"), all("customer_addresses"), metafields_of("Customer")],
        scopes: &[&["read_customers"]],
    },
    Operation {
        name: "orders",
        kind: "orders",
        query: include_str!("shopify/queries/orders_bulk.graphql"),
        root: "orders",
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
        root: "inventoryItems",
        queue: QueueName::ProductSync,
        lists: &[all("inventory_items"), all("inventory_levels")],
        scopes: &[&["read_inventory"]],
    },
    Operation {
        name: "locations",
        kind: "inventory",
        query: include_str!("shopify/queries/locations_bulk.graphql"),
        root: "locations",
        queue: QueueName::ProductSync,
        lists: &[all("locations")],
        scopes: &[&["read_locations", "read_inventory"]],
    },
];

/// The operation called `name`, or of which it is a part.
pub fn find(name: &str) -> Option<&'static Operation> {
    let whole = name.split('-').next();
    OPERATIONS.iter().find(|operation| Some(operation.name) == whole)
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

    #[test]
    fn parts_miss_no_id_and_share_none() {
        let parts = parts("orders", Range::default(), 10, 1_000);
        let names: Vec<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((names.len(), names[0], names[7]), (8, "orders-1", "orders-8"));
        assert_eq!((parts[0].1.from, parts[7].1.to), (None, None));
        for pair in parts.windows(2) {
            assert_eq!(pair[0].1.to.unwrap() + 1, pair[1].1.from.unwrap());
        }
        let again = super::parts("orders-8", parts[7].1, 954, 955);
        let ranges: Vec<Range> = again.iter().map(|(_, range)| *range).collect();
        let (from, to) = (parts[7].1.from, Some(954));
        assert_eq!(
            ranges,
            [
                Range { from, to },
                Range {
                    from: Some(955),
                    to: None
                }
            ]
        );
        assert!(super::parts("orders-8-1", ranges[0], 954, 954).is_empty());
    }

    #[test]
    fn every_query_can_be_asked_for_a_range() {
        for operation in &OPERATIONS {
            let query = operation.query_of(Range {
                from: Some(3),
                to: Some(5),
            });
            let list = format!("  {}(query: \"id:>=3 id:<=5\"", operation.root);
            assert!(query.contains(&list), "{query}");
            assert_eq!(operation.query_of(Range::default()), operation.query);
            assert_eq!(find(&format!("{}-4-1", operation.name)).unwrap().name, operation.name);
        }
    }
}
