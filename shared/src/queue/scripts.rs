//! The scripts, and one typed function for each: no other file sees an argument list or an answer.

use std::{sync::LazyLock, time::Duration};

use redis::{Cmd, Value};

use super::{
    Attributes, ChangeVisibility, DeadLetter, DeadMessage, Error, Message, MessageId, Page, Peeked, Queue,
    ReceiptHandle, Send, SendOutcome, Sent, Settled, Snooze,
    dead_letter::After,
    keys::LAYOUT,
    script::Script,
    wire,
    wire::{Found, Reply},
};

/// Most bytes of stored values in one answer or one step. A single message may exceed it alone.
pub(super) const MAX_BYTES: usize = 8 << 20;

macro_rules! script {
    ($name:ident, $file:literal $(; $replicated:ident)?) => {
        static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!(concat!("scripts/", $file)), &LAYOUT)$(.$replicated())?);
    };
}

script!(SEND, "send.lua"; replicated);
script!(RECEIVE, "receive.lua");
script!(DELETE, "delete.lua");
script!(CHANGE_VISIBILITY, "change_visibility.lua");
script!(SNOOZE, "snooze.lua");
script!(DEAD_LETTER, "dead_letter.lua");
script!(CANCEL, "cancel.lua");
script!(PAUSE, "pause.lua");
script!(ATTRIBUTES, "attributes.lua");
script!(PEEK, "peek.lua");
script!(PURGE, "purge.lua");
script!(PEEK_DEAD, "peek_dead.lua");
script!(DELETE_DEAD, "delete_dead.lua");
script!(PURGE_DEAD, "purge_dead.lua");
script!(REDRIVE, "redrive.lua");
script!(TASK, "task.lua");
script!(TASKS, "tasks.lua");

impl Queue {
    /// Calls a script whose first argument is the moment of the call.
    async fn run_now(&self, script: &Script, arguments: impl Fn(&mut Cmd)) -> Result<Value, Error> {
        let call = |cmd: &mut Cmd| {
            cmd.arg(self.clock.argument());
            arguments(cmd);
        };
        script.run(&self.redis, self.keys.all(), call).await
    }

    /// Calls a script that asks for no time.
    async fn run(&self, script: &Script, arguments: impl Fn(&mut Cmd)) -> Result<Value, Error> {
        script.run(&self.redis, self.keys.all(), arguments).await
    }
}

/// Sends one request's worth of messages, of which some may be there already. Each has its time of sending.
pub(super) async fn send(queue: &Queue, batch: &[Send], sent_at: &[u64]) -> Result<Vec<Sent>, Error> {
    let policy = &queue.policy;
    let options: Vec<String> = batch.iter().map(|send| send.options(policy)).collect();
    let call = queue.run_now(&SEND, |cmd| {
        cmd.arg(policy.dedup_window.as_millis() as u64)
            .arg(policy.max_bytes.unwrap_or(0))
            .arg(u8::from(policy.fifo));
        for ((send, options), sent_at) in batch.iter().zip(&options).zip(sent_at) {
            cmd.arg(send.id.to_string())
                .arg(options)
                .arg(wire::value(send, *sent_at));
        }
    });
    let answer = call.await?;
    if let (Value::Int(bytes), Some(most)) = (&answer, policy.max_bytes) {
        return Err(Error::Full {
            bytes: *bytes as u64,
            most,
            more: batch.iter().map(|send| send.body.len() as u64).sum(),
        });
    }
    let mut reply = Reply::new(answer)?;
    let sent = batch.iter().map(|send| {
        Ok(Sent {
            message_id: send.id,
            outcome: match reply.integer()? {
                0 => SendOutcome::Sent,
                1 => SendOutcome::Duplicate,
                _ => SendOutcome::Superseded,
            },
        })
    });
    sent.collect()
}

/// What an answer to a receive has in the place of `next_ms` if all messages are new, and come by their groups; and if
/// their values are left out.
const ALL_ARE_NEW: i64 = -2;
const WITHOUT_VALUES: i64 = -3;

/// What a receive brought.
pub(super) struct Received {
    pub messages: Vec<Message>,
    /// If no message came: ms until the next becomes visible (0: more may be had at once), if any is hidden.
    pub next_ms: Option<u64>,
}

pub(super) async fn receive(queue: &Queue, max: usize) -> Result<Received, Error> {
    let policy = &queue.policy;
    let call = queue.run_now(&RECEIVE, |cmd| {
        cmd.arg(policy.visibility_timeout.as_millis() as u64)
            .arg(policy.max_receive_count)
            .arg(max)
            .arg(MAX_BYTES)
            .arg(policy.retention.as_millis() as u64)
            .arg(policy.max_dead_bytes.unwrap_or(0))
            .arg(u8::from(policy.fifo));
    });
    let mut reply = Reply::new(call.await?)?;
    let (now, next_ms) = (reply.number()?, reply.integer()?);
    let mut found = Vec::with_capacity(max);
    while !reply.is_empty() {
        match next_ms {
            ALL_ARE_NEW | WITHOUT_VALUES => reply.found_new(next_ms == ALL_ARE_NEW, &mut found)?,
            _ => found.push(reply.found()?),
        }
    }
    get_values(queue, &mut found).await?;
    let messages = found.into_iter().filter_map(|found| found.message(now).transpose());
    Ok(Received {
        next_ms: u64::try_from(if next_ms == WITHOUT_VALUES { 0 } else { next_ms }).ok(),
        messages: messages.collect::<Result<_, _>>()?,
    })
}

/// Gets the values that the script left out. What is gone by now was cancelled.
async fn get_values(queue: &Queue, found: &mut [Found]) -> Result<(), Error> {
    let missing: Vec<&mut Found> = found.iter_mut().filter(|found| found.value.is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut get = redis::cmd("HMGET");
    get.arg(queue.keys.named("bodies"));
    ids(&mut get, missing.iter().map(|found| found.id));
    let mut values = Reply::new(queue.redis.query(&get).await?)?;
    for found in missing {
        found.value = values.optional()?;
    }
    Ok(())
}

pub(super) async fn delete(queue: &Queue, batch: &[ReceiptHandle]) -> Result<Vec<Settled>, Error> {
    let call = queue.run_now(&DELETE, |cmd| {
        cmd.arg(u8::from(queue.policy.fifo));
        for receipt in batch {
            push(cmd, receipt).arg(receipt.bytes);
        }
    });
    settled(call.await?, batch.len())
}

pub(super) async fn change_visibility(queue: &Queue, batch: &[ChangeVisibility]) -> Result<Vec<Settled>, Error> {
    let call = queue.run_now(&CHANGE_VISIBILITY, |cmd| {
        for change in batch {
            push(cmd, &change.receipt)
                .arg(change.receipt.received_at)
                .arg(change.receipt.sent_at)
                .arg(change.timeout.as_millis() as u64)
                .arg(shortened(change.error.as_deref().unwrap_or_default()));
        }
    });
    settled(call.await?, batch.len())
}

pub(super) async fn snooze(queue: &Queue, batch: &[Snooze]) -> Result<Vec<Settled>, Error> {
    let call = queue.run_now(&SNOOZE, |cmd| {
        cmd.arg(u8::from(queue.policy.fifo));
        for snooze in batch {
            push(cmd, &snooze.receipt)
                .arg(snooze.receipt.sent_at)
                .arg(snooze.delay.as_millis() as u64);
        }
    });
    settled(call.await?, batch.len())
}

pub(super) async fn dead_letter(queue: &Queue, batch: &[DeadLetter]) -> Result<Vec<Settled>, Error> {
    let call = queue.run_now(&DEAD_LETTER, |cmd| {
        cmd.arg(queue.policy.max_dead_bytes.unwrap_or(0))
            .arg(u8::from(queue.policy.fifo));
        for dead in batch {
            push(cmd, &dead.receipt).arg(shortened(&dead.reason));
        }
    });
    settled(call.await?, batch.len())
}

pub(super) async fn cancel(queue: &Queue, batch: &[MessageId]) -> Result<Vec<Settled>, Error> {
    settled(
        queue.run(&CANCEL, |cmd| ids(cmd, batch.iter().copied())).await?,
        batch.len(),
    )
}

/// Pauses or resumes a group, or the queue if there is none. Says whether that changed anything.
pub(super) async fn pause(queue: &Queue, group: Option<&str>, pause: bool) -> Result<bool, Error> {
    let call = queue.run(&PAUSE, |cmd| {
        cmd.arg(group.unwrap_or_default()).arg(u8::from(pause));
    });
    Ok(number(call.await?)? == 1)
}

pub(super) async fn attributes(queue: &Queue) -> Result<Attributes, Error> {
    let mut reply = Reply::new(queue.run_now(&ATTRIBUTES, |_| ()).await?)?;
    Ok(Attributes {
        visible: reply.number()?,
        in_flight: reply.number()?,
        delayed: reply.number()?,
        oldest_age: reply.count()?.map(Duration::from_millis),
        dead: reply.number()?,
        oldest_dead_age: reply.count()?.map(Duration::from_millis),
        bytes: reply.number()?,
        dead_bytes: reply.number()?,
        waiting_groups: reply.number()?,
        paused: reply.number()? == 1,
        paused_groups: reply.number()?,
    })
}

pub(super) async fn peek(queue: &Queue, offset: u64, limit: usize) -> Result<Page<Peeked>, Error> {
    let call = queue.run_now(&PEEK, |cmd| {
        cmd.arg(offset).arg(limit).arg(MAX_BYTES);
    });
    page(call.await?, Reply::peeked)
}

pub(super) async fn purge(queue: &Queue) -> Result<u64, Error> {
    number(queue.run(&PURGE, |_| ()).await?)
}

pub(super) async fn peek_dead(queue: &Queue, after: After, limit: usize) -> Result<Page<DeadMessage>, Error> {
    let call = queue.run(&PEEK_DEAD, |cmd| {
        match after {
            After::Offset(offset) => cmd.arg(offset).arg(limit).arg(MAX_BYTES),
            After::Letter { id, dead_at } => cmd.arg("").arg(limit).arg(MAX_BYTES).arg(id.to_string()).arg(dead_at),
        };
    });
    page(call.await?, Reply::dead_message)
}

pub(super) async fn delete_dead(queue: &Queue, batch: &[MessageId]) -> Result<Vec<Settled>, Error> {
    settled(
        queue.run(&DELETE_DEAD, |cmd| ids(cmd, batch.iter().copied())).await?,
        batch.len(),
    )
}

/// What became of each letter: moved, not there, or left for another call because of the bytes.
pub(super) async fn redrive(queue: &Queue, batch: &[MessageId]) -> Result<Vec<Settled>, Error> {
    let call = queue.run(&REDRIVE, |cmd| {
        cmd.arg(MAX_BYTES);
        ids(cmd, batch.iter().copied());
    });
    settled(call.await?, batch.len())
}

pub(super) async fn purge_dead(queue: &Queue) -> Result<u64, Error> {
    number(queue.run(&PURGE_DEAD, |_| ()).await?)
}

/// Replaces the newest task if it is the expected one, or puts a new one before it.
pub(super) async fn put_task(queue: &Queue, expected: &str, task: &str, is_new: bool) -> Result<bool, Error> {
    let call = queue.run(&TASK, |cmd| {
        cmd.arg(expected).arg(task).arg(u8::from(is_new));
    });
    Ok(number(call.await?)? == 1)
}

/// The time, and the tasks as they are stored, the newest first.
pub(super) async fn tasks(queue: &Queue) -> Result<(u64, Vec<String>), Error> {
    let mut reply = Reply::new(queue.run_now(&TASKS, |_| ()).await?)?;
    let now = reply.number()?;
    let mut tasks = Vec::new();
    while !reply.is_empty() {
        tasks.push(String::from_utf8_lossy(&reply.bytes()?).into_owned());
    }
    Ok((now, tasks))
}

fn push<'a>(cmd: &'a mut Cmd, receipt: &ReceiptHandle) -> &'a mut Cmd {
    cmd.arg(receipt.id.to_string()).arg(receipt.receives)
}

fn ids(cmd: &mut Cmd, batch: impl IntoIterator<Item = MessageId>) {
    for id in batch {
        cmd.arg(id.to_string());
    }
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
        Ok(match reply.integer()? {
            0 => Settled::Stale,
            1 => Settled::Done,
            2 => Settled::Full,
            _ => Settled::TooLong,
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

#[cfg(test)]
mod tests {
    use super::super::{MAX_MESSAGES, MAX_RECEIPTS};
    use super::*;

    #[test]
    fn no_request_has_more_arguments_than_elasticache_serverless_takes() {
        // Command, script and number of keys; the keys; what comes before the entries.
        let head = |script: &Script| 3 + script.key_count() + 4;
        assert!(head(&SEND) + MAX_MESSAGES * 4 <= 3_999);
        for (script, each) in [
            (&DELETE, 3),
            (&CHANGE_VISIBILITY, 6),
            (&SNOOZE, 4),
            (&DEAD_LETTER, 3),
            (&CANCEL, 1),
        ] {
            assert!(head(script) + MAX_RECEIPTS * each <= 3_999);
        }
    }
}
