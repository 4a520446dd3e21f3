//! REST forms of a collection. No body says which products are in it.

use serde_json::{Value as Json, json};

use super::{Collection, Members};
use crate::catalogue::Catalogue;

impl Catalogue {
    /// The body of `collections/create` and `collections/update`.
    pub(in crate::catalogue) fn collection_body(&self, collection: &Collection) -> Json {
        let mut body = deleted(collection.id);
        body["handle"] = (&*collection.handle).into();
        body["title"] = (&*collection.title).into();
        body["updated_at"] = self.local(collection.updated_at).into();
        body["body_html"] = (&*collection.description).into();
        body["published_at"] = self.local(collection.published_at).into();
        body["sort_order"] = collection.sort_order.into();
        body["template_suffix"] = collection.template_suffix.into();
        if let Members::Rules { any, rules } = &collection.members {
            body["disjunctive"] = (*any).into();
            let rule = |(_, rule): &(i64, super::Rule)| json!({"column": rule.column(), "relation": "equals", "condition": rule.value});
            body["rules"] = rules.iter().map(rule).collect();
        }
        body
    }
}

/// The body of `collections/delete`.
pub fn deleted(id: i64) -> Json {
    json!({
        "id": id,
        "published_scope": "web",
        "admin_graphql_api_id": format!("gid://shopify/Collection/{id}"),
    })
}
