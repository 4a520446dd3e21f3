//! Whom a body tells of: customers and orders by number, mail addresses, telephone numbers. Pure.
//!
//! A body that is JSON is read by its names: the number of a product is no customer's. One that is not (broken, or cut)
//! mentions every number that stands in it.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::store::redactions::digest;

/// With fewer digits, something is no telephone number.
const SHORTEST_PHONE: usize = 7;
const LONGEST_PHONE: usize = 15;

/// Whom a body tells of.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    pub customers: BTreeSet<i64>,
    pub orders: BTreeSet<i64>,
    /// In lower case.
    pub emails: BTreeSet<String>,
    /// Digits only.
    pub phones: BTreeSet<String>,
    /// When the resource of the body was created, if it says so.
    pub created_at: Option<DateTime<Utc>>,
}

impl Mentions {
    /// Whom the body of a delivery, or a line of a bulk file (which has no topic), tells of.
    pub fn of(topic: Option<&str>, text: &str) -> Self {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return Self::of_text(text);
        };
        let mut mentions = Self::default();
        mentions.walk("", "", &value);
        mentions.created_at = ["created_at", "createdAt"]
            .iter()
            .find_map(|name| value.get(name)?.as_str()?.parse().ok());
        if let Some(id) = value.get("id").and_then(Value::as_i64) {
            let family = topic.unwrap_or_default().split(['/', '.', '_']).next();
            match family {
                Some("customers" | "customer") => drop(mentions.customers.insert(id)),
                Some("orders") => drop(mentions.orders.insert(id)),
                _ => {}
            }
        }
        mentions
    }

    /// Whom a text tells of, whatever it is.
    pub fn of_text(text: &str) -> Self {
        let mut mentions = Self::default();
        mentions.scan(text);
        for digits in text.split(|character: char| !character.is_ascii_digit()) {
            if let Ok(id) = digits.parse() {
                mentions.customers.insert(id);
                mentions.orders.insert(id);
            }
        }
        mentions
    }

    fn walk(&mut self, parent: &str, name: &str, value: &Value) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(field, value)| self.walk(name, field, value)),
            Value::Array(items) => items.iter().for_each(|item| self.walk(parent, name, item)),
            Value::String(text) => self.scan(text),
            Value::Number(number) => {
                let Some(id) = number.as_i64() else { return };
                match (parent, name) {
                    (_, "customer_id" | "customerId") | ("customer", "id") => drop(self.customers.insert(id)),
                    (_, "order_id" | "orderId" | "orders_to_redact" | "orders_requested") | ("order", "id") => {
                        self.orders.insert(id);
                    }
                    _ => {}
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Adds the global ids, mail addresses and telephone numbers in a text.
    fn scan(&mut self, text: &str) {
        for (kind, into) in [("Customer/", &mut self.customers), ("Order/", &mut self.orders)] {
            let parts = text.split("gid://shopify/").skip(1);
            let digits = parts
                .filter_map(|part| part.strip_prefix(kind))
                .map(|part| part.split(|character: char| !character.is_ascii_digit()).next());
            into.extend(digits.flatten().filter_map(|digits| digits.parse::<i64>().ok()));
        }
        let trimmed = text.trim();
        if trimmed.contains('@') && trimmed.len() <= 320 {
            self.emails.insert(trimmed.to_lowercase());
        }
        for (at, _) in text.match_indices('@') {
            let (before, after) = (&text[..at], &text[at + 1..]);
            let name = before
                .rsplit(|character| !is_of_name(character))
                .next()
                .unwrap_or_default();
            let host = after
                .split(|character| !is_of_host(character))
                .next()
                .unwrap_or_default();
            let host = host.trim_end_matches('.');
            if !name.is_empty() && !host.is_empty() {
                self.emails.insert(format!("{name}@{host}").to_lowercase());
            }
        }
        for run in text.split(|character: char| !(character.is_ascii_digit() || "+-(). /\u{a0}".contains(character))) {
            self.phones.extend(phone(run));
        }
    }

    /// Mail addresses that may have been erased.
    pub fn email_digests(&self, shop_id: i64) -> impl Iterator<Item = [u8; 32]> {
        self.emails.iter().map(move |email| digest(shop_id, email))
    }
}

/// The digits of a telephone number, if it is one.
pub(super) fn phone(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    (SHORTEST_PHONE..=LONGEST_PHONE)
        .contains(&digits.len())
        .then_some(digits)
}

fn is_of_name(character: char) -> bool {
    character.is_alphanumeric() || "._%+-&~!#$*".contains(character)
}

fn is_of_host(character: char) -> bool {
    character.is_alphanumeric() || ".-".contains(character)
}

/// What a sweep looks for in a store.
#[derive(Debug, Default)]
pub(super) struct Needles {
    pub shop_id: i64,
    pub customers: HashSet<i64>,
    pub orders: HashSet<i64>,
    pub emails: HashSet<Vec<u8>>,
    pub phones: HashSet<Vec<u8>>,
    /// A mail address or a telephone number in what was created later is that of a new customer.
    pub redacted_at: DateTime<Utc>,
}

impl Needles {
    /// Whether one of them is mentioned.
    pub fn are_in(&self, mentions: &Mentions) -> bool {
        let meant = |text: &String, digests: &HashSet<Vec<u8>>| digests.contains(digest(self.shop_id, text).as_slice());
        let older = mentions
            .created_at
            .is_none_or(|created_at| created_at <= self.redacted_at);
        mentions.customers.iter().any(|id| self.customers.contains(id))
            || mentions.orders.iter().any(|id| self.orders.contains(id))
            || older
                && (mentions.emails.iter().any(|email| meant(email, &self.emails))
                    || mentions.phones.iter().any(|phone| meant(phone, &self.phones)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &BTreeSet<i64>) -> Vec<i64> {
        ids.iter().copied().collect()
    }

    #[test]
    fn json_is_read_by_its_names() {
        let text = r#"{"id":1,"customer":{"id":2,"email":" John@Example.com "},"order_id":3,"line_items":[{"id":4}],
            "note":"call +1 (555) 625-1199 or <jane.doe+x@example.org>.","last":"gid:\/\/shopify\/Order\/5?x=6"}"#;
        let mentions = Mentions::of(Some("orders/updated"), text);
        assert_eq!(
            (ids(&mentions.customers), ids(&mentions.orders)),
            (vec![2], vec![1, 3, 5])
        );
        assert!(mentions.emails.contains("john@example.com") && mentions.emails.contains("jane.doe+x@example.org"));
        assert!(mentions.phones.contains("15556251199"), "{:?}", mentions.phones);
        assert_eq!(ids(&Mentions::of(Some("products/update"), text).orders), [3, 5]);
        let tags = r#"{"customerId":"gid://shopify/Customer/7","tags":["x"]}"#;
        assert_eq!(ids(&Mentions::of(Some("customer.tags_added"), tags).customers), [7]);
        let consent = r#"{"id":8,"phone":"555-625-1199"}"#;
        let mentions = Mentions::of(Some("customers_marketing_consent/update"), consent);
        assert_eq!((ids(&mentions.customers), mentions.phones.len()), (vec![8], 1));
    }

    #[test]
    fn a_broken_body_mentions_every_number_in_it() {
        let mentions = Mentions::of(
            Some("orders/create"),
            r#"{"id":12,"email":"john@example.com","phone":"555-625-1199","#,
        );
        assert!(mentions.customers.contains(&12) && mentions.orders.contains(&12));
        assert!(mentions.emails.contains("john@example.com") && mentions.phones.contains("5556251199"));
    }

    #[test]
    fn a_mail_address_in_what_was_created_after_the_erasure_is_a_new_customers() {
        let needles = Needles {
            shop_id: 1,
            emails: HashSet::from([digest(1, "john@example.com").to_vec()]),
            redacted_at: "2026-11-24T08:00:00Z".parse().unwrap(),
            ..Needles::default()
        };
        let body = |at: &str| format!(r#"{{"id":1,"email":"john@example.com","created_at":"{at}"}}"#);
        let are_in = |text: &str| needles.are_in(&Mentions::of(Some("customers/update"), text));
        assert!(are_in(&body("2026-11-24T03:00:00-05:00")) && are_in(r#"{"email":"john@example.com"}"#));
        assert!(!are_in(&body("2026-11-24T08:00:01Z")));
    }
}
