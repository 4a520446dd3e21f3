//! Products as the Admin API writes them.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{Connection, Reference};
use crate::shopify::Gid;

/// A product.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Product<'a> {
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    pub title: Option<String>,
    pub handle: Option<String>,
    pub status: Option<String>,
    pub vendor: Option<String>,
    pub product_type: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    pub description_html: Option<String>,
    pub template_suffix: Option<String>,
    pub has_variants_that_requires_components: Option<bool>,
    pub created_at: Option<String>,
    pub updated_at: DateTime<Utc>,
    pub published_at: Option<String>,
    #[serde(default)]
    pub options: Vec<ProductOption>,
    /// In the answer to a fetch only.
    #[serde(borrow)]
    pub media: Option<Connection<'a>>,
    /// In the answer to a fetch only.
    #[serde(borrow)]
    pub collections: Option<Connection<'a>>,
    /// In the answer to a fetch only.
    #[serde(borrow)]
    pub metafields: Option<Connection<'a>>,
}

/// What no webhook tells of a product.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct ProductExtras<'a> {
    pub id: Gid,
    #[serde(borrow)]
    pub collections: Connection<'a>,
    #[serde(borrow)]
    pub metafields: Connection<'a>,
}

/// One way in which a product's variants differ.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct ProductOption {
    pub id: Gid,
    pub name: Option<String>,
    pub position: Option<i32>,
    #[serde(default)]
    pub values: Vec<String>,
}

/// A picture, film or model.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Media {
    pub id: Gid,
    pub alt: Option<String>,
    pub media_content_type: Option<String>,
    pub status: Option<String>,
    pub preview: Option<Preview>,
}

/// How a medium looks at rest.
#[derive(Debug, Deserialize)]
pub struct Preview {
    pub image: Option<Image>,
}

/// A picture.
#[derive(Debug, Deserialize)]
pub struct Image {
    pub url: Option<String>,
}

/// A variant. Its product is named by `product` in a fetch and by `__parentId` in a bulk file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct ProductVariant<'a> {
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    #[serde(rename = "__parentId", borrow)]
    pub parent_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub product: Option<Reference<'a>>,
    pub title: Option<String>,
    pub sku: Option<String>,
    pub barcode: Option<String>,
    pub position: Option<i32>,
    pub price: Option<String>,
    pub compare_at_price: Option<String>,
    pub taxable: Option<bool>,
    pub inventory_policy: Option<String>,
    pub inventory_quantity: Option<i32>,
    #[serde(borrow)]
    pub inventory_item: Option<Reference<'a>>,
    #[serde(default)]
    pub selected_options: Vec<SelectedOption>,
    pub created_at: Option<String>,
    pub updated_at: DateTime<Utc>,
    /// In the answer to a fetch only.
    #[serde(borrow)]
    pub metafields: Option<Connection<'a>>,
}

/// The value that a variant has for one of its product's options.
#[derive(Debug, Deserialize)]
pub struct SelectedOption {
    /// The value.
    pub value: String,
}
