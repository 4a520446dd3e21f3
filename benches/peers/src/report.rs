//! Medians and ratios.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::load::Load;
use crate::{BATCHES, SIZES};

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Sending.
    Send,
    /// Receiving and deleting.
    Complete,
}

/// One measurement.
#[derive(Debug)]
pub struct Sample {
    peer: String,
    operation: Operation,
    size: usize,
    batch: usize,
    round: usize,
    /// Messages a second.
    rate: f64,
    /// Microseconds of Redis' CPU for a message.
    cpu: f64,
}

/// All measurements.
#[derive(Debug, Default)]
pub struct Report {
    samples: Vec<Sample>,
}

impl Sample {
    /// Of one operation on one load.
    pub fn new(peer: String, operation: Operation, load: &Load, round: usize, time: Duration, cpu: f64) -> Self {
        let messages = load.messages as f64;
        Self {
            peer,
            operation,
            size: load.body.len(),
            batch: load.batch,
            round,
            rate: messages / time.as_secs_f64(),
            cpu: cpu * 1e6 / messages,
        }
    }
}

impl Report {
    /// Adds measurements.
    pub fn add(&mut self, samples: impl IntoIterator<Item = Sample>) {
        self.samples.extend(samples);
    }

    /// The cases in the order of their first measurement: ours is the first.
    fn peers(&self) -> Vec<&str> {
        let mut peers: Vec<&str> = Vec::new();
        for sample in &self.samples {
            if !peers.contains(&sample.peer.as_str()) {
                peers.push(&sample.peer);
            }
        }
        peers
    }

    /// One figure of a case, round by round.
    fn figures(
        &self,
        peer: &str,
        (operation, size, batch): (Operation, usize, usize),
        figure: fn(&Sample) -> f64,
    ) -> BTreeMap<usize, f64> {
        let of_case = self.samples.iter().filter(|sample| {
            sample.peer == peer && sample.operation == operation && sample.size == size && sample.batch == batch
        });
        of_case.map(|sample| (sample.round, figure(sample))).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peers = self.peers();
        for (size, operation) in SIZES
            .into_iter()
            .flat_map(|size| [(size, Operation::Send), (size, Operation::Complete)])
        {
            let ours = peers.first().copied().unwrap_or_default();
            writeln!(f, "### {operation}, {} KB\n", size / 1_024)?;
            write!(f, "| case |")?;
            for batch in BATCHES {
                write!(f, " batch {batch}: /s | Redis µs | {ours} / case |")?;
            }
            writeln!(f, "\n|---|{}", "---:|".repeat(3 * BATCHES.len()))?;
            for peer in &peers {
                write!(f, "| {peer} |")?;
                for batch in BATCHES {
                    let case = (operation, size, batch);
                    let rates = self.figures(peer, case, |sample| sample.rate);
                    let cpu = self.figures(peer, case, |sample| sample.cpu);
                    // Of the same round, so that what disturbs the machine for a while disturbs both.
                    let ratios = self.figures(ours, case, |sample| sample.rate);
                    let ratios = ratios.iter().filter_map(|(round, rate)| Some(rate / rates.get(round)?));
                    let (rate, cpu, ratio) = (
                        median(rates.values().copied()),
                        median(cpu.into_values()),
                        median(ratios),
                    );
                    write!(f, " {rate:.0} | {cpu:.1} | {ratio:.2} |")?;
                }
                writeln!(f)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Send => "Send",
            Self::Complete => "Receive and delete",
        })
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            peer,
            operation,
            size,
            batch,
            round,
            rate,
            cpu,
        } = self;
        write!(
            f,
            "round {round}  {size:>5} bytes  batch {batch:>3}  {operation:18}  {peer:11}  {rate:>8.0}/s  {cpu:>5.1} µs of Redis"
        )
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    match (values.get(low), values.get(high)) {
        (Some(low), Some(high)) => (low + high) / 2.0,
        _ => f64::NAN,
    }
}
