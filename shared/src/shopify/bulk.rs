//! Bulk operations: Shopify writes a whole list into a file while we do something else.
//!
//! Every operation we start carries a comment that names it, so that one which was started but not recorded (a crash
//! between the call and the record) is found again and not started twice.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::json;

use super::{Client, Error, Gid, ShopDomain};

const RUN: &str = include_str!("queries/bulk_run_query.graphql");
const ONE: &str = include_str!("queries/bulk_operation.graphql");
const RECENT: &str = include_str!("queries/bulk_recent.graphql");
const CANCEL: &str = include_str!("queries/bulk_cancel.graphql");

/// How far an operation has come, in Shopify's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BulkStatus {
    /// Waiting to run.
    Created,
    /// Running.
    Running,
    /// The file is whole.
    Completed,
    /// It broke off; what was written may be offered.
    Failed,
    /// Being cancelled.
    Canceling,
    /// Cancelled, by us or by Shopify itself when it stalled.
    Canceled,
    /// The file is no longer kept.
    Expired,
}

/// One bulk operation as Shopify tells it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkOperation {
    /// Its global id.
    pub id: String,
    /// How far it has come.
    pub status: BulkStatus,
    /// Why it failed.
    #[serde(default)]
    pub error_code: Option<String>,
    /// Shopify's clock: every row was read no earlier than this.
    pub created_at: DateTime<Utc>,
    /// Lines in the file.
    #[serde(default, deserialize_with = "unsigned")]
    pub object_count: Option<i64>,
    /// Lines without a parent.
    #[serde(default, deserialize_with = "unsigned")]
    pub root_object_count: Option<i64>,
    /// Bytes in the file.
    #[serde(default, deserialize_with = "unsigned")]
    pub file_size: Option<i64>,
    /// The file. None when it has no line.
    #[serde(default)]
    pub url: Option<String>,
    /// What a failed operation had written.
    #[serde(default)]
    pub partial_data_url: Option<String>,
}

/// `UnsignedInt64` arrives as a string.
fn unsigned<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Option::<String>::deserialize(deserializer)?
        .map(|text| text.parse().map_err(serde::de::Error::custom))
        .transpose()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserError {
    message: String,
    #[serde(default)]
    code: Option<String>,
}

impl Client {
    /// Starts a bulk operation over `query`, marked with `marker` (one line of plain text).
    pub async fn run_bulk_query(
        &self,
        shop: &ShopDomain,
        token: &str,
        marker: &str,
        query: &str,
    ) -> Result<BulkOperation, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            bulk_operation_run_query: Payload,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Payload {
            bulk_operation: Option<BulkOperation>,
            user_errors: Vec<UserError>,
        }
        let text = format!("# {marker}\n{query}");
        let answer = self.query::<Data>(shop, token, RUN, json!({ "query": text })).await?;
        let payload = answer.data.bulk_operation_run_query;
        if let Some(error) = payload.user_errors.into_iter().next() {
            return Err(match error.code.as_deref() {
                Some("OPERATION_IN_PROGRESS" | "LIMIT_REACHED") => Error::OperationInProgress,
                _ => Error::Refused { reason: error.message },
            });
        }
        payload.bulk_operation.ok_or_else(|| Error::Malformed {
            what: "no bulkOperation".to_owned(),
        })
    }

    /// The newest operation that carries `marker` and may still be of use.
    pub async fn find_bulk_operation(
        &self,
        shop: &ShopDomain,
        token: &str,
        marker: &str,
    ) -> Result<Option<BulkOperation>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            bulk_operations: Nodes,
        }
        #[derive(Deserialize)]
        struct Nodes {
            nodes: Vec<Node>,
        }
        #[derive(Deserialize)]
        struct Node {
            #[serde(flatten)]
            operation: BulkOperation,
            query: String,
        }
        let answer = self.query::<Data>(shop, token, RECENT, json!({})).await?;
        let comment = format!("# {marker}");
        Ok(answer
            .data
            .bulk_operations
            .nodes
            .into_iter()
            .find(|node| {
                node.query.lines().any(|line| line.trim() == comment)
                    && matches!(
                        node.operation.status,
                        BulkStatus::Created | BulkStatus::Running | BulkStatus::Completed
                    )
            })
            .map(|node| node.operation))
    }

    /// The first and the last id of a list, by a query that calls them so; none if the list is empty.
    pub async fn id_bounds(&self, shop: &ShopDomain, token: &str, query: &str) -> Result<Option<(i64, i64)>, Error> {
        #[derive(Deserialize)]
        struct Data {
            first: List,
            last: List,
        }
        #[derive(Deserialize)]
        struct List {
            nodes: Vec<Node>,
        }
        #[derive(Deserialize)]
        struct Node {
            id: Gid,
        }
        let bounds = self.query::<Data>(shop, token, query, json!({})).await?.data;
        let ends = bounds.first.nodes.first().zip(bounds.last.nodes.first());
        Ok(ends.map(|(first, last)| (first.id.id(), last.id.id())))
    }

    /// The operation `gid` as it is now; none if Shopify does not know it.
    pub async fn bulk_operation(
        &self,
        shop: &ShopDomain,
        token: &str,
        gid: &str,
    ) -> Result<Option<BulkOperation>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            bulk_operation: Option<BulkOperation>,
        }
        let answer = self.query::<Data>(shop, token, ONE, json!({ "id": gid })).await?;
        Ok(answer.data.bulk_operation)
    }

    /// Asks Shopify to stop the operation `gid`. One that has already ended is no error.
    pub async fn cancel_bulk_operation(&self, shop: &ShopDomain, token: &str, gid: &str) -> Result<(), Error> {
        self.query::<serde::de::IgnoredAny>(shop, token, CANCEL, json!({ "id": gid }))
            .await?;
        Ok(())
    }
}
