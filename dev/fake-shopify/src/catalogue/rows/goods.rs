//! Lines of products and what belongs to them, and of collections.

use super::{Columns, Key, Row};
use crate::catalogue::Catalogue;
use crate::catalogue::collection::Collection;
use crate::catalogue::media_node::MediaNode;
use crate::catalogue::product::{Product, Variant};
use crate::catalogue::product_node::option_id;

/// A product.
pub fn product(product: &Product) -> Row {
    Columns::default()
        .id(product.id)
        .text(&product.title)
        .text(&product.handle)
        .text(product.status.lower())
        .text(&product.vendor)
        .text(&product.product_type)
        .text(&product.tags.join(","))
        .text(&product.description_html())
        .opt(product.template_suffix.as_deref())
        .flag(false)
        .time(product.created_at)
        .time(product.updated_at)
        .opt_time(product.published_at)
        .row(Key::One(product.id))
}

/// Its variants.
pub fn variants(product: &Product) -> impl Iterator<Item = Row> {
    let variants = product.variants.iter().enumerate();
    variants.map(|(at, it)| variant(product, at, it))
}

fn variant(product: &Product, at: usize, variant: &Variant) -> Row {
    let options: Vec<&str> = (0..usize::from(product.options))
        .map(|option| product.option_value(variant, option))
        .collect();
    Columns::default()
        .id(variant.id)
        .id(product.id)
        .text(&product.variant_title(variant))
        .opt(variant.sku.as_deref())
        .opt(variant.barcode().as_deref())
        .id(at as i64 + 1)
        .money(variant.price.into())
        .opt_money(variant.compare_at.map(Into::into))
        .flag(variant.taxable)
        .text(if variant.oversell { "continue" } else { "deny" })
        .id(variant.quantity().into())
        .id(variant.inventory_item_id())
        .text(&options.join(","))
        .time(variant.created_at)
        .time(variant.updated_at)
        .row(Key::One(variant.id))
}

/// Its options.
pub fn options(product: &Product) -> impl Iterator<Item = Row> {
    let options = product.option_values().into_iter().enumerate();
    options.map(|(at, (name, values))| {
        let id = option_id(product, at);
        Columns::default()
            .id(id)
            .id(product.id)
            .text(name)
            .id(at as i64 + 1)
            .text(&values.join(","))
            .row(Key::One(id))
    })
}

/// Its pictures.
pub fn media(product: &Product) -> impl Iterator<Item = Row> {
    product.pictures.iter().map(|number| {
        let picture = MediaNode {
            product,
            number: *number,
        };
        let id = picture.id();
        Columns::default()
            .id(id)
            .id(product.id)
            .text("IMAGE")
            .opt(picture.alt())
            .text("READY")
            .text(&picture.url())
            .row(Key::One(id))
    })
}

/// A collection.
pub fn collection(collection: &Collection) -> Row {
    Columns::default()
        .id(collection.id)
        .text(&collection.title)
        .text(&collection.handle)
        .text(&collection.description)
        .text(collection.sort_order)
        .opt(collection.template_suffix)
        .time(collection.updated_at)
        .row(Key::One(collection.id))
}

/// Which product is in which collection.
pub fn members(catalogue: &Catalogue) -> Vec<Row> {
    let of = |collection: &Collection| -> Vec<Row> {
        let row = |product: &Product| {
            let columns = Columns::default().id(collection.id).id(product.id);
            columns.row(Key::Two(collection.id, product.id))
        };
        catalogue.members(collection).map(row).collect()
    };
    catalogue.collections.values().flat_map(of).collect()
}
