//! Which resources must be fetched, because what came could not settle their state.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use crate::message::Resource;
use crate::shopify::{Gid, ShopDomain};
use crate::store::pending_fetches::Want;

/// Above this many variants of one product, the whole product is fetched instead: it costs one call.
const MOST_SINGLE_VARIANTS: usize = 10;

/// A product that must be fetched.
pub(super) fn product(shop_id: i64, id: i64, wanted_at: DateTime<Utc>, reason: &'static str) -> Want {
    Want {
        shop_id,
        gid: Gid::new("Product", id).as_str().to_owned(),
        wanted_at,
        reason,
    }
}

/// Variants that must be fetched, given as (store, product, variant).
pub(super) fn variants(
    variants: impl IntoIterator<Item = (i64, Option<i64>, i64)>,
    wanted_at: DateTime<Utc>,
    reason: &'static str,
) -> Vec<Want> {
    let mut by_product: BTreeMap<(i64, Option<i64>), Vec<i64>> = BTreeMap::new();
    for (shop_id, product_id, id) in variants {
        by_product.entry((shop_id, product_id)).or_default().push(id);
    }
    let mut wants = Vec::new();
    for ((shop_id, product_id), ids) in by_product {
        match product_id {
            Some(product_id) if ids.len() > MOST_SINGLE_VARIANTS => {
                wants.push(product(shop_id, product_id, wanted_at, reason));
            }
            _ => wants.extend(ids.into_iter().map(|id| Want {
                shop_id,
                gid: Gid::new("ProductVariant", id).as_str().to_owned(),
                wanted_at,
                reason,
            })),
        }
    }
    wants
}

/// The messages that carry the wants of the stores named in `shop_ids`.
pub(super) fn fetches(wants: &[Want], shop_ids: &HashMap<String, i64>) -> Vec<Resource> {
    let domains: HashMap<i64, &str> = shop_ids.iter().map(|(domain, id)| (*id, domain.as_str())).collect();
    wants
        .iter()
        .filter_map(|want| {
            let shop = ShopDomain::parse(domains.get(&want.shop_id)?).ok()?;
            Some(Resource {
                shop,
                gid: Gid::parse(&want.gid).ok()?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_variants_of_one_product_are_fetched_as_the_product() {
        let many = (0..11).map(|id| (1, Some(9), id)).chain([(1, Some(8), 100)]);
        let gids: Vec<String> = variants(many, DateTime::UNIX_EPOCH, "test")
            .into_iter()
            .map(|want| want.gid)
            .collect();
        assert_eq!(gids, ["gid://shopify/ProductVariant/100", "gid://shopify/Product/9"]);
    }
}
