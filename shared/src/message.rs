//! The seven queues and what travels on them.
//!
//! A body is a wire format: JSON, tagged with `type` and versioned with `v`; what was written yesterday must decode
//! tomorrow. The queue itself knows nothing of this.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::shopify::{Gid, PRODUCT_EXTRAS, ShopDomain, Topic};

/// A queue by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueueName {
    /// Products: fetches by id and chunks of imports.
    ProductSync,
    /// Variants: fetches by id.
    VariantSync,
    /// Collections.
    CollectionSync,
    /// Customers.
    CustomerSync,
    /// Orders.
    OrderSync,
    /// Deliveries of webhooks. Drained first, lingers.
    WebhookProcess,
    /// Imports that wait to be started.
    BulkImport,
}

impl QueueName {
    /// Every queue.
    pub const ALL: [Self; 7] = [
        Self::ProductSync,
        Self::VariantSync,
        Self::CollectionSync,
        Self::CustomerSync,
        Self::OrderSync,
        Self::WebhookProcess,
        Self::BulkImport,
    ];

    /// The name as events, keys and logs write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProductSync => "product-sync",
            Self::VariantSync => "variant-sync",
            Self::CollectionSync => "collection-sync",
            Self::CustomerSync => "customer-sync",
            Self::OrderSync => "order-sync",
            Self::WebhookProcess => "webhook-process",
            Self::BulkImport => "bulk-import",
        }
    }

    /// The queue on which the resource `gid` is fetched; none for a kind that is not mirrored.
    pub fn of_resource(gid: &Gid) -> Option<Self> {
        match gid.kind() {
            "Product" | "InventoryItem" | "Location" | "Shop" => Some(Self::ProductSync),
            "ProductVariant" => Some(Self::VariantSync),
            "Collection" | PRODUCT_EXTRAS => Some(Self::CollectionSync),
            "Customer" => Some(Self::CustomerSync),
            "Order" => Some(Self::OrderSync),
            _ => None,
        }
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no queue of this name.
#[derive(Debug, thiserror::Error)]
#[error(
    "no queue of this name: expected product-sync, variant-sync, collection-sync, customer-sync, order-sync, webhook-process or bulk-import"
)]
pub struct UnknownQueue;

impl FromStr for QueueName {
    type Err = UnknownQueue;

    fn from_str(text: &str) -> Result<Self, UnknownQueue> {
        Self::ALL
            .into_iter()
            .find(|queue| queue.as_str() == text)
            .ok_or(UnknownQueue)
    }
}

impl<'de> Deserialize<'de> for QueueName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Serialize for QueueName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What a message says.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Body {
    /// A delivery that Shopify signed.
    Webhook(Webhook),
    /// Fetch one resource by id and apply it.
    Resource(Resource),
    /// Read one byte range of a bulk result and apply it.
    Chunk(Chunk),
    /// Read a list of the store page by page and compare it.
    Page(Page),
    /// Start the operations of an import.
    Import(Import),
    /// A delivery refused for its signature: kept, never applied.
    Rejected(Rejected),
}

/// See [`Body::Webhook`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Webhook {
    /// Ours: names this delivery in the log.
    pub delivery_id: Uuid,
    /// Ours: when it arrived.
    pub received_at: DateTime<Utc>,
    /// The store.
    pub shop: ShopDomain,
    /// What happened.
    pub topic: Topic,
    /// `X-Shopify-Webhook-Id`.
    pub webhook_id: Option<String>,
    /// `X-Shopify-Event-Id`.
    pub event_id: Option<String>,
    /// `X-Shopify-Triggered-At`; the arrival stands in where the header is absent.
    pub triggered_at: DateTime<Utc>,
    /// `X-Shopify-API-Version`.
    pub api_version: Option<String>,
    /// The body was too large for the queue; the payload only names the resource.
    #[serde(default)]
    pub oversized: bool,
    /// The body.
    pub payload: Payload,
}

/// A delivery that a later one of the same resource took the place of, before anybody had received it. It says what the
/// log needs, and nothing of the payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Superseded {
    /// Ours: names the delivery in the log.
    pub delivery_id: Uuid,
    /// Ours: when it arrived.
    pub received_at: DateTime<Utc>,
    /// When it was triggered.
    pub triggered_at: DateTime<Utc>,
    /// `X-Shopify-Webhook-Id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<String>,
    /// `X-Shopify-Event-Id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// `X-Shopify-API-Version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
}

impl Superseded {
    /// Reads the note of a superseded message.
    ///
    /// # Errors
    /// If it is none of ours.
    pub fn parse(note: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(note)
    }
}

/// A body as it came.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// JSON, byte for byte.
    Json(Box<RawValue>),
    /// Not JSON.
    Bytes(Encoded),
}

/// Bytes that travel as base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded(pub Vec<u8>);

impl Serialize for Encoded {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Encoded {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// See [`Body::Resource`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Resource {
    /// The store.
    pub shop: ShopDomain,
    /// What to fetch.
    pub gid: Gid,
}

impl Resource {
    /// What the store `shop` knows as `gid`; `None` if one of them is no such name.
    pub fn parse(shop: &str, gid: &str) -> Option<Self> {
        Some(Self {
            shop: ShopDomain::parse(shop).ok()?,
            gid: Gid::parse(gid).ok()?,
        })
    }
}

/// See [`Body::Chunk`]. The range and the signed URL stand in Postgres, which is the truth about an import.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Chunk {
    /// The store.
    pub shop: ShopDomain,
    /// The import.
    pub job_id: Uuid,
    /// Which of its operations.
    pub operation: String,
    /// Which range of the operation's result.
    pub chunk: i32,
}

/// See [`Body::Page`]. Where the list is read on stands in Postgres.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Page {
    /// The store.
    pub shop: ShopDomain,
    /// Which list of it.
    pub list: String,
    /// How much of the list.
    pub reach: Reach,
    /// Which walk through it.
    pub run: Uuid,
}

/// How much of a list is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// What changed since the last time.
    Changes,
    /// Every id.
    All,
}

impl Reach {
    /// The word in messages and rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::All => "all",
        }
    }
}

/// See [`Body::Import`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Import {
    /// The store.
    pub shop: ShopDomain,
    /// The import.
    pub job_id: Uuid,
    /// The operations to start, one execution each.
    pub operations: Vec<String>,
    /// How many executions this import has used up before: one execution keeps only so many events.
    #[serde(default)]
    pub part: u32,
}

impl Import {
    /// Has one operation go on in another execution, after `part` others.
    pub fn going_on(shop: ShopDomain, job_id: Uuid, operation: String, part: i32) -> Self {
        Self {
            shop,
            job_id,
            operations: vec![operation],
            part: u32::try_from(part).unwrap_or_default(),
        }
    }
}

/// See [`Body::Rejected`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Rejected {
    /// Ours: names this delivery.
    pub delivery_id: Uuid,
    /// Ours: when it arrived.
    pub received_at: DateTime<Utc>,
    /// Why it was refused.
    pub reason: String,
    /// What the unsigned headers claim, cut to a sane length.
    pub shop_domain: Option<String>,
    /// What the unsigned headers claim.
    pub topic: Option<String>,
    /// What the unsigned headers claim.
    pub webhook_id: Option<String>,
    /// How long the body was.
    pub body_size: i32,
    /// The beginning of the body.
    pub body: Encoded,
}

#[derive(Serialize)]
struct Tagged<'a> {
    v: u32,
    #[serde(flatten)]
    body: &'a Body,
}

#[derive(Deserialize)]
struct Tag {
    v: u32,
    #[serde(rename = "type")]
    kind: String,
}

/// A body that cannot be read. It goes to the dead-letter queue as it is.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON of a known type.
    #[error("the message is not one of ours (line {line} column {column})")]
    Malformed {
        /// Where it stops making sense.
        line: usize,
        /// Where it stops making sense.
        column: usize,
    },
    /// A type that this release does not know.
    #[error("the message has the type `{0}`, which this release does not know")]
    Type(String),
    /// Written by a later release.
    #[error("the message has version {0}, and this release reads only version 1")]
    Version(u32),
}

/// Writes a body.
pub fn encode(body: &Body) -> Vec<u8> {
    serde_json::to_vec(&Tagged { v: 1, body }).expect("a body of ours is always JSON")
}

/// Reads a body. The type is read first and the rest by its own form, so that a payload stays byte for byte as it came.
pub fn decode(bytes: &[u8]) -> Result<Body, DecodeError> {
    let tag: Tag = parse(bytes)?;
    if tag.v != 1 {
        return Err(DecodeError::Version(tag.v));
    }
    match tag.kind.as_str() {
        "webhook" => parse(bytes).map(Body::Webhook),
        "resource" => parse(bytes).map(Body::Resource),
        "chunk" => parse(bytes).map(Body::Chunk),
        "page" => parse(bytes).map(Body::Page),
        "import" => parse(bytes).map(Body::Import),
        "rejected" => parse(bytes).map(Body::Rejected),
        _ => Err(DecodeError::Type(tag.kind)),
    }
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(bytes).map_err(|error| DecodeError::Malformed {
        line: error.line(),
        column: error.column(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(payload: Payload) -> Body {
        Body::Webhook(Webhook {
            delivery_id: Uuid::nil(),
            received_at: DateTime::UNIX_EPOCH,
            shop: ShopDomain::parse("a.myshopify.com").unwrap(),
            topic: Topic::parse("products/update"),
            webhook_id: Some("w".into()),
            event_id: None,
            triggered_at: DateTime::UNIX_EPOCH,
            api_version: None,
            oversized: false,
            payload,
        })
    }

    #[test]
    fn a_payload_travels_byte_for_byte() {
        let json = r#"{ "id":788032119674292922, "price": 1.10, "x":"\u00e9" }"#;
        let body = webhook(Payload::Json(RawValue::from_string(json.to_owned()).unwrap()));
        let Body::Webhook(Webhook {
            payload: Payload::Json(back),
            ..
        }) = decode(&encode(&body)).unwrap()
        else {
            panic!("another type came back");
        };
        assert_eq!(back.get(), json);

        let body = webhook(Payload::Bytes(Encoded(vec![0, 255, 10])));
        let Body::Webhook(Webhook {
            payload: Payload::Bytes(back),
            ..
        }) = decode(&encode(&body)).unwrap()
        else {
            panic!("another type came back");
        };
        assert_eq!(back.0, [0, 255, 10]);
    }

    #[test]
    fn what_was_written_by_an_earlier_release_is_still_read() {
        let earlier = br#"{"v":1,"type":"resource","shop":"a.myshopify.com","gid":"gid://shopify/Product/1"}"#;
        assert!(matches!(decode(earlier).unwrap(), Body::Resource(resource) if resource.gid.id() == 1));
    }

    #[test]
    fn what_is_not_ours_is_refused_with_its_place() {
        assert!(matches!(decode(b"hello"), Err(DecodeError::Malformed { line: 1, .. })));
        assert!(matches!(
            decode(br#"{"v":2,"type":"webhook"}"#),
            Err(DecodeError::Version(2))
        ));
        assert!(matches!(
            decode(br#"{"v":1,"type":"sonnet"}"#),
            Err(DecodeError::Type(_))
        ));
    }

    #[test]
    fn every_queue_is_known_by_its_name() {
        for queue in QueueName::ALL {
            assert_eq!(queue.as_str().parse::<QueueName>().unwrap(), queue);
        }
        assert!("webhooks".parse::<QueueName>().is_err());
    }
}
