//! `ProductVariant` in the graph.

use super::Catalogue;
use super::inventory::ItemNode;
use super::product::{Product, Variant};
use super::product_node::{ProductNode, pictures};
use super::search::Term;
use crate::graphql::value::{Args, FieldError, Fields, Leaf, Object, Place, Resolved, Value};

/// The variant at this index of a product.
#[derive(Clone, Copy)]
pub struct VariantNode<'c> {
    /// Its shop.
    pub catalogue: &'c Catalogue,
    /// Its product.
    pub product: &'c Product,
    /// Counted from zero.
    pub at: usize,
}

impl<'c> VariantNode<'c> {
    /// The variant.
    pub fn variant(&self) -> &'c Variant {
        &self.product.variants[self.at]
    }
}

impl Object for VariantNode<'_> {
    fn type_name(&self) -> &'static str {
        "ProductVariant"
    }

    fn field<'s>(&'s self, name: &str, args: &Args) -> Resolved<'s> {
        let (product, variant) = (self.product, self.variant());
        Ok(match name {
            "id" => Value::Gid("ProductVariant", variant.id),
            "legacyResourceId" => Value::Digits(variant.id),
            "title" => Value::Text(product.variant_title(variant)),
            "displayName" => Value::Text(format!("{} - {}", product.title, product.variant_title(variant))),
            "sku" => Value::opt_str(variant.sku.as_deref()),
            "barcode" => variant.barcode().map_or(Value::Null, Value::Text),
            "position" => Value::Int(self.at as i64 + 1),
            "price" => Value::Money(variant.price.into()),
            "compareAtPrice" => variant
                .compare_at
                .map_or(Value::Null, |price| Value::Money(price.into())),
            "taxable" => Value::Bool(variant.taxable),
            "availableForSale" => Value::Bool(variant.oversell || variant.quantity() > 0),
            "inventoryPolicy" => Value::Str(if variant.oversell { "CONTINUE" } else { "DENY" }),
            "inventoryQuantity" => Value::Int(variant.quantity().into()),
            "createdAt" => Value::Time(variant.created_at),
            "updatedAt" => Value::Time(variant.updated_at),
            "selectedOptions" => selected_options(product, variant),
            "inventoryItem" => Value::object(ItemNode {
                catalogue: self.catalogue,
                product,
                at: self.at,
            }),
            "product" => Value::object(ProductNode {
                catalogue: self.catalogue,
                product,
            }),
            "metafields" => return self.catalogue.metafields(variant.of(), args),
            "metafield" => self.catalogue.metafield(variant.of(), args),
            "media" => return pictures(product, args, product.picture_of(variant).as_slice()),
            _ => return Err(FieldError::unresolved("ProductVariant", name)),
        })
    }
}

/// The place of a variant in a list sorted by this key.
pub fn sort(key: &str) -> Result<fn(&VariantNode<'_>) -> Place, FieldError> {
    Ok(match key {
        "ID" => |node| Place {
            value: node.variant().id,
            id: node.variant().id,
        },
        "POSITION" => |node| Place {
            value: node.at as i64 + 1,
            id: node.variant().id,
        },
        other => {
            return Err(FieldError::bad_request(format!(
                "fake-shopify does not sort variants by {other}"
            )));
        }
    })
}

/// Whether a variant passes one term of a search.
pub fn matches(node: &VariantNode<'_>, field: &str, term: &Term) -> bool {
    let variant = node.variant();
    match field {
        "id" => term.number(variant.id),
        "product_id" | "product_ids" => term.number(node.product.id),
        "sku" => variant.sku.as_deref().is_some_and(|sku| term.text(sku)),
        "barcode" => variant.barcode().is_some_and(|barcode| term.text(&barcode)),
        "updated_at" => term.time(variant.updated_at),
        "product_status" => term.text(node.product.status.lower()),
        _ => false,
    }
}

fn selected_options<'c>(product: &'c Product, variant: &'c Variant) -> Value<'c> {
    let options = (0..usize::from(product.options)).map(|option| {
        Fields::value(
            "SelectedOption",
            vec![
                ("name", Leaf::Str(product.option_name(option))),
                ("value", Leaf::Str(product.option_value(variant, option))),
            ],
        )
    });
    Value::List(options.collect())
}
