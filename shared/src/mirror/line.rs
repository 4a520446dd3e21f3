//! One line of a bulk file → rows, or the reason why not. Pure.

use super::error::place;
use super::rows::{Mention, Rows};
use crate::shopify::Gid;
use crate::shopify::graphql::LineHead;
use crate::store::AnyRow;
use crate::store::rejected_lines::RejectedLine;

/// A line and where it ends.
#[derive(Debug)]
pub(super) struct Line {
    pub offset: u64,
    pub end: u64,
    pub is_root: bool,
    /// What it says; nothing for a node that no table takes.
    pub rows: Vec<AnyRow>,
    /// What it names without showing it.
    pub mentions: Vec<Mention>,
    /// Why it cannot be applied.
    pub rejected: Option<RejectedLine>,
    /// The line itself, where no row holds it.
    text: Vec<u8>,
}

impl Line {
    pub fn parse(rows: &mut Rows, offset: u64, end: u64, bytes: &[u8]) -> Self {
        let content = content(rows, bytes);
        let found = std::mem::take(&mut rows.rows);
        let mentions = std::mem::take(&mut rows.mentions);
        let mut line = Self {
            offset,
            end,
            is_root: false,
            rows: Vec::new(),
            mentions: Vec::new(),
            rejected: None,
            text: Vec::new(),
        };
        match content {
            Ok(is_root) => {
                if !found.is_empty() && found.iter().all(|row| row.raw().is_empty()) {
                    line.text = bytes.to_vec();
                }
                line.is_root = is_root;
                line.rows = found;
                line.mentions = mentions;
            }
            Err(error) => line.rejected = Some(rejected(offset, error, bytes)),
        }
        line
    }

    /// The line with its content refused.
    pub fn rejected(&self, error: String) -> Self {
        // Where a row holds the line, it is the longest body.
        let held = self
            .rows
            .iter()
            .map(|row| row.raw().as_bytes())
            .max_by_key(|raw| raw.len());
        let bytes = held.filter(|held| !held.is_empty()).unwrap_or(&self.text);
        Self {
            offset: self.offset,
            end: self.end,
            is_root: self.is_root,
            rows: Vec::new(),
            mentions: Vec::new(),
            rejected: Some(rejected(self.offset, error, bytes)),
            text: Vec::new(),
        }
    }
}

fn rejected(offset: u64, error: String, bytes: &[u8]) -> RejectedLine {
    RejectedLine {
        byte_offset: offset as i64,
        error,
        line: bytes.to_vec(),
    }
}

/// Adds what the line says to `rows`, and tells whether it is a root.
fn content(rows: &mut Rows, bytes: &[u8]) -> Result<bool, String> {
    let text = str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
    let head: LineHead<'_> = serde_json::from_str(text).map_err(|error| place(&error))?;
    let typename = head.typename.as_deref().ok_or("no __typename")?;
    let Some(parent) = &head.parent_id else {
        let done = match typename {
            "Product" => rows.product_line(text),
            "Collection" => rows.collection_line(text),
            "Customer" => rows.customer_line(text),
            "Order" => rows.order_line(text),
            "InventoryItem" => rows.inventory_item_line(text),
            "Location" => rows.location_line(text),
            // A variant as a root only carries what hangs on it.
            _ => Ok(()),
        };
        return done.map(|()| true).map_err(|error| error.to_string());
    };
    let parent = Gid::parse(parent).map_err(|error| error.to_string())?;
    // The same type may be a root and a child: a product under a collection is a membership, not a product.
    let done = match (typename, parent.kind(), parent.id()) {
        ("ProductVariant", "Product", id) => rows.variant_line(text, id),
        ("MediaImage" | "Video" | "ExternalVideo" | "Model3d", "Product", id) => rows.medium_line(text, id),
        ("Metafield", kind, id) => rows.metafield_line(text, kind, id),
        ("Product", "Collection", id) => own_number(text).map(|product| rows.membership(id, product)),
        ("Collection", "Product", id) => own_number(text).map(|collection| rows.membership(collection, id)),
        ("MailingAddress", "Customer", id) => rows.address_line(text, id),
        ("LineItem", "Order", id) => rows.line_item_line(text, id),
        ("InventoryLevel", "InventoryItem", id) => rows.inventory_level_line(text, id),
        _ => Ok(()),
    };
    done.map(|()| false).map_err(|error| error.to_string())
}

fn own_number(text: &str) -> Result<i64, super::Error> {
    let reference: crate::shopify::graphql::Reference<'_> = super::rows::parse(text, "resource named by its id")?;
    super::rows::number(&reference.id, "resource")
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn parse(text: &str) -> Line {
        Line::parse(
            &mut Rows::new(1, DateTime::UNIX_EPOCH),
            5,
            5 + text.len() as u64,
            text.as_bytes(),
        )
    }

    #[test]
    fn a_product_under_a_collection_is_a_membership_and_no_product() {
        let line = parse(
            r#"{"__typename":"Product","id":"gid:\/\/shopify\/Product\/1","__parentId":"gid:\/\/shopify\/Collection\/2"}"#,
        );
        let [AnyRow::CollectionProduct(row)] = line.rows.as_slice() else {
            panic!("no membership")
        };
        assert_eq!((row.collection_id, row.product_id, line.is_root), (2, 1, false));
    }

    #[test]
    fn a_line_that_makes_no_sense_is_kept_with_its_place() {
        for text in ["{\"__typename\":", "{}", "[1]", r#"{"__typename":"Product","id":"x"}"#] {
            let line = parse(text);
            assert!(
                matches!(line.rejected, Some(RejectedLine { byte_offset: 5, .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn a_variant_names_its_product_wherever_that_stands_in_the_file() {
        let line = parse(
            r#"{"__typename":"ProductVariant","id":"gid:\/\/shopify\/ProductVariant\/3","updatedAt":"2026-11-20T09:01:14Z","__parentId":"gid:\/\/shopify\/Product\/2"}"#,
        );
        let [AnyRow::ProductVariant(row)] = line.rows.as_slice() else {
            panic!("no variant")
        };
        assert_eq!((row.id, row.product_id), (3, Some(2)));
    }
}
