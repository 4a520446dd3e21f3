//! What is true of the shop itself: what the merchant set, what the app may read, how amounts are written.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value as Json;

use super::Catalogue;
use crate::clock;
use crate::graphql::Access;
use crate::graphql::value::{Fields, Leaf, Value};

/// The shop's own currency.
pub const CURRENCY: &str = "USD";

/// Without `read_all_orders` an app sees the orders of so many seconds.
const WINDOW: i64 = 60 * 86_400;

/// The shop without what it holds.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Name.
    pub name: String,
    /// Address of the owner.
    pub email: String,
    /// Seconds since 1970.
    pub updated_at: i64,
    /// From when on orders are seen without `read_all_orders`, in seconds since 1970. It stays where it was when the
    /// shop opened, so that no order leaves in the middle of a proof.
    pub orders_from: i64,
    /// Handles granted to the app.
    pub scopes: Vec<String>,
    /// `Type.field` names that are protected and not approved for the app.
    pub refused: BTreeSet<String>,
    /// Whether the app is installed; otherwise no token opens the API.
    pub installed: bool,
    /// Whether `Decimal` amounts of the graph lose the zeros at their end, as Shopify's do.
    pub short_decimals: bool,
}

impl Facts {
    /// A shop as it opens.
    pub fn new(domain: &str, scopes: &[String], refused: &[String], short_decimals: bool) -> Self {
        let name = domain.split('.').next().unwrap_or_default();
        Self {
            name: name.to_owned(),
            email: format!("owner@{name}.example"),
            updated_at: 1_700_000_000,
            orders_from: clock::seconds() - WINDOW,
            scopes: scopes.to_vec(),
            refused: refused.iter().cloned().collect(),
            installed: true,
            short_decimals,
        }
    }

    /// What is closed to the app.
    pub fn access(&self) -> Access {
        Access::new(&self.scopes, &self.refused)
    }

    /// Whether the app sees orders of any age.
    pub fn reads_all_orders(&self) -> bool {
        self.scopes.iter().any(|scope| scope == "read_all_orders")
    }
}

impl Catalogue {
    /// The shop's number, which follows from its domain.
    pub fn shop_id(&self) -> i64 {
        self.domain.bytes().fold(60_000_000_000, |sum, byte| {
            (sum * 31 + i64::from(byte)) % 90_000_000_000
        })
    }

    /// An instant as webhook bodies write it.
    pub(super) fn local(&self, seconds: i64) -> String {
        clock::local(seconds, self.offset_minutes)
    }

    /// A protected value: null if the app may not see this `Type.field`.
    pub(super) fn open(&self, field: &str, value: impl Serialize) -> Json {
        if self.facts.refused.contains(field) {
            return Json::Null;
        }
        serde_json::to_value(value).expect("a value of a body is plain data")
    }

    /// `MoneyV2` of an amount in hundredths.
    pub(super) fn money(&self, hundredths: i64, currency: &'static str) -> Value<'static> {
        Value::object(self.money_fields(hundredths, currency))
    }

    /// `MoneyBag` of an amount in the shop's currency and in another.
    pub(super) fn money_bag(&self, shop: i64, presentment: i64, currency: &'static str) -> Value<'static> {
        let shop = Leaf::Fields(Box::new(self.money_fields(shop, CURRENCY)));
        let presentment = Leaf::Fields(Box::new(self.money_fields(presentment, currency)));
        Fields::value("MoneyBag", vec![("shopMoney", shop), ("presentmentMoney", presentment)])
    }

    /// The fields of `MoneyV2`.
    pub(super) fn money_fields(&self, hundredths: i64, currency: &'static str) -> Fields<'static> {
        let amount = match self.facts.short_decimals {
            true => Leaf::Text(short(hundredths)),
            false => Leaf::Text(amount(hundredths)),
        };
        Fields {
            type_name: "MoneyV2",
            fields: vec![("amount", amount), ("currencyCode", Leaf::Str(currency))],
        }
    }
}

/// An amount in hundredths as REST writes it.
pub fn amount(hundredths: i64) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    let hundredths = hundredths.unsigned_abs();
    format!("{sign}{}.{:02}", hundredths / 100, hundredths % 100)
}

/// The same without zeros at the end: `10.0`.
fn short(hundredths: i64) -> String {
    let mut text = amount(hundredths);
    if text.ends_with('0') {
        text.pop();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_or_lose_their_zeros() {
        for (hundredths, long, brief) in [(1_000, "10.00", "10.0"), (1_950, "19.50", "19.5"), (7, "0.07", "0.07")] {
            assert_eq!((amount(hundredths).as_str(), short(hundredths).as_str()), (long, brief));
        }
        assert_eq!(amount(-5), "-0.05");
    }
}
