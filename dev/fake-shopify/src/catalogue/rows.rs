//! The canonical line of a row: one text per live row, against which a mirror proves itself equal.
//!
//! Columns are joined by `|`; null is `\N`; instants are UTC in whole seconds; lists are joined by `,`; text is as it
//! is. The mirror writes the same lines from its own tables; not a byte may differ.

use super::Catalogue;
use super::product::{Product, Variant};
use crate::clock;

/// A kind of row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Products.
    Products,
    /// Variants.
    ProductVariants,
}

impl Table {
    /// The table of this name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "products" => Some(Self::Products),
            "product_variants" => Some(Self::ProductVariants),
            _ => None,
        }
    }
}

/// Id and canonical line of every live row, by ascending id.
pub fn lines(catalogue: &Catalogue, table: Table) -> Vec<(i64, String)> {
    match table {
        Table::Products => catalogue
            .products
            .values()
            .map(|product| (product.id, product_line(product)))
            .collect(),
        Table::ProductVariants => {
            let mut lines: Vec<(i64, String)> = catalogue
                .products
                .values()
                .flat_map(|product| {
                    product
                        .variants
                        .iter()
                        .enumerate()
                        .map(|(at, variant)| (variant.id, variant_line(product, at, variant)))
                })
                .collect();
            lines.sort_unstable_by_key(|(id, _)| *id);
            lines
        }
    }
}

fn product_line(product: &Product) -> String {
    [
        product.id.to_string(),
        product.title.to_string(),
        product.handle.to_string(),
        product.status.lower().to_owned(),
        product.vendor.to_string(),
        product.product_type.to_string(),
        product.tags.join(","),
        product.description_html().into_owned(),
        or_null(product.template_suffix.as_deref()),
        "false".to_owned(),
        clock::utc(product.created_at),
        clock::utc(product.updated_at),
        or_null(product.published_at.map(clock::utc).as_deref()),
    ]
    .join("|")
}

fn variant_line(product: &Product, at: usize, variant: &Variant) -> String {
    let options: Vec<&str> = (0..usize::from(product.options))
        .map(|option| product.option_value(variant, option))
        .collect();
    [
        variant.id.to_string(),
        product.id.to_string(),
        product.variant_title(variant),
        or_null(variant.sku.as_deref()),
        or_null(variant.barcode().as_deref()),
        (at + 1).to_string(),
        money(variant.price),
        or_null(variant.compare_at.map(money).as_deref()),
        variant.taxable.to_string(),
        if variant.oversell { "continue" } else { "deny" }.to_owned(),
        variant.quantity().to_string(),
        variant.inventory_item_id().to_string(),
        options.join(","),
        clock::utc(variant.created_at),
        clock::utc(variant.updated_at),
    ]
    .join("|")
}

/// An amount in hundredths as Shopify writes it.
pub fn money(hundredths: u32) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn or_null(text: Option<&str>) -> String {
    text.unwrap_or("\\N").to_owned()
}
