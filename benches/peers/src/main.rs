//! The queue side by side with what one would take instead, on one Redis and in one run. benches/README.md says what is
//! compared and how to read it.

mod footprint;
mod load;
mod machine;
mod peers;
mod report;
mod server;

use std::time::Duration;

use anyhow::{Context, Result};

use load::Load;
use machine::Machine;
use peers::Peer;
use report::{Figures, Report, Times};
use server::Server;

/// The sizes of a body: those of a webhook.
const SIZES: [usize; 2] = [1_024, 10_240];
const BATCHES: [usize; 3] = [1, 10, 100];
/// With other programs busier than this, in processors, a case is measured again ...
const QUIET: f64 = 0.2;
/// ... until it was tried so often. The quietest attempt counts.
const ATTEMPTS: usize = 3;
/// Enough for Node to have compiled what it runs.
const WARM_UP: usize = 5_000;

#[tokio::main]
async fn main() -> Result<()> {
    let host = variable("REDIS_HOST").context("REDIS_HOST is not set: run this through benches/peers/run")?;
    let port = number("REDIS_PORT", 6379)?.try_into()?;
    let rounds = number("ROUNDS", 3)?;
    let messages = number("MESSAGES", 20_000)?;
    let only = variable("ONLY").unwrap_or_default();

    let mut server = Server::connect(&host, port).await?;
    let mut peers = peers::all(&host, port).await?;
    peers.retain(|peer| peer.name().contains(&only));
    let processes = peers.iter().filter_map(Peer::process);
    let machine = Machine::new(processes.chain([server.process().await?]));
    for peer in &mut peers {
        for batch in BATCHES {
            let load = Load::new(SIZES[0], WARM_UP, batch);
            fill_and_drain(&mut server, peer, &load).await?;
        }
    }

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
                    let times = quietest(&machine, &mut server, &mut peers[place], &load).await?;
                    report.add(&peers[place].name(), &load, round, &times);
                }
            }
        }
    }
    if rounds > 0 {
        println!("{report}");
    }
    println!("{}", footprint::measure(&mut server, &mut peers).await?);
    Ok(())
}

/// Measures a case, again if other programs disturb it.
async fn quietest(machine: &Machine, server: &mut Server, peer: &mut Peer, load: &Load) -> Result<Times> {
    let load = &load.at_most(peer.most_messages());
    let mut best: Option<Times> = None;
    for _ in 0..ATTEMPTS {
        let start = machine.usage()?;
        let mut times = fill_and_drain(server, peer, load).await?;
        times.others = machine.others_since(&start)?;
        if best.as_ref().is_none_or(|best| times.others < best.others) {
            best = Some(times);
        }
        if best.as_ref().is_some_and(|best| best.others < QUIET) {
            break;
        }
    }
    best.context("nothing was measured")
}

/// Fills an empty queue and drains it again.
async fn fill_and_drain(server: &mut Server, peer: &mut Peer, load: &Load) -> Result<Times> {
    server.flush().await?;
    peer.open().await?;
    let start = server.cpu().await?;
    let sending = peer.send(load).await?;
    let sent = server.cpu().await?;
    let completing = peer.complete(load).await?;
    let completed = server.cpu().await?;
    let messages = load.messages as f64;
    let of_message = |time: Duration, cpu: f64| Figures {
        rate: messages / time.as_secs_f64(),
        cpu_us: cpu * 1e6 / messages,
    };
    Ok(Times {
        send: of_message(sending, sent - start),
        complete: of_message(completing, completed - sent),
        others: 0.0,
    })
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
