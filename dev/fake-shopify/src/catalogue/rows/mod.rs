//! The canonical line of a row: one text per live row, against which a mirror proves itself equal.
//!
//! Columns are joined by `|`; null is `\N`; instants are UTC in whole seconds; lists are joined by `,`; enum words are
//! those of REST; text is as it is. The mirror writes the same lines from its own tables; not a byte may differ. Of
//! orders, and of all that hangs on them, only those are here that the app may see.

mod customers;
mod goods;
mod orders;
mod stock;

use serde::Serialize;

use super::Catalogue;
use super::facts::amount;
use super::metafield::{Metafield, Of};
use super::order::Order;
use crate::clock;

/// A kind of row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Products.
    Products,
    /// Variants.
    ProductVariants,
    /// Options of products.
    ProductOptions,
    /// Pictures of products.
    ProductMedia,
    /// Collections.
    Collections,
    /// Which product is in which collection.
    CollectionProducts,
    /// Locations.
    Locations,
    /// Inventory items.
    InventoryItems,
    /// Active inventory levels.
    InventoryLevels,
    /// Customers.
    Customers,
    /// Addresses of customers.
    CustomerAddresses,
    /// Orders.
    Orders,
    /// Lines of orders.
    OrderLineItems,
    /// Payments of orders.
    OrderTransactions,
    /// Refunds.
    Refunds,
    /// Lines of refunds.
    RefundLineItems,
    /// Fulfillments.
    Fulfillments,
    /// Metafields.
    Metafields,
}

/// The key of a row: one id, or two.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(untagged)]
pub enum Key {
    /// An id.
    One(i64),
    /// The ids of what it joins.
    Two(i64, i64),
}

/// A row: its key and its line.
pub type Row = (Key, String);

impl Table {
    /// All tables with their names.
    pub const ALL: [(&'static str, Self); 18] = [
        ("products", Self::Products),
        ("product_variants", Self::ProductVariants),
        ("product_options", Self::ProductOptions),
        ("product_media", Self::ProductMedia),
        ("collections", Self::Collections),
        ("collection_products", Self::CollectionProducts),
        ("locations", Self::Locations),
        ("inventory_items", Self::InventoryItems),
        ("inventory_levels", Self::InventoryLevels),
        ("customers", Self::Customers),
        ("customer_addresses", Self::CustomerAddresses),
        ("orders", Self::Orders),
        ("order_line_items", Self::OrderLineItems),
        ("order_transactions", Self::OrderTransactions),
        ("refunds", Self::Refunds),
        ("refund_line_items", Self::RefundLineItems),
        ("fulfillments", Self::Fulfillments),
        ("metafields", Self::Metafields),
    ];

    /// The table of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, table)| *table)
    }
}

impl Key {
    /// The first id.
    pub fn first(self) -> i64 {
        match self {
            Self::One(id) | Self::Two(id, _) => id,
        }
    }
}

/// Key and canonical line of every live row, by ascending key.
pub fn lines(catalogue: &Catalogue, table: Table) -> Vec<Row> {
    let products = || catalogue.products.values();
    let orders = || catalogue.visible_orders();
    let mut lines: Vec<Row> = match table {
        Table::Products => products().map(goods::product).collect(),
        Table::ProductVariants => products().flat_map(goods::variants).collect(),
        Table::ProductOptions => products().flat_map(goods::options).collect(),
        Table::ProductMedia => products().flat_map(goods::media).collect(),
        Table::Collections => catalogue.collections.values().map(goods::collection).collect(),
        Table::CollectionProducts => goods::members(catalogue),
        Table::Locations => catalogue.locations.values().map(stock::location).collect(),
        Table::InventoryItems => products().flat_map(stock::items).collect(),
        Table::InventoryLevels => products().flat_map(stock::levels).collect(),
        Table::Customers => customers::customers(catalogue),
        Table::CustomerAddresses => catalogue.customers.values().flat_map(customers::addresses).collect(),
        Table::Orders => orders().map(orders::order).collect(),
        Table::OrderLineItems => orders().flat_map(orders::lines).collect(),
        Table::OrderTransactions => orders().flat_map(orders::transactions).collect(),
        Table::Refunds => orders().flat_map(orders::refunds).collect(),
        Table::RefundLineItems => orders().flat_map(orders::refund_lines).collect(),
        Table::Fulfillments => orders().flat_map(orders::fulfillments).collect(),
        Table::Metafields => metafields(catalogue),
    };
    lines.sort_unstable_by_key(|(key, _)| *key);
    lines
}

fn metafields(catalogue: &Catalogue) -> Vec<Row> {
    let line = |of: Of, one: Metafield| {
        let columns = Columns::default()
            .id(one.id)
            .text(of.owner.type_name())
            .id(of.id)
            .text(&one.namespace)
            .text(&one.key)
            .text(&one.kind)
            .text(&one.value)
            .time(one.updated_at);
        columns.row(Key::One(one.id))
    };
    let variants = catalogue.products.values().flat_map(|product| &product.variants);
    let owners = catalogue
        .products
        .values()
        .map(|product| product.of())
        .chain(variants.map(|variant| variant.of()))
        .chain(catalogue.customers.values().map(|customer| customer.of()))
        .chain(catalogue.visible_orders().map(Order::of))
        .chain(catalogue.collections.values().map(|collection| collection.of()));
    owners
        .flat_map(|of| catalogue.metafields_of(of).into_iter().map(move |one| line(of, one)))
        .collect()
}

/// The columns of a line, in order.
#[derive(Default)]
struct Columns(String);

impl Columns {
    fn text(mut self, text: &str) -> Self {
        if !self.0.is_empty() {
            self.0.push('|');
        }
        self.0.push_str(text);
        self
    }

    fn opt(self, text: Option<&str>) -> Self {
        self.text(text.unwrap_or("\\N"))
    }

    fn id(self, id: i64) -> Self {
        self.text(&id.to_string())
    }

    fn opt_id(self, id: Option<i64>) -> Self {
        self.opt(id.map(|id| id.to_string()).as_deref())
    }

    fn flag(self, flag: bool) -> Self {
        self.text(if flag { "true" } else { "false" })
    }

    fn time(self, seconds: i64) -> Self {
        self.text(&clock::utc(seconds))
    }

    fn opt_time(self, seconds: Option<i64>) -> Self {
        self.opt(seconds.map(clock::utc).as_deref())
    }

    fn money(self, hundredths: i64) -> Self {
        self.text(&amount(hundredths))
    }

    fn opt_money(self, hundredths: Option<i64>) -> Self {
        self.opt(hundredths.map(amount).as_deref())
    }

    fn row(self, key: Key) -> Row {
        (key, self.0)
    }
}

/// An amount in hundredths as Shopify writes it.
pub fn money(hundredths: u32) -> String {
    amount(hundredths.into())
}
