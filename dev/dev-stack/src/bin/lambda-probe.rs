//! A Lambda function that behaves as its event says, so that tests can see what the local runtime makes of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let remaining = Duration::from_millis(event.context.deadline).saturating_sub(now);
    let payload = event.payload;
    // Of an HTTP request, the body is the order.
    let order: Value = match payload["body"].as_str() {
        Some(body) => serde_json::from_str(body).unwrap_or_default(),
        None => payload.clone(),
    };
    let mut calls = 0;
    if let Some(file) = order["count_in"].as_str() {
        calls = count(file).map_err(|error| failure("Count", &error.to_string()))?;
    }
    if let Some(milliseconds) = order["sleep_ms"].as_u64() {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
    let failures = order["times"].as_u64().unwrap_or(u64::MAX);
    if let Some(error) = order["fail"].as_str().filter(|_| calls <= failures) {
        return Err(failure(error, "as ordered"));
    }
    if let Some(code) = order["exit"].as_i64() {
        std::process::exit(i32::try_from(code).unwrap_or(1));
    }
    if let Some(answer) = order.get("answer") {
        return Ok(answer.clone());
    }
    Ok(json!({
        "remaining_ms": u64::try_from(remaining.as_millis()).unwrap_or(u64::MAX),
        "pid": std::process::id(),
        "memory": event.context.env_config.memory,
        "color": std::env::var("COLOR").ok(),
        "home": std::env::var("HOME").ok(),
        "event": payload,
    }))
}

fn failure(kind: &str, message: &str) -> Diagnostic {
    Diagnostic {
        error_type: kind.to_owned(),
        error_message: message.to_owned(),
    }
}

/// One more line in a file: how often it was called, whatever became of it.
fn count(file: &str) -> std::io::Result<u64> {
    use std::io::Write;
    writeln!(
        std::fs::OpenOptions::new().append(true).create(true).open(file)?,
        "called"
    )?;
    Ok(std::fs::read_to_string(file)?.lines().count() as u64)
}
