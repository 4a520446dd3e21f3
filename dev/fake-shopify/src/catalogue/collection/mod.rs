//! Collections: those whose products were picked by hand, and those whose products follow from rules.
//!
//! Membership by rules is never stored. A product that comes under a rule, or no longer does, changes no collection:
//! nothing is told and no clock moves, as at Shopify.

mod edit;
mod node;
mod seed;
mod wire;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Catalogue;
use super::product::Product;

pub use edit::{CollectionFields, Membership, NewCollection};
pub use node::{CollectionNode, of_product, root_field};
pub use seed::seed as seed_collections;

/// A collection.
#[derive(Clone, Debug)]
pub struct Collection {
    /// The number of its gid.
    pub id: i64,
    /// Title.
    pub title: Box<str>,
    /// Handle; it stays when the title changes.
    pub handle: Box<str>,
    /// The body as HTML.
    pub description: Box<str>,
    /// In the words of REST: `best-selling`, `alpha-asc`, `manual`.
    pub sort_order: &'static str,
    /// Theme template, mostly none.
    pub template_suffix: Option<&'static str>,
    /// Whether it has a picture.
    pub pictured: bool,
    /// Seconds since 1970.
    pub updated_at: i64,
    /// Seconds since 1970.
    pub published_at: i64,
    /// The number of its source.
    pub source: i64,
    /// What is in it.
    pub members: Members,
}

/// What is in a collection.
#[derive(Clone, Debug)]
pub enum Members {
    /// Products picked by hand.
    Picked(BTreeSet<i64>),
    /// Products that satisfy rules.
    Rules {
        /// Whether one of them is enough.
        any: bool,
        /// The rules with the numbers of their conditions.
        rules: Vec<(i64, Rule)>,
    },
}

/// A rule.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What it looks at.
    pub column: Column,
    /// What it must be.
    pub value: String,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    /// One of the tags.
    Tag,
    /// The product type.
    Type,
}

/// The orders products can be shown in.
pub const SORT_ORDERS: [&str; 8] = [
    "alpha-asc",
    "alpha-desc",
    "best-selling",
    "created",
    "created-desc",
    "manual",
    "price-asc",
    "price-desc",
];

impl Rule {
    fn holds(&self, product: &Product) -> bool {
        match self.column {
            Column::Tag => product.tags.iter().any(|tag| **tag == *self.value),
            Column::Type => *product.product_type == *self.value,
        }
    }

    /// The word of REST for what it looks at; the graph writes it in capitals.
    pub fn column(&self) -> &'static str {
        match self.column {
            Column::Tag => "tag",
            Column::Type => "type",
        }
    }
}

impl Collection {
    /// Whether a product is in it.
    pub fn has(&self, product: &Product) -> bool {
        match &self.members {
            Members::Picked(ids) => ids.contains(&product.id),
            Members::Rules { any: true, rules } => rules.iter().any(|(_, rule)| rule.holds(product)),
            Members::Rules { any: false, rules } => rules.iter().all(|(_, rule)| rule.holds(product)),
        }
    }
}

impl Catalogue {
    /// The products of a collection by ascending id.
    pub(super) fn members<'c>(&'c self, collection: &'c Collection) -> Box<dyn Iterator<Item = &'c Product> + 'c> {
        match &collection.members {
            Members::Picked(ids) => Box::new(ids.iter().filter_map(|id| self.products.get(id))),
            Members::Rules { .. } => Box::new(self.products.values().filter(|product| collection.has(product))),
        }
    }
}
