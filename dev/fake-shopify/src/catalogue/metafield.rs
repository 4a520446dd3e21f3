//! Metafields of goods, customers, orders and collections.
//!
//! Some owners have one that follows from what they are; nothing of it is stored. The first edit of an owner's
//! metafields stores all it has from then on. A metafield has a clock of its own, and an edit of it moves the owner's.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Catalogue;
use super::edit::Act;
use super::ids::Kind;
use super::seed::Mix;
use super::text;
use crate::graphql::page;
use crate::graphql::value::{Args, Connection, Fields, Leaf, Place, Resolved, Value};

/// What can own metafields.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// A product.
    Product,
    /// A variant.
    ProductVariant,
    /// A customer.
    Customer,
    /// An order.
    Order,
    /// A collection.
    Collection,
}

/// A metafield.
#[derive(Clone, Debug)]
pub struct Metafield {
    /// The number of its gid.
    pub id: i64,
    /// Namespace.
    pub namespace: Box<str>,
    /// Key.
    pub key: Box<str>,
    /// Type.
    pub kind: Box<str>,
    /// Value.
    pub value: Box<str>,
    /// Seconds since 1970.
    pub created_at: i64,
    /// Seconds since 1970.
    pub updated_at: i64,
}

/// The metafields of those owners that an edit touched.
pub type Edited = HashMap<(Owner, i64), Vec<Metafield>>;

/// A metafield to set or, without a value, to delete.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MetafieldFields {
    /// What owns it.
    pub owner: Owner,
    /// Which of them.
    pub id: i64,
    /// Namespace.
    pub namespace: String,
    /// Key.
    pub key: String,
    /// Type; a line of text if not given.
    #[serde(default)]
    pub kind: Option<String>,
    /// Value.
    #[serde(default)]
    pub value: Option<String>,
}

/// An owner, as far as its metafields follow from it.
#[derive(Clone, Copy)]
pub struct Of {
    /// What it is.
    pub owner: Owner,
    /// Which of them.
    pub id: i64,
    /// What its made-up texts follow from.
    pub seed: u64,
    /// Seconds since 1970.
    pub created_at: i64,
}

impl Owner {
    /// The type of the graph.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Product => "Product",
            Self::ProductVariant => "ProductVariant",
            Self::Customer => "Customer",
            Self::Order => "Order",
            Self::Collection => "Collection",
        }
    }
}

impl Of {
    /// What it has before any edit.
    fn made(self) -> Option<Metafield> {
        let mut mix = Mix::new(self.seed);
        let (some, namespace, key, kind) = match self.owner {
            Owner::Product => (self.seed % 4 == 1, "care", "temperature", "number_integer"),
            Owner::ProductVariant => (self.seed % 16 == 1, "fit", "advice", "single_line_text_field"),
            Owner::Customer => (self.seed % 3 == 1, "loyalty", "points", "number_integer"),
            Owner::Order => (self.seed % 5 == 1, "ops", "slot", "single_line_text_field"),
            Owner::Collection => (self.seed % 2 == 1, "page", "blurb", "multi_line_text_field"),
        };
        let value = match kind {
            "number_integer" => (20 + mix.below(40)).to_string(),
            _ => mix.pick(&text::NOTES).to_owned(),
        };
        let id = match self.owner {
            Owner::Product => self.id + 3_000_000_000_000,
            other => self.id + 100_000_000_000_000 * other as i64,
        };
        some.then(|| Metafield {
            id,
            namespace: namespace.into(),
            key: key.into(),
            kind: kind.into(),
            value: value.into(),
            created_at: self.created_at,
            updated_at: self.created_at,
        })
    }
}

impl Catalogue {
    /// The metafields of an owner as they are now.
    pub(super) fn metafields_of(&self, of: Of) -> Vec<Metafield> {
        match self.metafields.get(&(of.owner, of.id)) {
            Some(edited) => edited.clone(),
            None => of.made().into_iter().collect(),
        }
    }

    /// The connection of an owner.
    pub(super) fn metafields(&self, of: Of, args: &Args) -> Resolved<'static> {
        let list = self.metafields_of(of);
        let wanted = |at: &usize| {
            args.text("namespace")
                .is_none_or(|namespace| namespace == &*list[*at].namespace)
        };
        let keys = (0..list.len())
            .filter(wanted)
            .map(|at| {
                let id = list[at].id;
                (Place { value: id, id }, at)
            })
            .collect();
        Connection::page("Metafield", args, page::PAGE, keys, |at| Box::new(fields(&list[at])))
    }

    /// The metafield of an owner that the arguments name.
    pub(super) fn metafield(&self, of: Of, args: &Args) -> Value<'static> {
        let list = self.metafields_of(of);
        let found = list.iter().find(|one| {
            args.text("key") == Some(&one.key) && args.text("namespace").is_none_or(|it| it == &*one.namespace)
        });
        Value::nullable(found.map(fields))
    }

    pub(super) fn set_metafield(&mut self, given: &MetafieldFields, act: &mut Act) -> Result<i64, String> {
        let now = act.now();
        let of = self
            .owner(given.owner, given.id)
            .ok_or_else(|| format!("no {} {}", given.owner.type_name(), given.id))?;
        let mut list = self.metafields_of(of);
        let known = list
            .iter()
            .position(|one| *one.namespace == *given.namespace && *one.key == *given.key);
        match (known, &given.value) {
            (None, None) => return Err(format!("no metafield {}.{}", given.namespace, given.key)),
            (Some(at), None) => drop(list.remove(at)),
            (Some(at), Some(value)) => {
                list[at].value = value.as_str().into();
                list[at].updated_at = list[at].updated_at.max(now);
            }
            (None, Some(value)) => list.push(Metafield {
                id: self.ids.fresh(Kind::Metafield),
                namespace: given.namespace.as_str().into(),
                key: given.key.as_str().into(),
                kind: given.kind.as_deref().unwrap_or("single_line_text_field").into(),
                value: value.as_str().into(),
                created_at: now,
                updated_at: now,
            }),
        }
        self.metafields.insert((of.owner, of.id), list);
        self.touch_owner(of, act)?;
        Ok(given.id)
    }
}

fn fields(metafield: &Metafield) -> Fields<'static> {
    Fields {
        type_name: "Metafield",
        fields: vec![
            ("id", Leaf::Gid("Metafield", metafield.id)),
            ("namespace", Leaf::Text(metafield.namespace.to_string())),
            ("key", Leaf::Text(metafield.key.to_string())),
            ("type", Leaf::Text(metafield.kind.to_string())),
            ("value", Leaf::Text(metafield.value.to_string())),
            ("createdAt", Leaf::Time(metafield.created_at)),
            ("updatedAt", Leaf::Time(metafield.updated_at)),
        ],
    }
}
