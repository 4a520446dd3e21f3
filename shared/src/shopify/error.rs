//! What can go wrong at Shopify, as situations a caller can tell apart.

use std::time::Duration;

/// Why a call to Shopify did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No answer: no connection, a timeout, a body that broke off. Nothing is known about what Shopify did.
    #[error("no answer from Shopify")]
    Transport(#[source] reqwest::Error),
    /// Too many points spent. Ask again after this long.
    #[error("Shopify throttled the request for {} ms", retry_after.as_millis())]
    Throttled {
        /// How long until enough points are restored.
        retry_after: Duration,
    },
    /// Shopify is failing or the store is locked for a while.
    #[error("Shopify answered {status}")]
    Unavailable {
        /// The HTTP status.
        status: u16,
    },
    /// The token is not accepted: uninstalled, expired or revoked.
    #[error("Shopify answered {status}: the access token is not accepted")]
    Unauthorized {
        /// The HTTP status.
        status: u16,
    },
    /// The request itself is refused and will be refused again.
    #[error("Shopify refused the request: {reason}")]
    Refused {
        /// Shopify's words, without values.
        reason: String,
    },
    /// The query costs more than Shopify allows one to, whatever is left of the store's points.
    #[error("Shopify refused the request: {reason}")]
    TooExpensive {
        /// Shopify's words, without values.
        reason: String,
    },
    /// The five bulk operations of this store are taken.
    #[error("Shopify runs as many bulk operations for this store as it allows")]
    OperationInProgress,
    /// An answer that does not have the form the schema promises.
    #[error("Shopify's answer could not be read: {what}")]
    Malformed {
        /// Which part.
        what: String,
    },
    /// The result file is gone: its signed URL lives seven days.
    #[error("the bulk result is no longer there (status {status})")]
    ResultGone {
        /// The HTTP status.
        status: u16,
    },
    /// The result file is not the one the import began with, or the host broke its own answer.
    #[error("the bulk result changed or was cut: {what}")]
    ResultBroken {
        /// What did not match.
        what: String,
    },
    /// There is no document that fetches resources of this kind.
    #[error("resources of the kind {kind} cannot be fetched")]
    UnknownKind {
        /// The kind.
        kind: String,
    },
    /// A result URL on a host that is not Shopify's storage. It is not followed.
    #[error("the bulk result lies on a host that is not allowed")]
    ForeignHost,
}

impl Error {
    /// How long Shopify asked us to wait, if it did.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after } => Some(*retry_after),
            Self::OperationInProgress => Some(Duration::from_secs(60)),
            Self::Transport(_)
            | Self::Unavailable { .. }
            | Self::Unauthorized { .. }
            | Self::Refused { .. }
            | Self::Malformed { .. }
            | Self::ResultGone { .. }
            | Self::ResultBroken { .. }
            | Self::TooExpensive { .. }
            | Self::UnknownKind { .. }
            | Self::ForeignHost => None,
        }
    }

    /// Whether the same call may succeed later without anyone doing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Transport(_)
            | Self::Throttled { .. }
            | Self::Unavailable { .. }
            | Self::OperationInProgress
            | Self::ResultBroken { .. } => true,
            Self::Unauthorized { .. }
            | Self::Refused { .. }
            | Self::Malformed { .. }
            | Self::ResultGone { .. }
            | Self::TooExpensive { .. }
            | Self::UnknownKind { .. }
            | Self::ForeignHost => false,
        }
    }
}

impl From<reqwest::Error> for Error {
    /// The URL is dropped from the error: a result's URL is signed, and a log must not hold it.
    fn from(error: reqwest::Error) -> Self {
        Self::Transport(error.without_url())
    }
}
