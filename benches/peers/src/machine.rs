//! What other programs do meanwhile, by Linux' own account.

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result};

/// The unit in which Linux tells processor time: fixed for programs, whatever the kernel ticks at.
const TICKS_PER_SECOND: f64 = 100.0;

/// The machine, and the processes whose work is part of the benchmark.
#[derive(Debug)]
pub struct Machine {
    ours: Vec<u32>,
}

/// Processor time, in seconds, used until a moment.
#[derive(Debug)]
pub struct Usage {
    at: Instant,
    others: f64,
}

impl Machine {
    /// Counts this process and these as ours.
    pub fn new(processes: impl IntoIterator<Item = u32>) -> Self {
        let mut ours: Vec<u32> = processes.into_iter().collect();
        ours.push(std::process::id());
        Self { ours }
    }

    /// What was used until now.
    pub fn usage(&self) -> Result<Usage> {
        let total = fs::read_to_string("/proc/stat")?;
        let total = total.lines().next().context("/proc/stat is empty")?;
        // User, nice, system and steal; interrupts are those of our own packets.
        let mut others = ticks(total, &[1, 2, 3, 8])?;
        for process in &self.ours {
            let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
            // The name, in brackets, may hold anything.
            let (_, fields) = stat.rsplit_once(')').context("a process has no name")?;
            others -= ticks(fields, &[11, 12])?;
        }
        Ok(Usage {
            at: Instant::now(),
            others: others / TICKS_PER_SECOND,
        })
    }

    /// How many processors others have used since, on average.
    pub fn others_since(&self, since: &Usage) -> Result<f64> {
        let now = self.usage()?;
        let elapsed = now.at.duration_since(since.at).as_secs_f64();
        Ok(((now.others - since.others) / elapsed).max(0.0))
    }
}

fn ticks(line: &str, places: &[usize]) -> Result<f64> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    places.iter().try_fold(0.0, |sum, place| {
        let field = fields.get(*place).context("a field is missing")?;
        Ok(sum + field.parse::<f64>()?)
    })
}
