//! The procedures, one file for each router of tRPC.

mod dead_letters;
mod drift;
pub(crate) mod health;
mod privacy;
mod queue;
mod resource;
mod shopify;
mod shops;
mod sweep;
mod sync;

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::Context;
use super::trpc::{Error, Kind};

/// An import, by its number: what several procedures ask for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Job {
    job_id: Uuid,
}

/// Everything that can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Procedure {
    DeadLettersCancelRedrive,
    DeadLettersDelete,
    DeadLettersRedrive,
    DeadLettersRedrives,
    DeadLettersSearch,
    PrivacyExport,
    PrivacyRequests,
    QueueCancel,
    QueueList,
    QueuePause,
    QueueResume,
    QueueSearch,
    ShopifyBulkImport,
    ShopifyCancelImport,
    ShopifyConfirmSweep,
    ShopifySyncResource,
    ShopsAdd,
    SyncCompare,
    SyncDrift,
    SyncJob,
}

/// The procedure called `path`.
pub(crate) fn find(path: &str) -> Option<Procedure> {
    let found = match path {
        "deadLetters.cancelRedrive" => Procedure::DeadLettersCancelRedrive,
        "deadLetters.delete" => Procedure::DeadLettersDelete,
        "deadLetters.redrive" => Procedure::DeadLettersRedrive,
        "deadLetters.redrives" => Procedure::DeadLettersRedrives,
        "deadLetters.search" => Procedure::DeadLettersSearch,
        "privacy.export" => Procedure::PrivacyExport,
        "privacy.requests" => Procedure::PrivacyRequests,
        "queue.cancel" => Procedure::QueueCancel,
        "queue.list" => Procedure::QueueList,
        "queue.pause" => Procedure::QueuePause,
        "queue.resume" => Procedure::QueueResume,
        "queue.search" => Procedure::QueueSearch,
        "shopify.bulkImport" => Procedure::ShopifyBulkImport,
        "shopify.cancelImport" => Procedure::ShopifyCancelImport,
        "shopify.confirmSweep" => Procedure::ShopifyConfirmSweep,
        "shopify.syncResource" => Procedure::ShopifySyncResource,
        "shops.add" => Procedure::ShopsAdd,
        "sync.compare" => Procedure::SyncCompare,
        "sync.drift" => Procedure::SyncDrift,
        "sync.job" => Procedure::SyncJob,
        _ => return None,
    };
    Some(found)
}

impl Procedure {
    pub fn kind(self) -> Kind {
        match self {
            Self::DeadLettersRedrives
            | Self::DeadLettersSearch
            | Self::PrivacyExport
            | Self::PrivacyRequests
            | Self::QueueList
            | Self::QueueSearch
            | Self::SyncDrift
            | Self::SyncJob => Kind::Query,
            Self::DeadLettersCancelRedrive
            | Self::DeadLettersDelete
            | Self::DeadLettersRedrive
            | Self::QueueCancel
            | Self::QueuePause
            | Self::QueueResume
            | Self::ShopifyBulkImport
            | Self::ShopifyCancelImport
            | Self::ShopifyConfirmSweep
            | Self::ShopifySyncResource
            | Self::ShopsAdd
            | Self::SyncCompare => Kind::Mutation,
        }
    }

    pub async fn run(self, context: &Context, input: Value) -> Result<Value, Error> {
        match self {
            Self::DeadLettersCancelRedrive => dead_letters::cancel_redrive(context, input).await,
            Self::DeadLettersDelete => dead_letters::delete(context, input).await,
            Self::DeadLettersRedrive => dead_letters::redrive(context, input).await,
            Self::DeadLettersRedrives => dead_letters::redrives(context, input).await,
            Self::DeadLettersSearch => dead_letters::search(context, input).await,
            Self::PrivacyExport => privacy::export(context, input).await,
            Self::PrivacyRequests => privacy::requests(context, input).await,
            Self::QueueCancel => queue::cancel(context, input).await,
            Self::QueueList => queue::list(context, input).await,
            Self::QueuePause => queue::pause(context, input).await,
            Self::QueueResume => queue::resume(context, input).await,
            Self::QueueSearch => queue::search(context, input).await,
            Self::ShopifyBulkImport => shopify::bulk_import(context, input).await,
            Self::ShopifyCancelImport => shopify::cancel_import(context, input).await,
            Self::ShopifyConfirmSweep => sweep::confirm(context, input).await,
            Self::ShopifySyncResource => resource::sync(context, input).await,
            Self::ShopsAdd => shops::add(context, input).await,
            Self::SyncCompare => drift::compare(context, input).await,
            Self::SyncDrift => drift::drift(context, input).await,
            Self::SyncJob => sync::job(context, input).await,
        }
    }
}
