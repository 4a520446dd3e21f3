use std::sync::Arc;

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why a call on a queue failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Redis cannot be reached, does not answer in time, or cannot serve at the moment (loading, failing over). The
    /// call may or may not have been applied; the same call may succeed later.
    #[error("redis is unavailable")]
    Unavailable(#[source] Arc<dyn std::error::Error + Send + Sync>),

    /// Redis answered and refused: out of memory, wrong password, a command the user may not use. Nothing was changed.
    #[error("redis refused the call")]
    Refused(#[source] Arc<dyn std::error::Error + Send + Sync>),

    /// The messages of the queue weigh as much as its policy allows. Nothing was sent; once some are deleted, the same
    /// send succeeds.
    #[error("the queue is full: {bytes} bytes of {most} are used, and {more} more were to be sent")]
    Full {
        /// How much is there.
        bytes: u64,
        /// How much may be there.
        most: u64,
        /// How much more was to be sent.
        more: u64,
    },

    /// The messages are sent, but fewer replicas than wanted say in time that they have them. The same send may be
    /// repeated, and doubles nothing.
    #[error("{acknowledged} of {wanted} replicas have the messages")]
    NotReplicated {
        /// How many replicas say that they have them.
        acknowledged: usize,
        /// How many were wanted.
        wanted: usize,
    },

    /// What Redis holds or answered is not what this module writes: `what` says where.
    #[error("unexpected data in redis: {what}")]
    Corrupt {
        /// The part that could not be read.
        what: &'static str,
    },

    /// An argument is outside what the queue allows. Nothing was sent.
    #[error("{argument} must be {expected}")]
    Invalid {
        /// The argument's name.
        argument: &'static str,
        /// What would have been right.
        expected: &'static str,
    },
}

impl Error {
    /// Whether Redis refused because its memory is spent. Receiving, settling and redriving still work then.
    pub fn is_out_of_memory(&self) -> bool {
        self.code() == Some("OOM")
    }

    /// Whether Redis does not know the script, and nothing was done.
    pub(super) fn is_no_script(&self) -> bool {
        self.code() == Some("NOSCRIPT")
    }

    /// Whether the connection was dropped, so that the call may be repeated at once over a new one.
    pub(super) fn is_dropped(&self) -> bool {
        self.redis_error().is_some_and(is_dropped)
    }

    fn code(&self) -> Option<&str> {
        self.redis_error()?.code()
    }

    fn redis_error(&self) -> Option<&RedisError> {
        let (Self::Refused(source) | Self::Unavailable(source)) = self else {
            return None;
        };
        source.downcast_ref()
    }
}

impl From<RedisError> for Error {
    fn from(error: RedisError) -> Self {
        match error.kind() {
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Self::Corrupt {
                what: "the form of an answer",
            },
            _ if is_passing(&error) => Self::Unavailable(Arc::new(error)),
            _ => Self::Refused(Arc::new(error)),
        }
    }
}

/// Whether the connection was dropped, or leads to a server that has become a replica.
pub(super) fn is_dropped(error: &RedisError) -> bool {
    error.is_connection_dropped()
        || matches!(
            error.kind(),
            ErrorKind::ClusterConnectionNotFound | ErrorKind::Server(ServerErrorKind::ReadOnly)
        )
}

/// Whether the cause lies in the connection or the state of the server rather than in the call.
fn is_passing(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Io | ErrorKind::ClusterConnectionNotFound => true,
        ErrorKind::Server(kind) => match kind {
            ServerErrorKind::BusyLoading
            | ServerErrorKind::ReadOnly
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::MasterDown
            | ServerErrorKind::TryAgain
            | ServerErrorKind::Moved
            | ServerErrorKind::Ask => true,
            // Redis has no code of its own for a full table of clients.
            ServerErrorKind::ResponseError => error
                .detail()
                .is_some_and(|detail| detail.contains("max number of clients")),
            _ => false,
        },
        // The snapshot cannot be written, too few replicas follow, a script runs too long.
        _ => matches!(error.code(), Some("MISCONF" | "NOREPLICAS" | "BUSY")),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn answered(line: &str) -> Error {
        let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
        value.extract_error().unwrap_err().into()
    }

    #[test]
    fn what_time_heals_is_unavailable() {
        for line in [
            "LOADING Redis is loading the dataset in memory",
            "READONLY You can't write against a read only replica.",
            "CLUSTERDOWN The cluster is down",
            "MASTERDOWN Link with MASTER is down",
            "MISCONF Redis is configured to save RDB snapshots",
            "NOREPLICAS Not enough good replicas to write.",
            "BUSY Redis is busy running a script.",
            "ERR max number of clients reached",
        ] {
            assert!(
                matches!(answered(line), Error::Unavailable(_)),
                "{line} is not unavailable"
            );
        }
    }

    #[test]
    fn what_needs_a_human_is_refused() {
        for line in [
            "OOM command not allowed when used memory > 'maxmemory'.",
            "NOPERM User x has no permissions to run the 'evalsha' command",
            "WRONGTYPE Operation against a key holding the wrong kind of value",
            "ERR unknown command",
        ] {
            assert!(matches!(answered(line), Error::Refused(_)), "{line} is not refused");
        }
        assert!(answered("OOM command not allowed").is_out_of_memory());
        assert!(!answered("NOPERM no").is_out_of_memory());
    }

    #[test]
    fn display_never_includes_the_source() {
        let error = answered("OOM command not allowed");
        assert_eq!(error.to_string(), "redis refused the call");
        assert!(error.source().unwrap().to_string().contains("OOM"));
    }
}
