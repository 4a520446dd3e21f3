//! Metafields of everything: wire shape → rows. Pure.

use super::Error;
use super::rows::{Rows, parse};
use crate::shopify::graphql;
use crate::store::Version;
use crate::store::tables::Metafield;

impl Rows {
    /// The metafields that an answer shows of one owner.
    pub fn metafields(&mut self, kind: &str, owner_id: i64, shown: &graphql::Connection<'_>) -> Result<(), Error> {
        let mut ids = Vec::with_capacity(shown.nodes.len());
        for node in &shown.nodes {
            ids.push(self.metafield(node.get(), kind, owner_id)?);
        }
        if !shown.page_info.has_next_page {
            self.has_exactly::<Metafield>(kind, owner_id, ids);
        }
        Ok(())
    }

    /// A metafield in a bulk file.
    pub fn metafield_line(&mut self, raw: &str, owner_kind: &str, owner_id: i64) -> Result<(), Error> {
        self.metafield(raw, owner_kind, owner_id).map(drop)
    }

    fn metafield(&mut self, raw: &str, owner_kind: &str, owner_id: i64) -> Result<i64, Error> {
        let node: graphql::Metafield = parse(raw, "metafield")?;
        let row = Metafield {
            shop_id: self.shop_id,
            id: node.id.id(),
            version: Version::new(node.updated_at, self.observed_at),
            owner_type: owner_kind.to_owned(),
            owner_id,
            namespace: self.text(node.namespace),
            key: self.text(node.key),
            type_name: self.text(node.type_name),
            value: self.text(node.value),
            raw: self.clean(raw),
        };
        self.add(row);
        Ok(node.id.id())
    }
}
