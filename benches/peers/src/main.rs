//! The queue side by side with what one would take instead, on one Redis and in one run. benches/README.md says what is
//! compared and how to read it.

mod footprint;
mod load;
mod peers;
mod report;
mod server;

use anyhow::{Context, Result};

use load::Load;
use peers::Peer;
use report::{Operation, Report, Sample};
use server::Server;

/// The sizes of a body: those of a webhook.
const SIZES: [usize; 2] = [1_024, 10_240];
const BATCHES: [usize; 3] = [1, 10, 100];

#[tokio::main]
async fn main() -> Result<()> {
    let host = variable("REDIS_HOST").context("REDIS_HOST is not set: run this through benches/peers/run")?;
    let port = number("REDIS_PORT", 6379)?.try_into()?;
    let rounds = number("ROUNDS", 3)?;
    let messages = number("MESSAGES", 40_000)?;
    let only = variable("ONLY").unwrap_or_default();

    let mut server = Server::connect(&host, port).await?;
    let mut peers = peers::all(&host, port).await?;
    peers.retain(|peer| peer.name().contains(&only));

    let mut report = Report::default();
    for round in 1..=rounds {
        for size in SIZES {
            // As many bytes of a large body would be too many for a small machine.
            let messages = if size > SIZES[0] { messages / 4 } else { messages };
            for batch in BATCHES {
                let load = Load::new(size, messages, batch);
                for turn in 0..peers.len() {
                    // Whoever goes first in one round goes last in the next.
                    let place = if round % 2 == 0 { peers.len() - 1 - turn } else { turn };
                    let samples = measure(&mut server, &mut peers[place], &load, round).await?;
                    samples.iter().for_each(|sample| eprintln!("{sample}"));
                    report.add(samples);
                }
            }
        }
    }
    println!("{report}");
    println!("{}", footprint::measure(&mut server, &mut peers).await?);
    Ok(())
}

/// Fills an empty queue and drains it again.
async fn measure(server: &mut Server, peer: &mut Peer, load: &Load, round: usize) -> Result<[Sample; 2]> {
    let load = &load.at_most(peer.most_messages());
    server.flush().await?;
    peer.open().await?;
    let start = server.cpu().await?;
    let sending = peer.send(load).await?;
    let sent = server.cpu().await?;
    let completing = peer.complete(load).await?;
    let completed = server.cpu().await?;
    let sample = |operation, time, cpu| Sample::new(peer.name(), operation, load, round, time, cpu);
    Ok([
        sample(Operation::Send, sending, sent - start),
        sample(Operation::Complete, completing, completed - sent),
    ])
}

fn number(name: &str, default: usize) -> Result<usize> {
    variable(name).map_or(Ok(default), |text| {
        text.parse().with_context(|| format!("{name} must be a whole number"))
    })
}

#[expect(clippy::disallowed_methods, reason = "a benchmark is configured by its environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
