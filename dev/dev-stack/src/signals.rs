//! When to stop: Ctrl-C, `kill`, a closed terminal, or the end of the `make` that started us.

use std::fs;
use std::os::unix::process::parent_id;
use std::time::Duration;

use anyhow::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::process::parent_of;

/// The signals that end a run. From its creation on, none of them kills this process at once.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    make: Option<u32>,
}

impl Signals {
    /// Takes the signals over.
    pub fn new() -> Result<Self> {
        // A shell that ends has left us to run on by ourselves; a make that ends has not.
        let make = ancestors().find(|pid| name_of(*pid) == "make");
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            make,
        })
    }

    /// Waits for the next one and says what it was.
    pub async fn next(&mut self) -> &'static str {
        let make = self.make;
        tokio::select! {
            _ = self.interrupt.recv() => "interrupted",
            _ = self.terminate.recv() => "terminated",
            _ = self.hang_up.recv() => "the terminal was closed",
            () = ended(make) => "make has ended",
        }
    }
}

async fn ended(make: Option<u32>) {
    let Some(make) = make else {
        return std::future::pending().await;
    };
    while name_of(make) == "make" {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn name_of(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm"))
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// The nearest first.
fn ancestors() -> impl Iterator<Item = u32> {
    std::iter::successors(Some(parent_id()), |pid| parent_of(*pid).filter(|parent| *parent > 0))
}
