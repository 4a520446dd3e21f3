//! Medians and ratios.

use std::fmt;

use crate::load::Load;
use crate::{BATCHES, SIZES};

/// How one operation went.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// Messages a second.
    pub rate: f64,
    /// Microseconds of Redis' processor for a message.
    pub cpu_us: f64,
}

/// How one queue was filled and drained.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Sending.
    pub send: Figures,
    /// Receiving and deleting.
    pub complete: Figures,
    /// Processors that other programs used meanwhile.
    pub others: f64,
}

/// All measurements.
#[derive(Debug, Default)]
pub struct Report {
    samples: Vec<Sample>,
}

#[derive(Debug)]
struct Sample {
    peer: String,
    size: usize,
    batch: usize,
    round: usize,
    times: Times,
}

impl Report {
    /// Adds a measurement, and tells it at once.
    pub fn add(&mut self, peer: &str, load: &Load, round: usize, times: &Times) {
        let (size, batch) = (load.body.len(), load.batch);
        eprintln!(
            "round {round} {size:6} bytes, batch {batch:3} {peer:12} {:8.0}/s sent {:8.0}/s completed, others {:.2}",
            times.send.rate, times.complete.rate, times.others
        );
        self.samples.push(Sample {
            peer: peer.to_owned(),
            size,
            batch,
            round,
            times: *times,
        });
    }

    /// The cases by name. Every one comes to its first turn in the first round, ours first.
    fn peers(&self) -> Vec<&str> {
        let mut peers: Vec<&str> = Vec::new();
        for sample in &self.samples {
            if !peers.contains(&sample.peer.as_str()) {
                peers.push(&sample.peer);
            }
        }
        peers
    }

    /// All rounds of one case.
    fn rounds(&self, peer: &str, size: usize, batch: usize) -> impl Iterator<Item = &Sample> {
        let of_case = move |sample: &&Sample| sample.peer == peer && sample.size == size && sample.batch == batch;
        self.samples.iter().filter(of_case)
    }

    fn table(
        &self,
        f: &mut fmt::Formatter<'_>,
        (operation, figures): (&str, fn(&Times) -> Figures),
        size: usize,
    ) -> fmt::Result {
        let peers = self.peers();
        let ours = peers.first().copied().unwrap_or_default();
        write!(f, "### {operation}, {} KB\n\n| case |", size / 1_024)?;
        for batch in BATCHES {
            write!(f, " batch {batch}: /s | Redis µs | {ours} / case |")?;
        }
        writeln!(f, "\n|---|{}", "---:|".repeat(3 * BATCHES.len()))?;
        for peer in peers {
            write!(f, "| {peer} |")?;
            for batch in BATCHES {
                let theirs = || {
                    self.rounds(peer, size, batch)
                        .map(|sample| (sample.round, figures(&sample.times)))
                };
                let rates = Spread::of(theirs().map(|(_, figures)| figures.rate));
                let cpu = Spread::of(theirs().map(|(_, figures)| figures.cpu_us));
                // Within a round, so that what disturbs the machine for a while disturbs both.
                let ratios = Spread::of(self.rounds(ours, size, batch).flat_map(|ours| {
                    let same_round = theirs().filter(|(round, _)| *round == ours.round);
                    same_round.map(|(_, theirs)| figures(&ours.times).rate / theirs.rate)
                }));
                write!(f, " {:.0} | {:.1} |", rates.median, cpu.median)?;
                if peer == ours {
                    write!(f, " |")?;
                } else {
                    write!(f, " {:.2} ({:.2}–{:.2}) |", ratios.median, ratios.least, ratios.most)?;
                }
            }
            writeln!(f)?;
        }
        writeln!(f)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for size in SIZES {
            self.table(f, ("Send", |times| times.send), size)?;
            self.table(f, ("Receive and delete", |times| times.complete), size)?;
        }
        let others = Spread::of(self.samples.iter().map(|sample| sample.times.others));
        writeln!(
            f,
            "Other programs used {:.2} ({:.2}–{:.2}) processors meanwhile.",
            others.median, others.least, others.most
        )
    }
}

struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
        let last = values.len().saturating_sub(1);
        Self {
            median: (at(last / 2) + at(values.len() / 2)) / 2.0,
            least: at(0),
            most: at(last),
        }
    }
}
