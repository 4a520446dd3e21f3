//! A store as the Admin API writes it.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use crate::shopify::client::Answer;
use crate::shopify::{Client, Error, Gid, ShopDomain};

const SHOP: &str = include_str!("../queries/shop.graphql");

/// A store's description of itself.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Shop {
    pub id: Gid,
    pub name: String,
    pub email: Option<String>,
    pub myshopify_domain: String,
    pub currency_code: String,
    pub iana_timezone: String,
    pub created_at: DateTime<Utc>,
    pub plan: Plan,
}

/// A store's plan.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Its name.
    pub public_display_name: String,
}

impl Client {
    /// The store's description of itself. Also the cheapest proof that a token works.
    pub async fn shop(&self, shop: &ShopDomain, token: &str) -> Result<Answer<Shop>, Error> {
        #[derive(Deserialize)]
        struct Data {
            shop: Shop,
        }
        let answer = self.query::<Data>(shop, token, SHOP, json!({})).await?;
        Ok(Answer {
            data: answer.data.shop,
            observed_at: answer.observed_at,
            refused: answer.refused,
        })
    }
}
