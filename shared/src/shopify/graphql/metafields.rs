//! Metafields as the Admin API writes them.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::shopify::Gid;

/// A metafield.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct Metafield {
    pub id: Gid,
    pub namespace: Option<String>,
    pub key: Option<String>,
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    pub value: Option<String>,
    pub updated_at: DateTime<Utc>,
}
