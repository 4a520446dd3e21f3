//! Changes of the shop itself, of what the app may do in it, and what the law demands.

use serde::{Deserialize, Serialize};

use super::Catalogue;
use super::edit::Act;

/// Topics that are told even to an app that is no longer installed.
pub const AFTERWARDS: [&str; 4] = [
    "app/uninstalled",
    "customers/data_request",
    "customers/redact",
    "shop/redact",
];

/// New values for the shop.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShopFields {
    /// Name.
    pub name: Option<String>,
    /// Mail address of the owner.
    pub email: Option<String>,
}

impl Catalogue {
    pub(super) fn update_shop(&mut self, fields: &ShopFields, act: &mut Act) -> i64 {
        if let Some(name) = &fields.name {
            self.facts.name.clone_from(name);
        }
        if let Some(email) = &fields.email {
            self.facts.email.clone_from(email);
        }
        self.facts.updated_at = self.facts.updated_at.max(act.now());
        act.tell("shop/update", self.shop_id(), &self.shop_body());
        self.shop_id()
    }

    pub(super) fn set_scopes(&mut self, scopes: &[String], act: &mut Act) -> i64 {
        let previous = std::mem::replace(&mut self.facts.scopes, scopes.to_vec());
        act.tell(
            "app/scopes_update",
            self.shop_id(),
            &self.scopes_body(&previous, act.now()),
        );
        self.shop_id()
    }

    /// A reinstallation is told by nobody: the app itself took part in it.
    pub(super) fn install(&mut self, installed: bool, act: &mut Act) -> i64 {
        self.facts.installed = installed;
        if !installed {
            act.tell("app/uninstalled", self.shop_id(), &self.shop_body());
        }
        self.shop_id()
    }

    pub(super) fn request_data(&mut self, customer: i64, act: &mut Act) -> i64 {
        let body = self.data_request_body(customer, act.at);
        act.tell("customers/data_request", customer, &body);
        customer
    }

    /// Only tells: what the shop itself forgets is the merchant's affair.
    pub(super) fn redact_customer(&mut self, customer: i64, act: &mut Act) -> i64 {
        act.tell("customers/redact", customer, &self.redact_body(customer));
        customer
    }

    pub(super) fn redact_shop(&mut self, act: &mut Act) -> i64 {
        act.tell("shop/redact", self.shop_id(), &self.shop_redact_body());
        self.shop_id()
    }
}
