//! Changes to what a shop has. Each stamps whole seconds, as Shopify does, so several can carry the same `updatedAt`.
//!
//! A change does two things: it alters the catalogue and it says what is told of it, body by body, in the order in
//! which it happened. No column ever changes without the clock that guards it.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Catalogue;
use super::inventory::{ItemFields, LevelFields, LocationFields};
use super::product_edit::{NewProduct, ProductFields, VariantFields};
use crate::clock::SECOND;

/// One edit, as the control API writes it: `{"update_product": {"id": 1, "title": "x"}}`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Edit {
    /// A new product.
    CreateProduct(NewProduct),
    /// New values for the fields given; without any, a new description.
    #[serde(deserialize_with = "id_or_fields")]
    UpdateProduct(ProductFields),
    /// Removes a product with its variants.
    DeleteProduct(i64),
    /// New values for a variant; without any, a new price.
    #[serde(deserialize_with = "id_or_fields")]
    UpdateVariant(VariantFields),
    /// One more variant for this product, at the end.
    AddVariant(i64),
    /// Removes a variant.
    RemoveVariant(i64),
    /// New quantities of an item at a location that stocks it; without any, one more available.
    SetInventory(LevelFields),
    /// An active location begins to stock an item.
    ConnectInventory(LevelFields),
    /// A location stops stocking an item.
    DisconnectInventory(LevelFields),
    /// New values for an inventory item; without any, a new cost.
    #[serde(deserialize_with = "id_or_fields")]
    UpdateItem(ItemFields),
    /// A new location.
    CreateLocation(LocationFields),
    /// New values for a location.
    UpdateLocation(LocationFields),
    /// A location takes part again; what it stocks is connected item by item.
    ActivateLocation(i64),
    /// A location takes part no longer. One that still stocks something cannot do that.
    DeactivateLocation(i64),
    /// Removes a location that is not active.
    DeleteLocation(i64),
}

/// Lets an edit that needs nothing but an id be written as that number.
fn id_or_fields<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + From<i64>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either<T> {
        Id(i64),
        Fields(T),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::Id(id) => id.into(),
        Either::Fields(fields) => fields,
    })
}

/// What a change did.
#[derive(Clone, Debug)]
pub struct Change {
    /// The header form of the topic that tells of it; the first, if several do.
    pub topic: &'static str,
    /// The id of what was changed: the product for a variant, the item for a level, the order for what belongs to it.
    pub id: i64,
    /// When, in microseconds.
    pub at: i64,
}

/// A topic and the body that goes with it.
#[derive(Clone, Debug)]
pub struct Tell {
    /// The header form.
    pub topic: &'static str,
    /// The id of what it is about.
    pub id: i64,
    /// The body as of now.
    pub body: Vec<u8>,
}

/// A change under way.
#[derive(Debug)]
pub(super) struct Act {
    /// When, in microseconds.
    pub at: i64,
    tells: Vec<Tell>,
}

impl Act {
    /// When, in seconds.
    pub fn now(&self) -> i64 {
        self.at.div_euclid(SECOND)
    }

    /// Says what is told.
    pub fn tell(&mut self, topic: &'static str, id: i64, body: &Json) {
        self.tell_bytes(topic, id, body.to_string().into_bytes());
    }

    /// The same with a body that is written already.
    pub fn tell_bytes(&mut self, topic: &'static str, id: i64, body: Vec<u8>) {
        self.tells.push(Tell { topic, id, body });
    }
}

impl Catalogue {
    /// Makes a change at this instant. `Err` says in plain words why it cannot be made; then nothing was changed.
    pub fn edit(&mut self, edit: &Edit, at: i64) -> Result<(Change, Vec<Tell>), String> {
        let mut act = Act { at, tells: Vec::new() };
        let id = self.make(edit, &mut act)?;
        let topic = act.tells.first().map_or("", |tell| tell.topic);
        Ok((Change { topic, id, at }, act.tells))
    }

    fn make(&mut self, edit: &Edit, act: &mut Act) -> Result<i64, String> {
        match edit {
            Edit::CreateProduct(new) => self.create_product(new, act),
            Edit::UpdateProduct(fields) => self.update_product(fields, act),
            Edit::DeleteProduct(id) => self.delete_product(*id, act),
            Edit::UpdateVariant(fields) => self.update_variant(fields, act),
            Edit::AddVariant(product) => self.add_variant(*product, act),
            Edit::RemoveVariant(id) => self.remove_variant(*id, act),
            Edit::SetInventory(fields) => self.set_inventory(fields, act),
            Edit::ConnectInventory(fields) => self.connect_inventory(fields, act),
            Edit::DisconnectInventory(fields) => self.disconnect_inventory(fields, act),
            Edit::UpdateItem(fields) => self.update_item(fields, act),
            Edit::CreateLocation(fields) => self.create_location(fields, act),
            Edit::UpdateLocation(fields) => self.update_location(fields, act),
            Edit::ActivateLocation(id) => self.activate_location(*id, act),
            Edit::DeactivateLocation(id) => self.deactivate_location(*id, act),
            Edit::DeleteLocation(id) => self.delete_location(*id, act),
        }
    }
}
