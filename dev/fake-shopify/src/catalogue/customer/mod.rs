//! Customers with their addresses and what they agreed to.
//!
//! What a customer bought is never stored here: it is counted from the orders. Consent has clocks of its own, which
//! the customer's does not follow; so has the purchasing summary.

mod consent_edit;
mod edit;
mod node;
mod seed;
mod wire;

use std::borrow::Cow;

use super::address::{Address, full_name};

pub use consent_edit::{ConsentFields, TagFields};
pub use edit::{AddressEdit, CustomerFields, Merge, NewCustomer};
pub use node::{CustomerNode, address_node, root_field};
pub use seed::seed as seed_customers;

/// Whose addresses they are, as gids say it.
pub const ADDRESS_MODEL: &str = "CustomerAddress";

/// A customer.
#[derive(Clone, Debug)]
pub struct Customer {
    /// The number of its gid.
    pub id: i64,
    /// First name.
    pub first_name: Option<Box<str>>,
    /// Last name.
    pub last_name: Option<Box<str>>,
    /// Mail address.
    pub email: Option<Box<str>>,
    /// Telephone.
    pub phone: Option<Box<str>>,
    /// `disabled`, `invited`, `enabled` or `declined`.
    pub state: &'static str,
    /// A note of the merchant.
    pub note: Option<Box<str>>,
    /// Sorted.
    pub tags: Vec<Cow<'static, str>>,
    /// Whether no tax is taken.
    pub tax_exempt: bool,
    /// From which taxes it is exempt.
    pub tax_exemptions: Vec<&'static str>,
    /// Whether the mail address was confirmed.
    pub verified_email: bool,
    /// Language.
    pub locale: &'static str,
    /// What it agreed to get by mail.
    pub email_consent: Consent,
    /// What it agreed to get by text message.
    pub sms_consent: Consent,
    /// In the order they were added.
    pub addresses: Vec<(i64, Address)>,
    /// One of them.
    pub default_address: Option<i64>,
    /// Seconds since 1970.
    pub created_at: i64,
    /// Seconds since 1970.
    pub updated_at: i64,
}

/// What was agreed to, in the words of REST.
#[derive(Clone, Debug, Default)]
pub struct Consent {
    /// `not_subscribed`, `pending`, `subscribed` or `unsubscribed`; nothing counts as the first.
    pub state: Option<&'static str>,
    /// `single_opt_in`, `confirmed_opt_in` or `unknown`.
    pub level: Option<&'static str>,
    /// Seconds since 1970; none if it was never asked.
    pub updated_at: Option<i64>,
}

impl Consent {
    /// The state.
    pub fn state(&self) -> &'static str {
        self.state.unwrap_or("not_subscribed")
    }
}

impl Customer {
    /// The default address.
    pub fn default_address(&self) -> Option<(i64, &Address)> {
        let id = self.default_address?;
        self.address(id).map(|address| (id, address))
    }

    /// One of its addresses.
    pub fn address(&self, id: i64) -> Option<&Address> {
        let found = self.addresses.iter().find(|(known, _)| *known == id);
        found.map(|(_, address)| address)
    }

    /// The name shown: both names, else mail address or telephone.
    pub fn display_name(&self) -> String {
        full_name(self.first_name.as_deref(), self.last_name.as_deref())
            .or_else(|| self.email.as_deref().or(self.phone.as_deref()).map(str::to_owned))
            .unwrap_or_default()
    }
}
