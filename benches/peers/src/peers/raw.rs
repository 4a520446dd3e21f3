//! The least that Redis must do for the same bytes: no visibility timeout, no receipt, no count, and a crash loses what
//! was received.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use anyhow::Result;
use bytes::Bytes;
use redis::aio::MultiplexedConnection;

use crate::load::{Receiver, Sender};

const LIST: &str = "peers";
const HASH: &str = "peers:bodies";

/// Bodies in a list: one RPUSH, one LPOP.
#[derive(Debug, Clone)]
pub struct RawList(pub MultiplexedConnection);

/// Bodies in a hash and ids of 16 bytes in a list: HSET and RPUSH in one trip; LPOP, then HMGET and HDEL in another.
#[derive(Debug, Clone)]
pub struct RawHash(pub MultiplexedConnection);

impl Sender for RawList {
    async fn send(&mut self, body: &Bytes, numbers: Range<usize>) -> Result<()> {
        let mut push = redis::cmd("RPUSH");
        push.arg(LIST);
        for _ in numbers {
            push.arg(&body[..]);
        }
        Ok(push.exec_async(&mut self.0).await?)
    }
}

impl Receiver for RawList {
    async fn receive(&mut self, max: usize, _: bool) -> Result<usize> {
        let bodies: Vec<Vec<u8>> = redis::cmd("LPOP").arg(LIST).arg(max).query_async(&mut self.0).await?;
        Ok(bodies.len())
    }
}

impl Sender for RawHash {
    async fn send(&mut self, body: &Bytes, numbers: Range<usize>) -> Result<()> {
        let (mut set, mut push) = (redis::cmd("HSET"), redis::cmd("RPUSH"));
        set.arg(HASH);
        push.arg(LIST);
        for _ in numbers {
            let id = new_id();
            set.arg(&id).arg(&body[..]);
            push.arg(&id);
        }
        let mut pipe = redis::pipe();
        pipe.add_command(set).add_command(push);
        Ok(pipe.exec_async(&mut self.0).await?)
    }
}

impl Receiver for RawHash {
    async fn receive(&mut self, max: usize, _: bool) -> Result<usize> {
        let ids: Vec<Vec<u8>> = redis::cmd("LPOP").arg(LIST).arg(max).query_async(&mut self.0).await?;
        if ids.is_empty() {
            return Ok(0);
        }
        let mut pipe = redis::pipe();
        pipe.cmd("HMGET").arg(HASH).arg(&ids);
        pipe.cmd("HDEL").arg(HASH).arg(&ids);
        let (bodies, _): (Vec<Vec<u8>>, usize) = pipe.query_async(&mut self.0).await?;
        Ok(bodies.len())
    }
}

/// As long as a UUID in bytes, and no number that Redis would store shorter.
fn new_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("m{:015x}", NEXT.fetch_add(1, Relaxed))
}
