//! The command line.

use std::ffi::OsString;

use anyhow::{Result, bail};
use lexopt::prelude::*;

/// What `--help` prints.
pub const HELP: &str = "\
Mercury on one machine: no Docker, no AWS account, nothing of yours is touched.

Usage: dev-stack COMMAND

Commands:
  up                       Start everything and print the URLs; Ctrl-C stops it. Data stays in .dev.
  demo                     Import a store, deliver webhooks, prove that mirror and store are equal, and end.
  chaos                    Import a store while webhooks come and things break, reconcile once, and prove the same; for
                           each of SEEDS seeds.
  services -- CMD [ARG…]   Run CMD beside a private Postgres, Redis and SQS (DATABASE_URL, REDIS_HOST,
                           REDIS_PORT, AWS_ENDPOINT_URL_SQS)
                           and end with its exit code. Runs side by side do not disturb each other.
  migrate                  Bring the schema of DATABASE_URL, or else of the running stack, up to date.
  env                      Print how to reach the running stack:  eval \"$(dev-stack env)\"
  invoke FUNCTION [EVENT]  Invoke a function of the running stack. EVENT is JSON or the name of a file; {} if missing.
                           FUNCTION is e.g. bulk-import, drain-product-sync, webhook-ingest, admin.

Settings, from the environment:
  PRODUCTS=N   products of the fake store           (up: 1000, demo: 10000, chaos: 20000)
  EVENTS=N     webhooks of the demo, or of chaos    (500, 2000)
  SEEDS=N      how often chaos is made              (10)
  SEED=N       what the store looks like            (1)
  TICK=N       seconds between two drains           (2; deployed it is 60)
  PROFILE=P    debug or release                     (up: debug, demo and chaos: release)
  FUNCTIONS=none
               start no functions; calls go to `cargo lambda watch --env-file .dev/env`
               at WATCH_ADDRESS                     (127.0.0.1:9000)
  DURABLE=1    services: Postgres and Redis sync to the disk, as a benchmark should pay for
  RUST_LOG=L   how much the functions log           (info)
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Print the help.
    Help,
    /// Run the stack until a signal.
    Up,
    /// Run the main job and end.
    Demo,
    /// Run the main job while things break.
    Chaos,
    /// Run a command beside Postgres and Redis.
    Services(Vec<OsString>),
    /// Apply the migrations.
    Migrate,
    /// Print `.dev/env`.
    Env,
    /// Invoke a function.
    Invoke {
        /// Its name, with or without the prefix.
        function: String,
        /// JSON, or the name of a file.
        event: String,
    },
}

/// Reads the arguments, without the name of the program.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let Some(first) = parser.next()? else {
        return Ok(Command::Help);
    };
    let name = match first {
        Short('h') | Long("help") => return Ok(Command::Help),
        Value(name) => name.string()?,
        other => return Err(other.unexpected().into()),
    };
    if name == "services" {
        let mut rest: Vec<OsString> = parser.raw_args()?.collect();
        if rest.first().is_some_and(|word| word == "--") {
            rest.remove(0);
        }
        if rest.is_empty() {
            bail!("services needs a command: dev-stack services -- cargo test");
        }
        return Ok(Command::Services(rest));
    }
    let mut values = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Value(value) => values.push(value.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let command = match (name.as_str(), values.as_mut_slice()) {
        ("up", []) => Command::Up,
        ("demo", []) => Command::Demo,
        ("chaos", []) => Command::Chaos,
        ("migrate", []) => Command::Migrate,
        ("env", []) => Command::Env,
        ("help", []) => Command::Help,
        ("invoke", [function]) => Command::Invoke {
            function: std::mem::take(function),
            event: "{}".to_owned(),
        },
        ("invoke", [function, event]) => Command::Invoke {
            function: std::mem::take(function),
            event: std::mem::take(event),
        },
        ("invoke", _) => bail!("invoke needs a function and at most one event"),
        ("up" | "demo" | "chaos" | "migrate" | "env" | "help", [extra, ..]) => {
            bail!("{name} takes no argument, got {extra:?}")
        }
        _ => bail!("there is no command {name:?}; see dev-stack --help"),
    };
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Command> {
        parse(words.iter().map(OsString::from))
    }

    #[test]
    fn what_follows_services_is_left_as_it_is() {
        let expected = Command::Services(vec!["cargo".into(), "test".into(), "--".into(), "--nocapture".into()]);
        assert_eq!(
            parsed(&["services", "--", "cargo", "test", "--", "--nocapture"]).unwrap(),
            expected
        );
        assert!(parsed(&["services", "--"]).is_err());
    }

    #[test]
    fn an_unknown_word_is_an_error() {
        assert!(parsed(&["down"]).is_err());
        assert!(parsed(&["up", "now"]).is_err());
        assert!(parsed(&["up", "--fast"]).is_err());
        assert_eq!(
            parsed(&["invoke", "admin"]).unwrap(),
            Command::Invoke {
                function: "admin".into(),
                event: "{}".into()
            }
        );
    }
}
