use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DeadMessage, MessageAttributes, Peeked};

/// Which messages are meant: those for which everything holds that is said here. One that says nothing means all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Filter {
    /// They belong to this group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Their attributes have these values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: MessageAttributes,
    /// Their bodies are JSON that has these values at these JSON pointers, such as `/topic`. Whatever is no text there
    /// is compared as it is written.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// The reason of their death, or their last error, contains this, in upper or lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// They were sent before this time, in ms since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_before: Option<u64>,
    /// They were sent at this time or later, in ms since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_since: Option<u64>,
}

/// What a filter looks at.
struct Seen<'a> {
    group: Option<&'a str>,
    attributes: &'a MessageAttributes,
    body: &'a [u8],
    error: &'a str,
    sent_at: u64,
}

impl Filter {
    /// Whether this message is meant.
    pub fn matches(&self, message: &Peeked) -> bool {
        self.holds(&Seen {
            group: message.group.as_deref(),
            attributes: &message.attributes,
            body: &message.body,
            error: message.last_error.as_deref().unwrap_or_default(),
            sent_at: message.sent_at,
        })
    }

    /// Whether this dead letter is meant.
    pub fn matches_dead(&self, letter: &DeadMessage) -> bool {
        self.holds(&Seen {
            group: letter.group.as_deref(),
            attributes: &letter.attributes,
            body: &letter.body,
            error: &letter.reason,
            sent_at: letter.sent_at,
        })
    }

    fn holds(&self, seen: &Seen<'_>) -> bool {
        let attributes = |(name, value): (&String, &String)| seen.attributes.get(name) == Some(value);
        self.group.as_deref().is_none_or(|group| seen.group == Some(group))
            && self.sent_before.is_none_or(|end| seen.sent_at < end)
            && self.sent_since.is_none_or(|start| seen.sent_at >= start)
            && self.attributes.iter().all(attributes)
            && self
                .error
                .as_ref()
                .is_none_or(|error| seen.error.to_lowercase().contains(&error.to_lowercase()))
            && self.holds_of(seen.body)
    }

    fn holds_of(&self, body: &[u8]) -> bool {
        if self.fields.is_empty() {
            return true;
        }
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return false;
        };
        self.fields.iter().all(|(pointer, wanted)| match body.pointer(pointer) {
            Some(Value::String(text)) => text == wanted,
            Some(other) => {
                let written = other.to_string();
                written == *wanted
            }
            None => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> DeadMessage {
        DeadMessage {
            id: super::super::MessageId::random(),
            reason: "Max receive count exceeded: timeout".into(),
            dead_at: 200,
            receive_count: 3,
            sent_at: 100,
            group: Some("a.myshopify.com".into()),
            attributes: MessageAttributes::from([("kind".into(), "webhook".into())]),
            superseded: Vec::new(),
            body: r#"{"topic":"products/update","n":{"id":12345678901234567890}}"#.into(),
        }
    }

    fn means(filter: serde_json::Value) -> bool {
        let filter: Filter = serde_json::from_value(filter).unwrap();
        filter.matches_dead(&letter())
    }

    #[test]
    fn everything_that_is_said_must_hold() {
        use serde_json::json;
        for filter in [
            json!({}),
            json!({"group": "a.myshopify.com", "error": "TIMEOUT", "fields": {"/topic": "products/update"}}),
            json!({"fields": {"/n/id": "12345678901234567890"}, "attributes": {"kind": "webhook"}}),
            json!({"sentBefore": 101, "sentSince": 100}),
        ] {
            assert!(means(filter.clone()), "{filter}");
        }
        for filter in [
            json!({"group": "b.myshopify.com"}),
            json!({"error": "refused"}),
            json!({"fields": {"/topic": "products/update", "/shop": "x"}}),
            json!({"attributes": {"kind": "chunk"}}),
            json!({"sentBefore": 100}),
            json!({"sentSince": 101}),
        ] {
            assert!(!means(filter.clone()), "{filter}");
        }
    }

    #[test]
    fn a_misspelt_condition_is_refused_and_never_means_all() {
        assert!(serde_json::from_str::<Filter>(r#"{"grup":"x"}"#).is_err());
    }

    #[test]
    fn a_body_that_is_no_json_has_no_fields() {
        let letter = DeadMessage {
            body: "not json".into(),
            ..letter()
        };
        let filter = Filter {
            fields: BTreeMap::from([("/topic".into(), "x".into())]),
            ..Filter::default()
        };
        assert!(!filter.matches_dead(&letter));
        assert!(Filter::default().matches_dead(&letter));
    }
}
