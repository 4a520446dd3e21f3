//! Stock: what is stored where, and how much of it.

use crate::store::row::row;

row! {
    /// One thing that is stored.
    pub struct InventoryItem: "InventoryItem" in "inventory_items" (id) {
        sku: Option<String> => "text",
        tracked: Option<bool> => "boolean",
        requires_shipping: Option<bool> => "boolean",
        cost: Option<String> => "numeric",
        country_code_of_origin: Option<String> => "text",
        province_code_of_origin: Option<String> => "text",
        harmonized_system_code: Option<String> => "text",
        created_at: Option<String> => "timestamptz",
    }
}

row! {
    /// How much of a thing is available at a place.
    pub struct InventoryLevel: "InventoryLevel" in "inventory_levels" (inventory_item_id, location_id)
        of (key "InventoryItem" inventory_item_id location_id) and (key "Location" location_id inventory_item_id)
    {
        available: Option<i32> => "integer",
    }
}

row! {
    /// One place.
    pub struct Location: "Location" in "locations" (id) {
        name: Option<String> => "text",
        active: Option<bool> => "boolean",
        address1: Option<String> => "text",
        address2: Option<String> => "text",
        city: Option<String> => "text",
        zip: Option<String> => "text",
        province_code: Option<String> => "text",
        country_code: Option<String> => "text",
        phone: Option<String> => "text",
        created_at: Option<String> => "timestamptz",
    }
}
