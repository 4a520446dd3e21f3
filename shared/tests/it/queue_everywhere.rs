//! The laws of the queue, again on a cluster and over TLS; and what holds while slots of a cluster move.

use std::collections::HashMap;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use shared::queue::{Error, MessageId, Policy, Queue, Redis, Send, Settled};

use crate::queue_servers::{cluster, command, tls_server};
use crate::queue_support::{NO_WAIT, Server, raw, receipts};

/// Runs the tests of the queue's behaviour in a process of its own, which finds its Redis in the environment.
fn the_laws_hold(environment: &[(&str, &str)]) {
    let mut tests = Command::new(std::env::current_exe().unwrap());
    tests.arg("queue").env("RUST_BACKTRACE", "0");
    for elsewhere in [
        "queue_server",
        "queue_everywhere",
        "queue_differential",
        "queue_crash",
        "queue_consumers",
    ] {
        tests.args(["--skip", elsewhere]);
    }
    for name in ["REDIS_USERNAME", "REDIS_PASSWORD"] {
        tests.env_remove(name);
    }
    let output = tests.envs(environment.iter().copied()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    let passed = told.matches("... ok").count();
    assert!(passed > 50, "only {passed} tests ran:\n{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_laws_hold_on_a_cluster() {
    let nodes = cluster().await;
    let ports: Vec<String> = nodes.iter().map(|node| node.port.to_string()).collect();
    the_laws_hold(&[
        ("REDIS_HOST", "127.0.0.1"),
        ("REDIS_PORT", &ports[0]),
        ("REDIS_CLUSTER", "true"),
        ("QUEUE_RAW_PORTS", &ports.join(",")),
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_laws_hold_over_tls() {
    let tls = tls_server();
    the_laws_hold(&[
        ("REDIS_HOST", "localhost"),
        ("REDIS_PORT", &tls.server.port.to_string()),
        ("REDIS_TLS_CA_FILE", tls.trusted.to_str().unwrap()),
        ("QUEUE_RAW_PORTS", &tls.plain_port.to_string()),
    ]);
}

/// Moves the slot of a queue to another node, key by key, as a resharding does.
async fn move_slot(nodes: &[Server], queue: &str) {
    let mut links: Vec<MultiplexedConnection> = Vec::new();
    for node in nodes {
        links.push(raw(&node.settings()).await);
    }
    let slot = redis::cmd("CLUSTER")
        .arg("KEYSLOT")
        .arg(format!("{{mercury:{queue}}}"))
        .query_async::<u64>(&mut links[0])
        .await
        .unwrap();
    let slot_text = slot.to_string();
    let from = (slot * 3 / 16_384) as usize;
    let to = (from + 1) % 3;
    let (source, target) = (
        command(&mut links[from], &["MYID"]).await,
        command(&mut links[to], &["MYID"]).await,
    );
    command(&mut links[to], &["SETSLOT", &slot_text, "IMPORTING", &source]).await;
    command(&mut links[from], &["SETSLOT", &slot_text, "MIGRATING", &target]).await;
    loop {
        let keys: Vec<String> = redis::cmd("CLUSTER")
            .arg("GETKEYSINSLOT")
            .arg(slot)
            .arg(1)
            .query_async(&mut links[from])
            .await
            .unwrap();
        let Some(key) = keys.first() else { break };
        let mut migrate = redis::cmd("MIGRATE");
        migrate.arg("127.0.0.1").arg(nodes[to].port).arg(key).arg(0).arg(5_000);
        let _moved: String = migrate.query_async(&mut links[from]).await.unwrap();
        // Long enough for calls to meet a slot whose keys are in two places.
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    for link in &mut links {
        command(link, &["SETSLOT", &slot_text, "NODE", &target]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_slots_move_calls_may_fail_for_a_while_and_no_message_is_lost_or_settled_twice() {
    let nodes = cluster().await;
    let mut settings = nodes[0].settings();
    settings.cluster = true;
    let redis = Redis::new(&settings).unwrap();
    let names = ["moving-a", "moving-b", "moving-c"];
    let queues: Vec<Queue> = names
        .iter()
        .map(|name| {
            let policy = Policy {
                visibility_timeout: Duration::from_secs(1),
                max_receive_count: 1_000,
                ..Policy::default()
            };
            Queue::new(redis.clone(), name, policy).unwrap()
        })
        .collect();
    let (sent, settled, stop) = (
        Mutex::new(Vec::new()),
        Mutex::new(HashMap::<MessageId, u32>::new()),
        AtomicBool::new(false),
    );
    let passing = |error: Error| assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    let produce = |queue: Queue| {
        let (sent, stop) = (&sent, &stop);
        async move {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                let group = format!("g{}", n % 5);
                let plain = || Send::new(vec![b'x'; 200]);
                // Every other batch is without groups, which takes another way.
                let batch: Vec<Send> = match n % 2 {
                    0 => (0..10).map(|_| plain()).collect(),
                    _ => (0..10).map(|_| plain().group(group.clone())).collect(),
                };
                // Repeated until it is known to have arrived, as every sender must.
                while let Err(error) = queue.send_batch(&batch).await {
                    passing(error);
                }
                sent.lock().unwrap().extend(batch.iter().map(Send::message_id));
                n += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    let consume = |queue: Queue| {
        let (settled, stop) = (&settled, &stop);
        async move {
            loop {
                let stopping = stop.load(Ordering::Relaxed);
                let messages = match queue.receive(20, NO_WAIT).await {
                    Ok(messages) => messages,
                    Err(error) => {
                        passing(error);
                        continue;
                    }
                };
                if messages.is_empty() {
                    let left = queue.attributes().await.map(|now| now.visible + now.in_flight);
                    if stopping && left.is_ok_and(|left| left == 0) {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
                match queue.delete(&receipts(&messages)).await {
                    Ok(answers) => {
                        let mut settled = settled.lock().unwrap();
                        for (message, answer) in messages.iter().zip(answers) {
                            if answer == Settled::Done {
                                *settled.entry(message.id).or_default() += 1;
                            }
                        }
                    }
                    // Whether they are deleted nobody knows; if not, they come again.
                    Err(error) => {
                        passing(error);
                        let mut settled = settled.lock().unwrap();
                        for message in &messages {
                            settled.entry(message.id).or_default();
                        }
                    }
                }
            }
        }
    };
    let moving = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        for name in names {
            move_slot(&nodes, name).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop.store(true, Ordering::Relaxed);
    };
    let work = async {
        tokio::join!(
            futures_util::future::join_all(queues.iter().cloned().map(produce)),
            futures_util::future::join_all(queues.iter().chain(&queues).cloned().map(consume)),
        )
    };
    tokio::join!(moving, work);
    let (sent, settled) = (sent.into_inner().unwrap(), settled.into_inner().unwrap());
    assert!(sent.len() > 500, "{}", sent.len());
    for id in &sent {
        assert!(
            settled.get(id).is_some_and(|count| *count <= 1),
            "{id}: {:?}",
            settled.get(id)
        );
    }
}
