//! Lines of locations, inventory items and levels.

use super::{Columns, Key, Row};
use crate::catalogue::inventory::Location;
use crate::catalogue::product::Product;

/// A location.
pub fn location(location: &Location) -> Row {
    let address = &location.address;
    Columns::default()
        .id(location.id)
        .text(&location.name)
        .flag(location.active)
        .text(&address.address1)
        .opt(address.address2.as_deref())
        .text(address.city())
        .text(&address.zip)
        .opt(address.province_code())
        .text(address.country_code())
        .opt(address.phone.as_deref())
        .time(location.created_at)
        .time(location.updated_at)
        .row(Key::One(location.id))
}

/// The items of a product's variants.
pub fn items(product: &Product) -> impl Iterator<Item = Row> {
    product.variants.iter().map(|variant| {
        let id = variant.inventory_item_id();
        Columns::default()
            .id(id)
            .opt(variant.sku.as_deref())
            .flag(variant.stock.tracked)
            .flag(true)
            .opt_money(variant.stock.cost.map(Into::into))
            .opt(variant.country_of_origin())
            .opt(variant.province_of_origin())
            .opt(variant.harmonized_code())
            .time(variant.created_at)
            .time(variant.stock.updated_at)
            .row(Key::One(id))
    })
}

/// Their active levels.
pub fn levels(product: &Product) -> impl Iterator<Item = Row> {
    let all = product
        .variants
        .iter()
        .flat_map(|variant| variant.stock.levels.iter().map(move |level| (variant, level)));
    all.filter(|(_, level)| level.active).map(|(variant, level)| {
        let item = variant.inventory_item_id();
        Columns::default()
            .id(item)
            .id(level.location)
            .id(level.available.into())
            .time(level.updated_at)
            .row(Key::Two(item, level.location))
    })
}
