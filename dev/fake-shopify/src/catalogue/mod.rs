//! What one shop holds, and the registry of what the graph can ask of it.
//!
//! A kind of thing is one data module, one of resolvers (`…_node`), one of REST forms (`wire`), one of changes
//! (`edit`) and one of canonical lines (in `rows`). A new kind adds its map to [`Catalogue`] and its arms to
//! [`root_field`], [`node`], `edit` and `rows`; nothing else dispatches on kinds. The catalogue knows neither HTTP nor
//! subscriptions.

mod address;
mod collection;
mod customer;
mod edit;
mod facts;
mod ids;
mod inventory;
mod media_node;
mod metafield;
mod order;
mod product;
mod product_edit;
mod product_node;
mod rows;
mod search;
mod seed;
mod shop_edit;
mod shop_node;
mod shop_wire;
mod text;
mod variant_node;
mod wire;

use std::collections::{BTreeMap, HashMap};

pub use address::AddressFields;
pub use collection::{CollectionFields, Column, Membership, NewCollection, Rule};
pub use customer::{AddressEdit, ConsentFields, CustomerFields, Merge, NewCustomer, TagFields};
pub use edit::{Change, Edit, Tell};
pub use facts::Facts;
pub use inventory::{ItemFields, LevelFields, LocationFields};
pub use metafield::{MetafieldFields, Owner};
pub use order::{CancelFields, FulfilFields, LineEdit, NewOrder, OrderFields, RefundFields, TrackingFields};
pub use product_edit::{NewProduct, ProductFields, VariantFields};
pub use rows::{Key, Table, lines};
pub use search::{Warning, parse as search};
pub use seed::{Mix, Numbers};
pub use shop_edit::ShopFields;

use crate::graphql::page;
use crate::graphql::value::{Args, Connection, FieldError, Fields, Leaf, Object, Resolved, Value, gid_number};
use collection::{Collection, CollectionNode};
use customer::{Customer, CustomerNode};
use ids::Ids;
use inventory::{ItemNode, Location, LocationNode};
use metafield::Of;
use order::Order;
use product::Product;
use product_node::ProductNode;
use shop_node::ShopNode;
use variant_node::VariantNode;

/// What a shop holds.
#[derive(Debug)]
pub struct Catalogue {
    /// The shop's domain.
    pub domain: String,
    /// Minutes east of UTC; webhook bodies carry the shop's own time.
    pub offset_minutes: i32,
    /// The shop itself.
    pub facts: Facts,
    /// Live products by id.
    pub products: BTreeMap<i64, Product>,
    /// Locations by id.
    pub locations: BTreeMap<i64, Location>,
    /// Customers by id.
    pub customers: BTreeMap<i64, Customer>,
    /// Collections by id.
    pub collections: BTreeMap<i64, Collection>,
    /// Orders by id, those too old for the app among them.
    pub orders: BTreeMap<i64, Order>,
    /// The orders of each customer that has any.
    orders_of: HashMap<i64, Vec<i64>>,
    metafields: metafield::Edited,
    /// The product of each live variant.
    owners: HashMap<i64, i64>,
    next_product: i64,
    next_variant: i64,
    next_order: i64,
    ids: Ids,
}

/// A field of `QueryRoot` about what the shop holds. `None` when the field is none of them.
pub fn root_field<'c>(
    catalogue: &'c Catalogue,
    name: &str,
    args: &Args,
    warnings: &mut Vec<Warning>,
) -> Option<Resolved<'c>> {
    let goods = match name {
        "shop" => Ok(Value::object(ShopNode { catalogue })),
        "product" => by_id(args, "Product").map(|id| {
            let product = id.and_then(|id| catalogue.products.get(&id));
            Value::nullable(product.map(|product| ProductNode { catalogue, product }))
        }),
        "productVariant" => {
            by_id(args, "ProductVariant").map(|id| Value::nullable(id.and_then(|id| variant_node(catalogue, id))))
        }
        "products" => products(catalogue, args, warnings),
        "productVariants" => variants(catalogue, args, warnings),
        "productsCount" => found(catalogue, args, warnings).map(|found| count(found.count(), args)),
        "productVariantsCount" => found_variants(catalogue, args, warnings).map(|found| count(found.count(), args)),
        "locationsCount" => Ok(count(catalogue.locations.len(), args)),
        _ => {
            return inventory::root_field(catalogue, name, args, warnings)
                .or_else(|| customer::root_field(catalogue, name, args, warnings))
                .or_else(|| collection::root_field(catalogue, name, args, warnings))
                .or_else(|| order::root_field(catalogue, name, args, warnings));
        }
    };
    Some(goods)
}

/// The object of a gid, if it is one of the shop's and lives.
pub fn node<'c>(catalogue: &'c Catalogue, gid: &str) -> Option<Box<dyn Object + 'c>> {
    fn boxed<'c>(object: impl Object + 'c) -> Box<dyn Object + 'c> {
        Box::new(object)
    }
    let kind = gid.strip_prefix("gid://shopify/")?.split('/').next()?;
    let id = gid_number(gid, kind)?;
    match kind {
        "Product" => {
            let product = catalogue.products.get(&id)?;
            Some(boxed(ProductNode { catalogue, product }))
        }
        "ProductVariant" => variant_node(catalogue, id).map(boxed),
        "InventoryItem" => ItemNode::find(catalogue, id).map(boxed),
        "InventoryLevel" => inventory::level_node(catalogue, gid).map(boxed),
        "Location" => {
            let location = catalogue.locations.get(&id)?;
            Some(boxed(LocationNode { catalogue, location }))
        }
        "Customer" => {
            let customer = catalogue.customers.get(&id)?;
            Some(boxed(CustomerNode { catalogue, customer }))
        }
        "MailingAddress" => customer::address_node(catalogue, id).map(boxed),
        "Collection" => {
            let collection = catalogue.collections.get(&id)?;
            Some(boxed(CollectionNode { catalogue, collection }))
        }
        "Order" => order::find(catalogue, Some(id)).map(boxed),
        _ => order::part_node(catalogue, gid),
    }
}

impl Catalogue {
    /// The product of a variant and the variant's index in it.
    pub fn variant(&self, id: i64) -> Option<(&Product, usize)> {
        let product = self.products.get(self.owners.get(&id)?)?;
        let at = product.variants.iter().position(|variant| variant.id == id)?;
        Some((product, at))
    }

    /// The owner of metafields with this id.
    fn owner(&self, owner: Owner, id: i64) -> Option<Of> {
        match owner {
            Owner::Product => self.products.get(&id).map(Product::of),
            Owner::ProductVariant => self.variant(id).map(|(product, at)| product.variants[at].of()),
            Owner::Customer => self.customers.get(&id).map(Customer::of),
            Owner::Order => self.orders.get(&id).map(Order::of),
            Owner::Collection => self.collections.get(&id).map(Collection::of),
        }
    }

    /// Moves the clock of an owner whose metafields changed, and tells of it.
    fn touch_owner(&mut self, of: Of, act: &mut edit::Act) -> Result<i64, String> {
        match of.owner {
            Owner::Product | Owner::ProductVariant => self.touch_goods(of, act),
            Owner::Customer => self.touch_customer(of.id, act),
            Owner::Order => self.touch_order(of.id, act),
            Owner::Collection => self.touch_collection(of.id, act),
        }
    }

    /// The number of live variants.
    pub fn variant_count(&self) -> usize {
        self.owners.len()
    }
}

fn variant_node(catalogue: &Catalogue, id: i64) -> Option<VariantNode<'_>> {
    let (product, at) = catalogue.variant(id)?;
    Some(VariantNode { catalogue, product, at })
}

fn by_id(args: &Args, kind: &str) -> Result<Option<i64>, FieldError> {
    let gid = args.text("id").unwrap_or_default();
    if !gid.starts_with("gid://shopify/") {
        return Err(FieldError {
            message: format!("Invalid global id '{gid}'"),
            code: "argumentLiteralsIncompatible",
        });
    }
    Ok(gid_number(gid, kind))
}

fn count(number: usize, args: &Args) -> Value<'static> {
    // `limit: null` lifts the default; an explicit one cuts.
    let limit = match args.given.get("limit") {
        Some(limit) => limit.as_u64(),
        None => Some(10_000),
    };
    counted(number, limit)
}

/// The `Count` of those rows that pass.
fn counted_list<'c, T: 'c>(
    rows: impl Iterator<Item = &'c T>,
    args: &Args,
    passes: impl Fn(&T) -> bool,
) -> Resolved<'c> {
    Ok(count(rows.filter(|row| passes(row)).count(), args))
}

/// `Count` of a number that is cut at a limit.
fn counted(number: usize, limit: Option<u64>) -> Value<'static> {
    let number = number as u64;
    let cut = limit.map_or(number, |limit| number.min(limit));
    let precision = if cut < number { "AT_LEAST" } else { "EXACT" };
    Fields::value(
        "Count",
        vec![("count", Leaf::Int(cut as i64)), ("precision", Leaf::Str(precision))],
    )
}

/// The products a search finds, by ascending id.
fn found<'c>(
    catalogue: &'c Catalogue,
    args: &Args,
    warnings: &mut Vec<Warning>,
) -> Result<impl Iterator<Item = &'c Product>, FieldError> {
    let query = args.text("query").unwrap_or_default();
    let filter = search::parse(query, search::PRODUCTS, "products", warnings)?;
    let passes = move |product: &&Product| filter.accepts(|field, term| product_node::matches(product, field, term));
    Ok(catalogue.products.values().filter(passes))
}

/// The variants a search finds, product by product.
fn found_variants<'c>(
    catalogue: &'c Catalogue,
    args: &Args,
    warnings: &mut Vec<Warning>,
) -> Result<impl Iterator<Item = VariantNode<'c>>, FieldError> {
    let query = args.text("query").unwrap_or_default();
    let filter = search::parse(query, search::VARIANTS, "productVariants", warnings)?;
    let nodes =
        move |product: &'c Product| (0..product.variants.len()).map(move |at| VariantNode { catalogue, product, at });
    let passes = move |node: &VariantNode<'c>| filter.accepts(|field, term| variant_node::matches(node, field, term));
    Ok(catalogue.products.values().flat_map(nodes).filter(passes))
}

fn products<'c>(catalogue: &'c Catalogue, args: &Args, warnings: &mut Vec<Warning>) -> Resolved<'c> {
    let sort = product_node::sort(args.text("sortKey").unwrap_or("ID"))?;
    let found = found(catalogue, args, warnings)?;
    let keys = found.map(|product| (sort(product), product)).collect();
    Connection::page("Product", args, page::PAGE, keys, |product| {
        Box::new(ProductNode { catalogue, product })
    })
}

fn variants<'c>(catalogue: &'c Catalogue, args: &Args, warnings: &mut Vec<Warning>) -> Resolved<'c> {
    let sort = variant_node::sort(args.text("sortKey").unwrap_or("ID"))?;
    let found = found_variants(catalogue, args, warnings)?;
    let keys = found.map(|node| (sort(&node), node)).collect();
    Connection::page("ProductVariant", args, page::PAGE, keys, |node| Box::new(node))
}
