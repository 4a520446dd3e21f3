//! Subscriptions to webhooks that are made through the Admin API. Shopify deletes one after eight failures in a row, so
//! whoever makes them must make them again.
//!
//! Those of `shopify.app.toml` are not seen here, and Shopify keeps them by itself.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::json;

use super::graphql::PageInfo;
use super::{Client, Error, ShopDomain};

const LIST: &str = include_str!("queries/webhook_subscriptions.graphql");
const CREATE: &str = include_str!("queries/webhook_subscription_create.graphql");
const PER_PAGE: u32 = 250;

/// What became of a wish to be told of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subscribed {
    /// It is new.
    Created,
    /// It was there already.
    Known,
    /// Shopify refuses it, in its own words: a scope is missing, or the address is not allowed.
    Refused(String),
}

/// A topic as the Admin API writes it: `products/update` is `PRODUCTS_UPDATE`.
pub fn topic_name(topic: &str) -> String {
    topic.replace(['/', '.'], "_").to_ascii_uppercase()
}

impl Client {
    /// The topics (as [`topic_name`] writes them) of which Shopify tells this address.
    pub async fn subscribed(&self, shop: &ShopDomain, token: &str, uri: &str) -> Result<HashSet<String>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            webhook_subscriptions: Page,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            nodes: Vec<Node>,
            page_info: PageInfo,
        }
        #[derive(Deserialize)]
        struct Node {
            topic: String,
            uri: String,
        }
        let mut topics = HashSet::new();
        let mut after: Option<String> = None;
        loop {
            let variables = json!({ "first": PER_PAGE, "after": after });
            let page = self
                .query::<Data>(shop, token, LIST, variables)
                .await?
                .data
                .webhook_subscriptions;
            let ours = page.nodes.into_iter().filter(|node| node.uri == uri);
            topics.extend(ours.map(|node| node.topic));
            if !page.page_info.has_next_page {
                return Ok(topics);
            }
            after = page.page_info.end_cursor;
        }
    }

    /// Asks to be told of a topic (as [`topic_name`] writes it) at this address.
    pub async fn subscribe(&self, shop: &ShopDomain, token: &str, topic: &str, uri: &str) -> Result<Subscribed, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            webhook_subscription_create: Option<Payload>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Payload {
            user_errors: Vec<UserError>,
        }
        #[derive(Deserialize)]
        struct UserError {
            message: String,
        }
        let variables = json!({ "topic": topic, "webhookSubscription": { "uri": uri, "format": "JSON" } });
        let answer = match self.query::<Data>(shop, token, CREATE, variables).await {
            Err(Error::Refused { reason }) => return Ok(Subscribed::Refused(reason)),
            answer => answer?,
        };
        let errors = answer
            .data
            .webhook_subscription_create
            .map(|payload| payload.user_errors);
        Ok(match errors.into_iter().flatten().next() {
            None => Subscribed::Created,
            Some(error) if error.message.contains("already been taken") => Subscribed::Known,
            Some(error) => Subscribed::Refused(error.message),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_written_as_the_admin_api_does() {
        assert_eq!(topic_name("orders/partially_fulfilled"), "ORDERS_PARTIALLY_FULFILLED");
        assert_eq!(topic_name("customer.tags_added"), "CUSTOMER_TAGS_ADDED");
    }
}
