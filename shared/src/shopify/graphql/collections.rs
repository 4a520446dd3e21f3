//! Collections as the Admin API writes them.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::Connection;
use crate::shopify::Gid;

/// A collection.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Collection<'a> {
    pub id: Gid,
    pub title: Option<String>,
    pub handle: Option<String>,
    pub description_html: Option<String>,
    pub sort_order: Option<String>,
    pub template_suffix: Option<String>,
    pub updated_at: DateTime<Utc>,
    /// In the answer to a fetch only.
    #[serde(borrow)]
    pub metafields: Option<Connection<'a>>,
}
