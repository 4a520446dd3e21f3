//! The scripts, and one typed function for each: no other file sees a key list, an argument list or an answer.
//!
//! A script is called by its digest; a server that does not know it is sent the text instead, which makes it known.

use std::{sync::LazyLock, time::Duration};

use redis::{Cmd, ErrorKind, ServerErrorKind, Value};

use super::{
    Attributes, ChangeVisibility, Clock, DeadLetter, DeadMessage, Error, Message, MessageId, Page, Peeked, Policy,
    ReceiptHandle, Redis, Send, Sent, Settled, Snooze, keys::Keys, wire, wire::Reply,
};

/// Most bytes of stored values in one answer or one step. A single message may exceed it alone.
pub(super) const MAX_BYTES: usize = 8 << 20;

struct Script {
    text: &'static str,
    digest: String,
}

macro_rules! script {
    ($name:ident, $file:literal) => {
        static $name: LazyLock<Script> = LazyLock::new(|| {
            let text = include_str!(concat!("scripts/", $file));
            let digest = redis::Script::new(text).get_hash().to_owned();
            Script { text, digest }
        });
    };
}

script!(SEND, "send.lua");
script!(RECEIVE, "receive.lua");
script!(DELETE, "delete.lua");
script!(CHANGE_VISIBILITY, "change_visibility.lua");
script!(SNOOZE, "snooze.lua");
script!(DEAD_LETTER, "dead_letter.lua");
script!(ATTRIBUTES, "attributes.lua");
script!(PEEK, "peek.lua");
script!(PURGE, "purge.lua");
script!(PEEK_DEAD, "peek_dead.lua");
script!(DELETE_DEAD, "delete_dead.lua");
script!(REDRIVE, "redrive.lua");

impl Script {
    async fn run(&self, redis: &Redis, keys: &[&String], arguments: impl Fn(&mut Cmd)) -> Result<Value, Error> {
        let call = |command: &str, script: &str| {
            let mut cmd = redis::cmd(command);
            cmd.arg(script).arg(keys.len()).arg(keys);
            arguments(&mut cmd);
            cmd
        };
        match redis.query(&call("EVALSHA", &self.digest)).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                Ok(redis.query(&call("EVAL", self.text)).await?)
            }
            outcome => Ok(outcome?),
        }
    }
}

/// Sends one request's worth of messages.
pub(super) async fn send(
    redis: &Redis,
    keys: &Keys,
    clock: Clock,
    policy: &Policy,
    batch: &[Send],
) -> Result<Vec<Sent>, Error> {
    let names = [&keys.bodies, &keys.ready, &keys.delayed, &keys.aged, &keys.dedup];
    let answer = SEND.run(redis, &names, |cmd| {
        cmd.arg(clock.argument()).arg(policy.dedup_window.as_millis() as u64);
        for send in batch {
            let delay = send.delay.unwrap_or(policy.delay).as_millis() as u64;
            let dedup_id = send.dedup_id.as_deref().filter(|_| !policy.dedup_window.is_zero());
            cmd.arg(send.id.to_string())
                .arg(delay)
                .arg(dedup_id.unwrap_or_default());
            cmd.arg(wire::attributes_line(&send.attributes)).arg(&send.body[..]);
        }
    });
    let mut reply = Reply::new(answer.await?)?;
    let sent = batch.iter().map(|send| {
        Ok(Sent {
            message_id: send.id,
            duplicate: reply.integer()? == 1,
        })
    });
    sent.collect()
}

/// What a receive brought.
pub(super) struct Received {
    pub messages: Vec<Message>,
    /// If no message came: ms until the next becomes visible (0: more may be had at once), if any is hidden.
    pub next_ms: Option<u64>,
}

pub(super) async fn receive(
    redis: &Redis,
    keys: &Keys,
    clock: Clock,
    policy: &Policy,
    max: usize,
) -> Result<Received, Error> {
    let names = [
        &keys.ready,
        &keys.bodies,
        &keys.in_flight,
        &keys.delayed,
        &keys.receives,
        &keys.snoozes,
        &keys.errors,
        &keys.aged,
        &keys.dead,
        &keys.dead_bodies,
    ];
    let answer = RECEIVE.run(redis, &names, |cmd| {
        cmd.arg(clock.argument())
            .arg(policy.visibility_timeout.as_millis() as u64);
        cmd.arg(policy.max_receive_count).arg(max).arg(MAX_BYTES);
    });
    let mut reply = Reply::new(answer.await?)?;
    let next_ms = reply.count()?;
    let mut messages = Vec::with_capacity(max);
    while !reply.is_empty() {
        messages.push(reply.message()?);
    }
    Ok(Received { messages, next_ms })
}

pub(super) async fn delete(redis: &Redis, keys: &Keys, batch: &[ReceiptHandle]) -> Result<Vec<Settled>, Error> {
    let names = [
        &keys.receives,
        &keys.bodies,
        &keys.snoozes,
        &keys.errors,
        &keys.in_flight,
        &keys.delayed,
        &keys.aged,
    ];
    let answer = DELETE.run(redis, &names, |cmd| {
        for receipt in batch {
            push(cmd, receipt);
        }
    });
    settled(answer.await?, batch.len())
}

pub(super) async fn change_visibility(
    redis: &Redis,
    keys: &Keys,
    clock: Clock,
    batch: &[ChangeVisibility],
) -> Result<Vec<Settled>, Error> {
    let names = [&keys.receives, &keys.in_flight, &keys.errors];
    let answer = CHANGE_VISIBILITY.run(redis, &names, |cmd| {
        cmd.arg(clock.argument());
        for change in batch {
            push(cmd, &change.receipt).arg(change.timeout.as_millis() as u64);
            cmd.arg(shortened(change.error.as_deref().unwrap_or_default()));
        }
    });
    settled(answer.await?, batch.len())
}

pub(super) async fn snooze(redis: &Redis, keys: &Keys, clock: Clock, batch: &[Snooze]) -> Result<Vec<Settled>, Error> {
    let names = [&keys.receives, &keys.in_flight, &keys.delayed, &keys.snoozes];
    let answer = SNOOZE.run(redis, &names, |cmd| {
        cmd.arg(clock.argument());
        for snooze in batch {
            push(cmd, &snooze.receipt).arg(snooze.delay.as_millis() as u64);
        }
    });
    settled(answer.await?, batch.len())
}

pub(super) async fn dead_letter(
    redis: &Redis,
    keys: &Keys,
    clock: Clock,
    batch: &[DeadLetter],
) -> Result<Vec<Settled>, Error> {
    let names = [
        &keys.receives,
        &keys.bodies,
        &keys.snoozes,
        &keys.errors,
        &keys.in_flight,
        &keys.delayed,
        &keys.aged,
        &keys.dead,
        &keys.dead_bodies,
    ];
    let answer = DEAD_LETTER.run(redis, &names, |cmd| {
        cmd.arg(clock.argument());
        for dead in batch {
            push(cmd, &dead.receipt).arg(shortened(&dead.reason));
        }
    });
    settled(answer.await?, batch.len())
}

pub(super) async fn attributes(redis: &Redis, keys: &Keys, clock: Clock) -> Result<Attributes, Error> {
    let names = [
        &keys.bodies,
        &keys.ready,
        &keys.in_flight,
        &keys.delayed,
        &keys.aged,
        &keys.dead,
    ];
    let answer = ATTRIBUTES.run(redis, &names, |cmd| {
        cmd.arg(clock.argument());
    });
    let mut reply = Reply::new(answer.await?)?;
    Ok(Attributes {
        visible: reply.number()?,
        in_flight: reply.number()?,
        delayed: reply.number()?,
        oldest_age: reply.count()?.map(Duration::from_millis),
        dead: reply.number()?,
        oldest_dead_age: reply.count()?.map(Duration::from_millis),
    })
}

pub(super) async fn peek(
    redis: &Redis,
    keys: &Keys,
    clock: Clock,
    offset: u64,
    limit: usize,
) -> Result<Page<Peeked>, Error> {
    let names = [
        &keys.ready,
        &keys.in_flight,
        &keys.delayed,
        &keys.bodies,
        &keys.receives,
        &keys.snoozes,
        &keys.errors,
    ];
    let answer = PEEK.run(redis, &names, |cmd| {
        cmd.arg(clock.argument()).arg(offset).arg(limit).arg(MAX_BYTES);
    });
    page(answer.await?, Reply::peeked)
}

pub(super) async fn purge(redis: &Redis, keys: &Keys) -> Result<u64, Error> {
    let names = [
        &keys.bodies,
        &keys.ready,
        &keys.in_flight,
        &keys.delayed,
        &keys.receives,
        &keys.snoozes,
        &keys.errors,
        &keys.aged,
    ];
    number(PURGE.run(redis, &names, |_| ()).await?)
}

pub(super) async fn peek_dead(
    redis: &Redis,
    keys: &Keys,
    offset: u64,
    limit: usize,
) -> Result<Page<DeadMessage>, Error> {
    let names = [&keys.dead, &keys.dead_bodies];
    let answer = PEEK_DEAD.run(redis, &names, |cmd| {
        cmd.arg(offset).arg(limit).arg(MAX_BYTES);
    });
    page(answer.await?, Reply::dead_message)
}

pub(super) async fn delete_dead(redis: &Redis, keys: &Keys, batch: &[MessageId]) -> Result<Vec<Settled>, Error> {
    let names = [&keys.dead_bodies, &keys.dead];
    let answer = DELETE_DEAD.run(redis, &names, |cmd| {
        for id in batch {
            cmd.arg(id.to_string());
        }
    });
    settled(answer.await?, batch.len())
}

pub(super) async fn redrive(redis: &Redis, keys: &Keys, max: usize) -> Result<u64, Error> {
    let names = [
        &keys.dead,
        &keys.dead_bodies,
        &keys.ready,
        &keys.bodies,
        &keys.receives,
        &keys.snoozes,
        &keys.aged,
    ];
    let answer = REDRIVE.run(redis, &names, |cmd| {
        cmd.arg(max).arg(MAX_BYTES);
    });
    number(answer.await?)
}

pub(super) async fn purge_dead(redis: &Redis, keys: &Keys) -> Result<u64, Error> {
    number(PURGE.run(redis, &[&keys.dead_bodies, &keys.dead], |_| ()).await?)
}

fn push<'a>(cmd: &'a mut Cmd, receipt: &ReceiptHandle) -> &'a mut Cmd {
    cmd.arg(receipt.id.to_string()).arg(receipt.receives)
}

/// Errors and reasons are for people: what is longer than this is a dump.
fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(4_000)]
}

fn number(answer: Value) -> Result<u64, Error> {
    Reply::new(Value::Array(vec![answer]))?.number()
}

fn settled(answer: Value, expected: usize) -> Result<Vec<Settled>, Error> {
    let mut reply = Reply::new(answer)?;
    let entry = |_| {
        Ok(if reply.integer()? == 1 {
            Settled::Done
        } else {
            Settled::Stale
        })
    };
    (0..expected).map(entry).collect()
}

fn page<T>(answer: Value, item: impl Fn(&mut Reply) -> Result<T, Error>) -> Result<Page<T>, Error> {
    let mut reply = Reply::new(answer)?;
    let next = reply.count()?;
    let mut items = Vec::new();
    while !reply.is_empty() {
        items.push(item(&mut reply)?);
    }
    Ok(Page { items, next })
}
