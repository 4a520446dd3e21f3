//! How bodies travel: which message carries what.
//!
//! Every message belongs to the group of its store, so that no store waits for another's backlog.

use std::time::Duration;

use crate::message::{Body, Payload, Superseded, Webhook, encode};
use crate::queue::{Message, Send};
use crate::shopify::{ShopDomain, rest::Stub};

/// Somebody waits for what one resource is, and for an import only with patience: a fetch goes before the chunks of the
/// last quarter of an hour.
const HEAD_START_OF_A_FETCH: Duration = Duration::from_secs(900);
/// The attribute that says how urgent a message's calls to Shopify are, and its only value so far.
const PRIORITY: &str = "priority";
const BACKGROUND: &str = "background";
/// The group of deliveries that name no store one could believe.
const UNSIGNED: &str = "unsigned";

/// The message that carries a body.
pub fn carry(body: &Body) -> Send {
    let send = Send::new(encode(body));
    match body {
        Body::Webhook(webhook) => match coalescing(webhook) {
            Some((key, note)) => {
                let order = webhook.triggered_at.timestamp_micros().try_into().unwrap_or_default();
                send.group(group(&webhook.shop)).coalesce(key, order, note)
            }
            None => send.group(group(&webhook.shop)),
        },
        Body::Resource(resource) => send.group(group(&resource.shop)).head_start(HEAD_START_OF_A_FETCH),
        Body::Chunk(chunk) => send.group(group(&chunk.shop)),
        Body::Page(page) => send.group(group(&page.shop)),
        Body::Import(import) => send.group(group(&import.shop)),
        Body::Rejected(_) => send.group(UNSIGNED),
    }
}

/// The same message, for work that has time: it leaves points of the store to what somebody waits for.
pub fn in_background(send: Send) -> Send {
    send.attribute(PRIORITY, BACKGROUND)
}

/// Whether a message was sent [in the background](in_background).
pub fn is_background(message: &Message) -> bool {
    message
        .attributes
        .get(PRIORITY)
        .is_some_and(|priority| priority == BACKGROUND)
}

/// The group of a store: its domain, as long as a group may be.
fn group(shop: &ShopDomain) -> String {
    shop.as_str().chars().take(128).collect()
}

/// The coalescing key of a delivery that tells the whole state of one resource, and the note that is left of it once a
/// later one supersedes it. None if its topic tells only a part, or if the note would be too long.
fn coalescing(webhook: &Webhook) -> Option<(String, String)> {
    if !webhook.topic.tells_all() {
        return None;
    }
    let Payload::Json(json) = &webhook.payload else {
        return None;
    };
    let id = serde_json::from_str::<Stub>(json.get()).ok()?.id;
    let note = serde_json::to_string(&Superseded {
        delivery_id: webhook.delivery_id,
        received_at: webhook.received_at,
        triggered_at: webhook.triggered_at,
        webhook_id: webhook.webhook_id.clone(),
        event_id: webhook.event_id.clone(),
        api_version: webhook.api_version.clone(),
    });
    let note = note.ok().filter(|note| note.len() <= 1_024)?;
    Some((format!("{}/{}/{id}", webhook.shop, webhook.topic), note))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::value::RawValue;
    use uuid::Uuid;

    use super::*;
    use crate::shopify::Topic;

    fn webhook(topic: &str, body: &str) -> Webhook {
        Webhook {
            delivery_id: Uuid::nil(),
            received_at: DateTime::UNIX_EPOCH,
            shop: ShopDomain::parse("a.myshopify.com").unwrap(),
            topic: Topic::parse(topic),
            webhook_id: Some("w".into()),
            event_id: None,
            triggered_at: DateTime::UNIX_EPOCH,
            api_version: None,
            oversized: false,
            payload: Payload::Json(RawValue::from_string(body.to_owned()).unwrap()),
        }
    }

    #[test]
    fn only_a_body_that_tells_all_of_one_resource_is_superseded() {
        let (key, note) = coalescing(&webhook("products/update", r#"{"id":7,"title":"x"}"#)).unwrap();
        assert_eq!(key, "a.myshopify.com/products/update/7");
        assert_eq!(Superseded::parse(&note).unwrap().webhook_id.as_deref(), Some("w"));
        assert!(!note.contains("title"), "{note}");
        for (topic, body) in [
            ("customer.tags_added", r#"{"id":7}"#),
            ("products/delete", r#"{"id":7}"#),
            ("customers/redact", r#"{"id":7}"#),
            ("products/update", r#"{"title":"x"}"#),
        ] {
            assert!(coalescing(&webhook(topic, body)).is_none(), "{topic} {body}");
        }
    }

    #[test]
    fn a_delivery_with_headers_without_end_is_sent_by_itself() {
        let mut endless = webhook("products/update", r#"{"id":7}"#);
        endless.event_id = Some("e".repeat(2_000));
        assert!(coalescing(&endless).is_none());
    }
}
