//! What becomes of a message whose handling failed.

use std::time::Duration;

use crate::{shopify, store};

/// Why something could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The payload is not what its topic promises.
    #[error("the payload is not a {what}: {reason}")]
    Payload {
        /// What was expected.
        what: &'static str,
        /// Where it stops making sense, without values.
        reason: String,
    },
    /// Nobody has added this store, or it removed the app.
    #[error("no access token for this store: add it with shops.add")]
    NoToken,
    /// The resource is of a kind that is not mirrored.
    #[error("resources of the kind {kind} are not mirrored")]
    UnknownKind {
        /// The kind.
        kind: String,
    },
    /// The import that a chunk belongs to is not known, or its result is not.
    #[error("the import that this chunk belongs to is not known here")]
    UnknownChunk,
    /// Another worker has moved the chunk meanwhile, or its import was canceled or its file replaced.
    #[error("another worker works on this chunk, or it is of no more use")]
    ChunkMoved,
    /// Shopify did not answer as hoped.
    #[error("Shopify could not be read")]
    Shopify(#[source] shopify::Error),
    /// Postgres did not do as asked.
    #[error("the mirror could not be written")]
    Store(#[source] store::Error),
}

/// What becomes of a message whose handling failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Again after a short while that doubles: something of ours is away for a moment.
    RetrySoon,
    /// Again after a longer while that doubles: Shopify is away.
    RetryLater,
    /// Again after this long, because Shopify said so. The receive does not count.
    RetryAfter(Duration),
    /// It can never succeed. Keep it, with the reason, for a human.
    DeadLetter,
}

impl Error {
    /// What becomes of the message.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Payload { .. } | Self::NoToken | Self::UnknownKind { .. } | Self::UnknownChunk => {
                Disposition::DeadLetter
            }
            Self::ChunkMoved => Disposition::RetrySoon,
            Self::Shopify(error) => match error.retry_after() {
                Some(wait) => Disposition::RetryAfter(wait),
                None if error.is_transient() => Disposition::RetryLater,
                None => Disposition::DeadLetter,
            },
            Self::Store(store::Error::Unavailable { .. }) => Disposition::RetrySoon,
            Self::Store(store::Error::Refused { .. }) => Disposition::DeadLetter,
            // A missing table or privilege: somebody deploys, and then it works.
            Self::Store(store::Error::Failed { .. }) => Disposition::RetryLater,
        }
    }

    /// Whether the fault may lie in one message of a batch, so that trying each alone helps.
    pub fn may_be_of_one_message(&self) -> bool {
        matches!(
            self,
            Self::Store(store::Error::Refused { .. } | store::Error::Failed { .. })
        )
    }
}

impl From<shopify::Error> for Error {
    fn from(error: shopify::Error) -> Self {
        Self::Shopify(error)
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

/// Where a JSON text stops making sense, without the values around it: serde's own message may quote one.
pub(super) fn place(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => "wrong type or missing field",
        serde_json::error::Category::Eof => "it breaks off",
        serde_json::error::Category::Io | serde_json::error::Category::Syntax => "not JSON",
    };
    format!("{what} at line {} column {}", error.line(), error.column())
}
