//! Changes of collections and of what is in them.

use serde::{Deserialize, Serialize};

use super::seed::made;
use super::{Collection, Members, Rule, SORT_ORDERS, wire};
use crate::catalogue::Catalogue;
use crate::catalogue::edit::Act;
use crate::catalogue::ids::Kind;
use crate::catalogue::seed::Mix;

/// What a new collection is made of.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewCollection {
    /// What its texts follow from.
    pub seed: u64,
    /// Its title.
    pub title: Option<String>,
    /// The products picked for it.
    pub products: Vec<i64>,
    /// The rules its products follow from; then none are picked.
    pub rules: Vec<Rule>,
    /// Whether one of the rules is enough.
    pub any: bool,
}

/// New values for a collection; a bare number means its id and nothing else.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CollectionFields {
    /// Which.
    pub id: i64,
    /// Title.
    #[serde(default)]
    pub title: Option<String>,
    /// The body as HTML.
    #[serde(default)]
    pub description_html: Option<String>,
    /// In the words of REST: `best-selling`, `alpha-asc`, `manual`.
    #[serde(default)]
    pub sort_order: Option<String>,
    /// Other rules, for a collection that has rules.
    #[serde(default)]
    pub rules: Option<Vec<Rule>>,
}

/// Products to add to a collection and to remove from it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Membership {
    /// The collection; one whose products are picked by hand.
    pub id: i64,
    /// Added.
    pub add: Vec<i64>,
    /// Removed.
    pub remove: Vec<i64>,
}

impl From<i64> for CollectionFields {
    fn from(id: i64) -> Self {
        Self { id, ..Self::default() }
    }
}

impl Catalogue {
    pub(in crate::catalogue) fn create_collection(
        &mut self,
        new: &NewCollection,
        act: &mut Act,
    ) -> Result<i64, String> {
        self.all_known(&new.products)?;
        let members = match new.rules.is_empty() {
            true => Members::Picked(new.products.iter().copied().collect()),
            false => Members::Rules {
                any: new.any,
                rules: self.numbered(&new.rules),
            },
        };
        let mut mix = Mix::new(new.seed);
        let title = new.title.clone().unwrap_or_else(|| super::super::text::title(&mut mix));
        let collection = made(self, &mut mix, &title, members, act.now());
        let id = collection.id;
        self.collections.insert(id, collection);
        self.tell_collection("collections/create", id, act)
    }

    pub(in crate::catalogue) fn update_collection(
        &mut self,
        fields: &CollectionFields,
        act: &mut Act,
    ) -> Result<i64, String> {
        let sort_order = match &fields.sort_order {
            None => None,
            Some(word) => {
                let known = SORT_ORDERS.into_iter().find(|known| known == word);
                Some(known.ok_or_else(|| format!("no such order: {word}"))?)
            }
        };
        let rules = fields.rules.as_deref().map(|rules| self.numbered(rules));
        let collection = self.collection_mut(fields.id)?;
        match (rules, &mut collection.members) {
            (None, _) => {}
            (Some(new), Members::Rules { rules, .. }) => *rules = new,
            (Some(_), Members::Picked(_)) => return Err(format!("collection {} has no rules", fields.id)),
        }
        collection.sort_order = sort_order.unwrap_or(collection.sort_order);
        if let Some(title) = &fields.title {
            collection.title = title.as_str().into();
        }
        if let Some(html) = &fields.description_html {
            collection.description = html.as_str().into();
        }
        if fields.title.is_none() && fields.description_html.is_none() && fields.rules.is_none() && sort_order.is_none()
        {
            collection.description = format!("<p>Revision {}</p>", act.at).into();
        }
        self.touch_collection(fields.id, act)
    }

    pub(in crate::catalogue) fn delete_collection(&mut self, id: i64, act: &mut Act) -> Result<i64, String> {
        self.collections
            .remove(&id)
            .ok_or_else(|| format!("no collection {id}"))?;
        act.tell("collections/delete", id, &wire::deleted(id));
        Ok(id)
    }

    pub(in crate::catalogue) fn change_members(&mut self, change: &Membership, act: &mut Act) -> Result<i64, String> {
        self.all_known(&change.add)?;
        match &mut self.collection_mut(change.id)?.members {
            Members::Picked(ids) => {
                ids.extend(&change.add);
                ids.retain(|id| !change.remove.contains(id));
            }
            Members::Rules { .. } => {
                return Err(format!("the products of collection {} follow from rules", change.id));
            }
        }
        self.touch_collection(change.id, act)
    }

    /// Moves a collection's clock and tells of it as it is now.
    pub(in crate::catalogue) fn touch_collection(&mut self, id: i64, act: &mut Act) -> Result<i64, String> {
        let collection = self.collection_mut(id)?;
        collection.updated_at = collection.updated_at.max(act.now());
        self.tell_collection("collections/update", id, act)
    }

    /// Takes a product that is no more out of all collections; nothing is told of that.
    pub(in crate::catalogue) fn forget_member(&mut self, product: i64) {
        for collection in self.collections.values_mut() {
            if let Members::Picked(ids) = &mut collection.members {
                ids.remove(&product);
            }
        }
    }

    fn numbered(&mut self, rules: &[Rule]) -> Vec<(i64, Rule)> {
        let numbered = rules.iter().map(|rule| (self.ids.fresh(Kind::Source), rule.clone()));
        numbered.collect()
    }

    fn all_known(&self, products: &[i64]) -> Result<(), String> {
        match products.iter().find(|id| !self.products.contains_key(id)) {
            Some(id) => Err(format!("no product {id}")),
            None => Ok(()),
        }
    }

    fn tell_collection(&self, topic: &'static str, id: i64, act: &mut Act) -> Result<i64, String> {
        if let Some(collection) = self.collections.get(&id) {
            act.tell(topic, id, &self.collection_body(collection));
        }
        Ok(id)
    }

    fn collection_mut(&mut self, id: i64) -> Result<&mut Collection, String> {
        self.collections
            .get_mut(&id)
            .ok_or_else(|| format!("no collection {id}"))
    }
}
