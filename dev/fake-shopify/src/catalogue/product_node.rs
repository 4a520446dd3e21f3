//! `Product` in the graph.

use super::media_node::MediaNode;
use super::product::{Product, Variant};
use super::search::Term;
use super::variant_node::VariantNode;
use super::{Catalogue, collection};
use crate::graphql::page;
use crate::graphql::value::{Args, Connection, FieldError, Fields, Leaf, Object, Place, Resolved, Value};

/// A product.
#[derive(Clone, Copy)]
pub struct ProductNode<'c> {
    /// Its shop.
    pub catalogue: &'c Catalogue,
    /// The product.
    pub product: &'c Product,
}

impl Object for ProductNode<'_> {
    fn type_name(&self) -> &'static str {
        "Product"
    }

    fn field<'s>(&'s self, name: &str, args: &Args) -> Resolved<'s> {
        let product = self.product;
        Ok(match name {
            "id" => Value::Gid("Product", product.id),
            "legacyResourceId" => Value::Digits(product.id),
            "title" => Value::Str(&product.title),
            "handle" => Value::Str(&product.handle),
            "status" => Value::Str(product.status.upper()),
            "vendor" => Value::Str(&product.vendor),
            "productType" => Value::Str(&product.product_type),
            "tags" => Value::List(product.tags.iter().map(|tag| Value::Str(tag)).collect()),
            "descriptionHtml" | "bodyHtml" => Value::Text(product.description_html().into_owned()),
            "templateSuffix" => Value::opt_str(product.template_suffix.as_deref()),
            "isGiftCard" | "hasVariantsThatRequiresComponents" => Value::Bool(false),
            "hasOnlyDefaultVariant" => Value::Bool(false),
            "hasOutOfStockVariants" => Value::Bool(product.variants.iter().any(|variant| variant.quantity() <= 0)),
            "totalInventory" => Value::Int(product.total_inventory()),
            "tracksInventory" => Value::Bool(true),
            "createdAt" => Value::Time(product.created_at),
            "updatedAt" => Value::Time(product.updated_at),
            "publishedAt" => product.published_at.map_or(Value::Null, Value::Time),
            "category" => category(product),
            "seo" => Fields::value(
                "SEO",
                vec![("title", Leaf::Null), ("description", Leaf::Str(&product.title))],
            ),
            "options" => options(product),
            "featuredMedia" => {
                let first = product.pictures.first();
                Value::nullable(first.map(|number| MediaNode {
                    product,
                    number: *number,
                }))
            }
            "variantsCount" => Fields::value(
                "Count",
                vec![
                    ("count", Leaf::Int(product.variants.len() as i64)),
                    ("precision", Leaf::Str("EXACT")),
                ],
            ),
            "variants" => return variants(self.catalogue, product, args),
            "media" => return media(product, args),
            "metafields" => return self.catalogue.metafields(product.of(), args),
            "metafield" => self.catalogue.metafield(product.of(), args),
            "collections" => return collection::of_product(self.catalogue, product, args),
            _ => return Err(FieldError::unresolved("Product", name)),
        })
    }
}

/// The place of a product in a list sorted by this key.
pub fn sort(key: &str) -> Result<fn(&Product) -> Place, FieldError> {
    Ok(match key {
        "ID" => |product| Place {
            value: product.id,
            id: product.id,
        },
        "UPDATED_AT" => |product| Place {
            value: product.updated_at,
            id: product.id,
        },
        "CREATED_AT" => |product| Place {
            value: product.created_at,
            id: product.id,
        },
        "PUBLISHED_AT" => |product| Place {
            value: product.published_at.unwrap_or(0),
            id: product.id,
        },
        "INVENTORY_TOTAL" => |product| Place {
            value: product.total_inventory(),
            id: product.id,
        },
        other => {
            return Err(FieldError::bad_request(format!(
                "fake-shopify does not sort products by {other}"
            )));
        }
    })
}

/// Whether a product passes one term of a search.
pub fn matches(product: &Product, field: &str, term: &Term) -> bool {
    match field {
        "id" => term.number(product.id),
        "created_at" => term.time(product.created_at),
        "updated_at" => term.time(product.updated_at),
        "published_at" => product.published_at.is_some_and(|at| term.time(at)),
        "status" => term.text(product.status.lower()),
        "tag" => product.tags.iter().any(|tag| term.text(tag)),
        "vendor" => term.text(&product.vendor),
        "product_type" => term.text(&product.product_type),
        "handle" => term.text(&product.handle),
        "title" => term.text(&product.title),
        "sku" => product
            .variants
            .iter()
            .any(|variant| variant.sku.as_deref().is_some_and(|sku| term.text(sku))),
        "variant_id" => product.variants.iter().any(|variant| term.number(variant.id)),
        _ => false,
    }
}

/// The category of every third product.
pub fn category_of(product: &Product) -> Option<[&'static str; 3]> {
    const CATEGORIES: [[&str; 3]; 3] = [
        [
            "aa-1-13-13",
            "Hoodies",
            "Apparel & Accessories > Clothing > Clothing Tops > Hoodies",
        ],
        [
            "aa-1-13-8",
            "T-Shirts",
            "Apparel & Accessories > Clothing > Clothing Tops > T-Shirts",
        ],
        [
            "aa-5",
            "Handbags, Wallets & Cases",
            "Apparel & Accessories > Handbags, Wallets & Cases",
        ],
    ];
    CATEGORIES.get((product.seed % 9) as usize).copied()
}

fn category(product: &Product) -> Value<'_> {
    let Some([id, name, full_name]) = category_of(product) else {
        return Value::Null;
    };
    Fields::value(
        "TaxonomyCategory",
        vec![
            ("id", Leaf::Text(format!("gid://shopify/TaxonomyCategory/{id}"))),
            ("name", Leaf::Str(name)),
            ("fullName", Leaf::Str(full_name)),
        ],
    )
}

fn options(product: &Product) -> Value<'_> {
    let all = product.option_values().into_iter().enumerate();
    Value::List(
        all.map(|(at, (name, values))| {
            Value::object(OptionNode {
                id: option_id(product, at),
                at,
                name,
                values,
            })
        })
        .collect(),
    )
}

struct OptionNode {
    id: i64,
    at: usize,
    name: &'static str,
    values: Vec<&'static str>,
}

impl Object for OptionNode {
    fn type_name(&self) -> &'static str {
        "ProductOption"
    }

    fn field<'s>(&'s self, name: &str, _args: &Args) -> Resolved<'s> {
        let value = |(at, value): (usize, &&'static str)| {
            // Values have ids too; nothing refers to them.
            let id = self.id + 1_000_000 * (at as i64 + 1);
            Fields::value(
                "ProductOptionValue",
                vec![
                    ("id", Leaf::Gid("ProductOptionValue", id)),
                    ("name", Leaf::Str(value)),
                    ("hasVariants", Leaf::Bool(true)),
                ],
            )
        };
        Ok(match name {
            "id" => Value::Gid("ProductOption", self.id),
            "name" => Value::Str(self.name),
            "position" => Value::Int(self.at as i64 + 1),
            "values" => Value::List(self.values.iter().map(|value| Value::Str(value)).collect()),
            "optionValues" => Value::List(self.values.iter().enumerate().map(value).collect()),
            _ => return Err(FieldError::unresolved("ProductOption", name)),
        })
    }
}

/// The number of an option, counted from zero.
pub fn option_id(product: &Product, option: usize) -> i64 {
    product.id + 1_000_000_000_000 + option as i64
}

fn variants<'c>(catalogue: &'c Catalogue, product: &'c Product, args: &Args) -> Resolved<'c> {
    let by_id = match args.text("sortKey").unwrap_or("POSITION") {
        "POSITION" => false,
        "ID" => true,
        other => {
            return Err(FieldError::bad_request(format!(
                "fake-shopify does not sort variants by {other}"
            )));
        }
    };
    let place = |at: usize, variant: &Variant| Place {
        value: if by_id { variant.id } else { at as i64 + 1 },
        id: variant.id,
    };
    let keys = product
        .variants
        .iter()
        .enumerate()
        .map(|(at, variant)| (place(at, variant), at))
        .collect();
    Connection::page("ProductVariant", args, page::VARIANT_PAGE, keys, move |at| {
        Box::new(VariantNode { catalogue, product, at })
    })
}

fn media<'c>(product: &'c Product, args: &Args) -> Resolved<'c> {
    pictures(product, args, &product.pictures)
}

/// These pictures of a product as a connection.
pub fn pictures<'c>(product: &'c Product, args: &Args, numbers: &[u8]) -> Resolved<'c> {
    let keys = numbers
        .iter()
        .enumerate()
        .map(|(at, number)| {
            let node = MediaNode {
                product,
                number: *number,
            };
            let place = Place {
                value: at as i64 + 1,
                id: node.id(),
            };
            (place, node)
        })
        .collect();
    Connection::page("Media", args, page::PAGE, keys, |node| Box::new(node))
}
