//! The goods of one shop, and the registry of what the graph can ask of them.
//!
//! A kind of resource is one data module (`product`), one module of resolvers (`product_node`), one of REST forms
//! (`wire`) and one of canonical lines (`rows`). A new kind (collections, customers, orders, inventory) adds its map
//! to [`Catalogue`] and its arms to [`root_field`], [`node`] and `rows::lines`; nothing else dispatches on kinds.
//! The catalogue knows neither HTTP nor subscriptions.

mod edit;
mod media_node;
mod product;
mod product_node;
mod rows;
mod search;
mod seed;
mod shop_node;
mod text;
mod variant_node;
mod wire;

use std::collections::{BTreeMap, HashMap};

pub use edit::{Change, Edit, NewProduct, ProductFields, VariantFields};
use product::Product;
pub use rows::{Table, lines};
pub use search::{Warning, parse as search};
pub use seed::Mix;
pub use wire::{delete_body, product_body};

use crate::graphql::page;
use crate::graphql::value::{Args, Connection, FieldError, Fields, Leaf, Object, Resolved, Value, gid_number};
use product_node::ProductNode;
use shop_node::ShopNode;
use variant_node::VariantNode;

/// What a shop sells.
#[derive(Debug)]
pub struct Catalogue {
    /// The shop's domain.
    pub domain: String,
    /// Minutes east of UTC; webhook bodies carry the shop's own time.
    pub offset_minutes: i32,
    /// Live products by id.
    pub products: BTreeMap<i64, Product>,
    /// The product of each live variant.
    owners: HashMap<i64, i64>,
    next_product: i64,
    next_variant: i64,
}

/// A field of `QueryRoot` about goods. `None` when the field is none of them.
pub fn root_field<'c>(
    catalogue: &'c Catalogue,
    name: &str,
    args: &Args,
    warnings: &mut Vec<Warning>,
) -> Option<Resolved<'c>> {
    Some(match name {
        "shop" => Ok(Value::object(ShopNode { catalogue })),
        "product" => by_id(args, "Product")
            .map(|id| Value::nullable(id.and_then(|id| catalogue.products.get(&id)).map(ProductNode))),
        "productVariant" => by_id(args, "ProductVariant").map(|id| {
            Value::nullable(
                id.and_then(|id| catalogue.variant(id))
                    .map(|(product, at)| VariantNode { product, at }),
            )
        }),
        "products" => products(catalogue, args, warnings),
        "productVariants" => variants(catalogue, args, warnings),
        "productsCount" => Ok(count(catalogue.products.len(), args)),
        "productVariantsCount" => Ok(count(catalogue.owners.len(), args)),
        _ => return None,
    })
}

/// The object of a gid, if it is one of the goods and lives.
pub fn node<'c>(catalogue: &'c Catalogue, gid: &str) -> Option<Box<dyn Object + 'c>> {
    if let Some(id) = gid_number(gid, "Product") {
        return catalogue
            .products
            .get(&id)
            .map(|product| Box::new(ProductNode(product)) as _);
    }
    if let Some(id) = gid_number(gid, "ProductVariant") {
        return catalogue
            .variant(id)
            .map(|(product, at)| Box::new(VariantNode { product, at }) as _);
    }
    None
}

impl Catalogue {
    /// The product of a variant and the variant's index in it.
    pub fn variant(&self, id: i64) -> Option<(&Product, usize)> {
        let product = self.products.get(self.owners.get(&id)?)?;
        let at = product.variants.iter().position(|variant| variant.id == id)?;
        Some((product, at))
    }

    /// The number of live variants.
    pub fn variant_count(&self) -> usize {
        self.owners.len()
    }
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
    let number = number as u64;
    let cut = limit.map_or(number, |limit| number.min(limit));
    let precision = if cut < number { "AT_LEAST" } else { "EXACT" };
    Fields::value(
        "Count",
        vec![("count", Leaf::Int(cut as i64)), ("precision", Leaf::Str(precision))],
    )
}

fn products<'c>(catalogue: &'c Catalogue, args: &Args, warnings: &mut Vec<Warning>) -> Resolved<'c> {
    let filter = search::parse(
        args.text("query").unwrap_or_default(),
        search::PRODUCTS,
        "products",
        warnings,
    )?;
    let sort = product_node::sort(args.text("sortKey").unwrap_or("ID"))?;
    let keys = catalogue
        .products
        .values()
        .filter(|product| filter.accepts(|field, term| product_node::matches(product, field, term)))
        .map(|product| (sort(product), product))
        .collect();
    Connection::page("Product", args, page::PAGE, keys, |product| {
        Box::new(ProductNode(product))
    })
}

fn variants<'c>(catalogue: &'c Catalogue, args: &Args, warnings: &mut Vec<Warning>) -> Resolved<'c> {
    let filter = search::parse(
        args.text("query").unwrap_or_default(),
        search::VARIANTS,
        "productVariants",
        warnings,
    )?;
    let sort = variant_node::sort(args.text("sortKey").unwrap_or("ID"))?;
    let keys = catalogue
        .products
        .values()
        .flat_map(|product| (0..product.variants.len()).map(move |at| VariantNode { product, at }))
        .filter(|node| filter.accepts(|field, term| variant_node::matches(node, field, term)))
        .map(|node| (sort(&node), node))
        .collect();
    Connection::page("ProductVariant", args, page::PAGE, keys, |node| Box::new(node))
}
