//! Changes to what a shop has. Each stamps whole seconds, as Shopify does, so several can carry the same `updatedAt`.
//!
//! A change does two things: it alters the catalogue and it says what is told of it, body by body, in the order in
//! which it happened. No column ever changes without the clock that guards it.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Catalogue;
use super::collection::{CollectionFields, Membership, NewCollection};
use super::customer::{AddressEdit, ConsentFields, CustomerFields, Merge, NewCustomer, TagFields};
use super::inventory::{ItemFields, LevelFields, LocationFields};
use super::metafield::MetafieldFields;
use super::order::{CancelFields, FulfilFields, LineEdit, NewOrder, OrderFields, RefundFields, TrackingFields};
use super::product_edit::{NewProduct, ProductFields, VariantFields};
use super::shop_edit::{AFTERWARDS, ShopFields};
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
    /// One more picture for this product.
    AddMedia(i64),
    /// Removes the first picture of this product.
    RemoveMedia(i64),
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
    /// A new customer.
    CreateCustomer(NewCustomer),
    /// New values for a customer; without any, another note.
    #[serde(deserialize_with = "id_or_fields")]
    UpdateCustomer(CustomerFields),
    /// Removes a customer without orders.
    DeleteCustomer(i64),
    /// Opens a customer's account.
    EnableCustomer(i64),
    /// Closes it.
    DisableCustomer(i64),
    /// Adds, changes or removes an address of a customer.
    EditAddress(AddressEdit),
    /// Adds tags to a customer and removes others.
    TagCustomer(TagFields),
    /// Consent to mail.
    #[serde(deserialize_with = "id_or_fields")]
    SetEmailConsent(ConsentFields),
    /// Consent to text messages.
    #[serde(deserialize_with = "id_or_fields")]
    SetSmsConsent(ConsentFields),
    /// Makes two customers one.
    MergeCustomers(Merge),
    /// A new order.
    CreateOrder(NewOrder),
    /// New values for an order; without any, another note.
    #[serde(deserialize_with = "id_or_fields")]
    UpdateOrder(OrderFields),
    /// Takes in what is outstanding.
    PayOrder(i64),
    /// Sends what is open.
    #[serde(deserialize_with = "id_or_fields")]
    FulfillOrder(FulfilFields),
    /// Another tracking number for a parcel, or the parcel is called back.
    #[serde(deserialize_with = "id_or_fields")]
    UpdateFulfillment(TrackingFields),
    /// Takes goods back and pays for them.
    #[serde(deserialize_with = "id_or_fields")]
    RefundOrder(RefundFields),
    /// Changes the lines.
    #[serde(deserialize_with = "id_or_fields")]
    EditOrder(LineEdit),
    /// Cancels an order.
    #[serde(deserialize_with = "id_or_fields")]
    CancelOrder(CancelFields),
    /// Closes an order.
    CloseOrder(i64),
    /// Opens it again.
    ReopenOrder(i64),
    /// Removes an order.
    DeleteOrder(i64),
    /// A new collection.
    CreateCollection(NewCollection),
    /// New values for a collection; without any, a new description.
    #[serde(deserialize_with = "id_or_fields")]
    UpdateCollection(CollectionFields),
    /// Adds products to a collection and removes others.
    ChangeCollection(Membership),
    /// Removes a collection.
    DeleteCollection(i64),
    /// Sets a metafield or, without a value, deletes it.
    SetMetafield(MetafieldFields),
    /// New values for the shop itself.
    UpdateShop(ShopFields),
    /// The app has these scopes from now on.
    SetScopes(Vec<String>),
    /// The app is removed: its token is dead, and nothing is told any more but what the law demands.
    Uninstall {},
    /// The app is back.
    Reinstall {},
    /// A customer asks what is known of it.
    RequestData(i64),
    /// A customer is to be forgotten.
    RedactCustomer(i64),
    /// The shop is to be forgotten.
    RedactShop {},
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
        if !self.facts.installed {
            act.tells.retain(|tell| AFTERWARDS.contains(&tell.topic));
        }
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
            Edit::AddMedia(product) => self.add_media(*product, act),
            Edit::RemoveMedia(product) => self.remove_media(*product, act),
            Edit::SetInventory(fields) => self.set_inventory(fields, act),
            Edit::ConnectInventory(fields) => self.connect_inventory(fields, act),
            Edit::DisconnectInventory(fields) => self.disconnect_inventory(fields, act),
            Edit::UpdateItem(fields) => self.update_item(fields, act),
            Edit::CreateLocation(fields) => self.create_location(fields, act),
            Edit::UpdateLocation(fields) => self.update_location(fields, act),
            Edit::ActivateLocation(id) => self.activate_location(*id, act),
            Edit::DeactivateLocation(id) => self.deactivate_location(*id, act),
            Edit::DeleteLocation(id) => self.delete_location(*id, act),
            Edit::CreateCustomer(new) => self.create_customer(new, act),
            Edit::UpdateCustomer(fields) => self.update_customer(fields, act),
            Edit::DeleteCustomer(id) => self.delete_customer(*id, act),
            Edit::EnableCustomer(id) => self.set_account(*id, true, act),
            Edit::DisableCustomer(id) => self.set_account(*id, false, act),
            Edit::EditAddress(edit) => self.edit_address(edit, act),
            Edit::TagCustomer(fields) => self.tag_customer(fields, act),
            Edit::SetEmailConsent(fields) => self.set_consent(fields, true, act),
            Edit::SetSmsConsent(fields) => self.set_consent(fields, false, act),
            Edit::MergeCustomers(merge) => self.merge_customers(merge, act),
            Edit::CreateOrder(new) => self.create_order(new, act),
            Edit::UpdateOrder(fields) => self.update_order(fields, act),
            Edit::PayOrder(id) => self.pay_order(*id, act),
            Edit::FulfillOrder(fields) => self.fulfil_order(fields, act),
            Edit::UpdateFulfillment(fields) => self.update_fulfillment(fields, act),
            Edit::RefundOrder(fields) => self.refund_order(fields, act),
            Edit::EditOrder(edit) => self.edit_order(edit, act),
            Edit::CancelOrder(fields) => self.cancel_order(fields, act),
            Edit::CloseOrder(id) => self.close_order(*id, true, act),
            Edit::ReopenOrder(id) => self.close_order(*id, false, act),
            Edit::DeleteOrder(id) => self.delete_order(*id, act),
            Edit::CreateCollection(new) => self.create_collection(new, act),
            Edit::UpdateCollection(fields) => self.update_collection(fields, act),
            Edit::ChangeCollection(change) => self.change_members(change, act),
            Edit::DeleteCollection(id) => self.delete_collection(*id, act),
            Edit::SetMetafield(fields) => self.set_metafield(fields, act),
            Edit::UpdateShop(fields) => Ok(self.update_shop(fields, act)),
            Edit::SetScopes(scopes) => Ok(self.set_scopes(scopes, act)),
            Edit::Uninstall {} => Ok(self.install(false, act)),
            Edit::Reinstall {} => Ok(self.install(true, act)),
            Edit::RequestData(customer) => Ok(self.request_data(*customer, act)),
            Edit::RedactCustomer(customer) => Ok(self.redact_customer(*customer, act)),
            Edit::RedactShop {} => Ok(self.redact_shop(act)),
        }
    }
}
