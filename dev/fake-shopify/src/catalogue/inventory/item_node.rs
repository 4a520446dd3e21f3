//! `InventoryItem` and `InventoryLevel` in the graph, and the fields of the root that give items and locations.

use super::{Level, LocationNode, location_node, read_level_gid, variant_of};
use crate::catalogue::product::{Product, Variant};
use crate::catalogue::search::{self, Filter, Warning};
use crate::catalogue::variant_node::VariantNode;
use crate::catalogue::{Catalogue, by_id, counted};
use crate::graphql::page;
use crate::graphql::value::{Args, Connection, FieldError, Fields, Leaf, Object, Place, Resolved, Value, gid_number};

/// The item of the variant at this index of a product.
#[derive(Clone, Copy)]
pub struct ItemNode<'c> {
    /// Its shop.
    pub catalogue: &'c Catalogue,
    /// Its product.
    pub product: &'c Product,
    /// Counted from zero.
    pub at: usize,
}

/// A level of an item.
#[derive(Clone, Copy)]
pub struct LevelNode<'c> {
    item: ItemNode<'c>,
    level: &'c Level,
}

impl<'c> ItemNode<'c> {
    /// The item with this number.
    pub fn find(catalogue: &'c Catalogue, item: i64) -> Option<Self> {
        let (product, at) = catalogue.variant(variant_of(item))?;
        Some(Self { catalogue, product, at })
    }

    /// Its level at a location.
    pub fn level_at(self, location: i64, inactive: bool) -> Option<LevelNode<'c>> {
        let level = self.variant().stock.level(location)?;
        (level.active || inactive).then_some(LevelNode { item: self, level })
    }

    fn variant(&self) -> &'c Variant {
        &self.product.variants[self.at]
    }

    fn levels(self, args: &Args) -> Resolved<'c> {
        let inactive = args.flag("includeInactive").unwrap_or(false);
        let shown = self.variant().stock.levels.iter();
        let keys = shown
            .filter(|level| level.active || inactive)
            .map(|level| {
                let id = level.location;
                (Place { value: id, id }, level)
            })
            .collect();
        Connection::page("InventoryLevel", args, page::PAGE, keys, move |level| {
            Box::new(LevelNode { item: self, level })
        })
    }

    fn variants(self, args: &Args) -> Resolved<'c> {
        let node = VariantNode {
            catalogue: self.catalogue,
            product: self.product,
            at: self.at,
        };
        let id = node.variant().id;
        let keys = vec![(Place { value: id, id }, node)];
        Connection::page("ProductVariant", args, page::PAGE, keys, |node| Box::new(node))
    }
}

impl Object for ItemNode<'_> {
    fn type_name(&self) -> &'static str {
        "InventoryItem"
    }

    fn field<'s>(&'s self, name: &str, args: &Args) -> Resolved<'s> {
        let variant = self.variant();
        let stock = &variant.stock;
        Ok(match name {
            "id" => Value::Gid("InventoryItem", variant.inventory_item_id()),
            "legacyResourceId" => Value::Digits(variant.inventory_item_id()),
            "sku" => Value::opt_str(variant.sku.as_deref()),
            "tracked" => Value::Bool(stock.tracked),
            "requiresShipping" => Value::Bool(true),
            "createdAt" => Value::Time(variant.created_at),
            "updatedAt" => Value::Time(stock.updated_at),
            "countryCodeOfOrigin" => Value::opt_str(variant.country_of_origin()),
            "provinceCodeOfOrigin" => Value::opt_str(variant.province_of_origin()),
            "harmonizedSystemCode" => Value::opt_str(variant.harmonized_code()),
            "unitCost" => stock
                .cost
                .map_or(Value::Null, |cost| self.catalogue.money(cost.into(), "USD")),
            "measurement" => {
                let weight = Fields::leaf(
                    "Weight",
                    vec![
                        ("value", Leaf::Float(variant.weight())),
                        ("unit", Leaf::Str("KILOGRAMS")),
                    ],
                );
                Fields::value("InventoryItemMeasurement", vec![("weight", weight)])
            }
            "locationsCount" => {
                let active = stock.levels.iter().filter(|level| level.active).count();
                counted(active, Some(active as u64))
            }
            "inventoryLevels" => return self.levels(args),
            "inventoryLevel" => {
                let location = gid_number(args.text("locationId").unwrap_or_default(), "Location");
                let inactive = args.flag("includeInactive").unwrap_or(false);
                Value::nullable(location.and_then(|location| self.level_at(location, inactive)))
            }
            "variants" => return self.variants(args),
            "variant" => Value::object(VariantNode {
                catalogue: self.catalogue,
                product: self.product,
                at: self.at,
            }),
            _ => return Err(FieldError::unresolved("InventoryItem", name)),
        })
    }
}

impl Object for LevelNode<'_> {
    fn type_name(&self) -> &'static str {
        "InventoryLevel"
    }

    fn field<'s>(&'s self, name: &str, args: &Args) -> Resolved<'s> {
        let level = self.level;
        let catalogue = self.item.catalogue;
        Ok(match name {
            "id" => Value::Text(level.gid(self.item.variant().inventory_item_id())),
            "isActive" => Value::Bool(level.active),
            "createdAt" => Value::Time(level.created_at),
            "updatedAt" => Value::Time(level.updated_at),
            "item" => Value::object(self.item),
            "location" => {
                let location = catalogue.locations.get(&level.location);
                Value::nullable(location.map(|location| LocationNode { catalogue, location }))
            }
            "quantities" => return self.quantities(args),
            _ => return Err(FieldError::unresolved("InventoryLevel", name)),
        })
    }
}

impl LevelNode<'_> {
    fn quantities(&self, args: &Args) -> Resolved<'static> {
        let level = self.level;
        let item = self.item.variant().inventory_item_id();
        let mut quantities = Vec::new();
        for name in args.list("names").unwrap_or_default() {
            let name = name.as_str().unwrap_or_default().to_owned();
            let Some(quantity) = level.quantity(&name) else {
                let message = format!("The quantity name '{name}' is invalid.");
                return Err(FieldError::bad_request(message));
            };
            let touched = quantity != 0 || name == "available" || name == "on_hand";
            let number = level.location;
            quantities.push(Fields::value(
                "InventoryQuantity",
                vec![
                    (
                        "id",
                        Leaf::Text(format!(
                            "gid://shopify/InventoryQuantity/{number}?inventory_item_id={item}&name={name}"
                        )),
                    ),
                    ("name", Leaf::Text(name)),
                    ("quantity", Leaf::Int(quantity.into())),
                    // What was never touched has no time.
                    (
                        "updatedAt",
                        if touched {
                            Leaf::Time(level.updated_at)
                        } else {
                            Leaf::Null
                        },
                    ),
                ],
            ));
        }
        Ok(Value::List(quantities))
    }
}

/// The level of a gid.
pub fn level_node<'c>(catalogue: &'c Catalogue, gid: &str) -> Option<LevelNode<'c>> {
    let (item, location) = read_level_gid(gid)?;
    ItemNode::find(catalogue, item)?.level_at(location, true)
}

/// A field of `QueryRoot` about stock.
pub fn root_field<'c>(
    catalogue: &'c Catalogue,
    name: &str,
    args: &Args,
    warnings: &mut Vec<Warning>,
) -> Option<Resolved<'c>> {
    Some(match name {
        "location" => location(catalogue, args),
        "locations" => location_node::list(catalogue, args, warnings),
        "inventoryItem" => {
            by_id(args, "InventoryItem").map(|id| Value::nullable(id.and_then(|id| ItemNode::find(catalogue, id))))
        }
        "inventoryItems" => items(catalogue, args, warnings),
        "inventoryLevel" => Ok(Value::nullable(level_node(
            catalogue,
            args.text("id").unwrap_or_default(),
        ))),
        _ => return None,
    })
}

/// Without an id it is the shop's first active location.
fn location<'c>(catalogue: &'c Catalogue, args: &Args) -> Resolved<'c> {
    let found = match args.text("id") {
        Some(_) => by_id(args, "Location")?.and_then(|id| catalogue.locations.get(&id)),
        None => catalogue.locations.values().find(|location| location.active),
    };
    Ok(Value::nullable(
        found.map(|location| LocationNode { catalogue, location }),
    ))
}

fn items<'c>(catalogue: &'c Catalogue, args: &Args, warnings: &mut Vec<Warning>) -> Resolved<'c> {
    let query = args.text("query").unwrap_or_default();
    let filter = search::parse(query, search::INVENTORY_ITEMS, "inventoryItems", warnings)?;
    let keys = catalogue
        .products
        .values()
        .flat_map(|product| (0..product.variants.len()).map(move |at| ItemNode { catalogue, product, at }))
        .filter(|node| accepted(&filter, node.variant()))
        .map(|node| {
            let id = node.variant().inventory_item_id();
            (Place { value: id, id }, node)
        })
        .collect();
    Connection::page("InventoryItem", args, page::PAGE, keys, |node| Box::new(node))
}

fn accepted(filter: &Filter, variant: &Variant) -> bool {
    filter.accepts(|field, term| match field {
        "id" => term.number(variant.inventory_item_id()),
        "sku" => variant.sku.as_deref().is_some_and(|sku| term.text(sku)),
        "created_at" => term.time(variant.created_at),
        "updated_at" => term.time(variant.stock.updated_at),
        _ => false,
    })
}
