//! Collections and what is in them: wire shape → rows. Pure.
//!
//! No webhook tells what is in a collection: a delivery about one leads to a fetch besides.

use super::Error;
use super::rows::{NO_VERSION, Rows, Subject, number, parse};
use crate::shopify::{Whole, graphql, rest};
use crate::store::Version;
use crate::store::tables::{Collection, CollectionProduct};

/// Why a collection is fetched whose webhook was applied.
const MEMBERS: &str = "a collection's webhook does not tell its products";

impl Rows {
    /// The body of `collections/create` and `collections/update`.
    pub fn collection_of_webhook(&mut self, raw: &str) -> Result<Subject, Error> {
        let body: rest::Collection = parse(raw, "collection")?;
        let Some(updated_at) = body.updated_at else {
            return Ok(self.want("Collection", body.id, NO_VERSION));
        };
        self.want("Collection", body.id, MEMBERS);
        let row = Collection {
            shop_id: self.shop_id,
            id: body.id,
            version: Version::new(updated_at, self.observed_at),
            title: self.text(body.title),
            handle: self.text(body.handle),
            body_html: self.filled(body.body_html),
            sort_order: self.word(body.sort_order),
            template_suffix: self.filled(body.template_suffix),
            raw: self.clean(raw),
        };
        Ok(self.add(row))
    }

    /// A collection with all its products.
    pub fn fetched_collection(&mut self, whole: &Whole) -> Result<(), Error> {
        let raw = whole.root.get();
        let node: graphql::Collection<'_> = parse(raw, "collection")?;
        let id = node.id.id();
        self.knows_of(node.updated_at);
        if let Some(metafields) = &node.metafields {
            self.metafields("Collection", id, metafields)?;
        }
        let mut ids = Vec::with_capacity(whole.members.len());
        for product in &whole.members {
            let product: graphql::Reference<'_> = parse(product.get(), "product of a collection")?;
            let product_id = number(&product.id, "product")?;
            self.membership(id, product_id);
            ids.push(product_id);
        }
        self.has_exactly::<CollectionProduct>("Collection", id, ids);
        self.collection(node, raw);
        Ok(())
    }

    /// A collection in a bulk file.
    pub fn collection_line(&mut self, raw: &str) -> Result<(), Error> {
        let node = parse(raw, "collection")?;
        self.collection(node, raw);
        Ok(())
    }

    /// That a product is in a collection.
    pub fn membership(&mut self, collection_id: i64, product_id: i64) {
        let row = CollectionProduct {
            shop_id: self.shop_id,
            collection_id,
            product_id,
            version: self.clockless(),
            raw: String::new(),
        };
        self.add(row);
    }

    fn collection(&mut self, node: graphql::Collection<'_>, raw: &str) {
        let row = Collection {
            shop_id: self.shop_id,
            id: node.id.id(),
            version: Version::new(node.updated_at, self.observed_at),
            title: self.text(node.title),
            handle: self.text(node.handle),
            body_html: self.filled(node.description_html),
            // Webhooks write best-selling where the Admin API writes BEST_SELLING.
            sort_order: self.word(node.sort_order).map(|word| word.replace('_', "-")),
            template_suffix: self.filled(node.template_suffix),
            raw: self.clean(raw),
        };
        self.add(row);
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::store::AnyRow;

    #[test]
    fn both_forms_of_a_collection_end_in_the_same_row() {
        let mut line = Rows::new(7, DateTime::from_timestamp(2_000_000_000, 0).unwrap());
        let mut body = Rows::new(7, DateTime::from_timestamp(2_000_000_000, 0).unwrap());
        line.collection_line(
            r#"{"__typename":"Collection","id":"gid:\/\/shopify\/Collection\/408372092144951419","title":"New","handle":"new","descriptionHtml":"<b>x<\/b>","sortOrder":"BEST_SELLING","templateSuffix":null,"updatedAt":"2022-01-01T00:00:00Z"}"#,
        )
        .unwrap();
        body.collection_of_webhook(
            r#"{"id":408372092144951419,"handle":"new","title":"New","updated_at":"2021-12-31T19:00:00-05:00","body_html":"<b>x</b>","published_at":null,"sort_order":"best-selling","template_suffix":"","published_scope":"web"}"#,
        )
        .unwrap();
        let [AnyRow::Collection(one)] = line.rows.as_slice() else {
            panic!("no collection")
        };
        let [AnyRow::Collection(other)] = body.rows.as_slice() else {
            panic!("no collection")
        };
        let columns = |row: &Collection| {
            (
                row.id,
                row.version,
                row.title.clone(),
                row.handle.clone(),
                row.body_html.clone(),
                row.sort_order.clone(),
                row.template_suffix.clone(),
            )
        };
        assert_eq!(columns(one), columns(other));
        assert_eq!(body.wants.len(), 1, "its products are not told");
    }
}
