//! `Shop` in the graph.

use super::Catalogue;
use super::facts::CURRENCY;
use crate::graphql::value::{Args, FieldError, Fields, Leaf, Object, Resolved, Value};

/// The shop itself.
pub struct ShopNode<'c> {
    /// Its goods, which know its domain and its time.
    pub catalogue: &'c Catalogue,
}

impl Object for ShopNode<'_> {
    fn type_name(&self) -> &'static str {
        "Shop"
    }

    fn field<'s>(&'s self, name: &str, _args: &Args) -> Resolved<'s> {
        Ok(match name {
            "id" => Value::Gid("Shop", self.catalogue.shop_id()),
            "name" => Value::Str(&self.catalogue.facts.name),
            "email" | "contactEmail" => Value::Str(&self.catalogue.facts.email),
            "myshopifyDomain" => Value::Str(&self.catalogue.domain),
            "currencyCode" => Value::Str(CURRENCY),
            "ianaTimezone" => Value::Str("America/New_York"),
            "timezoneOffsetMinutes" => Value::Int(self.catalogue.offset_minutes.into()),
            "taxesIncluded" => Value::Bool(false),
            "createdAt" => Value::Time(1_700_000_000),
            "updatedAt" => Value::Time(self.catalogue.facts.updated_at),
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
