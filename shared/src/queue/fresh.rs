//! The short way to send: what cannot be there yet is stored without a script that looks, or copies bodies.
//!
//! - Only a first attempt goes this way, and nobody repeats it as it is: when its fate is unknown, the script finds out.
//! - A first attempt may be carried out late, after that. Its message is then named twice in `ready` or in `grouped`, at
//!   the same place, and receive passes over the second; the bytes are counted twice until the queue is empty.
//! - A cluster's client repeats what it sends by itself, so there everything goes through the script.

use std::{collections::BTreeSet, sync::LazyLock};

use super::{Error, Queue, Send, SendOutcome, Sent, connection::Request, keys::LAYOUT, script::Script, scripts, wire};

static WAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/wake_groups.lua"), &LAYOUT));

/// Sends one request's worth of messages.
pub(super) async fn send(queue: &Queue, batch: &[Send]) -> Result<Vec<Sent>, Error> {
    let now = queue.now().await?;
    let (sent_at, repeated): (Vec<u64>, Vec<bool>) = batch.iter().map(|send| send.begin(now)).unzip();
    let policy = &queue.policy;
    let is_short = !queue.redis.is_cluster()
        && policy.max_bytes.is_none()
        && batch.iter().all(|send| send.is_simple(policy))
        && !repeated.contains(&true);
    if is_short {
        match send_fresh(queue, batch, now).await {
            Err(error) if error.is_dropped() => {}
            outcome => return outcome,
        }
    }
    scripts::send(queue, batch, &sent_at).await
}

async fn send_fresh(queue: &Queue, batch: &[Send], now: u64) -> Result<Vec<Sent>, Error> {
    let to = |command: &str, key: &str| redis::cmd(command).arg(queue.keys.named(key)).to_owned();
    let (mut bodies, mut ready) = (to("HSET", "bodies"), to("RPUSH", "ready"));
    let (mut places, mut grouped) = (to("HSET", "places"), to("ZADD", "grouped"));
    let (mut groups, mut plain, mut bytes) = (BTreeSet::new(), 0, 0);
    for send in batch {
        let (id, value) = (send.id.to_string(), wire::value(send, now));
        bytes += value.len();
        bodies.arg(&id).arg(value);
        let Some(group) = send.group_in(&queue.policy) else {
            ready.arg(id);
            plain += 1;
            continue;
        };
        let place = wire::place(group, now, send.head_start_ms());
        grouped.arg(0).arg([&place[..], id.as_bytes()].concat());
        places.arg(id).arg(place);
        groups.insert(group);
    }
    let mut transaction = redis::Pipeline::with_capacity(5);
    transaction.atomic().add_command(bodies);
    if plain > 0 {
        transaction.add_command(ready);
    }
    if !groups.is_empty() {
        let wake = WAKE.in_transaction(queue.keys.all(), |cmd| {
            cmd.arg(&groups);
        });
        transaction.add_command(places).add_command(grouped).add_command(wake);
    }
    transaction.add_command(to("HINCRBY", "meta").arg("bytes").arg(bytes).to_owned());
    queue
        .redis
        .write(Request::Transaction(&transaction), queue.keys.at(0))
        .await?;
    let sent = batch.iter().map(|send| Sent {
        message_id: send.id,
        outcome: SendOutcome::Sent,
    });
    Ok(sent.collect())
}
