//! REST forms of items, levels and locations.

use serde_json::{Value as Json, json};

use super::{Level, Location};
use crate::catalogue::Catalogue;
use crate::catalogue::product::Variant;
use crate::catalogue::rows::money;

impl Catalogue {
    /// The body of `inventory_items/create` and `inventory_items/update`.
    pub(in crate::catalogue) fn item_body(&self, variant: &Variant) -> Json {
        let id = variant.inventory_item_id();
        json!({
            "id": id,
            "sku": variant.sku,
            "created_at": self.local(variant.created_at),
            "updated_at": self.local(variant.stock.updated_at),
            "requires_shipping": true,
            "cost": variant.stock.cost.map(money),
            "country_code_of_origin": variant.country_of_origin(),
            "province_code_of_origin": variant.province_of_origin(),
            "harmonized_system_code": variant.harmonized_code(),
            "tracked": variant.stock.tracked,
            "country_harmonized_system_codes": [],
            "weight_value": variant.weight(),
            "weight_unit": "kg",
            "admin_graphql_api_id": format!("gid://shopify/InventoryItem/{id}"),
        })
    }

    /// The body of `inventory_levels/connect` and `inventory_levels/update`. Here the number in the level's gid is
    /// that of the location, unlike in the graph.
    pub(in crate::catalogue) fn level_body(&self, item: i64, level: &Level) -> Json {
        let location = level.location;
        json!({
            "inventory_item_id": item,
            "location_id": location,
            "available": level.available,
            "updated_at": self.local(level.updated_at),
            "admin_graphql_api_id": format!("gid://shopify/InventoryLevel/{location}?inventory_item_id={item}"),
        })
    }

    /// The body of `locations/create`, `update`, `activate` and `deactivate`.
    pub(in crate::catalogue) fn location_body(&self, location: &Location) -> Json {
        let address = &location.address;
        json!({
            "id": location.id,
            "name": location.name,
            "address1": address.address1,
            "address2": address.address2,
            "city": address.city(),
            "zip": address.zip,
            "province": address.province(),
            "country": address.country_code(),
            "phone": address.phone,
            "created_at": self.local(location.created_at),
            "updated_at": self.local(location.updated_at),
            "country_code": address.country_code(),
            "country_name": address.country(),
            "province_code": address.province_code(),
            "legacy": false,
            "active": location.active,
            "admin_graphql_api_id": format!("gid://shopify/Location/{}", location.id),
        })
    }
}

/// The body of `inventory_items/delete`.
pub fn deleted_item(variant: &Variant) -> Json {
    let id = variant.inventory_item_id();
    json!({
        "id": id,
        "country_code_of_origin": variant.country_of_origin(),
        "province_code_of_origin": variant.province_of_origin(),
        "harmonized_system_code": variant.harmonized_code(),
        "country_harmonized_system_codes": [],
        "admin_graphql_api_id": format!("gid://shopify/InventoryItem/{id}"),
    })
}
