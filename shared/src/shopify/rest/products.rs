//! Products as webhooks write them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The body of `products/create` and `products/update`.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Product<'a> {
    pub id: i64,
    pub title: Option<String>,
    pub handle: Option<String>,
    pub status: Option<String>,
    pub vendor: Option<String>,
    pub product_type: Option<String>,
    /// One string, joined by commas.
    pub tags: Option<String>,
    pub body_html: Option<String>,
    pub template_suffix: Option<String>,
    pub has_variants_that_requires_components: Option<bool>,
    pub created_at: Option<String>,
    /// Absent if the subscription's `include_fields` lacks it: then the body has no version and must be fetched.
    pub updated_at: Option<DateTime<Utc>>,
    pub published_at: Option<String>,
    /// The first hundred variants only.
    #[serde(borrow, default)]
    pub variants: Vec<&'a RawValue>,
    #[serde(default)]
    pub options: Option<Vec<ProductOption>>,
    #[serde(default)]
    pub media: Option<Vec<Media>>,
    /// All variants by name. Absent before the body had it: then nothing can be said about what is missing.
    #[serde(default)]
    pub variant_gids: Option<Vec<VariantGid>>,
}

/// One way in which a product's variants differ.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct ProductOption {
    pub id: i64,
    pub name: Option<String>,
    pub position: Option<i32>,
    #[serde(default)]
    pub values: Vec<String>,
}

/// A picture, film or model.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Media {
    pub id: i64,
    pub alt: Option<String>,
    pub media_content_type: Option<String>,
    pub status: Option<String>,
    pub preview_image: Option<PreviewImage>,
}

/// How a medium looks at rest.
#[derive(Debug, Deserialize)]
pub struct PreviewImage {
    pub src: Option<String>,
}

/// One entry of `variant_gids`.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct VariantGid {
    #[serde(rename = "admin_graphql_api_id", deserialize_with = "number_of_gid")]
    pub id: i64,
    pub updated_at: DateTime<Utc>,
}

/// A variant inside a product's body.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct ProductVariant {
    pub id: i64,
    pub product_id: Option<i64>,
    pub title: Option<String>,
    pub sku: Option<String>,
    pub barcode: Option<String>,
    pub position: Option<i32>,
    pub price: Option<String>,
    pub compare_at_price: Option<String>,
    pub taxable: Option<bool>,
    pub inventory_policy: Option<String>,
    pub inventory_quantity: Option<i32>,
    pub inventory_item_id: Option<i64>,
    pub option1: Option<String>,
    pub option2: Option<String>,
    pub option3: Option<String>,
    pub created_at: Option<String>,
    pub updated_at: Option<DateTime<Utc>>,
}

fn number_of_gid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let text = String::deserialize(deserializer)?;
    crate::shopify::gid::split(&text)
        .map(|(_, id)| id)
        .map_err(serde::de::Error::custom)
}
