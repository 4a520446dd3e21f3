//! One line of a bulk file → one row, or the reason why not. Pure.

use super::error::place;
use super::product::Rows;
use crate::shopify::graphql::LineHead;
use crate::store::product_variants::ProductVariant;
use crate::store::products::Product;
use crate::store::rejected_lines::RejectedLine;

/// What a line holds.
#[derive(Debug)]
pub(super) enum Content {
    Product(Box<Product>),
    Variant(Box<ProductVariant>),
    /// A node that no table takes.
    Other,
    /// It cannot be applied.
    Rejected(RejectedLine),
}

/// A line and where it ends.
#[derive(Debug)]
pub(super) struct Line {
    pub offset: u64,
    pub end: u64,
    pub is_root: bool,
    pub content: Content,
}

impl Line {
    pub fn parse(rows: &mut Rows, offset: u64, end: u64, bytes: &[u8]) -> Self {
        match content(rows, bytes) {
            Ok((is_root, content)) => Self {
                offset,
                end,
                is_root,
                content,
            },
            Err(error) => Self {
                offset,
                end,
                is_root: false,
                content: rejected(offset, error, bytes),
            },
        }
    }

    /// The line with its content refused.
    pub fn rejected(&self, error: String) -> Self {
        let raw = match &self.content {
            Content::Product(row) => row.raw.as_bytes(),
            Content::Variant(row) => row.raw.as_bytes(),
            Content::Rejected(line) => &line.line,
            Content::Other => &[],
        };
        Self {
            offset: self.offset,
            end: self.end,
            is_root: self.is_root,
            content: rejected(self.offset, error, raw),
        }
    }
}

fn rejected(offset: u64, error: String, bytes: &[u8]) -> Content {
    Content::Rejected(RejectedLine {
        byte_offset: offset as i64,
        error,
        line: bytes.to_vec(),
    })
}

fn content(rows: &mut Rows, bytes: &[u8]) -> Result<(bool, Content), String> {
    let text = str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
    let head: LineHead<'_> = serde_json::from_str(text).map_err(|error| place(&error))?;
    let is_root = head.parent_id.is_none();
    // The same type may be a root and a child: a product under a collection is a membership, not a product.
    let content = match (head.typename.as_deref(), is_root) {
        (Some("Product"), true) => Content::Product(Box::new(rows.product(text).map_err(|error| error.to_string())?)),
        (Some("ProductVariant"), false) => {
            Content::Variant(Box::new(rows.variant(text, None).map_err(|error| error.to_string())?))
        }
        (Some(_), _) => Content::Other,
        (None, _) => return Err("no __typename".to_owned()),
    };
    Ok((is_root, content))
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
    fn a_product_under_a_collection_is_no_product() {
        let line = parse(
            r#"{"__typename":"Product","id":"gid:\/\/shopify\/Product\/1","__parentId":"gid:\/\/shopify\/Collection\/2"}"#,
        );
        assert!(matches!(line.content, Content::Other) && !line.is_root);
    }

    #[test]
    fn a_line_that_makes_no_sense_is_kept_with_its_place() {
        for text in ["{\"__typename\":", "{}", "[1]", r#"{"__typename":"Product","id":"x"}"#] {
            let line = parse(text);
            assert!(
                matches!(line.content, Content::Rejected(RejectedLine { byte_offset: 5, .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn a_variant_names_its_product_wherever_that_stands_in_the_file() {
        let line = parse(
            r#"{"__typename":"ProductVariant","id":"gid:\/\/shopify\/ProductVariant\/3","updatedAt":"2026-11-20T09:01:14Z","__parentId":"gid:\/\/shopify\/Product\/2"}"#,
        );
        let Content::Variant(row) = line.content else {
            panic!("no variant")
        };
        assert_eq!((row.id, row.product_id), (3, Some(2)));
    }
}
