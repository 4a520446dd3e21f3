//! Errors in the three words that the state machine matches.

use lambda_runtime::Diagnostic;
use shared::telemetry::Chain;
use shared::{queue, shopify, store};

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    word: Word,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Retryable,
    Throttled,
    Permanent,
    Replaced,
}

impl Error {
    /// A failure that no retry mends. The message is what the user reads.
    pub fn permanent(message: String) -> Self {
        Self {
            word: Word::Permanent,
            message,
        }
    }

    /// Other operations have taken the place of the one in question: nothing is left to do.
    pub fn replaced() -> Self {
        Self {
            word: Word::Replaced,
            message: "the operation was split".to_owned(),
        }
    }

    /// See [`Error::replaced`].
    pub fn is_replaced(&self) -> bool {
        self.word == Word::Replaced
    }

    /// A failure that a retry may mend.
    pub fn retryable(message: String) -> Self {
        Self {
            word: Word::Retryable,
            message,
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::retryable(Chain(&error).to_string())
    }
}

impl From<queue::Error> for Error {
    fn from(error: queue::Error) -> Self {
        Self::retryable(Chain(&error).to_string())
    }
}

impl From<shopify::Error> for Error {
    fn from(error: shopify::Error) -> Self {
        let message = Chain(&error).to_string();
        let word = if error.retry_after().is_some() {
            Word::Throttled
        } else if error.is_transient() {
            Word::Retryable
        } else {
            Word::Permanent
        };
        Self { word, message }
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        let error_type = match error.word {
            Word::Retryable => "Retryable",
            Word::Throttled => "Throttled",
            Word::Permanent | Word::Replaced => "Permanent",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: error.message,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_throttle_and_a_dead_token_have_different_words() {
        let word = |error: shopify::Error| Diagnostic::from(Error::from(error)).error_type;
        assert_eq!(
            word(shopify::Error::Throttled {
                retry_after: Duration::from_secs(1)
            }),
            "Throttled"
        );
        assert_eq!(word(shopify::Error::Unavailable { status: 503 }), "Retryable");
        assert_eq!(word(shopify::Error::Unauthorized { status: 401 }), "Permanent");
    }
}
