//! Scripted faults, first in first out per operation.
//!
//! An operation is a GraphQL operation name (`ProductById`), a root field (`bulkOperationRunQuery`), `graphql` for
//! any, `bulk_result` for a download, or `bulk_operation` for the run of one. The most specific script goes first.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderValue, Response};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};

use crate::clock;

/// Long enough for a piece of a body to reach the socket.
const FLUSH: Duration = Duration::from_millis(30);

/// What goes wrong.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Answers this status and does nothing.
    Reject {
        /// For example 401, 402, 403, 429, 500, 503.
        status: u16,
        /// Seconds in a `Retry-After` header.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// The bucket is said to be empty.
    Throttled,
    /// The operation takes effect; the answer is lost.
    FailAfterWrite,
    /// The answer comes this much later.
    Slow {
        /// Milliseconds.
        ms: u64,
    },
    /// The connection closes after this many bytes of the body.
    Truncate {
        /// Bytes.
        after: usize,
    },
    /// A download ignores `Range` and answers 200 with the whole file.
    NoRange,
    /// The file lacks its last lines while the counts claim them.
    ShortFile {
        /// Lines.
        missing: usize,
    },
    /// The operation ends otherwise than COMPLETED.
    BulkEnd {
        /// `FAILED`, `CANCELED` or `EXPIRED`.
        status: String,
        /// `ACCESS_DENIED`, `INTERNAL_SERVER_ERROR` or `TIMEOUT`.
        #[serde(default)]
        error_code: Option<String>,
        /// Whether half the file is offered as `partialDataUrl`.
        #[serde(default)]
        partial: bool,
    },
}

impl Fault {
    fn fits(&self, operation: &str) -> bool {
        match self {
            Self::ShortFile { .. } | Self::BulkEnd { .. } => operation == "bulk_operation",
            Self::NoRange => operation == "bulk_result",
            Self::Throttled | Self::FailAfterWrite => !operation.starts_with("bulk_"),
            Self::Reject { .. } | Self::Slow { .. } | Self::Truncate { .. } => operation != "bulk_operation",
        }
    }
}

/// The script.
#[derive(Debug, Default)]
pub struct Faults {
    scripts: Mutex<BTreeMap<String, VecDeque<Fault>>>,
}

impl Faults {
    /// Adds a fault to the script of an operation, to happen this often. `Err` if it can never happen there.
    pub fn script(&self, operation: &str, fault: &Fault, times: usize) -> Result<(), String> {
        if !fault.fits(operation) {
            return Err(format!("{fault:?} cannot happen to {operation}"));
        }
        let mut scripts = self.scripts.lock().expect("the script is never poisoned");
        let script = scripts.entry(operation.to_owned()).or_default();
        script.extend(std::iter::repeat_n(fault.clone(), times));
        Ok(())
    }

    /// Takes the next fault of the first of these operations that has one.
    pub fn take<'o>(&self, operations: impl IntoIterator<Item = &'o str>) -> Option<Fault> {
        let mut scripts = self.scripts.lock().expect("the script is never poisoned");
        operations
            .into_iter()
            .find_map(|operation| scripts.get_mut(operation)?.pop_front())
    }

    /// What has not happened yet.
    pub fn pending(&self) -> BTreeMap<String, VecDeque<Fault>> {
        let mut scripts = self.scripts.lock().expect("the script is never poisoned").clone();
        scripts.retain(|_, script| !script.is_empty());
        scripts
    }

    /// Forgets the script.
    pub fn clear(&self) {
        self.scripts.lock().expect("the script is never poisoned").clear();
    }
}

/// The same answer, whose connection closes after `after` bytes of the body it announced. After none at all the
/// client sees no answer either.
pub fn cut(response: Response<Body>, body: &Bytes, after: usize) -> Response<Body> {
    let (mut parts, _) = response.into_parts();
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let shown = body.slice(..after.min(body.len().saturating_sub(1)));
    let broken = async {
        // What was written must leave before the connection goes down with it.
        clock::pause(FLUSH).await;
        Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cut by script"))
    };
    let pieces = if shown.is_empty() { None } else { Some(Ok(shown)) };
    Response::from_parts(
        parts,
        Body::from_stream(stream::iter(pieces).chain(stream::once(broken))),
    )
}
