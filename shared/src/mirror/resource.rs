//! Individual resource sync: fetches one resource by id and applies it.

use chrono::{DateTime, Utc};

use super::Error;
use super::product::Rows;
use crate::message::Resource;
use crate::shopify::graphql::WholeProduct;
use crate::shopify::{Client, Gid};
use crate::store::product_variant_sets::{self, VariantSet};
use crate::store::product_variants::{self, ProductVariant};
use crate::store::products::{self, Deletion};
use crate::store::{self, Source, Store, Transaction, credentials, newest, pending_fetches};

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
    match gid.kind() {
        "Product" => {
            let answer = client.product(&resource.shop, &token, gid).await?;
            let mut tx = store.begin().await?;
            match &answer.data {
                Some(whole) => write_product(&mut tx, shop_id, whole, answer.observed_at).await?,
                None => delete_product(&mut tx, shop_id, gid.id(), answer.observed_at).await?,
            }
            finish(tx, shop_id, gid, answer.observed_at).await
        }
        "ProductVariant" => {
            let answer = client.product_variant(&resource.shop, &token, gid).await?;
            let mut tx = store.begin().await?;
            match &answer.data {
                Some(raw) => {
                    let row = Rows::new(shop_id, answer.observed_at).variant(raw.get(), None)?;
                    product_variants::upsert(&mut tx, &[&row], Source::Fetch).await?;
                }
                None => {
                    let deletion = Deletion {
                        key: (shop_id, gid.id()),
                        deleted_at: answer.observed_at,
                    };
                    product_variants::delete(&mut tx, &[deletion], Source::Fetch).await?;
                }
            }
            finish(tx, shop_id, gid, answer.observed_at).await
        }
        kind => Err(Error::UnknownKind { kind: kind.to_owned() }),
    }
}

/// A product with all its variants: a variant that is not among them is gone.
async fn write_product(
    tx: &mut Transaction,
    shop_id: i64,
    whole: &WholeProduct,
    observed_at: DateTime<Utc>,
) -> Result<(), Error> {
    let mut rows = Rows::new(shop_id, observed_at);
    let product = rows.product(whole.product.get())?;
    let mut variants = Vec::with_capacity(whole.variants.len());
    for raw in &whole.variants {
        variants.push(rows.variant(raw.get(), Some(product.id))?);
    }
    newest(&mut variants, |row| (row.shop_id, row.id), |row| row.version);
    let set = VariantSet {
        shop_id,
        product_id: product.id,
        observed_at,
        variant_ids: variants.iter().map(|variant| variant.id).collect(),
    };
    products::upsert(tx, &[&product], Source::Fetch).await?;
    product_variant_sets::upsert(tx, std::slice::from_ref(&set)).await?;
    let variant_rows: Vec<&ProductVariant> = variants.iter().collect();
    product_variants::upsert(tx, &variant_rows, Source::Fetch).await?;
    product_variant_sets::remove_missing(tx, &[set], Source::Fetch).await?;
    Ok(())
}

async fn delete_product(tx: &mut Transaction, shop_id: i64, id: i64, observed_at: DateTime<Utc>) -> Result<(), Error> {
    products::delete(
        tx,
        &[Deletion {
            key: (shop_id, id),
            deleted_at: observed_at,
        }],
        Source::Fetch,
    )
    .await?;
    let set = VariantSet {
        shop_id,
        product_id: id,
        observed_at,
        variant_ids: Vec::new(),
    };
    product_variant_sets::upsert(tx, std::slice::from_ref(&set)).await?;
    product_variant_sets::remove_missing(tx, &[set], Source::Fetch).await?;
    Ok(())
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
