//! `Shop` in the graph.

use super::Catalogue;
use crate::graphql::value::{Args, FieldError, Fields, Leaf, Object, Resolved, Value};

/// The shop itself.
pub struct ShopNode<'c> {
    /// Its goods, which know its domain and its time.
    pub catalogue: &'c Catalogue,
}

impl ShopNode<'_> {
    /// A number that follows from the domain.
    fn id(&self) -> i64 {
        self.catalogue.domain.bytes().fold(60_000_000_000, |sum, byte| {
            (sum * 31 + i64::from(byte)) % 90_000_000_000
        })
    }

    fn name(&self) -> &str {
        self.catalogue.domain.split('.').next().unwrap_or_default()
    }
}

impl Object for ShopNode<'_> {
    fn type_name(&self) -> &'static str {
        "Shop"
    }

    fn field<'s>(&'s self, name: &str, _args: &Args) -> Resolved<'s> {
        Ok(match name {
            "id" => Value::Gid("Shop", self.id()),
            "name" => Value::Str(self.name()),
            "email" | "contactEmail" => Value::Text(format!("owner@{}.example", self.name())),
            "myshopifyDomain" => Value::Str(&self.catalogue.domain),
            "currencyCode" => Value::Str("USD"),
            "ianaTimezone" => Value::Str("America/New_York"),
            "timezoneOffsetMinutes" => Value::Int(self.catalogue.offset_minutes.into()),
            "taxesIncluded" => Value::Bool(false),
            "createdAt" | "updatedAt" => Value::Time(1_700_000_000),
            "plan" => Fields::value(
                "ShopPlan",
                vec![
                    ("publicDisplayName", Leaf::Str("Development")),
                    ("partnerDevelopment", Leaf::Bool(true)),
                    ("shopifyPlus", Leaf::Bool(false)),
                ],
            ),
            "primaryDomain" => Fields::value(
                "Domain",
                vec![
                    ("host", Leaf::Str(&self.catalogue.domain)),
                    ("url", Leaf::Text(format!("https://{}", self.catalogue.domain))),
                ],
            ),
            _ => return Err(FieldError::unresolved("Shop", name)),
        })
    }
}
