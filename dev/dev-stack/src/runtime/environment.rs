//! One execution environment: a runtime emulator and, under it, one process of a function.
//!
//! The emulator crashes on a second concurrent call, so `invoke` takes `&mut self`. It tells a timeout as plain text
//! and forgets that its process died between two calls, so both are looked after here.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Result, bail};
use bytes::Bytes;
use reqwest::StatusCode;
use rustix::process::Signal;
use tokio::net::TcpStream;

use super::log::Log;
use super::outcome::Outcome;
use crate::functions::Function;
use crate::ports;
use crate::process::{self, Process, Spec, children_of, parent_of};

/// The emulator enforces the function's timeout itself; it is killed if it has not answered this long after.
const EMULATOR_GRACE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Environment {
    emulator: Process,
    /// Of the emulator.
    pub(super) pid: Option<u32>,
    url: String,
    /// Of the function; before the first call there is no such process.
    function: Option<u32>,
}

impl Environment {
    pub(super) async fn start(
        emulator: &Path,
        program: &Path,
        function: &Function,
        variables: &[(String, String)],
        log: &Log,
    ) -> Result<Self> {
        // Another program may take a port between the choice and the start.
        for _ in 0..3 {
            let (port, api_port) = (ports::free(None), ports::free(None));
            // It ends its function's process when it is told to end, and could not if it were killed.
            let mut spec = Spec::new(emulator, "TERM", None);
            spec.command()
                .args(["--log-level", "info"])
                .args(["--runtime-interface-emulator-address", &format!("127.0.0.1:{port}")])
                .args(["--runtime-api-address", &format!("127.0.0.1:{api_port}")])
                .arg(program)
                .env_clear()
                .env("PATH", "/usr/local/bin:/usr/bin:/bin")
                .envs(variables.iter().cloned())
                .env("AWS_LAMBDA_FUNCTION_NAME", function.full_name())
                .env("AWS_LAMBDA_FUNCTION_TIMEOUT", function.timeout.as_secs().to_string())
                .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory.to_string())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            let mut emulator = process::spawn(spec).await?;
            if let Some(stream) = emulator.child().stdout.take() {
                log.copy(stream, false);
            }
            if let Some(stream) = emulator.child().stderr.take() {
                log.copy(stream, true);
            }
            if listens(&mut emulator, port).await {
                let url = format!("http://127.0.0.1:{port}/2015-03-31/functions/function/invocations");
                let pid = emulator.id();
                return Ok(Self {
                    emulator,
                    pid,
                    url,
                    function: None,
                });
            }
        }
        bail!("the runtime emulator of {} does not start", function.name)
    }

    /// Whether the emulator and, once there was one, the function's process live.
    pub(super) fn is_healthy(&mut self) -> bool {
        let function_lives = self.function.is_none_or(|function| parent_of(function) == self.pid);
        self.emulator.is_running() && function_lives
    }

    pub(super) async fn invoke(&mut self, client: &reqwest::Client, timeout: Duration, payload: Bytes) -> Outcome {
        let request = client.post(&self.url).body(payload).timeout(timeout + EMULATOR_GRACE);
        let (status, body) = match request.send().await {
            Ok(response) => (response.status(), response.bytes().await),
            Err(error) if error.is_timeout() => return Outcome::timed_out(timeout),
            Err(_) => return Outcome::died("with its emulator"),
        };
        let Ok(body) = body else {
            return Outcome::died("with its emulator");
        };
        if status == StatusCode::OK && body.starts_with(b"Task timed out after ") {
            return Outcome::timed_out(timeout);
        }
        if !status.is_success() {
            return Outcome::of_crash(body);
        }
        if self.function.is_none() {
            self.function = self.pid.and_then(|pid| children_of(pid).pop());
        }
        Outcome::of_response(body)
    }

    pub(super) async fn stop(&mut self) {
        // It kills the function's process first.
        self.emulator.stop(Signal::TERM, Duration::from_secs(3)).await;
    }
}

async fn listens(emulator: &mut Process, port: u16) -> bool {
    for _ in 0..200 {
        if !emulator.is_running() {
            return false;
        }
        if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            // The one that listens must be ours, not the one that took the port a moment before.
            tokio::time::sleep(Duration::from_millis(5)).await;
            return emulator.is_running();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}
