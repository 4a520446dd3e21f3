//! Changes that are told as what changed: tags, and what a customer agreed to.

use serde::{Deserialize, Serialize};

use super::wire;
use crate::catalogue::Catalogue;
use crate::catalogue::edit::Act;

/// Tags to add and to remove.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TagFields {
    /// Whose.
    pub id: i64,
    /// Added.
    pub add: Vec<String>,
    /// Removed.
    pub remove: Vec<String>,
}

/// What a customer agrees to.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsentFields {
    /// Who.
    pub id: i64,
    /// `subscribed`, `unsubscribed`, `pending` or `not_subscribed`; the other of the first two if not given.
    pub state: Option<String>,
}

impl From<i64> for ConsentFields {
    fn from(id: i64) -> Self {
        Self { id, state: None }
    }
}

const STATES: [&str; 4] = ["subscribed", "unsubscribed", "pending", "not_subscribed"];

impl Catalogue {
    /// A change of tags moves the customer's clock, but is told by its own topics only.
    pub(in crate::catalogue) fn tag_customer(&mut self, fields: &TagFields, act: &mut Act) -> Result<i64, String> {
        let customer = self.customer_mut(fields.id)?;
        let has = |tag: &String, tags: &[std::borrow::Cow<'static, str>]| tags.iter().any(|known| **known == **tag);
        let mut added: Vec<String> = Vec::new();
        for tag in &fields.add {
            if !has(tag, &customer.tags) {
                customer.tags.push(tag.clone().into());
                added.push(tag.clone());
            }
        }
        let mut removed: Vec<String> = fields.remove.clone();
        removed.retain(|tag| has(tag, &customer.tags));
        customer.tags.retain(|tag| !removed.iter().any(|gone| **gone == **tag));
        customer.tags.sort_unstable();
        if added.is_empty() && removed.is_empty() {
            return Err(format!("customer {} has just these tags", fields.id));
        }
        customer.updated_at = customer.updated_at.max(act.now());
        for (topic, tags) in [("customer.tags_added", &added), ("customer.tags_removed", &removed)] {
            if !tags.is_empty() {
                act.tell(topic, fields.id, &wire::tags(fields.id, tags, act.at));
            }
        }
        Ok(fields.id)
    }

    /// Consent has a clock of its own; the customer's stays.
    pub(in crate::catalogue) fn set_consent(
        &mut self,
        fields: &ConsentFields,
        by_email: bool,
        act: &mut Act,
    ) -> Result<i64, String> {
        let given = match &fields.state {
            None => None,
            Some(word) => {
                let known = STATES.into_iter().find(|state| *state == word);
                Some(known.ok_or_else(|| format!("no such consent: {word}"))?)
            }
        };
        let customer = self.customer_mut(fields.id)?;
        let (reachable, consent) = match by_email {
            true => (customer.email.is_some(), &mut customer.email_consent),
            false => (customer.phone.is_some(), &mut customer.sms_consent),
        };
        if !reachable {
            return Err(format!("customer {} has nothing to be reached by", fields.id));
        }
        let other = if consent.state() == "subscribed" {
            "unsubscribed"
        } else {
            "subscribed"
        };
        consent.state = Some(given.unwrap_or(other));
        consent.level = Some("single_opt_in");
        consent.updated_at = Some(consent.updated_at.unwrap_or(0).max(act.now()));
        let customer = &self.customers[&fields.id];
        match by_email {
            true => act.tell(
                "customers_email_marketing_consent/update",
                fields.id,
                &self.email_consent_body(customer),
            ),
            false => act.tell(
                "customers_marketing_consent/update",
                fields.id,
                &self.sms_consent_body(customer),
            ),
        }
        Ok(fields.id)
    }
}
