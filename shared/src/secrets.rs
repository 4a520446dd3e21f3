//! AWS Secrets Manager: one JSON secret whose keys are named as the environment variables they stand in for.
//!
//! Knows nothing of what the values mean.

use std::collections::HashMap;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;

/// Why the secret could not be read. Shown at cold start, so it names the secret and the way out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Secrets Manager did not give the secret.
    #[error("could not read the secret `{id}` named by MERCURY_SECRET_ID: {reason}")]
    Unreadable {
        /// The secret's name or ARN.
        id: String,
        /// What AWS said.
        reason: String,
    },
    /// The secret is not one flat JSON object of strings.
    #[error("the secret `{id}` must be one JSON object of strings, such as {{\"DATABASE_URL\": \"postgres://…\"}}")]
    Malformed {
        /// The secret's name or ARN.
        id: String,
    },
}

/// Reads the secret `id` and returns its entries.
pub async fn read(id: &str) -> Result<HashMap<String, String>, Error> {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let answer = Client::new(&config)
        .get_secret_value()
        .secret_id(id)
        .send()
        .await
        .map_err(|error| Error::Unreadable {
            id: id.to_owned(),
            reason: DisplayErrorContext(&error).to_string(),
        })?;
    parse(id, answer.secret_string().unwrap_or_default())
}

fn parse(id: &str, text: &str) -> Result<HashMap<String, String>, Error> {
    serde_json::from_str(text).map_err(|_| Error::Malformed { id: id.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_no_object_of_strings_is_refused_without_showing_it() {
        let error = parse("prod/mercury", "hunter2").unwrap_err().to_string();
        assert!(error.contains("prod/mercury") && !error.contains("hunter2"), "{error}");
        assert_eq!(parse("id", r#"{"A":"1"}"#).unwrap()["A"], "1");
    }
}
