//! The log of received requests, for tests that assert what was sent. Tokens are never kept.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde::Serialize;
use serde_json::Value as Json;

/// Older entries are forgotten.
const KEPT: usize = 20_000;

/// One received request.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Request {
    /// When, UTC with six fraction digits.
    pub at: String,
    /// `graphql` or `bulk_result`.
    pub kind: &'static str,
    /// The shop addressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shop: Option<String>,
    /// The operation's name, or its first root field if it has none.
    pub operation: String,
    /// Root fields of the operation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// Variables as received.
    #[serde(skip_serializing_if = "Json::is_null")]
    pub variables: Json,
    /// The version asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// The `Range` header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
    /// The answer's status.
    pub status: u16,
    /// Whether `errors` were in the answer.
    pub errors: bool,
    /// The fault that was acted out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// The log.
#[derive(Debug, Default)]
pub struct Log {
    entries: Mutex<VecDeque<Request>>,
}

impl Log {
    /// Adds an entry.
    pub fn add(&self, request: Request) {
        let mut entries = self.entries.lock().expect("the log is never poisoned");
        if entries.len() == KEPT {
            entries.pop_front();
        }
        entries.push_back(request);
    }

    /// Entries in order of arrival, of one operation or of all.
    pub fn list(&self, operation: Option<&str>) -> Vec<Request> {
        let entries = self.entries.lock().expect("the log is never poisoned");
        let wanted = |entry: &&Request| {
            operation.is_none_or(|operation| {
                entry.operation == operation
                    || entry.kind == operation
                    || entry.fields.iter().any(|field| field == operation)
            })
        };
        entries.iter().filter(wanted).cloned().collect()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.entries.lock().expect("the log is never poisoned").clear();
    }
}
