//! What can go wrong in Postgres, by what a caller may do about it.

/// Why a statement failed. Shows no value of any row: Postgres' own message may quote one, so only its code is kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Postgres cannot be reached, is shutting down, out of connections or resources, or two transactions collided.
    #[error("Postgres is not available ({code})")]
    Unavailable {
        /// The SQLSTATE, or what kind of failure it was.
        code: String,
    },
    /// A value that Postgres refuses: a number out of range, text that is no date.
    #[error("Postgres refused a value ({code})")]
    Refused {
        /// The SQLSTATE.
        code: String,
    },
    /// Anything else: a missing table, a missing privilege, a bug of ours.
    #[error("Postgres failed ({code}): {message}")]
    Failed {
        /// The SQLSTATE, or what kind of failure it was.
        code: String,
        /// What it said. Errors of this kind name tables and columns, not values.
        message: String,
    },
}

impl Error {
    /// Whether the same statement may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Refused { .. } | Self::Failed { .. } => false,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default().into_owned();
                match code.get(..2) {
                    // Connection, resources, operator intervention, system, transaction rollback (deadlock).
                    Some("08" | "53" | "57" | "58" | "40") => Self::Unavailable { code },
                    // Data exception, integrity constraint.
                    Some("22" | "23") => Self::Refused { code },
                    _ if code == "55P03" => Self::Unavailable { code },
                    _ => Self::Failed {
                        message: database.message().to_owned(),
                        code,
                    },
                }
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable {
                code: kind(&error).to_owned(),
            },
            _ => Self::Failed {
                code: kind(&error).to_owned(),
                message: error.to_string(),
            },
        }
    }
}

fn kind(error: &sqlx::Error) -> &'static str {
    match error {
        sqlx::Error::Io(_) => "connection",
        sqlx::Error::Tls(_) => "tls",
        sqlx::Error::Protocol(_) => "protocol",
        sqlx::Error::PoolTimedOut => "no free connection",
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => "pool closed",
        sqlx::Error::Configuration(_) => "DATABASE_URL",
        _ => "client",
    }
}
