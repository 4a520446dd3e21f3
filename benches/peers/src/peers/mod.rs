//! What is compared. Each kind of queue is one file.

mod apalis;
mod bullmq;
mod mercury;
mod raw;
mod rsmq;

use std::time::Duration;

use anyhow::Result;

use crate::load::{self, Load};
use crate::server;
use apalis::Apalis;
use bullmq::BullMq;
use mercury::Mercury;
use raw::{RawHash, RawList};
use rsmq::Rsmq;

/// One row of the tables.
#[derive(Debug)]
pub enum Peer {
    /// Ours.
    Mercury(Mercury),
    /// BullMQ, in a process of Node.
    BullMq(BullMq),
    /// apalis-redis.
    Apalis(Apalis),
    /// rsmq_async.
    Rsmq(Rsmq),
    /// Bodies in a list.
    RawList(RawList),
    /// Bodies in a hash and ids in a list.
    RawHash(RawHash),
}

/// All of them, ours first.
pub async fn all(host: &str, port: u16) -> Result<Vec<Peer>> {
    let connection = server::connect(host, port).await?;
    let mut peers = Vec::new();
    for case in mercury::CASES {
        peers.push(Peer::Mercury(Mercury::new(host, port, case)?));
    }
    for concurrency in [50, 100] {
        peers.push(Peer::BullMq(BullMq::start(concurrency)?));
    }
    for lean in [false, true] {
        peers.push(Peer::Apalis(Apalis::new(host, port, lean).await?));
    }
    peers.push(Peer::Rsmq(Rsmq::new(connection.clone()).await?));
    peers.push(Peer::RawList(RawList(connection.clone())));
    peers.push(Peer::RawHash(RawHash(connection)));
    Ok(peers)
}

impl Peer {
    /// What the tables call it.
    pub fn name(&self) -> String {
        match self {
            Self::Mercury(mercury) => mercury.name().to_owned(),
            Self::BullMq(bullmq) => format!("BullMQ {}", bullmq.concurrency()),
            Self::Apalis(apalis) if apalis.is_lean() => "apalis lean".to_owned(),
            Self::Apalis(_) => "apalis".to_owned(),
            Self::Rsmq(_) => "rsmq_async".to_owned(),
            Self::RawList(_) => "raw list".to_owned(),
            Self::RawHash(_) => "raw hash".to_owned(),
        }
    }

    /// Its process, if it has one of its own.
    pub fn process(&self) -> Option<u32> {
        match self {
            Self::BullMq(bullmq) => bullmq.process(),
            Self::Mercury(_) | Self::Apalis(_) | Self::Rsmq(_) | Self::RawList(_) | Self::RawHash(_) => None,
        }
    }

    /// With more messages waiting it fails.
    pub fn most_messages(&self) -> usize {
        match self {
            Self::Apalis(_) => apalis::MOST_MESSAGES,
            Self::Mercury(_) | Self::BullMq(_) | Self::Rsmq(_) | Self::RawList(_) | Self::RawHash(_) => usize::MAX,
        }
    }

    /// Makes the queue on an empty server.
    pub async fn open(&mut self) -> Result<()> {
        match self {
            Self::Mercury(_) | Self::Apalis(_) | Self::RawList(_) | Self::RawHash(_) => Ok(()),
            Self::BullMq(bullmq) => bullmq.open().await,
            Self::Rsmq(rsmq) => rsmq.open().await,
        }
    }

    /// Sends a load and says how long it took.
    pub async fn send(&mut self, load: &Load) -> Result<Duration> {
        match self {
            Self::Mercury(mercury) => load::send_all(mercury, load).await,
            Self::BullMq(bullmq) => bullmq.send(load).await,
            Self::Apalis(apalis) => load::send_all(apalis, load).await,
            Self::Rsmq(rsmq) => load::send_all(rsmq, load).await,
            Self::RawList(raw) => load::send_all(raw, load).await,
            Self::RawHash(raw) => load::send_all(raw, load).await,
        }
    }

    /// Receives and deletes all of a load that was sent, and says how long it took.
    pub async fn complete(&mut self, load: &Load) -> Result<Duration> {
        match self {
            Self::Mercury(mercury) => load::receive_all(mercury, load, true).await,
            Self::BullMq(bullmq) => bullmq.complete(load).await,
            Self::Apalis(apalis) => apalis.complete(load).await,
            Self::Rsmq(rsmq) => load::receive_all(rsmq, load, true).await,
            Self::RawList(raw) => load::receive_all(raw, load, true).await,
            Self::RawHash(raw) => load::receive_all(raw, load, true).await,
        }
    }

    /// Receives all of a load that was sent and leaves it in flight; false if nothing can be in flight.
    pub async fn hold(&mut self, load: &Load) -> Result<bool> {
        match self {
            Self::Mercury(mercury) => load::receive_all(mercury, load, false).await?,
            Self::BullMq(bullmq) => bullmq.hold(load).await?,
            Self::Apalis(apalis) => apalis.hold(load).await?,
            Self::Rsmq(rsmq) => load::receive_all(rsmq, load, false).await?,
            Self::RawList(_) | Self::RawHash(_) => return Ok(false),
        };
        Ok(true)
    }
}
