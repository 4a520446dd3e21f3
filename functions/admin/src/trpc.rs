//! tRPC v11's HTTP protocol: GET for queries, POST for mutations, batches, and its form of errors.
//!
//! Knows how procedures are called, not what they do.

use lambda_http::http::Method;
use lambda_http::{Body, Request, RequestExt, Response};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{Context, json_response, routes};

/// Calls in one batch, at most.
const MOST_CALLS: usize = 50;

/// Whether a procedure only reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Query,
    Mutation,
}

/// Why a call failed, in tRPC's words. The message is for the caller.
#[derive(Debug)]
pub(crate) struct Error {
    code: Code,
    message: String,
}

/// The part of tRPC's codes that is used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    ParseError,
    BadRequest,
    Unauthorized,
    NotFound,
    MethodNotSupported,
    Conflict,
    ServiceUnavailable,
}

impl Code {
    /// The name, the JSON-RPC number and the HTTP status.
    fn terms(self) -> (&'static str, i32, u16) {
        match self {
            Self::ParseError => ("PARSE_ERROR", -32_700, 400),
            Self::BadRequest => ("BAD_REQUEST", -32_600, 400),
            Self::Unauthorized => ("UNAUTHORIZED", -32_001, 401),
            Self::NotFound => ("NOT_FOUND", -32_004, 404),
            Self::MethodNotSupported => ("METHOD_NOT_SUPPORTED", -32_005, 405),
            Self::Conflict => ("CONFLICT", -32_009, 409),
            Self::ServiceUnavailable => ("SERVICE_UNAVAILABLE", -32_603, 503),
        }
    }
}

impl Error {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// Something of ours is away. The cause is logged here and not told.
    pub fn unavailable(what: &str, cause: &dyn std::error::Error) -> Self {
        tracing::error!(error = %shared::telemetry::Chain(cause), "{what} is not available");
        Self::new(
            Code::ServiceUnavailable,
            format!("{what} is not available: try again, and look at the function's log"),
        )
    }

    fn to_json(&self, path: &str) -> Value {
        let (name, number, status) = self.code.terms();
        json!({
            "error": {
                "message": self.message,
                "code": number,
                "data": { "code": name, "httpStatus": status, "path": path }
            }
        })
    }
}

/// Reads the input of a call, or says which field is wrong. No input at all is one without fields.
pub(crate) fn input<T: DeserializeOwned>(input: Value) -> Result<T, Error> {
    let input = if input.is_null() { json!({}) } else { input };
    serde_path_to_error::deserialize(input).map_err(|error| {
        let field = error.path().to_string();
        let said = error.into_inner();
        let what = if field == "." {
            said.to_string()
        } else {
            format!("`{field}`: {said}")
        };
        Error::new(Code::BadRequest, format!("the input is not right: {what}"))
    })
}

/// Answers the calls of one request.
pub(crate) async fn handle(context: &Context, procedures: &str, request: &Request) -> Response<Body> {
    let is_batch = request
        .query_string_parameters_ref()
        .and_then(|query| query.first("batch"))
        == Some("1");
    let paths: Vec<&str> = if is_batch {
        procedures.split(',').collect()
    } else {
        vec![procedures]
    };
    let inputs = if paths.len() > MOST_CALLS {
        Err(Error::new(
            Code::BadRequest,
            format!("a batch of {} calls; at most {MOST_CALLS} are allowed", paths.len()),
        ))
    } else if !context.token.is_in(request.headers()) {
        Err(Error::new(
            Code::Unauthorized,
            "send the header `Authorization: Bearer <ADMIN_TOKEN>`",
        ))
    } else {
        inputs(request, is_batch)
    };
    let mut inputs = match inputs {
        Ok(inputs) => inputs,
        Err(error) => {
            let (_, _, status) = error.code.terms();
            let answers: Vec<Value> = paths.iter().map(|path| error.to_json(path)).collect();
            return respond(is_batch, vec![status], answers);
        }
    };
    let mut statuses = Vec::with_capacity(paths.len());
    let mut answers = Vec::with_capacity(paths.len());
    for (index, path) in paths.iter().enumerate() {
        let input = inputs.remove(&index.to_string()).unwrap_or(Value::Null);
        match call(context, path, request.method(), input).await {
            Ok(data) => {
                statuses.push(200);
                answers.push(json!({ "result": { "data": data } }));
            }
            Err(error) => {
                statuses.push(error.code.terms().2);
                answers.push(error.to_json(path));
            }
        }
    }
    respond(is_batch, statuses, answers)
}

async fn call(context: &Context, path: &str, method: &Method, input: Value) -> Result<Value, Error> {
    let Some(procedure) = routes::find(path) else {
        return Err(Error::new(
            Code::NotFound,
            format!("there is no procedure called `{path}`"),
        ));
    };
    let expected = match procedure.kind() {
        Kind::Query => Method::GET,
        Kind::Mutation => Method::POST,
    };
    if *method != expected {
        return Err(Error::new(
            Code::MethodNotSupported,
            format!("`{path}` is called by {expected}, not {method}"),
        ));
    }
    procedure.run(context, input).await
}

/// The inputs by the number of their call.
fn inputs(request: &Request, is_batch: bool) -> Result<Map<String, Value>, Error> {
    let not_json = |_| Error::new(Code::ParseError, "the input is not JSON");
    let text = match *request.method() {
        Method::GET => request
            .query_string_parameters_ref()
            .and_then(|query| query.first("input"))
            .unwrap_or_default()
            .to_owned(),
        _ => String::from_utf8(request.body().to_vec())
            .map_err(|_| Error::new(Code::ParseError, "the input is not UTF-8"))?,
    };
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    let value: Value = serde_json::from_str(&text).map_err(not_json)?;
    match value {
        Value::Object(inputs) if is_batch => Ok(inputs),
        _ if is_batch => Err(Error::new(
            Code::BadRequest,
            "the input of a batch is an object of inputs by number",
        )),
        input => Ok(Map::from_iter([("0".to_owned(), input)])),
    }
}

fn respond(is_batch: bool, statuses: Vec<u16>, mut answers: Vec<Value>) -> Response<Body> {
    let first = statuses.first().copied().unwrap_or(200);
    if !is_batch {
        return json_response(first, &answers.pop().unwrap_or(Value::Null));
    }
    let status = if statuses.iter().all(|status| *status == first) {
        first
    } else {
        207
    };
    json_response(status, &Value::Array(answers))
}
