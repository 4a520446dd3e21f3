//! The environment, read once at cold start.
//!
//! Values come from environment variables, or from the JSON secret that `MERCURY_SECRET_ID` names; a variable that is
//! set wins. A missing or malformed value stops the cold start with its name and the expected form, never its value.
//! This module hands every other module its own `Settings` and knows nothing of how they are used.

use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::{queue, secrets, shopify, store};

/// The version of the Admin API that every document of ours is checked against.
pub const API_VERSION: &str = "2026-10";

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value that has no default is absent.
    #[error("{name} is not set: expected {expected}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// A value that cannot be understood. The value itself may be a secret and is not shown.
    #[error("{name} is malformed: expected {expected}")]
    Malformed {
        /// The variable.
        name: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// The secret could not be read.
    #[error("the configuration secret could not be read")]
    Secret(#[source] secrets::Error),
}

/// Every configured value by its name.
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// Reads the process's environment and, if `MERCURY_SECRET_ID` is set, the secret behind it.
    pub async fn load() -> Result<Self, Error> {
        let variables: HashMap<String, String> = std::env::vars().collect();
        let mut values = match variables.get("MERCURY_SECRET_ID").filter(|id| !id.is_empty()) {
            Some(id) => secrets::read(id).await.map_err(Error::Secret)?,
            None => HashMap::new(),
        };
        // A template may leave a variable blank: that is no value, and hides none of the secret's.
        values.extend(variables.into_iter().filter(|(_, value)| !value.is_empty()));
        Ok(Self(values))
    }

    /// The values given, the last of a name, for tests.
    pub fn from_values<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(
            values
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    /// The value of `name`; empty counts as absent, so that a template may leave a parameter blank.
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of `name`, or an error that says what it should hold.
    pub fn required(&self, name: &'static str, expected: &'static str) -> Result<&str, Error> {
        self.optional(name).ok_or(Error::Missing { name, expected })
    }

    /// The value of `name` parsed, or `default`.
    pub fn parsed<T: FromStr>(&self, name: &'static str, expected: &'static str, default: T) -> Result<T, Error> {
        match self.optional(name) {
            None => Ok(default),
            Some(value) => value.trim().parse().map_err(|_| Error::Malformed { name, expected }),
        }
    }

    /// The value of `name` as whole seconds, or `default`.
    pub fn seconds(&self, name: &'static str, default: u64) -> Result<Duration, Error> {
        self.parsed(name, "whole seconds, such as 60", default)
            .map(Duration::from_secs)
    }

    /// The value of `name` as a share of a hundred, or `default`.
    pub fn percent(&self, name: &'static str, default: u32) -> Result<u32, Error> {
        let expected = "a whole number from 0 to 100, such as 20";
        let percent = self.parsed(name, expected, default)?;
        if percent > 100 {
            return Err(Error::Malformed { name, expected });
        }
        Ok(percent)
    }

    /// Where Redis is.
    pub fn redis(&self) -> Result<queue::Settings, Error> {
        let host = self.required("REDIS_HOST", "the host name of Redis, such as 127.0.0.1")?;
        let port = self.parsed("REDIS_PORT", "a port number, such as 6379", 6379)?;
        Ok(queue::Settings {
            username: self.optional("REDIS_USERNAME").map(str::to_owned),
            password: self.optional("REDIS_PASSWORD").map(str::to_owned),
            tls: self.parsed("REDIS_TLS", "true or false", false)?,
            ca_file: self.optional("REDIS_TLS_CA_FILE").map(PathBuf::from),
            cluster: self.parsed("REDIS_CLUSTER", "true or false", false)?,
            wait_replicas: self.parsed("REDIS_WAIT_REPLICAS", "a whole number, such as 1", 0)?,
            ..queue::Settings::new(host, port)
        })
    }

    /// Where Postgres is.
    pub fn postgres(&self) -> Result<store::Settings, Error> {
        let expected = "a Postgres URL, such as postgres://user:password@host:5432/mercury";
        let url = self.required("DATABASE_URL", expected)?;
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(Error::Malformed {
                name: "DATABASE_URL",
                expected,
            });
        }
        Ok(store::Settings {
            url: url.to_owned(),
            max_connections: self.parsed("QUEUE_CONCURRENCY", "a whole number, such as 2", 2)?,
        })
    }

    /// How the Admin API is reached.
    pub fn shopify(&self) -> Result<shopify::Settings, Error> {
        Ok(shopify::Settings {
            admin_url: self
                .optional("SHOPIFY_ADMIN_URL")
                .unwrap_or("https://{shop}")
                .to_owned(),
            api_version: self.optional("SHOPIFY_API_VERSION").unwrap_or(API_VERSION).to_owned(),
        })
    }

    /// Every secret that may have signed a webhook, the newest first.
    pub fn webhook_secrets(&self) -> Result<Vec<String>, Error> {
        let expected = "the app's client secret, or several separated by commas during a rotation";
        let name = "SHOPIFY_WEBHOOK_SECRET";
        let value = self.required(name, expected)?;
        let secrets: Vec<String> = value
            .split(',')
            .map(str::trim)
            .filter(|secret| !secret.is_empty())
            .map(str::to_owned)
            .collect();
        if secrets.is_empty() {
            Err(Error::Malformed { name, expected })
        } else {
            Ok(secrets)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_value_is_named_with_the_form_it_should_have() {
        let error = Environment::from_values([]).redis().err().unwrap().to_string();
        assert_eq!(
            error,
            "REDIS_HOST is not set: expected the host name of Redis, such as 127.0.0.1"
        );
    }

    #[test]
    fn a_malformed_value_is_named_but_not_shown() {
        let environment = Environment::from_values([("DATABASE_URL", "hunter2")]);
        let error = environment.postgres().err().unwrap().to_string();
        assert!(
            error.starts_with("DATABASE_URL is malformed") && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[test]
    fn a_share_is_at_most_a_hundred() {
        let percent = |value| Environment::from_values([("SWEEP_MAX_PERCENT", value)]).percent("SWEEP_MAX_PERCENT", 20);
        assert_eq!((percent("").unwrap(), percent("100").unwrap()), (20, 100));
        for value in ["101", "-1", "a fifth"] {
            let error = percent(value).unwrap_err().to_string();
            assert!(
                error.starts_with("SWEEP_MAX_PERCENT is malformed: expected a whole number from 0 to 100"),
                "{error}"
            );
        }
    }

    #[test]
    fn every_secret_of_a_rotation_is_taken_and_blanks_are_not() {
        let environment = Environment::from_values([("SHOPIFY_WEBHOOK_SECRET", "new, old,")]);
        assert_eq!(environment.webhook_secrets().unwrap(), ["new", "old"]);
        assert!(
            Environment::from_values([("SHOPIFY_WEBHOOK_SECRET", " , ")])
                .webhook_secrets()
                .is_err()
        );
    }
}
