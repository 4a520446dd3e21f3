//! Collections as webhooks write them: without their products.

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// The body of `collections/create` and `collections/update`.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Collection {
    pub id: i64,
    pub title: Option<String>,
    pub handle: Option<String>,
    pub body_html: Option<String>,
    pub sort_order: Option<String>,
    pub template_suffix: Option<String>,
    pub updated_at: Option<DateTime<Utc>>,
}
