//! What an invocation came to, in AWS's words.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

/// The end of one invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The function answered.
    Succeeded(Bytes),
    /// The function raised an error: `{"errorType", "errorMessage"}`.
    Failed(Bytes),
    /// It had not answered when its time was over, and was killed.
    TimedOut(Bytes),
    /// Its process ended in mid-call.
    Died(Bytes),
}

impl Outcome {
    /// The emulator gives an error of the function the same 200 as an answer: only its form tells them apart.
    pub fn of_response(body: Bytes) -> Self {
        let Ok(Value::Object(fields)) = serde_json::from_slice(&body) else {
            return Self::Succeeded(body);
        };
        let known = ["errorType", "errorMessage", "stackTrace"];
        let is_error = fields.contains_key("errorType")
            && fields.contains_key("errorMessage")
            && fields.keys().all(|name| known.contains(&name.as_str()));
        if is_error {
            Self::Failed(body)
        } else {
            Self::Succeeded(body)
        }
    }

    /// The emulator words a crash as AWS does, unless there was an answer before it, or no call.
    pub fn of_crash(body: Bytes) -> Self {
        let answered = body.starts_with(b"{");
        match Self::of_response(body) {
            Self::Failed(body) => Self::Died(body),
            _ if answered => Self::died("right after its answer"),
            _ => Self::died("in its initialisation"),
        }
    }

    /// As AWS words it.
    pub fn timed_out(timeout: Duration) -> Self {
        let message = format!("Task timed out after {:.2} seconds", timeout.as_secs_f64());
        Self::TimedOut(error("Sandbox.Timedout", &message))
    }

    /// As AWS words it.
    pub fn died(how: &str) -> Self {
        Self::Died(error("Runtime.ExitError", &format!("Error: Runtime exited {how}")))
    }

    /// The answer, or the error in AWS's form.
    pub fn body(&self) -> &Bytes {
        match self {
            Self::Succeeded(body) | Self::Failed(body) | Self::TimedOut(body) | Self::Died(body) => body,
        }
    }

    /// What went wrong: the error's type, such as `Throttled`, and its message; none if it succeeded.
    pub fn failure(&self) -> Option<String> {
        if matches!(self, Self::Succeeded(_)) {
            return None;
        }
        let body: Value = serde_json::from_slice(self.body()).unwrap_or_default();
        let kind = body["errorType"].as_str().unwrap_or("Unknown");
        let message = body["errorMessage"].as_str().unwrap_or_default();
        // An error that is not given a type by us has the name of a type of Rust, which tells nobody anything.
        Some(if kind.contains("::") {
            message.to_owned()
        } else {
            format!("{kind}: {message}")
        })
    }

    /// Whether the same process may serve the next call.
    pub fn leaves_environment_usable(&self) -> bool {
        match self {
            Self::Succeeded(_) | Self::Failed(_) => true,
            Self::TimedOut(_) | Self::Died(_) => false,
        }
    }
}

fn error(kind: &str, message: &str) -> Bytes {
    json!({ "errorType": kind, "errorMessage": message }).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_from_an_answer_by_its_form() {
        let failed = Outcome::of_response(Bytes::from_static(
            br#"{"errorType":"Throttled","errorMessage":"later"}"#,
        ));
        assert_eq!(failed.failure().as_deref(), Some("Throttled: later"));
        let answer = Outcome::of_response(Bytes::from_static(
            br#"{"errorType":"x","errorMessage":"y","statusCode":200}"#,
        ));
        assert_eq!(answer.failure(), None);
    }

    #[test]
    fn a_crash_has_the_name_of_one_also_after_an_answer() {
        let crash = br#"{"errorType":"Runtime.ExitError","errorMessage":"signal: killed"}"#;
        let answer = br#"{"next":"drain"}"#;
        let both = [answer.as_slice(), crash].concat();
        for body in [crash.as_slice(), answer, &both, b"", b"Internal error"] {
            let outcome = Outcome::of_crash(Bytes::copy_from_slice(body));
            assert!(matches!(outcome, Outcome::Died(_)), "{outcome:?}");
            let told: Value = serde_json::from_slice(outcome.body()).unwrap();
            assert_eq!(told["errorType"], "Runtime.ExitError", "{outcome:?}");
        }
    }

    #[test]
    fn a_timeout_is_worded_as_aws_does() {
        let body: Value = serde_json::from_slice(Outcome::timed_out(Duration::from_secs(3)).body()).unwrap();
        assert_eq!(body["errorType"], "Sandbox.Timedout");
        assert_eq!(body["errorMessage"], "Task timed out after 3.00 seconds");
    }
}
