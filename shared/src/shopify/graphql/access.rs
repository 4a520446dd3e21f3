//! What the app may see, as the Admin API writes it.

use serde::Deserialize;
use serde_json::json;

use crate::shopify::client::Answer;
use crate::shopify::{Client, Error, ShopDomain};

const SCOPES: &str = include_str!("../queries/access_scopes.graphql");

impl Client {
    /// The scopes that the store grants the app, such as `read_products`.
    pub async fn access_scopes(&self, shop: &ShopDomain, token: &str) -> Result<Answer<Vec<String>>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            current_app_installation: Installation,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Installation {
            access_scopes: Vec<Scope>,
        }
        #[derive(Deserialize)]
        struct Scope {
            handle: String,
        }
        let answer = self.query::<Data>(shop, token, SCOPES, json!({})).await?;
        let scopes = answer.data.current_app_installation.access_scopes;
        Ok(Answer {
            data: scopes.into_iter().map(|scope| scope.handle).collect(),
            observed_at: answer.observed_at,
            refused: answer.refused,
        })
    }
}
