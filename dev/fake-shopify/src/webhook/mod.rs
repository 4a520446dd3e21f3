//! Webhooks: who is subscribed, what is sent to whom, how often it is tried.

mod deliver;
mod sign;
mod topics;

use std::sync::Mutex;

use bytes::Bytes;
use uuid::Uuid;

pub use deliver::{Delivery, Outcome, attempt, deliver, retry};
pub use sign::sign;
pub use topics::{to_enum, to_header};

use crate::clock;
use crate::graphql::value::{Args, FieldError, Fields, Leaf, Object, Resolved, Value};
use crate::shop::{Shop, State};

/// Something that happened, with the body that tells of it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Header form of the topic.
    pub topic: String,
    /// The product or other thing concerned.
    pub resource_id: Option<i64>,
    /// When, in microseconds.
    pub triggered_at: i64,
    /// The body, as it stays for every retry.
    pub body: Bytes,
}

/// A subscription.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The number of its gid.
    pub id: i64,
    /// Header form of the topic.
    pub topic: String,
    /// Where deliveries go.
    pub url: String,
    /// The name, sent as `X-Shopify-Name`.
    pub name: Option<String>,
    /// Made through the Admin API: listed there, and deleted after a delivery failed for good.
    pub by_api: bool,
    /// The API version of the bodies.
    pub api_version: String,
    /// Seconds since 1970.
    pub created_at: i64,
}

/// The subscriptions of a shop.
#[derive(Debug, Default)]
pub struct Subscriptions {
    list: Mutex<Vec<Subscription>>,
}

impl Subscriptions {
    /// Adds one. `Err` if the address has the topic already.
    pub fn add(
        &self,
        topic: &str,
        url: &str,
        name: Option<&str>,
        by_api: bool,
        api_version: &str,
    ) -> Result<Subscription, &'static str> {
        let mut list = self.list.lock().expect("subscriptions are never poisoned");
        if list.iter().any(|known| known.topic == topic && known.url == url) {
            return Err("Address for this topic has already been taken");
        }
        let id = 1_200_000_000_000
            + 32_768
                * (list
                    .iter()
                    .map(|known| known.id)
                    .max()
                    .map_or(0, |last| (last - 1_200_000_000_000) / 32_768 + 1));
        let subscription = Subscription {
            id,
            topic: topic.to_owned(),
            url: url.to_owned(),
            name: name.map(str::to_owned),
            by_api,
            api_version: api_version.to_owned(),
            created_at: clock::seconds(),
        };
        list.push(subscription.clone());
        Ok(subscription)
    }

    /// All of them.
    pub fn all(&self) -> Vec<Subscription> {
        self.list.lock().expect("subscriptions are never poisoned").clone()
    }

    /// Removes one; whether there was one.
    pub fn remove(&self, id: i64) -> bool {
        let mut list = self.list.lock().expect("subscriptions are never poisoned");
        let before = list.len();
        list.retain(|known| known.id != id);
        list.len() < before
    }

    /// Removes all.
    pub fn clear(&self) {
        self.list.lock().expect("subscriptions are never poisoned").clear();
    }
}

/// The deliveries of what one action caused: of each event one per subscription to its topic, all with one event id.
pub fn deliveries(state: &State, shop: &Shop, events: &[Event]) -> Vec<Delivery> {
    let event_id = Uuid::new_v4().to_string();
    let subscriptions = shop.subscriptions.all();
    let of = |event: &Event| {
        let concerned = subscriptions.iter().filter(|it| it.topic == event.topic);
        let made: Vec<Delivery> = concerned
            .map(|it| delivery(state, shop, event, it, &event_id))
            .collect();
        made
    };
    events.iter().flat_map(of).collect()
}

fn delivery(state: &State, shop: &Shop, event: &Event, subscription: &Subscription, event_id: &str) -> Delivery {
    Delivery {
        subscription: subscription.by_api.then_some(subscription.id),
        url: subscription.url.clone(),
        topic: event.topic.clone(),
        shop: shop.domain.clone(),
        webhook_id: Uuid::new_v4().to_string(),
        event_id: event_id.to_owned(),
        triggered_at: event.triggered_at,
        api_version: subscription.api_version.clone(),
        name: subscription.name.clone(),
        signature: Some(sign(&state.config.secret, &event.body)),
        body: event.body.clone(),
        resource_id: event.resource_id,
        headers: Vec::new(),
    }
}

impl Object for Subscription {
    fn type_name(&self) -> &'static str {
        "WebhookSubscription"
    }

    fn field<'s>(&'s self, name: &str, _args: &Args) -> Resolved<'s> {
        Ok(match name {
            "id" => Value::Gid("WebhookSubscription", self.id),
            "legacyResourceId" => Value::Digits(self.id),
            "topic" => Value::Text(to_enum(&self.topic)),
            "format" => Value::Str("JSON"),
            "uri" | "callbackUrl" => Value::Str(&self.url),
            "filter" => Value::Null,
            "includeFields" | "metafieldNamespaces" => Value::List(Vec::new()),
            "name" => Value::opt_str(self.name.as_deref()),
            "createdAt" | "updatedAt" => Value::Time(self.created_at),
            "apiVersion" => Fields::value(
                "ApiVersion",
                vec![
                    ("handle", Leaf::Str(&self.api_version)),
                    ("displayName", Leaf::Str(&self.api_version)),
                    ("supported", Leaf::Bool(true)),
                ],
            ),
            _ => return Err(FieldError::unresolved("WebhookSubscription", name)),
        })
    }
}
