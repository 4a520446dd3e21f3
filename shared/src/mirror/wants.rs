//! Which resources must be fetched, because what came could not settle their state.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::Error;
use super::rows::Mention;
use crate::message::Resource;
use crate::shopify::{Gid, PRODUCT_EXTRAS};
use crate::store::pending_fetches::Want;
use crate::store::tables::{Customer, Order, Product, ProductVariant};
use crate::store::{Change, Fate, Row, Tie, Transaction, Written, mentions};

/// Above this many variants of one product, the whole product is fetched instead: it costs one call.
const MOST_SINGLE_VARIANTS: usize = 10;

const TIE: &str = "of two states nobody can say which is newer";
const NOT_SHOWN: &str = "a body named more variants than it showed";
const UNTOLD: &str = "no webhook tells all of it";
const REFUND_LINES: &str = "a bulk file cannot hold the lines of refunds";

/// A variant that must be fetched.
struct Variant {
    shop_id: i64,
    product_id: Option<i64>,
    id: i64,
    wanted_at: DateTime<Utc>,
}

/// Of what bodies named without showing it, what is missing here.
pub(super) async fn of_mentions(tx: &mut Transaction, mentioned: &[Mention]) -> Result<Vec<Want>, Error> {
    let (mut variants, mut products, mut orders) = (Vec::new(), HashMap::new(), Vec::new());
    for mention in mentioned {
        match *mention {
            Mention::Variant {
                key,
                product_id,
                source_updated_at,
                observed_at,
            } => {
                products.insert(key, (product_id, observed_at));
                variants.push(mentions::Mention {
                    key,
                    source_updated_at,
                    observed_at,
                });
            }
            Mention::RefundedOrder {
                key,
                source_updated_at,
                observed_at,
            } => orders.push(mentions::Mention {
                key,
                source_updated_at,
                observed_at,
            }),
        }
    }
    let missing = mentions::missing_variants(tx, &variants).await?;
    let missing = missing.into_iter().map(|key| {
        let (product_id, wanted_at) = products[&key];
        Variant {
            shop_id: key.shop_id,
            product_id: Some(product_id),
            id: key.id,
            wanted_at,
        }
    });
    let mut wants = grouped(missing, NOT_SHOWN);
    let observed: HashMap<_, _> = orders.iter().map(|order| (order.key, order.observed_at)).collect();
    for key in mentions::untold_refunds(tx, &orders).await? {
        wants.push(want(key.shop_id, "Order", key.id, observed[&key], REFUND_LINES));
    }
    Ok(wants)
}

/// What settles rows that nobody can tell to be newer or older.
pub(super) fn of_ties(ties: &[Tie]) -> Vec<Want> {
    let (variants, others): (Vec<&Tie>, Vec<&Tie>) = ties.iter().partition(|tie| tie.kind == "ProductVariant");
    let variants = variants.into_iter().map(|tie| Variant {
        shop_id: tie.shop_id,
        product_id: tie.product_id,
        id: tie.id,
        wanted_at: tie.observed_at,
    });
    let mut wants = grouped(variants, TIE);
    wants.extend(
        others
            .into_iter()
            .map(|tie| want(tie.shop_id, &tie.kind, tie.id, tie.observed_at, TIE)),
    );
    wants
}

/// What webhooks leave untold of the resources they changed: the collections of a product, the consents and tags of a
/// customer (who may have got another address or number), and the metafields of anything new.
pub(super) fn untold(written: &Written) -> Vec<Want> {
    let mut wants = Vec::new();
    let mut add = |kind: &str, change: &Change| {
        let (key, wanted_at) = (change.key, change.version.observed_at);
        wants.push(want(key.shop_id, kind, key.id, wanted_at, UNTOLD));
    };
    let mut new_products = HashSet::new();
    for product in written.changed(Product::table()) {
        if product.fate == Fate::New {
            new_products.insert((product.key.shop_id, Some(product.key.id)));
            add("Product", product);
        } else {
            add(PRODUCT_EXTRAS, product);
        }
    }
    for customer in written.changed(Customer::table()) {
        add("Customer", customer);
    }
    for table in [ProductVariant::table(), Order::table()] {
        let is_new = |change: &&Change| {
            change.fate == Fate::New && !new_products.contains(&(change.key.shop_id, change.fetched_as))
        };
        written
            .changed(table)
            .filter(is_new)
            .for_each(|change| add(table.kind, change));
    }
    wants
}

fn want(shop_id: i64, kind: &str, id: i64, wanted_at: DateTime<Utc>, reason: &'static str) -> Want {
    Want {
        shop_id,
        gid: Gid::new(kind, id).as_str().to_owned(),
        wanted_at,
        reason,
    }
}

/// Variants, or where these are many of one product the product.
fn grouped(variants: impl IntoIterator<Item = Variant>, reason: &'static str) -> Vec<Want> {
    let mut by_product: BTreeMap<(i64, Option<i64>), Vec<Variant>> = BTreeMap::new();
    for variant in variants {
        let product = (variant.shop_id, variant.product_id);
        by_product.entry(product).or_default().push(variant);
    }
    let mut wants = Vec::new();
    for ((shop_id, product_id), variants) in by_product {
        match product_id {
            Some(product_id) if variants.len() > MOST_SINGLE_VARIANTS => {
                let latest = variants.iter().map(|variant| variant.wanted_at).max();
                wants.push(want(shop_id, "Product", product_id, latest.unwrap_or_default(), reason));
            }
            _ => wants.extend(
                variants
                    .into_iter()
                    .map(|variant| want(shop_id, "ProductVariant", variant.id, variant.wanted_at, reason)),
            ),
        }
    }
    wants
}

/// The messages that carry the wants of the stores named in `shop_ids`.
pub(super) fn fetches(wants: &[Want], shop_ids: &HashMap<String, i64>) -> Vec<Resource> {
    let domains: HashMap<i64, &str> = shop_ids.iter().map(|(domain, id)| (*id, domain.as_str())).collect();
    wants
        .iter()
        .filter_map(|want| Resource::parse(domains.get(&want.shop_id)?, &want.gid))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_variants_of_one_product_are_fetched_as_the_product() {
        let variant = |product_id, id| Variant {
            shop_id: 1,
            product_id: Some(product_id),
            id,
            wanted_at: DateTime::UNIX_EPOCH,
        };
        let many = (0..11).map(|id| variant(9, id)).chain([variant(8, 100)]);
        let gids: Vec<String> = grouped(many, "test").into_iter().map(|want| want.gid).collect();
        assert_eq!(gids, ["gid://shopify/ProductVariant/100", "gid://shopify/Product/9"]);
    }
}
