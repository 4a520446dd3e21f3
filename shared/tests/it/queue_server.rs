//! The laws that need a server of their own: what breaks, what is refused, TLS, a cluster.

use std::{
    io::Read,
    net::TcpListener,
    time::{Duration, Instant},
};

use shared::queue::{
    ChangeVisibility, DeadLetter, Error, Filter, Policy, Queue, Redis, Redrive, Send, Settings, Settled::Done, Snooze,
};

use crate::queue_servers::{TlsServer, cluster, tls_server};
use crate::queue_support::{NO_WAIT, Server, T0, bodies, free_port, queue_on, raw, receipts};

/// Calls every script once; all of them work, or the first that does not panics.
async fn every_script_works(queue: &Queue) {
    let batch = ["deleted", "changed", "snoozed", "dead"].map(|body| Send::new(body).dedup_id(body));
    queue.at(T0).send_batch(&batch).await.unwrap();
    let held = queue.at(T0).receive(9, NO_WAIT).await.unwrap();
    assert_eq!(held.len(), 4);
    let timeout = Duration::from_secs(1);
    let change = ChangeVisibility {
        receipt: held[1].receipt,
        timeout,
        error: Some("e".into()),
    };
    let dead = DeadLetter {
        receipt: held[3].receipt,
        reason: "r".into(),
    };
    assert_eq!(queue.at(T0).delete(&receipts(&held[..1])).await.unwrap(), [Done]);
    assert_eq!(queue.at(T0).change_visibility(&[change]).await.unwrap(), [Done]);
    let snooze = Snooze {
        receipt: held[2].receipt,
        delay: timeout,
    };
    assert_eq!(queue.at(T0).snooze(&[snooze]).await.unwrap(), [Done]);
    assert_eq!(queue.at(T0).dead_letter(&[dead]).await.unwrap(), [Done]);
    assert_eq!(queue.at(T0).peek(0, 9).await.unwrap().items.len(), 2);
    assert_eq!(queue.at(T0).attributes().await.unwrap().dead, 1);
    let letters = queue.dead_letter_queue();
    assert_eq!(letters.peek(0, 9).await.unwrap().items.len(), 1);
    assert_eq!(letters.redrive(9).await.unwrap(), 1);
    assert_eq!(letters.delete(&[held[3].id]).await.unwrap().len(), 1);
    let again = queue.at(T0 + 1_000).receive(9, NO_WAIT).await.unwrap();
    assert_eq!(bodies(&again), ["dead", "changed", "snoozed"]);
    assert_eq!(queue.purge().await.unwrap(), 3);
    assert_eq!(letters.purge().await.unwrap(), 0);
    queue.at(T0).send(&Send::new("plain")).await.unwrap();
    assert_eq!(bodies(&queue.at(T0).receive(9, NO_WAIT).await.unwrap()), ["plain"]);
    assert_eq!(queue.purge().await.unwrap(), 1);
    every_script_works_with_groups(queue).await;
}

async fn every_script_works_with_groups(queue: &Queue) {
    let now = queue.at(T0);
    let sends = ["deleted", "changed", "snoozed", "dead"].map(|body| Send::new(body).group("g").coalesce(body, 1, "n"));
    now.send_batch(&sends).await.unwrap();
    let newer = Send::new("deleted anew").coalesce("deleted", 2, "n");
    now.send(&newer).await.unwrap();
    assert!(now.pause(Some("g")).await.unwrap() && now.resume(Some("g")).await.unwrap());
    let held = now.receive(9, NO_WAIT).await.unwrap();
    assert_eq!(bodies(&held), ["changed", "snoozed", "dead", "deleted anew"]);
    assert_eq!(now.delete(&receipts(&held[3..])).await.unwrap(), [Done]);
    let reason = "r".to_owned();
    let receipt = held[2].receipt;
    assert_eq!(
        now.dead_letter(&[DeadLetter { receipt, reason }]).await.unwrap(),
        [Done]
    );
    let letters = now.dead_letter_queue();
    let task = letters.start_redrive(Redrive::default()).await.unwrap().unwrap();
    let soon = tokio::time::Instant::now() + Duration::from_secs(5);
    letters.advance(soon, |_| unreachable!("it goes back")).await.unwrap();
    let done = letters.redrives().await.unwrap();
    assert_eq!((done[0].id, done[0].moved), (task.id, 1));
    assert_eq!(letters.count(&Filter::default()).await.unwrap(), 0);
    assert_eq!(bodies(&now.receive(9, NO_WAIT).await.unwrap()), ["dead"]);
    let ids: Vec<_> = held[..3].iter().map(|message| message.id).collect();
    assert_eq!(now.cancel(&ids).await.unwrap(), [Done; 3]);
    assert_eq!(now.attributes().await.unwrap().bytes, 0);
}

#[tokio::test]
async fn a_handle_is_made_without_touching_the_network_and_works_once_the_server_is_there() {
    let port = free_port();
    let settings = Settings::new("127.0.0.1", port);
    let queue = queue_on(&settings, Policy::default());
    let started = Instant::now();
    assert!(matches!(queue.send(&Send::new("a")).await, Err(Error::Unavailable(_))));
    assert!(started.elapsed() < Duration::from_secs(2));
    let _server = Server::start_on(port, &["--port", &port.to_string()]);
    queue.send(&Send::new("b")).await.unwrap();
    assert_eq!(bodies(&queue.receive(9, NO_WAIT).await.unwrap()), ["b"]);
}

#[tokio::test]
async fn a_dropped_connection_is_not_noticed_by_the_next_call() {
    let server = Server::start(&[]);
    let queue = queue_on(&server.settings(), Policy::default());
    let mut other = raw(&server.settings()).await;
    for round in 0..20 {
        queue.send(&Send::new("a")).await.unwrap();
        let mut kill = redis::cmd("CLIENT");
        kill.arg("KILL").arg("TYPE").arg("normal").arg("SKIPME").arg("yes");
        let killed: u64 = kill.query_async(&mut other).await.unwrap();
        assert_eq!(killed, 1, "in round {round}");
        let messages = queue.receive(9, NO_WAIT).await.unwrap();
        assert_eq!(messages.len(), 1, "in round {round}");
        assert_eq!(queue.delete(&receipts(&messages)).await.unwrap(), [Done]);
    }
}

#[tokio::test]
async fn calls_under_way_when_the_connection_drops_lose_nothing() {
    let server = Server::start(&[]);
    let queue = queue_on(&server.settings(), Policy::default());
    let mut other = raw(&server.settings()).await;
    let senders: Vec<_> = (0..8)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move {
                let mut failed = 0;
                for _ in 0..200 {
                    let send = Send::new("a");
                    // Again and again with the same identity, as a sender does whose answer was lost.
                    while let Err(error) = queue.send(&send).await {
                        assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
                        failed += 1;
                    }
                }
                failed
            })
        })
        .collect();
    for _ in 0..20 {
        let mut kill = redis::cmd("CLIENT");
        kill.arg("KILL").arg("TYPE").arg("normal").arg("SKIPME").arg("yes");
        let _killed: u64 = kill.query_async(&mut other).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for sender in senders {
        sender.await.unwrap();
    }
    assert_eq!(queue.attributes().await.unwrap().visible, 1_600);
}

#[tokio::test]
async fn a_server_that_forgot_the_scripts_is_told_them_again() {
    let server = Server::start(&[]);
    let queue = queue_on(&server.settings(), Policy::default());
    let mut other = raw(&server.settings()).await;
    for _ in 0..2 {
        every_script_works(&Queue::new(Redis::new(&server.settings()).unwrap(), "again", Policy::default()).unwrap())
            .await;
        let _flushed: String = redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut other).await.unwrap();
        let _emptied: String = redis::cmd("FLUSHALL").query_async(&mut other).await.unwrap();
    }
    every_script_works(&queue).await;
}

#[tokio::test]
async fn a_silent_server_is_unavailable_in_time_and_never_asked_again_over_the_same_connection() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut settings = Settings::new("127.0.0.1", listener.local_addr().unwrap().port());
    settings.response_timeout = Duration::from_millis(200);
    let (sender, connections) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            if sender.send(()).is_err() {
                return;
            }
            std::thread::spawn(move || while stream.read(&mut [0; 1_024]).is_ok_and(|read| read > 0) {});
        }
    });
    let redis = Redis::new(&settings).unwrap();
    for _ in 0..2 {
        let started = Instant::now();
        assert!(matches!(redis.ping().await, Err(Error::Unavailable(_))));
        assert!(started.elapsed() < Duration::from_secs(1));
    }
    assert_eq!(connections.try_iter().count(), 2);
}

#[tokio::test]
async fn when_memory_is_spent_a_send_is_refused_whole_and_the_queue_still_drains() {
    let server = Server::start(&["--maxmemory-policy", "volatile-lru"]);
    let policy = Policy {
        max_receive_count: 1,
        dedup_window: Duration::from_secs(1),
        ..Policy::default()
    };
    let queue = queue_on(&server.settings(), policy);
    let batch: Vec<Send> = (0..8)
        .map(|n| Send::new(vec![b'x'; 10_000]).dedup_id(n.to_string()))
        .collect();
    queue.at(T0).send_batch(&batch).await.unwrap();
    let mut other = raw(&server.settings()).await;
    let mut limit = redis::cmd("CONFIG");
    limit.arg("SET").arg("maxmemory").arg("1mb");
    let _set: String = limit.query_async(&mut other).await.unwrap();

    // The deduplication ids have expired by now; removing them must not open the door to the send.
    let late = queue.at(T0 + 5_000);
    let refused = late.send_batch(&[Send::new("y"), Send::new("z")]).await.unwrap_err();
    assert!(
        matches!(refused, Error::Refused(_)) && refused.is_out_of_memory(),
        "{refused:?}"
    );
    assert_eq!(late.attributes().await.unwrap().visible, 8);

    let held = queue.at(T0).receive(5, NO_WAIT).await.unwrap();
    assert_eq!(held.len(), 5);
    let receipt = |n: usize| held[n].receipt;
    assert_eq!(queue.delete(&[receipt(0)]).await.unwrap(), [Done]);
    let change = ChangeVisibility {
        receipt: receipt(1),
        timeout: NO_WAIT,
        error: Some("e".into()),
    };
    assert_eq!(queue.at(T0).change_visibility(&[change]).await.unwrap(), [Done]);
    let snooze = Snooze {
        receipt: receipt(2),
        delay: NO_WAIT,
    };
    assert_eq!(queue.at(T0).snooze(&[snooze]).await.unwrap(), [Done]);
    let dead = DeadLetter {
        receipt: receipt(3),
        reason: "r".into(),
    };
    assert_eq!(queue.at(T0).dead_letter(&[dead]).await.unwrap(), [Done]);
    assert_eq!(queue.dead_letter_queue().redrive(1).await.unwrap(), 1);
    // Among these is the changed one, which has to die, and the snoozed and the redriven one, which have not.
    assert_eq!(queue.at(T0).receive(9, NO_WAIT).await.unwrap().len(), 5);
    let attributes = queue.at(T0).attributes().await.unwrap();
    assert_eq!((attributes.visible, attributes.in_flight, attributes.dead), (0, 6, 1));
}

#[tokio::test]
async fn a_server_that_became_a_replica_is_unavailable() {
    let server = Server::start(&["--replicaof", "127.0.0.1", &free_port().to_string()]);
    let queue = queue_on(&server.settings(), Policy::default());
    for _ in 0..2 {
        let error = queue.send(&Send::new("a")).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_user_who_may_only_use_the_queues_keys_can_do_everything() {
    let server = Server::start(&[]);
    let mut admin = raw(&server.settings()).await;
    let mut rule = redis::cmd("ACL");
    rule.arg("SETUSER")
        .arg("mercury")
        .arg("on")
        .arg(">c0rrect h0rse")
        .arg("~{mercury:*")
        .arg("-@all");
    let data = "eval evalsha ping time hset hget hdel hlen hsetnx hexists hmget hincrby zadd zrem zscore zmscore zcount \
                zcard zrange zrangebyscore zremrangebyrank rpush lrange ltrim llen unlink hstrlen zincrby zrank zrangebylex \
                zremrangebylex sadd srem sismember smembers scard lindex lset lpush multi exec exists";
    for command in data.split_whitespace() {
        rule.arg(format!("+{command}"));
    }
    let _set: String = rule.query_async(&mut admin).await.unwrap();
    let mut settings = server.settings();
    settings.username = Some("mercury".into());
    settings.password = Some("c0rrect h0rse".into());
    every_script_works(&queue_on(&settings, Policy::default())).await;

    settings.password = Some("battery stapl3".into());
    let queue = queue_on(&settings, Policy::default());
    for _ in 0..2 {
        let error = queue.send(&Send::new("a")).await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error:?}");
        assert!(
            !format!("{error:?} {queue:?} {settings:?}").contains("stapl3"),
            "{error:?} {queue:?} {settings:?}"
        );
    }
}

#[tokio::test]
async fn tls_works_with_the_servers_authority_and_with_no_other() {
    let TlsServer {
        server, trusted, other, ..
    } = tls_server();
    let mut settings = server.settings();
    settings.host = "localhost".into();
    settings.tls = true;
    settings.ca_file = Some(trusted);
    every_script_works(&queue_on(&settings, Policy::default())).await;

    for distrusted in [Some(other), None] {
        settings.ca_file = distrusted;
        let error = Redis::new(&settings).unwrap().ping().await.unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    }
    settings.ca_file = Some(server.folder.join("missing"));
    assert!(matches!(Redis::new(&settings), Err(Error::Invalid { .. })));
}

#[tokio::test]
async fn on_a_cluster_every_script_finds_its_keys_on_one_node() {
    let nodes = cluster().await;
    let mut settings = nodes[0].settings();
    settings.cluster = true;
    let redis = Redis::new(&settings).unwrap();
    redis.ping().await.unwrap();
    // Enough names to meet all three nodes.
    for n in 0..12 {
        let queue = Queue::new(redis.clone(), &format!("cluster-{n}"), Policy::default()).unwrap();
        every_script_works(&queue).await;
        queue.send(&Send::new("left behind")).await.unwrap();
    }
    for node in &nodes {
        let size: u64 = redis::cmd("DBSIZE")
            .query_async(&mut raw(&node.settings()).await)
            .await
            .unwrap();
        assert!(size > 0, "no queue was on the node at {}", node.port);
    }
    // A connection of the cluster's may drop as well.
    for node in &nodes {
        let mut kill = redis::cmd("CLIENT");
        kill.arg("KILL").arg("TYPE").arg("normal").arg("SKIPME").arg("yes");
        let _killed: u64 = kill.query_async(&mut raw(&node.settings()).await).await.unwrap();
    }
    for n in 0..12 {
        let queue = Queue::new(redis.clone(), &format!("cluster-{n}"), Policy::default()).unwrap();
        assert_eq!(bodies(&queue.receive(9, NO_WAIT).await.unwrap()), ["left behind"]);
    }
}

#[tokio::test]
async fn a_send_that_too_few_replicas_have_says_so_and_can_be_repeated() {
    let master = Server::start(&[]);
    let mut settings = master.settings();
    settings.wait_replicas = 1;
    let queue = queue_on(&settings, Policy::default());
    let send = Send::new("a");
    let alone = queue.send(&send).await.unwrap_err();
    assert!(
        matches!(
            alone,
            Error::NotReplicated {
                acknowledged: 0,
                wanted: 1
            }
        ),
        "{alone:?}"
    );
    let port = master.settings().port.to_string();
    let _replica = Server::start(&["--replicaof", "127.0.0.1", &port]);
    let begin = Instant::now();
    while queue.send(&send).await.is_err() {
        assert!(begin.elapsed() < Duration::from_secs(20), "the replica never follows");
    }
    assert_eq!(bodies(&queue.receive(9, NO_WAIT).await.unwrap()), ["a"]);
}

#[tokio::test]
async fn a_server_that_may_lose_queues_is_told_on() {
    let careless = Server::start(&["--maxmemory-policy", "allkeys-lru", "--maxmemory", "100mb"]);
    let advice = Redis::new(&careless.settings()).unwrap().advice().await.unwrap();
    assert!(advice.iter().any(|advice| advice.contains("allkeys-lru")), "{advice:?}");
}

#[tokio::test]
async fn an_eviction_of_what_has_a_time_to_live_takes_nothing_of_ours() {
    let server = Server::start(&["--maxmemory-policy", "volatile-lru", "--maxmemory", "20mb"]);
    let queue = queue_on(&server.settings(), Policy::default());
    let sends: Vec<Send> = (0..500)
        .map(|n| Send::new(format!("{n}")).group("g").dedup_id(format!("{n}")))
        .collect();
    queue.send_batch(&sends).await.unwrap();
    let mut other = raw(&server.settings()).await;
    // Somebody else's keys, with a time to live, until the memory is spent many times over.
    for n in 0..200 {
        let mut set = redis::cmd("SET");
        set.arg(format!("theirs{n}"))
            .arg(vec![b'x'; 1 << 20])
            .arg("EX")
            .arg(100);
        let _stored: String = set.query_async(&mut other).await.unwrap();
    }
    let info: String = redis::cmd("INFO").arg("stats").query_async(&mut other).await.unwrap();
    assert!(!info.contains("evicted_keys:0\r"), "nothing was evicted");
    assert_eq!(queue.receive(500, NO_WAIT).await.unwrap().len(), 500);
    assert!(queue.send(&sends[0]).await.unwrap().is_duplicate() || queue.attributes().await.unwrap().in_flight == 500);
}
