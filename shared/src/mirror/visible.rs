//! Which orders Shopify shows an app: those of the last 60 days, and older ones only with a scope of their own. What it
//! does not show is not gone.

use chrono::{DateTime, Days, Utc};

use super::Error;
use crate::import;
use crate::shopify::{Answer, Client, ShopDomain};

/// A day less than Shopify's, whose limit is nowhere said to the hour.
const SHOWN: Days = Days::new(59);

/// Since when the orders are of which any app sees all.
pub(super) fn orders_shown_since(now: DateTime<Utc>) -> DateTime<Utc> {
    now - SHOWN
}

/// Whether the app sees every order of the store.
pub(super) async fn sees_all_orders(client: &Client, shop: &ShopDomain, token: &str) -> Result<bool, Error> {
    let Answer { data: granted, .. } = client.access_scopes(shop, token).await?;
    let orders = import::find("orders").expect("the operation exists");
    Ok(orders.lacks_scope(&granted).is_none())
}
