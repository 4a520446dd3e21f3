//! Stock: wire shape → rows. Pure.
//!
//! A level is known by its item and its location: the number in its own id differs between webhooks and the Admin API.

use super::Error;
use super::rows::{NO_VERSION, Rows, Subject, number, parse};
use crate::shopify::{Whole, graphql, rest};
use crate::store::tables::{InventoryItem, InventoryLevel, Location};
use crate::store::{Key, Row, Version};

impl Rows {
    /// The body of `inventory_items/create` and `inventory_items/update`.
    pub fn inventory_item_of_webhook(&mut self, raw: &str) -> Result<Subject, Error> {
        let body: rest::InventoryItem = parse(raw, "inventory item")?;
        let Some(updated_at) = body.updated_at else {
            return Ok(self.want("InventoryItem", body.id, NO_VERSION));
        };
        let row = InventoryItem {
            shop_id: self.shop_id,
            id: body.id,
            version: Version::new(updated_at, self.observed_at),
            sku: self.filled(body.sku),
            tracked: body.tracked,
            requires_shipping: body.requires_shipping,
            cost: body.cost,
            country_code_of_origin: self.filled(body.country_code_of_origin),
            province_code_of_origin: self.filled(body.province_code_of_origin),
            harmonized_system_code: self.filled(body.harmonized_system_code),
            created_at: body.created_at,
            raw: self.clean(raw),
        };
        Ok(self.add(row))
    }

    /// The body of `inventory_levels/connect` and `inventory_levels/update`.
    pub fn inventory_level_of_webhook(&mut self, raw: &str) -> Result<Subject, Error> {
        let body: rest::InventoryLevel = parse(raw, "inventory level")?;
        let Some(updated_at) = body.updated_at else {
            return Ok(self.want("InventoryItem", body.inventory_item_id, NO_VERSION));
        };
        let row = InventoryLevel {
            shop_id: self.shop_id,
            inventory_item_id: body.inventory_item_id,
            location_id: body.location_id,
            version: Version::new(updated_at, self.observed_at),
            available: body.available,
            raw: self.clean(raw),
        };
        Ok(self.add(row))
    }

    /// The body of `inventory_levels/disconnect`.
    pub fn inventory_level_disconnected(&mut self, raw: &str) -> Result<Subject, Error> {
        let body: rest::InventoryLevel = parse(raw, "inventory level")?;
        let key = Key {
            shop_id: self.shop_id,
            id: body.inventory_item_id,
            with: body.location_id,
        };
        Ok(self.delete_key(InventoryLevel::table(), key))
    }

    /// The body of `locations/create`, `…/update`, `…/activate` and `…/deactivate`.
    pub fn location_of_webhook(&mut self, raw: &str) -> Result<Subject, Error> {
        let body: rest::Location = parse(raw, "location")?;
        let Some(updated_at) = body.updated_at else {
            return Ok(self.want("Location", body.id, NO_VERSION));
        };
        let row = Location {
            shop_id: self.shop_id,
            id: body.id,
            version: Version::new(updated_at, self.observed_at),
            name: self.text(body.name),
            active: body.active,
            address1: self.filled(body.address1),
            address2: self.filled(body.address2),
            city: self.filled(body.city),
            zip: self.filled(body.zip),
            province_code: self.filled(body.province_code),
            country_code: self.filled(body.country_code),
            phone: self.filled(body.phone),
            created_at: body.created_at,
            raw: self.clean(raw),
        };
        Ok(self.add(row))
    }

    /// An item with its levels at all places.
    pub fn fetched_inventory_item(&mut self, whole: &Whole) -> Result<(), Error> {
        let raw = whole.root.get();
        let node: graphql::InventoryItem = parse(raw, "inventory item")?;
        let id = node.id.id();
        self.knows_of(node.updated_at);
        let mut ids = Vec::with_capacity(whole.members.len());
        for level in &whole.members {
            ids.extend(self.inventory_level(level.get(), id)?);
        }
        self.has_exactly::<InventoryLevel>("InventoryItem", id, ids);
        self.inventory_item(node, raw);
        Ok(())
    }

    /// A location by itself.
    pub fn fetched_location(&mut self, whole: &Whole) -> Result<(), Error> {
        self.location_line(whole.root.get())
    }

    /// An item in a bulk file.
    pub fn inventory_item_line(&mut self, raw: &str) -> Result<(), Error> {
        let node = parse(raw, "inventory item")?;
        self.inventory_item(node, raw);
        Ok(())
    }

    /// A level in a bulk file.
    pub fn inventory_level_line(&mut self, raw: &str, item_id: i64) -> Result<(), Error> {
        self.inventory_level(raw, item_id).map(drop)
    }

    /// A location in a bulk file.
    pub fn location_line(&mut self, raw: &str) -> Result<(), Error> {
        let node: graphql::Location = parse(raw, "location")?;
        let address = node.address.unwrap_or_default();
        let row = Location {
            shop_id: self.shop_id,
            id: node.id.id(),
            version: Version::new(node.updated_at, self.observed_at),
            name: self.text(node.name),
            active: node.is_active,
            address1: self.filled(address.address1),
            address2: self.filled(address.address2),
            city: self.filled(address.city),
            zip: self.filled(address.zip),
            province_code: self.filled(address.province_code),
            country_code: self.filled(address.country_code),
            phone: self.filled(address.phone),
            created_at: node.created_at,
            raw: self.clean(raw),
        };
        self.add(row);
        Ok(())
    }

    fn inventory_item(&mut self, node: graphql::InventoryItem, raw: &str) {
        let row = InventoryItem {
            shop_id: self.shop_id,
            id: node.id.id(),
            version: Version::new(node.updated_at, self.observed_at),
            sku: self.filled(node.sku),
            tracked: node.tracked,
            requires_shipping: node.requires_shipping,
            cost: node.unit_cost.map(|cost| cost.amount),
            country_code_of_origin: self.filled(node.country_code_of_origin),
            province_code_of_origin: self.filled(node.province_code_of_origin),
            harmonized_system_code: self.filled(node.harmonized_system_code),
            created_at: node.created_at,
            raw: self.clean(raw),
        };
        self.add(row);
    }

    /// A level, and at which location; none if it is not active, which is to say that the item is not there.
    fn inventory_level(&mut self, raw: &str, item_id: i64) -> Result<Option<i64>, Error> {
        let node: graphql::InventoryLevel<'_> = parse(raw, "inventory level")?;
        let location_id = number(&node.location.id, "location")?;
        if node.is_active == Some(false) {
            return Ok(None);
        }
        let available = node.quantities.iter().find(|quantity| quantity.name == "available");
        let row = InventoryLevel {
            shop_id: self.shop_id,
            inventory_item_id: item_id,
            location_id,
            version: Version::new(node.updated_at, self.observed_at),
            available: available.map(|quantity| quantity.quantity),
            raw: self.clean(raw),
        };
        self.add(row);
        Ok(Some(location_id))
    }
}
