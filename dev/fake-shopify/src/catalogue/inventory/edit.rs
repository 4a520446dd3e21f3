//! Changes of stock: at one location, of an item, of a location itself.
//!
//! A change of what is available moves the level's clock and the variant's, and the product's unless it is told not to.

use serde::{Deserialize, Serialize};

use super::{Level, Location, Stock, variant_of};
use crate::catalogue::Catalogue;
use crate::catalogue::address::{Address, AddressFields};
use crate::catalogue::edit::Act;
use crate::catalogue::ids::Kind;
use crate::catalogue::seed::Mix;
use crate::catalogue::wire::delete_body;

/// Quantities of an item at a location.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LevelFields {
    /// The inventory item.
    pub item: i64,
    /// The location.
    pub location: i64,
    /// Ready to be sold.
    #[serde(default)]
    pub available: Option<i32>,
    /// Sold and not yet gone.
    #[serde(default)]
    pub committed: Option<i32>,
    /// On its way here.
    #[serde(default)]
    pub incoming: Option<i32>,
    /// Whether the product's `updatedAt` stays where it is.
    #[serde(default)]
    pub quiet: bool,
}

/// New values for an inventory item; a bare number means its id and nothing else.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ItemFields {
    /// Which.
    pub id: i64,
    /// What one costs, in hundredths.
    #[serde(default)]
    pub cost: Option<u32>,
    /// Whether stock is counted.
    #[serde(default)]
    pub tracked: Option<bool>,
}

/// Values for a location.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LocationFields {
    /// Which; a new one has none yet.
    pub id: i64,
    /// Name.
    pub name: Option<String>,
    /// Its address.
    pub address: AddressFields,
}

impl From<i64> for ItemFields {
    fn from(id: i64) -> Self {
        Self { id, ..Self::default() }
    }
}

impl Stock {
    /// Brings the sum over all active levels to this, at the first of them; which location that was.
    pub fn set_available(&mut self, quantity: i32, now: i64) -> Result<i64, String> {
        let missing = quantity - self.available();
        let level = self.levels.iter_mut().find(|level| level.active);
        let level = level.ok_or("no location stocks this variant")?;
        level.available += missing;
        level.updated_at = level.updated_at.max(now);
        Ok(level.location)
    }
}

impl Catalogue {
    pub(in crate::catalogue) fn set_inventory(&mut self, fields: &LevelFields, act: &mut Act) -> Result<i64, String> {
        let before = self.quantity_of(fields.item)?;
        let level = self.active_level(fields)?;
        if fields.available.is_none() && fields.committed.is_none() && fields.incoming.is_none() {
            level.available += 1;
        }
        level.available = fields.available.unwrap_or(level.available);
        level.committed = fields.committed.unwrap_or(level.committed);
        level.incoming = fields.incoming.unwrap_or(level.incoming);
        level.updated_at = level.updated_at.max(act.now());
        self.tell_level("inventory_levels/update", variant_of(fields.item), fields.location, act);
        self.stock_changed(fields, before, act)
    }

    pub(in crate::catalogue) fn connect_inventory(
        &mut self,
        fields: &LevelFields,
        act: &mut Act,
    ) -> Result<i64, String> {
        let now = act.now();
        let before = self.quantity_of(fields.item)?;
        let place = self.locations.get(&fields.location);
        if !place.is_some_and(|location| location.active) {
            return Err(format!("no active location {}", fields.location));
        }
        let (product, at) = self.variant_mut(variant_of(fields.item))?;
        let levels = &mut product.variants[at].stock.levels;
        let level = match levels.iter_mut().position(|level| level.location == fields.location) {
            Some(known) if levels[known].active => {
                return Err(format!(
                    "location {} stocks item {} already",
                    fields.location, fields.item
                ));
            }
            Some(known) => &mut levels[known],
            None => {
                levels.push(Level {
                    location: fields.location,
                    active: true,
                    available: 0,
                    committed: 0,
                    incoming: 0,
                    created_at: now,
                    updated_at: now,
                });
                levels.last_mut().expect("a level was added")
            }
        };
        level.active = true;
        level.available = fields.available.unwrap_or(0);
        level.updated_at = level.updated_at.max(now);
        self.tell_level(
            "inventory_levels/connect",
            variant_of(fields.item),
            fields.location,
            act,
        );
        self.stock_changed(fields, before, act)
    }

    pub(in crate::catalogue) fn disconnect_inventory(
        &mut self,
        fields: &LevelFields,
        act: &mut Act,
    ) -> Result<i64, String> {
        let before = self.quantity_of(fields.item)?;
        let level = self.active_level(fields)?;
        level.active = false;
        level.updated_at = level.updated_at.max(act.now());
        let body = serde_json::json!({"inventory_item_id": fields.item, "location_id": fields.location});
        act.tell("inventory_levels/disconnect", fields.item, &body);
        self.stock_changed(fields, before, act)
    }

    pub(in crate::catalogue) fn update_item(&mut self, fields: &ItemFields, act: &mut Act) -> Result<i64, String> {
        let variant = variant_of(fields.id);
        let (product, at) = self
            .variant_mut(variant)
            .map_err(|_| format!("no inventory item {}", fields.id))?;
        let stock = &mut product.variants[at].stock;
        stock.tracked = fields.tracked.unwrap_or(stock.tracked);
        stock.cost = match fields.cost {
            None if fields.tracked.is_none() => Some(stock.cost.unwrap_or(0) % 9_000 + 7),
            None => stock.cost,
            given => given,
        };
        stock.updated_at = stock.updated_at.max(act.now());
        self.tell_item(variant, act);
        Ok(fields.id)
    }

    pub(in crate::catalogue) fn create_location(
        &mut self,
        fields: &LocationFields,
        act: &mut Act,
    ) -> Result<i64, String> {
        let id = self.ids.fresh(Kind::Location);
        let mut address = Address::made(&mut Mix::new(id as u64));
        address.change(&fields.address);
        let location = Location {
            id,
            name: fields.name.as_deref().unwrap_or("New Location").into(),
            active: true,
            address,
            created_at: act.now(),
            updated_at: act.now(),
            deactivated_at: None,
        };
        self.locations.insert(id, location);
        self.tell_location("locations/create", id, act)
    }

    pub(in crate::catalogue) fn update_location(
        &mut self,
        fields: &LocationFields,
        act: &mut Act,
    ) -> Result<i64, String> {
        let location = self.location_mut(fields.id)?;
        if let Some(name) = &fields.name {
            location.name = name.as_str().into();
        }
        let changed = location.address.change(&fields.address);
        if !changed && fields.name.is_none() {
            location.name = format!("{}+", location.name).into();
        }
        location.updated_at = location.updated_at.max(act.now());
        self.tell_location("locations/update", fields.id, act)
    }

    pub(in crate::catalogue) fn activate_location(&mut self, id: i64, act: &mut Act) -> Result<i64, String> {
        let location = self.location_mut(id)?;
        (location.active, location.deactivated_at) = (true, None);
        location.updated_at = location.updated_at.max(act.now());
        self.tell_location("locations/activate", id, act)
    }

    pub(in crate::catalogue) fn deactivate_location(&mut self, id: i64, act: &mut Act) -> Result<i64, String> {
        if self.stocks(id, |level| level.active) {
            return Err(format!("location {id} still stocks something"));
        }
        let location = self.location_mut(id)?;
        (location.active, location.deactivated_at) = (false, Some(act.now()));
        location.updated_at = location.updated_at.max(act.now());
        self.tell_location("locations/deactivate", id, act)
    }

    pub(in crate::catalogue) fn delete_location(&mut self, id: i64, act: &mut Act) -> Result<i64, String> {
        if self.location_mut(id)?.active {
            return Err(format!("location {id} is active"));
        }
        self.locations.remove(&id);
        for product in self.products.values_mut() {
            for variant in &mut product.variants {
                variant.stock.levels.retain(|level| level.location != id);
            }
        }
        act.tell_bytes("locations/delete", id, delete_body(id));
        Ok(id)
    }

    /// Locations by id and whether they take part, which is what new stock is spread over.
    pub(in crate::catalogue) fn places(&self) -> Vec<(i64, bool)> {
        self.locations
            .values()
            .map(|location| (location.id, location.active))
            .collect()
    }

    /// Tells of an item as it is now.
    pub(in crate::catalogue) fn tell_item(&self, variant: i64, act: &mut Act) {
        if let Some((product, at)) = self.variant(variant) {
            let variant = &product.variants[at];
            act.tell(
                "inventory_items/update",
                variant.inventory_item_id(),
                &self.item_body(variant),
            );
        }
    }

    /// Tells of a new item and of where it lies.
    pub(in crate::catalogue) fn tell_new_item(&self, variant: i64, act: &mut Act) {
        let Some((product, at)) = self.variant(variant) else {
            return;
        };
        let variant = &product.variants[at];
        let item = variant.inventory_item_id();
        act.tell("inventory_items/create", item, &self.item_body(variant));
        for level in variant.stock.levels.iter().filter(|level| level.active) {
            act.tell("inventory_levels/connect", item, &self.level_body(item, level));
        }
    }

    /// Tells of a level as it is now.
    pub(in crate::catalogue) fn tell_level(&self, topic: &'static str, variant: i64, location: i64, act: &mut Act) {
        let Some((product, at)) = self.variant(variant) else {
            return;
        };
        let variant = &product.variants[at];
        if let Some(level) = variant.stock.level(location) {
            let item = variant.inventory_item_id();
            act.tell(topic, item, &self.level_body(item, level));
        }
    }

    /// What follows from other quantities: the variant's clock and its product's, the stock topics.
    fn stock_changed(&mut self, fields: &LevelFields, before: i32, act: &mut Act) -> Result<i64, String> {
        let now = act.now();
        let variant = variant_of(fields.item);
        let (product, at) = self.variant_mut(variant)?;
        if product.variants[at].quantity() != before {
            product.variants[at].updated_at = product.variants[at].updated_at.max(now);
            if !fields.quiet {
                product.updated_at = product.updated_at.max(now);
            }
            let product = product.id;
            self.tell_product("products/update", product, act);
            self.tell_crossing(variant, before, act);
        }
        Ok(fields.item)
    }

    fn quantity_of(&self, item: i64) -> Result<i32, String> {
        let (product, at) = self
            .variant(variant_of(item))
            .ok_or_else(|| format!("no inventory item {item}"))?;
        Ok(product.variants[at].quantity())
    }

    fn active_level(&mut self, fields: &LevelFields) -> Result<&mut Level, String> {
        let (product, at) = self.variant_mut(variant_of(fields.item))?;
        let mut levels = product.variants[at].stock.levels.iter_mut();
        levels
            .find(|level| level.location == fields.location && level.active)
            .ok_or_else(|| format!("location {} does not stock item {}", fields.location, fields.item))
    }

    fn stocks(&self, location: i64, which: impl Fn(&Level) -> bool) -> bool {
        let mut variants = self.products.values().flat_map(|product| &product.variants);
        variants.any(|variant| variant.stock.level(location).is_some_and(&which))
    }

    fn location_mut(&mut self, id: i64) -> Result<&mut Location, String> {
        self.locations.get_mut(&id).ok_or_else(|| format!("no location {id}"))
    }

    fn tell_location(&self, topic: &'static str, id: i64, act: &mut Act) -> Result<i64, String> {
        if let Some(location) = self.locations.get(&id) {
            act.tell(topic, id, &self.location_body(location));
        }
        Ok(id)
    }
}
