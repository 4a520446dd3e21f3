//! What a message costs beside its body: bytes of memory, and bytes of the append-only file.

use std::fmt;

use anyhow::Result;

use crate::SIZES;
use crate::load::Load;
use crate::peers::Peer;
use crate::server::Server;

/// As many as every peer can take.
const MESSAGES: usize = 7_000;
const BATCH: usize = 10;

/// A table.
#[derive(Debug, Default)]
pub struct Footprint(Vec<Row>);

#[derive(Debug)]
struct Row {
    size: usize,
    peer: String,
    /// Bytes of memory beside the body of a message that waits.
    queued: f64,
    /// The same of one that was received; nothing if it leaves the server by that.
    in_flight: Option<f64>,
    /// Bytes written to the file by sending, over those of the bodies.
    sent: f64,
    /// The same by receiving and deleting as well.
    completed: f64,
}

/// Measures every peer once: nothing here depends on speed.
pub async fn measure(server: &mut Server, peers: &mut [Peer]) -> Result<Footprint> {
    let mut table = Footprint::default();
    for size in SIZES {
        let load = Load::new(size, MESSAGES, BATCH);
        for peer in peers.iter_mut() {
            let (queued, in_flight) = memory(server, peer, &load).await?;
            let (sent, completed) = file(server, peer, &load).await?;
            table.0.push(Row {
                size,
                peer: peer.name(),
                queued,
                in_flight,
                sent,
                completed,
            });
        }
    }
    Ok(table)
}

async fn memory(server: &mut Server, peer: &mut Peer, load: &Load) -> Result<(f64, Option<f64>)> {
    server.flush().await?;
    peer.open().await?;
    let empty = server.memory().await?;
    peer.send(load).await?;
    let overhead = |memory: f64| (memory - empty - load.bytes()) / load.messages as f64;
    let queued = overhead(server.memory().await?);
    let in_flight = match peer.hold(load).await? {
        true => Some(overhead(server.memory().await?)),
        false => None,
    };
    Ok((queued, in_flight))
}

async fn file(server: &mut Server, peer: &mut Peer, load: &Load) -> Result<(f64, f64)> {
    server.flush().await?;
    peer.open().await?;
    server.append_only(true).await?;
    let empty = server.append_only_size().await?;
    peer.send(load).await?;
    let sent = server.append_only_size().await?;
    peer.complete(load).await?;
    let completed = server.append_only_size().await?;
    server.append_only(false).await?;
    let share = |size: f64| (size - empty) / load.bytes();
    Ok((share(sent), share(completed)))
}

impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### Beside the body of a message\n")?;
        writeln!(
            f,
            "| body | case | bytes queued | bytes in flight | file / bodies, sent | and completed |\n|---|---|---:|---:|---:|---:|"
        )?;
        for row in &self.0 {
            let in_flight = row.in_flight.map_or("–".to_owned(), |bytes| format!("{bytes:.0}"));
            writeln!(
                f,
                "| {} KB | {} | {:.0} | {in_flight} | {:.2} | {:.2} |",
                row.size / 1_024,
                row.peer,
                row.queued,
                row.sent,
                row.completed
            )?;
        }
        Ok(())
    }
}
