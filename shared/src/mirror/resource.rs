//! Individual resource sync: fetches one resource by id and applies it.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::rows::Rows;
use super::{Error, visible, write};
use crate::message::Resource;
use crate::shopify::{Client, Gid, PRODUCT_EXTRAS, Whole, graphql};
use crate::store::tables::{Collection, Customer, InventoryItem, Location, Order, Product, ProductVariant};
use crate::store::{self, Source, Store, Transaction, credentials, orders, pending_fetches, redactions, shops};

/// What became of a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The mirror has the state that was read, or a newer one.
    Settled,
    /// Something that happened after the reading is wanted too: fetch again.
    WantedAgain,
}

/// Fetches `resource` and applies what Shopify says: its state, or that it is gone.
pub async fn apply(store: &Store, client: &Client, resource: &Resource) -> Result<Outcome, Error> {
    let mut tx = store.begin().await?;
    let (shop_id, token) = credentials::token(&mut tx, resource.shop.as_str())
        .await?
        .ok_or(Error::NoToken)?;
    // No transaction stays open while we talk to Shopify.
    drop(tx);
    let gid = &resource.gid;
    if gid.kind() == "Shop" {
        let answer = client.shop(&resource.shop, &token).await?;
        let mut tx = store.begin().await?;
        shops::update(&mut tx, shop_id, &profile(answer.data), answer.observed_at).await?;
        return finish(tx, shop_id, gid, answer.observed_at).await;
    }
    let answer = client.fetch(&resource.shop, &token, gid).await?;
    let mut rows = Rows::new(shop_id, answer.observed_at);
    match &answer.data {
        Some(whole) => read(&mut rows, gid, whole)?,
        None if gid.kind() == "Order" => {
            if order_is_gone(store, client, resource, (shop_id, &token), answer.observed_at).await? {
                rows.delete::<Order>(gid.id());
            }
        }
        None => gone(&mut rows, gid)?,
    }
    let mut tx = store.begin().await?;
    let held = redactions::hold(&mut tx, &[shop_id]).await?;
    if held.is_erased(shop_id) {
        return finish(tx, shop_id, gid, answer.observed_at).await;
    }
    // An order that shows everything says nothing of customers.
    if gid.kind() == "Customer" || gid.kind() == "Order" && answer.refused {
        shops::refuses_personal(&mut tx, shop_id, answer.refused).await?;
    }
    let found = std::mem::take(&mut rows.rows);
    write::write(&mut tx, &held, found.iter(), &HashSet::new(), &mut rows, Source::Fetch).await?;
    finish(tx, shop_id, gid, answer.observed_at).await
}

/// What a fetch says of a resource that exists.
fn read(rows: &mut Rows, gid: &Gid, whole: &Whole) -> Result<(), Error> {
    match gid.kind() {
        "Product" => rows.fetched_product(whole),
        PRODUCT_EXTRAS => rows.fetched_product_extras(whole),
        "ProductVariant" => rows.fetched_variant(whole),
        "Collection" => rows.fetched_collection(whole),
        "Customer" => rows.fetched_customer(whole),
        "Order" => rows.fetched_order(whole),
        "InventoryItem" => rows.fetched_inventory_item(whole),
        "Location" => rows.fetched_location(whole),
        kind => Err(unknown(kind)),
    }
}

/// Whether an order that Shopify does not show is gone. The app must see orders so old, and still not see it.
async fn order_is_gone(
    store: &Store,
    client: &Client,
    resource: &Resource,
    (shop_id, token): (i64, &str),
    observed_at: DateTime<Utc>,
) -> Result<bool, Error> {
    let mut tx = store.begin().await?;
    let created_at = orders::created_at(&mut tx, shop_id, resource.gid.id()).await?;
    drop(tx);
    let Some(created_at) = created_at else { return Ok(false) };
    if created_at >= visible::orders_shown_since(observed_at) {
        return Ok(true);
    }
    if !visible::sees_all_orders(client, &resource.shop, token).await? {
        return Ok(false);
    }
    // The scope may have come between the two.
    let again = client.fetch(&resource.shop, token, &resource.gid).await?;
    Ok(again.data.is_none())
}

/// A fetch that answers null without an error says that the resource is gone. Of orders that is not enough.
fn gone(rows: &mut Rows, gid: &Gid) -> Result<(), Error> {
    let id = gid.id();
    match gid.kind() {
        "Product" | PRODUCT_EXTRAS => drop(rows.delete::<Product>(id)),
        "ProductVariant" => drop(rows.delete::<ProductVariant>(id)),
        "Collection" => drop(rows.delete::<Collection>(id)),
        "Customer" => drop(rows.delete::<Customer>(id)),
        "InventoryItem" => drop(rows.delete::<InventoryItem>(id)),
        "Location" => drop(rows.delete::<Location>(id)),
        kind => return Err(unknown(kind)),
    }
    Ok(())
}

fn unknown(kind: &str) -> Error {
    Error::UnknownKind { kind: kind.to_owned() }
}

/// A store's description of itself as the table takes it.
pub fn profile(shop: graphql::Shop) -> shops::Profile {
    shops::Profile {
        shopify_id: shop.id.id(),
        name: shop.name,
        email: shop.email,
        currency_code: shop.currency_code,
        iana_timezone: shop.iana_timezone,
        plan: shop.plan.public_display_name,
        created_at: shop.created_at,
    }
}

async fn finish(mut tx: Transaction, shop_id: i64, gid: &Gid, observed_at: DateTime<Utc>) -> Result<Outcome, Error> {
    let settled = pending_fetches::settled(&mut tx, shop_id, gid.as_str(), observed_at).await?;
    store::commit(tx).await?;
    Ok(if settled {
        Outcome::Settled
    } else {
        Outcome::WantedAgain
    })
}
