//! The procedures, one file for each router of tRPC.

pub(crate) mod health;
mod privacy;
mod resource;
mod shopify;
mod shops;
mod sync;

use serde_json::Value;

use super::Context;
use super::trpc::{Error, Kind};

/// Everything that can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Procedure {
    PrivacyExport,
    PrivacyRequests,
    ShopifyBulkImport,
    ShopifySyncResource,
    ShopsAdd,
    SyncJob,
}

/// The procedure called `path`.
pub(crate) fn find(path: &str) -> Option<Procedure> {
    match path {
        "privacy.export" => Some(Procedure::PrivacyExport),
        "privacy.requests" => Some(Procedure::PrivacyRequests),
        "shopify.bulkImport" => Some(Procedure::ShopifyBulkImport),
        "shopify.syncResource" => Some(Procedure::ShopifySyncResource),
        "shops.add" => Some(Procedure::ShopsAdd),
        "sync.job" => Some(Procedure::SyncJob),
        _ => None,
    }
}

impl Procedure {
    pub fn kind(self) -> Kind {
        match self {
            Self::PrivacyExport | Self::PrivacyRequests | Self::SyncJob => Kind::Query,
            Self::ShopifyBulkImport | Self::ShopifySyncResource | Self::ShopsAdd => Kind::Mutation,
        }
    }

    pub async fn run(self, context: &Context, input: Value) -> Result<Value, Error> {
        match self {
            Self::PrivacyExport => privacy::export(context, input).await,
            Self::PrivacyRequests => privacy::requests(context, input).await,
            Self::ShopifyBulkImport => shopify::bulk_import(context, input).await,
            Self::ShopifySyncResource => resource::sync(context, input).await,
            Self::ShopsAdd => shops::add(context, input).await,
            Self::SyncJob => sync::job(context, input).await,
        }
    }
}
