//! Bulk operations: their rules, their lives, their files.
//!
//! An operation lives CREATED → RUNNING → COMPLETED at a pace the configuration sets; it reads the catalogue batch by
//! batch while changes go on, so its file is no snapshot, exactly as at Shopify. Five may run at once.

mod file;
mod lines;
mod rules;
mod run;
mod serve;

use std::sync::{Arc, Mutex};

use uuid::Uuid;

pub use file::ResultFile;
pub use lines::Lines;
pub use rules::check;
pub use run::start;
pub use serve::download;

use crate::clock;
use crate::graphql::value::{Args, FieldError, Object, Resolved, Value};

/// Query operations of one app and shop that may run at once.
const AT_ONCE: usize = 5;

/// A bulk operation, as seen at one moment.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The number of its gid.
    pub id: i64,
    /// The text it was started with.
    pub query: String,
    /// Whether children follow their parent.
    pub grouped: bool,
    /// One of `BulkOperationStatus`.
    pub status: &'static str,
    /// One of `BulkOperationErrorCode`.
    pub error_code: Option<String>,
    /// Seconds since 1970.
    pub created_at: i64,
    /// Seconds since 1970.
    pub completed_at: Option<i64>,
    /// Lines so far.
    pub objects: u64,
    /// Lines without a parent so far.
    pub roots: u64,
    /// The result, once there is one.
    pub file: Option<Arc<ResultFile>>,
    /// Whether the file is only part of a failed operation.
    pub partial: bool,
    token: String,
    url: String,
}

impl Operation {
    /// Whether it still counts among the five.
    pub fn is_active(&self) -> bool {
        matches!(self.status, "CREATED" | "RUNNING" | "CANCELING")
    }

    fn gid(&self) -> String {
        format!("gid://shopify/BulkOperation/{}", self.id)
    }
}

/// The operations of a shop, oldest first.
#[derive(Debug, Default)]
pub struct Operations {
    list: Mutex<Vec<Operation>>,
}

/// Why an operation was not started.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The argument at fault, if one is.
    pub field: Option<&'static str>,
    /// In words.
    pub message: String,
    /// One of `BulkOperationUserErrorCode`.
    pub code: &'static str,
}

impl Operations {
    /// Takes a new operation in, unless five are active.
    fn add(&self, query: &str, grouped: bool, base_url: &str) -> Result<Operation, Refusal> {
        let mut list = self.list.lock().expect("operations are never poisoned");
        let active: Vec<String> = list
            .iter()
            .filter(|operation| operation.is_active())
            .map(Operation::gid)
            .collect();
        if active.len() >= AT_ONCE {
            let message = format!(
                "A bulk query operation for this app and shop is already in progress: {}",
                active.join(", ")
            );
            return Err(Refusal {
                field: None,
                message,
                code: "OPERATION_IN_PROGRESS",
            });
        }
        let id = 5_000_000_000_000 + 32_768 * list.len() as i64;
        let token = Uuid::new_v4().simple().to_string();
        let operation = Operation {
            id,
            query: query.to_owned(),
            grouped,
            status: "CREATED",
            error_code: None,
            created_at: clock::seconds(),
            completed_at: None,
            objects: 0,
            roots: 0,
            file: None,
            partial: false,
            url: format!("{base_url}/bulk/{token}/{id}.jsonl"),
            token,
        };
        list.push(operation.clone());
        Ok(operation)
    }

    /// The operation of this number.
    pub fn get(&self, id: i64) -> Option<Operation> {
        self.list
            .lock()
            .expect("operations are never poisoned")
            .iter()
            .find(|known| known.id == id)
            .cloned()
    }

    /// All of them, oldest first.
    pub fn all(&self) -> Vec<Operation> {
        self.list.lock().expect("operations are never poisoned").clone()
    }

    /// Changes one and gives it as it is then.
    fn update(&self, id: i64, change: impl FnOnce(&mut Operation)) -> Option<Operation> {
        let mut list = self.list.lock().expect("operations are never poisoned");
        let operation = list.iter_mut().find(|known| known.id == id)?;
        change(operation);
        Some(operation.clone())
    }

    /// Asks an operation to stop. `Err` when it is over already.
    pub fn cancel(&self, id: i64) -> Option<Result<Operation, Operation>> {
        let before = self.get(id)?;
        if !before.is_active() {
            return Some(Err(before));
        }
        self.update(id, |operation| operation.status = "CANCELING").map(Ok)
    }

    /// The file behind a signed address.
    fn file(&self, token: &str, id: i64) -> Option<Arc<ResultFile>> {
        let list = self.list.lock().expect("operations are never poisoned");
        list.iter()
            .find(|known| known.id == id && known.token == token)?
            .file
            .clone()
    }
}

impl Object for Operation {
    fn type_name(&self) -> &'static str {
        "BulkOperation"
    }

    fn field<'s>(&'s self, name: &str, _args: &Args) -> Resolved<'s> {
        let size = self.file.as_ref().map(|file| file.size()).filter(|size| *size > 0);
        let url = |shown: bool| {
            if shown && size.is_some() {
                Value::Str(&self.url)
            } else {
                Value::Null
            }
        };
        Ok(match name {
            "id" => Value::Gid("BulkOperation", self.id),
            "status" => Value::Str(self.status),
            "type" => Value::Str("QUERY"),
            "errorCode" => Value::opt_str(self.error_code.as_deref()),
            "createdAt" => Value::Time(self.created_at),
            "completedAt" => self.completed_at.map_or(Value::Null, Value::Time),
            "objectCount" => Value::Digits(self.objects as i64),
            "rootObjectCount" => Value::Digits(self.roots as i64),
            "fileSize" => size.map_or(Value::Null, |size| Value::Digits(size as i64)),
            "url" => url(!self.partial),
            "partialDataUrl" => url(self.partial),
            "query" => Value::Str(&self.query),
            _ => return Err(FieldError::unresolved("BulkOperation", name)),
        })
    }
}
