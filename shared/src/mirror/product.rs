//! Products and variants: wire shape → row. Pure.
//!
//! The REST form of webhooks and the GraphQL form of fetches and bulk files end in the same row. Where one form writes
//! an empty text and the other nothing, the row has nothing.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::Error;
use super::error::place;
use crate::shopify::{Gid, graphql, rest};
use crate::store::product_variants::ProductVariant;
use crate::store::products::Product;
use crate::store::{Version, strip_nul};

/// Makes rows of one store from one kind of source, and counts the NUL characters it had to remove.
#[derive(Debug)]
pub(super) struct Rows {
    pub shop_id: i64,
    /// When the state was read, at the earliest.
    pub observed_at: DateTime<Utc>,
    /// NUL characters removed so far.
    pub nul_removed: usize,
}

impl Rows {
    pub fn new(shop_id: i64, observed_at: DateTime<Utc>) -> Self {
        Self {
            shop_id,
            observed_at,
            nul_removed: 0,
        }
    }

    /// A product from a webhook; none if the body lacks a version.
    pub fn product_of_webhook(&mut self, body: rest::Product<'_>, raw: &str) -> Option<Product> {
        let tags = body.tags.unwrap_or_default();
        Some(Product {
            shop_id: self.shop_id,
            id: body.id,
            version: Version::new(body.updated_at?, self.observed_at),
            title: self.text(body.title),
            handle: self.text(body.handle),
            status: self.word(body.status),
            vendor: self.text(body.vendor),
            product_type: self.text(body.product_type),
            tags: tags
                .split(',')
                .map(str::trim)
                .filter(|tag| !tag.is_empty())
                .map(|tag| self.clean(tag))
                .collect(),
            body_html: self.filled(body.body_html),
            template_suffix: self.filled(body.template_suffix),
            has_variants_that_require_components: body.has_variants_that_requires_components,
            created_at: body.created_at,
            published_at: body.published_at,
            raw: self.clean(raw),
        })
    }

    /// A variant from a webhook; none if the body lacks a version.
    pub fn variant_of_webhook(
        &mut self,
        body: rest::ProductVariant,
        product_id: i64,
        raw: &str,
    ) -> Option<ProductVariant> {
        let options = [body.option1, body.option2, body.option3];
        Some(ProductVariant {
            shop_id: self.shop_id,
            id: body.id,
            version: Version::new(body.updated_at?, self.observed_at),
            product_id: Some(body.product_id.unwrap_or(product_id)),
            title: self.text(body.title),
            sku: self.filled(body.sku),
            barcode: self.filled(body.barcode),
            position: body.position,
            price: body.price,
            compare_at_price: body.compare_at_price,
            taxable: body.taxable,
            inventory_policy: self.word(body.inventory_policy),
            inventory_quantity: body.inventory_quantity,
            inventory_item_id: body.inventory_item_id,
            options: options.into_iter().flatten().map(|value| self.clean(&value)).collect(),
            created_at: body.created_at,
            raw: self.clean(raw),
        })
    }

    /// A product as the Admin API writes it.
    pub fn product(&mut self, raw: &str) -> Result<Product, Error> {
        let node: graphql::Product<'_> = serde_json::from_str(raw).map_err(|error| Error::Payload {
            what: "product",
            reason: place(&error),
        })?;
        Ok(Product {
            shop_id: self.shop_id,
            id: number(&node.id, "product")?,
            version: Version::new(node.updated_at, self.observed_at),
            title: self.text(node.title),
            handle: self.text(node.handle),
            status: self.word(node.status),
            vendor: self.text(node.vendor),
            product_type: self.text(node.product_type),
            tags: node.tags.into_iter().map(|tag| self.owned(tag)).collect(),
            body_html: self.filled(node.description_html),
            template_suffix: self.filled(node.template_suffix),
            has_variants_that_require_components: node.has_variants_that_requires_components,
            created_at: node.created_at,
            published_at: node.published_at,
            raw: self.clean(raw),
        })
    }

    /// A variant as the Admin API writes it. Its product is named in it, or else is `product_id`.
    pub fn variant(&mut self, raw: &str, product_id: Option<i64>) -> Result<ProductVariant, Error> {
        let node: graphql::ProductVariant<'_> = serde_json::from_str(raw).map_err(|error| Error::Payload {
            what: "variant",
            reason: place(&error),
        })?;
        let named = node
            .parent_id
            .as_deref()
            .or(node.product.as_ref().map(|product| product.id.as_ref()));
        Ok(ProductVariant {
            shop_id: self.shop_id,
            id: number(&node.id, "variant")?,
            version: Version::new(node.updated_at, self.observed_at),
            product_id: named.map(|gid| number(gid, "product")).transpose()?.or(product_id),
            title: self.text(node.title),
            sku: self.filled(node.sku),
            barcode: self.filled(node.barcode),
            position: node.position,
            price: node.price,
            compare_at_price: node.compare_at_price,
            taxable: node.taxable,
            inventory_policy: self.word(node.inventory_policy),
            inventory_quantity: node.inventory_quantity,
            inventory_item_id: node
                .inventory_item
                .map(|item| number(&item.id, "inventory item"))
                .transpose()?,
            options: node
                .selected_options
                .into_iter()
                .map(|option| self.owned(option.value))
                .collect(),
            created_at: node.created_at,
            raw: self.clean(raw),
        })
    }

    fn text(&mut self, text: Option<String>) -> Option<String> {
        text.map(|text| self.owned(text))
    }

    /// A text of which the empty one means that there is none.
    fn filled(&mut self, text: Option<String>) -> Option<String> {
        self.text(text).filter(|text| !text.is_empty())
    }

    /// A word that one form writes in capitals and the other not.
    fn word(&mut self, text: Option<String>) -> Option<String> {
        self.text(text).map(|text| text.to_ascii_lowercase())
    }

    fn owned(&mut self, text: String) -> String {
        if text.contains('\0') { self.clean(&text) } else { text }
    }

    fn clean(&mut self, text: &str) -> String {
        let (text, removed) = strip_nul(Cow::Borrowed(text));
        self.nul_removed += removed;
        text.into_owned()
    }
}

fn number(gid: &str, what: &'static str) -> Result<i64, Error> {
    Gid::parse(gid).map(|gid| gid.id()).map_err(|error| Error::Payload {
        what,
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Rows {
        Rows::new(7, DateTime::from_timestamp(2_000_000_000, 0).unwrap())
    }

    const LINE: &str = r#"{"__typename":"Product","id":"gid:\/\/shopify\/Product\/788032119674292922","title":"Caf\u00e9","handle":"cafe","status":"ACTIVE","vendor":"Acme","productType":"Shirts","tags":["a","b"],"descriptionHtml":"","templateSuffix":null,"hasVariantsThatRequiresComponents":false,"createdAt":"2026-11-20T09:00:37Z","updatedAt":"2026-11-20T09:01:14Z","publishedAt":null}"#;
    const BODY: &str = r#"{"id":788032119674292922,"title":"Café","handle":"cafe","status":"active","vendor":"Acme","product_type":"Shirts","tags":"a, b","body_html":null,"template_suffix":null,"has_variants_that_requires_components":false,"created_at":"2026-11-20T04:00:37-05:00","updated_at":"2026-11-20T04:01:14-05:00","published_at":null}"#;

    #[test]
    fn both_forms_of_a_product_end_in_the_same_row() {
        let line = rows().product(LINE).unwrap();
        let body = rows()
            .product_of_webhook(serde_json::from_str(BODY).unwrap(), BODY)
            .unwrap();
        assert_eq!((line.id, line.version), (body.id, body.version));
        assert_eq!(
            (&line.title, &line.status, &line.tags, &line.body_html),
            (&body.title, &body.status, &body.tags, &body.body_html)
        );
        assert_eq!(line.id, 788_032_119_674_292_922);
    }

    #[test]
    fn a_body_without_a_version_makes_no_row() {
        let body: rest::Product<'_> = serde_json::from_str(r#"{"id":1,"title":"x"}"#).unwrap();
        assert!(rows().product_of_webhook(body, "{}").is_none());
    }

    #[test]
    fn nul_characters_are_removed_and_counted() {
        let mut rows = rows();
        let product = rows.product(&LINE.replace("cafe", "ca\\u0000fe")).unwrap();
        assert_eq!(product.handle.as_deref(), Some("cafe"));
        assert!(!product.raw.contains("u0000"));
        assert_eq!(rows.nul_removed, 2);
    }

    #[test]
    fn an_error_shows_no_value() {
        let error = rows()
            .product(&LINE.replace("\"2026-11-20T09:01:14Z\"", "\"hunter2\""))
            .unwrap_err()
            .to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
