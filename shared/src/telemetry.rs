//! Structured logs: one JSON object a line, level by `RUST_LOG` (default `info`).
//!
//! Field names are dotted (`shop.domain`, `webhook.topic`, `queue.name`, `message.id`); units stand in the name
//! (`duration_ms`). No secret, payload, mail address or signed URL is ever a field.

use std::error::Error;
use std::fmt;

use tracing_subscriber::EnvFilter;

/// Starts logging for this process. Called once, first thing in `main`.
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_target(true)
        .with_env_filter(filter)
        .init();
}

/// Shows an error with all its sources on one line. The only place where a chain is printed, because no `Display`
/// of ours includes its source.
pub struct Chain<'a>(pub &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::num::ParseIntError);

    #[test]
    fn a_chain_shows_every_cause_once() {
        let error = Outer("x".parse::<i32>().unwrap_err());
        assert_eq!(Chain(&error).to_string(), "outer: invalid digit found in string");
    }
}
