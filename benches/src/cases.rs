//! Cases, each a process of its own, so that its memory is its own.

use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::CASE;

/// What a case prints as its last line.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Outcome {
    /// Seconds of the first load.
    pub first: f64,
    /// Seconds of the same file once more.
    pub again: f64,
    /// Rows in its tables.
    pub rows: i64,
    /// The most memory it had, in kB.
    pub peak_kb: u64,
}

/// A case and what came of it.
pub struct Case {
    pub name: String,
    command: Vec<String>,
    pub outcomes: Vec<Outcome>,
}

impl Case {
    pub fn named(name: &str) -> Result<Self> {
        let command = match name {
            "prototype" | "mercury" => {
                let own = std::env::current_exe()?;
                vec![own.to_string_lossy().into_owned()]
            }
            "node" => vec!["node".to_owned(), "benches/pipelines/node/import.mjs".to_owned()],
            "dlt" => vec![
                ".dev/dlt/bin/python".to_owned(),
                "benches/pipelines/dlt/load.py".to_owned(),
            ],
            other => bail!("CASES names {other}: there are prototype, mercury, node and dlt"),
        };
        Ok(Self {
            name: name.to_owned(),
            command,
            outcomes: Vec::new(),
        })
    }

    /// Runs it once.
    pub async fn run(&self, environment: &[(&str, String)]) -> Result<Outcome> {
        let output = Command::new(&self.command[0])
            .args(&self.command[1..])
            .envs(environment.iter().map(|(name, value)| (*name, value.as_str())))
            .env(CASE, &self.name)
            .stderr(Stdio::inherit())
            .output()
            .await
            .with_context(|| format!("{} cannot be started", self.command.join(" ")))?;
        ensure!(output.status.success(), "{} failed: {}", self.name, output.status);
        let printed = String::from_utf8(output.stdout)?;
        let last = printed.lines().last().unwrap_or_default();
        serde_json::from_str(last).with_context(|| format!("{} printed {last:?}", self.name))
    }

    /// Of each figure the middle one.
    pub fn median(&self) -> Outcome {
        let middle = |figure: fn(&Outcome) -> f64| {
            let mut values: Vec<f64> = self.outcomes.iter().map(figure).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Outcome {
            first: middle(|outcome| outcome.first),
            again: middle(|outcome| outcome.again),
            rows: middle(|outcome| outcome.rows as f64) as i64,
            peak_kb: middle(|outcome| outcome.peak_kb as f64) as u64,
        }
    }
}

/// The most memory that this process has had, in kB.
pub fn peak_kb() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .context("no VmHWM in /proc/self/status")?
        .parse()
        .context("VmHWM")
}
