//! The laws of a queue, each script at a time of the test's choosing.

use std::{collections::HashSet, sync::Arc, time::Duration};

use shared::queue::{
    Attributes, ChangeVisibility, Error, MessageAttributes, Policy, Queue, Send,
    Settled::{Done, Stale},
    Snooze, State,
};
use tokio::sync::Barrier;

use crate::queue_support::{NO_WAIT, T0, bodies, keys_of, queue, raw_for, receipts, settings, small_queue};

const SECOND: Duration = Duration::from_secs(1);

async fn send_all(queue: &Queue, texts: &[&str]) {
    let batch: Vec<Send> = texts.iter().map(|text| Send::new(text.to_string())).collect();
    assert!(
        queue
            .send_batch(&batch)
            .await
            .unwrap()
            .iter()
            .all(|sent| !sent.is_duplicate())
    );
}

async fn receive(queue: &Queue, max: usize) -> Vec<shared::queue::Message> {
    queue.receive(max, NO_WAIT).await.unwrap()
}

#[tokio::test]
async fn a_message_is_received_as_it_was_sent() {
    let queue = small_queue().at(T0);
    let contents: [Vec<u8>; 6] = [
        b"plain".to_vec(),
        Vec::new(),
        b"\n\nlines\r\n\n".to_vec(),
        b"nul \0 in the middle \0".to_vec(),
        vec![0xff, 0xfe, 0x80, 0x0a, 0xc3],
        (0..1 << 20).map(|n: u32| n.wrapping_mul(2_654_435_761) as u8).collect(),
    ];
    for content in &contents {
        let send = Send::new(content.clone())
            .attribute("shop\n", "a.example \"é\"")
            .attribute("", "\u{0}");
        let sent = queue.send(&send).await.unwrap();
        let [message] = &receive(&queue, 10).await[..] else {
            panic!("not one message")
        };
        assert_eq!(message.body, content);
        assert_eq!((message.id, message.id), (sent.message_id, send.message_id()));
        assert_eq!((message.receive_count, message.sent_at), (1, T0));
        let expected = [("shop\n", "a.example \"é\""), ("", "\u{0}")].map(|(k, v)| (k.into(), v.into()));
        assert_eq!(message.attributes, MessageAttributes::from(expected));
    }
}

#[tokio::test]
async fn many_large_bodies_come_as_they_were_sent() {
    large_bodies_come_as_they_were_sent(|send| send).await;
    large_bodies_come_as_they_were_sent(|send| send.group("g")).await;
}

async fn large_bodies_come_as_they_were_sent(with: impl Fn(Send) -> Send) {
    let queue = small_queue().at(T0);
    let large = |n: usize| Send::new(format!("{n} {}", "x".repeat(2_000))).attribute("n", n.to_string());
    // Of the same moment, a group's messages come by their identities.
    let mut sends: Vec<Send> = (0..90).map(|n| with(large(n))).collect();
    sends.sort_by_key(Send::message_id);
    queue.send_batch(&sends).await.unwrap();
    let held = receive(&queue, 60).await;
    assert_eq!(held.len(), 60);
    queue.cancel(&[sends[60].message_id()]).await.unwrap();
    let rest = receive(&queue, 60).await;
    assert_eq!(rest.len(), 29);
    for (message, send) in held.iter().chain(&rest).zip(sends[..60].iter().chain(&sends[61..])) {
        assert_eq!(
            (message.id, message.receive_count, message.sent_at),
            (send.message_id(), 1, T0)
        );
        assert!(
            message
                .body
                .starts_with(format!("{} x", message.attributes["n"]).as_bytes())
        );
        assert_eq!(message.body.len(), 2_001 + message.attributes["n"].len());
    }
    assert!(receive(&queue, 9).await.is_empty());
    let later = queue.at(T0 + 30_000);
    let again = receive(&later, 99).await;
    assert!(again.len() == 89 && again.iter().all(|message| message.receive_count == 2));
    let settled = later.delete(&receipts(&again)).await.unwrap();
    assert!(settled.iter().all(|settled| *settled == Done));
    assert_eq!(later.attributes().await.unwrap().bytes, 0);
}

#[tokio::test]
async fn messages_come_in_the_order_in_which_they_became_visible() {
    let queue = small_queue();
    send_all(&queue.at(T0), &["a", "b", "c"]).await;
    assert_eq!(bodies(&receive(&queue.at(T0), 2).await), ["a", "b"]);
    send_all(&queue.at(T0 + 29_000), &["d"]).await;
    assert_eq!(bodies(&receive(&queue.at(T0 + 30_000), 9).await), ["c", "d", "a", "b"]);
}

#[tokio::test]
async fn a_received_message_is_hidden_until_its_timeout_has_passed() {
    let queue = small_queue();
    send_all(&queue.at(T0), &["a"]).await;
    assert_eq!(receive(&queue.at(T0), 1).await.len(), 1);
    assert_eq!(receive(&queue.at(T0 + 29_999), 1).await.len(), 0);
    let again = receive(&queue.at(T0 + 30_000), 1).await;
    assert_eq!(again[0].receive_count, 2);
    assert_eq!(again[0].sent_at, T0);
}

#[tokio::test]
async fn a_stale_receipt_handle_deletes_nothing() {
    let queue = small_queue();
    send_all(&queue.at(T0), &["a"]).await;
    let first = receipts(&receive(&queue.at(T0), 1).await);
    let second = receipts(&receive(&queue.at(T0 + 30_000), 1).await);
    assert_ne!(first, second);
    assert_eq!(queue.delete(&first).await.unwrap(), [Stale]);
    assert_eq!(receive(&queue.at(T0 + 60_000), 1).await.len(), 1);
    assert_eq!(queue.delete(&second).await.unwrap(), [Stale]);
}

#[tokio::test]
async fn the_latest_receipt_handle_deletes_even_after_the_timeout() {
    let queue = small_queue();
    send_all(&queue.at(T0), &["late", "b"]).await;
    let late = receipts(&receive(&queue.at(T0), 1).await);
    // This receive makes the late one visible again, and takes the other.
    assert_eq!(bodies(&receive(&queue.at(T0 + 30_000), 1).await), ["b"]);
    assert_eq!(queue.delete(&late).await.unwrap(), [Done]);
    assert_eq!(receive(&queue.at(T0 + 30_000), 9).await.len(), 0);
    assert_eq!(queue.delete(&late).await.unwrap(), [Stale]);
}

#[tokio::test]
async fn a_batch_reports_each_entry_in_its_place() {
    let queue = small_queue().at(T0);
    send_all(&queue, &["a", "b", "c"]).await;
    let held = receipts(&receive(&queue, 3).await);
    assert_eq!(queue.delete(&held[1..2]).await.unwrap(), [Done]);
    assert_eq!(queue.delete(&held).await.unwrap(), [Done, Stale, Done]);
    assert_eq!(queue.delete(&[]).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_that_race_never_hold_one_message_twice() {
    const MESSAGES: usize = 2_000;
    const CONSUMERS: usize = 8;
    let queue = queue(Policy::default());
    let batch: Vec<Send> = (0..MESSAGES).map(|n| Send::new(n.to_string())).collect();
    queue.send_batch(&batch).await.unwrap();
    let start = Arc::new(Barrier::new(CONSUMERS));
    let consumers: Vec<_> = (0..CONSUMERS)
        .map(|_| {
            // A connection each, as two functions would have.
            let redis = shared::queue::Redis::new(&settings()).unwrap();
            let queue = Queue::new(redis, queue.name(), Policy::default()).unwrap();
            let start = start.clone();
            tokio::spawn(async move {
                start.wait().await;
                let mut mine = Vec::new();
                loop {
                    match receive(&queue, 7).await {
                        messages if messages.is_empty() => return mine,
                        messages => mine.extend(messages.into_iter().map(|message| message.id)),
                    }
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for consumer in consumers {
        all.extend(consumer.await.unwrap());
    }
    assert_eq!(all.len(), MESSAGES);
    assert_eq!(all.into_iter().collect::<HashSet<_>>().len(), MESSAGES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_race_for_an_expired_message_one_gets_it_and_the_old_holder_loses() {
    for round in 0..50 {
        let queue = small_queue();
        send_all(&queue.at(T0), &["a"]).await;
        let old = receipts(&receive(&queue.at(T0), 1).await);
        let start = Arc::new(Barrier::new(3));
        let takers: Vec<_> = (0..2)
            .map(|_| {
                let (queue, start) = (queue.at(T0 + 30_000), start.clone());
                tokio::spawn(async move {
                    start.wait().await;
                    receive(&queue, 1).await.len()
                })
            })
            .collect();
        let deleter = {
            let (queue, start) = (queue.clone(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                queue.delete(&old).await.unwrap()[0]
            })
        };
        let mut taken = 0;
        for taker in takers {
            taken += taker.await.unwrap();
        }
        // Whoever comes first wins, and there is never a second winner.
        let expected = if deleter.await.unwrap() == Done { 0 } else { 1 };
        assert_eq!(taken, expected, "in round {round}");
    }
}

#[tokio::test]
async fn a_changed_visibility_counts_from_the_change() {
    let queue = small_queue();
    send_all(&queue.at(T0), &["a"]).await;
    let receipt = receive(&queue.at(T0), 1).await[0].receipt;
    let change = |timeout| {
        [ChangeVisibility {
            receipt,
            timeout,
            error: None,
        }]
    };
    assert_eq!(
        queue
            .at(T0 + 20_000)
            .change_visibility(&change(30 * SECOND))
            .await
            .unwrap(),
        [Done]
    );
    assert_eq!(receive(&queue.at(T0 + 49_999), 1).await.len(), 0);
    assert_eq!(receive(&queue.at(T0 + 50_000), 1).await.len(), 1);
    // Another holds it now.
    assert_eq!(
        queue.at(T0 + 50_000).change_visibility(&change(NO_WAIT)).await.unwrap(),
        [Stale]
    );
    assert_eq!(receive(&queue.at(T0 + 50_000), 1).await.len(), 0);
}

#[tokio::test]
async fn a_visibility_of_zero_releases_at_once_and_the_receive_counts() {
    let queue = small_queue().at(T0);
    send_all(&queue, &["a"]).await;
    let receipt = receive(&queue, 1).await[0].receipt;
    let release = [ChangeVisibility {
        receipt,
        timeout: NO_WAIT,
        error: None,
    }];
    assert_eq!(queue.change_visibility(&release).await.unwrap(), [Done]);
    assert_eq!(receive(&queue, 1).await[0].receive_count, 2);
}

#[tokio::test]
async fn a_message_that_is_visible_again_cannot_be_hidden_by_its_old_holder() {
    let queue = small_queue();
    send_all(&queue.at(T0), &["a", "b"]).await;
    let receipt = receive(&queue.at(T0), 1).await[0].receipt;
    let later = queue.at(T0 + 30_000);
    assert_eq!(bodies(&receive(&later, 1).await), ["b"]);
    let change = [ChangeVisibility {
        receipt,
        timeout: SECOND,
        error: None,
    }];
    assert_eq!(later.change_visibility(&change).await.unwrap(), [Stale]);
    assert_eq!(
        later.snooze(&[Snooze { receipt, delay: SECOND }]).await.unwrap(),
        [Stale]
    );
    assert_eq!(bodies(&receive(&later, 1).await), ["a"]);
}

#[tokio::test]
async fn a_snoozed_receive_does_not_count() {
    let queue = small_queue();
    send_all(&queue.at(T0), &["a"]).await;
    for round in 0..20 {
        let now = queue.at(T0 + round * 5_000);
        let messages = receive(&now, 1).await;
        assert_eq!(messages[0].receive_count, 1, "in round {round}");
        let snooze = [Snooze {
            receipt: messages[0].receipt,
            delay: 5 * SECOND,
        }];
        assert_eq!(now.snooze(&snooze).await.unwrap(), [Done]);
        assert_eq!(receive(&queue.at(T0 + round * 5_000 + 4_999), 1).await.len(), 0);
    }
}

#[tokio::test]
async fn a_snooze_does_not_revive_an_old_receipt_handle() {
    let queue = small_queue();
    send_all(&queue.at(T0), &["a"]).await;
    let first = receive(&queue.at(T0), 1).await[0].receipt;
    queue
        .at(T0)
        .snooze(&[Snooze {
            receipt: first,
            delay: SECOND,
        }])
        .await
        .unwrap();
    let second = receive(&queue.at(T0 + 1_000), 1).await;
    assert_eq!(second[0].receive_count, 1);
    let now = queue.at(T0 + 1_000);
    assert_eq!(now.delete(&[first]).await.unwrap(), [Stale]);
    assert_eq!(
        now.snooze(&[Snooze {
            receipt: first,
            delay: SECOND
        }])
        .await
        .unwrap(),
        [Stale]
    );
    assert_eq!(now.delete(&receipts(&second)).await.unwrap(), [Done]);
}

#[tokio::test]
async fn a_snooze_that_is_repeated_uncounts_once() {
    let queue = small_queue();
    send_all(&queue.at(T0), &["a"]).await;
    let receipt = receive(&queue.at(T0), 1).await[0].receipt;
    let snooze = [Snooze { receipt, delay: SECOND }];
    assert_eq!(queue.at(T0).snooze(&snooze).await.unwrap(), [Done]);
    assert_eq!(queue.at(T0).snooze(&snooze).await.unwrap(), [Stale]);
    for count in 1..=3 {
        assert_eq!(
            receive(&queue.at(T0 + count * 100_000), 1).await[0].receive_count as u64,
            count
        );
    }
    assert_eq!(receive(&queue.at(T0 + 400_000), 1).await.len(), 0);
    assert_eq!(queue.attributes().await.unwrap().dead, 1);
}

#[tokio::test]
async fn a_second_send_with_the_same_deduplication_id_is_dropped_inside_the_window() {
    let queue = queue(Policy {
        dedup_window: 300 * SECOND,
        ..Policy::default()
    });
    let send = |body: &'static str| Send::new(body).dedup_id("orders/create 1");
    assert!(!queue.at(T0).send(&send("a")).await.unwrap().is_duplicate());
    assert!(queue.at(T0).send(&send("b")).await.unwrap().is_duplicate());
    let messages = receive(&queue.at(T0), 9).await;
    assert_eq!(bodies(&messages), ["a"]);
    queue.delete(&receipts(&messages)).await.unwrap();
    // It outlives the message.
    assert!(queue.at(T0 + 299_999).send(&send("c")).await.unwrap().is_duplicate());
    assert!(!queue.at(T0 + 300_000).send(&send("d")).await.unwrap().is_duplicate());
    assert_eq!(bodies(&receive(&queue.at(T0 + 300_000), 9).await), ["d"]);
}

#[tokio::test]
async fn duplicates_within_one_batch_are_dropped_and_named() {
    let queue = small_queue().at(T0);
    let batch = ["x", "y", "x", "x"].map(|id| Send::new(id).dedup_id(id));
    let sent = queue.send_batch(&batch).await.unwrap();
    assert_eq!(
        sent.iter().map(|sent| sent.is_duplicate()).collect::<Vec<_>>(),
        [false, false, true, true]
    );
    assert_eq!(sent[3].message_id, batch[3].message_id());
    assert_eq!(bodies(&receive(&queue, 9).await), ["x", "y"]);
}

#[tokio::test]
async fn expired_deduplication_ids_are_removed() {
    let queue = queue(Policy {
        dedup_window: SECOND,
        ..Policy::default()
    });
    let batch: Vec<Send> = (0..1_500).map(|n| Send::new("").dedup_id(n.to_string())).collect();
    queue.at(T0).send_batch(&batch).await.unwrap();
    for _ in 0..2 {
        queue
            .at(T0 + 1_000)
            .send(&Send::new("").dedup_id("last"))
            .await
            .unwrap();
    }
    assert!(
        queue
            .at(T0 + 1_999)
            .send(&Send::new("").dedup_id("last"))
            .await
            .unwrap()
            .is_duplicate()
    );
    let key = format!("{{mercury:{}}}:v2:dedup", queue.name());
    let mut connection = raw_for(&settings(), &key).await;
    let left: u64 = redis::cmd("ZCARD")
        .arg(&key)
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(left, 1);
}

#[tokio::test]
async fn a_delayed_message_is_hidden_until_its_delay_has_passed() {
    let queue = queue(Policy {
        delay: 10 * SECOND,
        ..Policy::default()
    });
    queue.at(T0).send(&Send::new("queue's own delay")).await.unwrap();
    queue
        .at(T0)
        .send(&Send::new("longer").delay(900 * SECOND))
        .await
        .unwrap();
    queue.at(T0).send(&Send::new("none").delay(NO_WAIT)).await.unwrap();
    assert_eq!(bodies(&receive(&queue.at(T0), 9).await), ["none"]);
    assert_eq!(receive(&queue.at(T0 + 9_999), 9).await.len(), 0);
    assert_eq!(bodies(&receive(&queue.at(T0 + 10_000), 9).await), ["queue's own delay"]);
    let last = receive(&queue.at(T0 + 900_000), 9).await;
    assert!(bodies(&last).contains(&"longer".into()));
    assert!(last.iter().all(|message| message.sent_at == T0));
}

#[tokio::test]
async fn a_send_whose_answer_was_lost_can_be_repeated() {
    let queue = small_queue().at(T0);
    let batch = [
        Send::new("a").dedup_id("a"),
        Send::new("b"),
        Send::new("c").delay(SECOND),
    ];
    let first = queue.send_batch(&batch).await.unwrap();
    let second = queue.send_batch(&batch).await.unwrap();
    assert_eq!(first, second);
    assert!(second.iter().all(|sent| !sent.is_duplicate()));
    assert_eq!(bodies(&receive(&queue, 9).await), ["a", "b"]);
    assert_eq!(queue.send_batch(&batch).await.unwrap(), first);
    assert_eq!(receive(&queue, 9).await.len(), 0);
    assert_eq!(bodies(&receive(&queue.at(T0 + 1_000), 9).await), ["c"]);
}

#[tokio::test]
async fn a_long_backlog_expires_and_drains() {
    const MESSAGES: usize = 20_000;
    let queue = queue(Policy {
        visibility_timeout: 30 * SECOND,
        ..Policy::default()
    });
    let batch: Vec<Send> = (0..MESSAGES).map(|n| Send::new(n.to_string())).collect();
    queue.at(T0).send_batch(&batch).await.unwrap();
    let mut held = 0;
    while held < MESSAGES {
        held += receive(&queue.at(T0), 500).await.len();
    }
    assert_eq!(receive(&queue.at(T0), 1).await.len(), 0);
    // All of them become visible at one moment, as after a crash of every consumer.
    let later = queue.at(T0 + 30_000);
    let (mut order, mut deleted) = (Vec::new(), 0);
    while deleted < MESSAGES {
        let messages = receive(&later, 500).await;
        order.extend(bodies(&messages).into_iter().map(|body| body.parse::<usize>().unwrap()));
        let settled = later.delete(&receipts(&messages)).await.unwrap();
        deleted += settled.iter().filter(|&&settled| settled == Done).count();
    }
    // At one moment the ids decide, and these are made in the order of sending.
    assert!(order.iter().copied().eq(0..MESSAGES));
    assert!(keys_of(&settings(), &queue).await.is_empty());
}

#[tokio::test]
async fn an_answer_is_bounded_in_bytes_and_loses_nothing() {
    let queue = small_queue().at(T0);
    let batch: Vec<Send> = (0..20_u8).map(|n| Send::new(vec![n; 1 << 20])).collect();
    queue.send_batch(&batch).await.unwrap();
    queue.send(&Send::new(vec![20; 12 << 20])).await.unwrap();
    let mut seen = Vec::new();
    let mut answers = 0;
    while seen.len() < 21 {
        let messages = receive(&queue, 100).await;
        let bytes: usize = messages.iter().map(|message| message.body.len()).sum();
        assert!(bytes <= 8 << 20 || messages.len() == 1, "{bytes} bytes in one answer");
        assert!(!messages.is_empty());
        seen.extend(messages.iter().map(|message| message.body[0]));
        answers += 1;
    }
    assert!(seen.into_iter().eq(0..=20));
    assert_eq!(answers, 4);
}

#[tokio::test]
async fn attributes_count_every_message_once() {
    let queue = small_queue();
    send_all(&queue.at(T0), &["a", "b", "c", "d"]).await;
    queue.at(T0).send(&Send::new("e").delay(60 * SECOND)).await.unwrap();
    let messages = receive(&queue.at(T0), 3).await;
    queue
        .at(T0)
        .snooze(&[Snooze {
            receipt: messages[0].receipt,
            delay: 100 * SECOND,
        }])
        .await
        .unwrap();
    queue.delete(&receipts(&messages[1..2])).await.unwrap();
    let expected = Attributes {
        visible: 1,
        in_flight: 1,
        delayed: 2,
        oldest_age: Some(SECOND),
        dead: 0,
        oldest_dead_age: None,
        // Each has a head of 16 bytes.
        bytes: 4 * 17,
        dead_bytes: 0,
        waiting_groups: 0,
        paused: false,
        paused_groups: 0,
    };
    assert_eq!(queue.at(T0 + 1_000).attributes().await.unwrap(), expected);
    // What is due counts as visible, although no receive has moved it yet.
    let expected = Attributes {
        visible: 3,
        in_flight: 0,
        delayed: 1,
        oldest_age: Some(60 * SECOND),
        ..expected
    };
    assert_eq!(queue.at(T0 + 60_000).attributes().await.unwrap(), expected);
}

#[tokio::test]
async fn the_oldest_age_includes_messages_that_are_received_again_and_again() {
    let queue = queue(Policy {
        visibility_timeout: 30 * SECOND,
        max_receive_count: 1_000,
        ..Policy::default()
    });
    let oldest = async |now: u64| queue.at(now).attributes().await.unwrap().oldest_age;
    assert_eq!(oldest(T0).await, None);
    send_all(&queue.at(T0), &["poison"]).await;
    for round in 0..10 {
        let now = T0 + round * 30_000;
        send_all(&queue.at(now), &["good"]).await;
        let messages = receive(&queue.at(now), 9).await;
        assert_eq!(oldest(now).await, Some(Duration::from_millis(now - T0)));
        for message in messages.iter().filter(|message| message.body == "good") {
            queue.delete(&[message.receipt]).await.unwrap();
        }
    }
    let last = T0 + 300_000;
    send_all(&queue.at(last), &["good"]).await;
    let poison = receive(&queue.at(last), 9)
        .await
        .into_iter()
        .find(|message| message.body == "poison")
        .unwrap();
    queue.delete(&[poison.receipt]).await.unwrap();
    assert_eq!(oldest(last + 5).await, Some(Duration::from_millis(5)));
}

#[tokio::test]
async fn a_purge_removes_everything_but_deduplication_ids_and_dead_letters() {
    let queue = small_queue().at(T0);
    send_all(&queue, &["a", "b"]).await;
    queue.send(&Send::new("c").delay(SECOND).dedup_id("c")).await.unwrap();
    let held = receipts(&receive(&queue, 1).await);
    assert_eq!(queue.purge().await.unwrap(), 3);
    assert_eq!(queue.delete(&held).await.unwrap(), [Stale]);
    assert_eq!(receive(&queue.at(T0 + 900_000), 9).await.len(), 0);
    assert!(queue.send(&Send::new("c").dedup_id("c")).await.unwrap().is_duplicate());
    assert_eq!(queue.purge().await.unwrap(), 0);
}

#[tokio::test]
async fn a_peek_shows_every_message_page_by_page_and_receives_none() {
    let queue = small_queue();
    send_all(&queue.at(T0), &["flying", "failed", "visible 1", "visible 2"]).await;
    queue
        .at(T0)
        .send(&Send::new("delayed").delay(60 * SECOND).attribute("k", "v"))
        .await
        .unwrap();
    let held = receive(&queue.at(T0), 2).await;
    let error = Some("timeout".into());
    let change = [ChangeVisibility {
        receipt: held[1].receipt,
        timeout: 5 * SECOND,
        error,
    }];
    queue.at(T0).change_visibility(&change).await.unwrap();
    let now = queue.at(T0 + 1_000);
    for limit in [1, 2, 3, 5, 100] {
        let (mut seen, mut offset) = (Vec::new(), Some(0));
        while let Some(from) = offset {
            let page = now.peek(from, limit).await.unwrap();
            assert!(page.items.len() <= limit);
            seen.extend(page.items);
            offset = page.next;
        }
        let shown: Vec<_> = seen
            .iter()
            .map(|peeked| {
                let body = std::str::from_utf8(&peeked.body).unwrap();
                (
                    body,
                    peeked.state,
                    peeked.visible_in.as_secs(),
                    peeked.receive_count,
                    peeked.last_error.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("visible 1", State::Visible, 0, 0, None),
                ("visible 2", State::Visible, 0, 0, None),
                ("failed", State::InFlight, 4, 1, Some("timeout")),
                ("flying", State::InFlight, 29, 1, None),
                ("delayed", State::Delayed, 59, 0, None),
            ],
            "in pages of {limit}"
        );
        assert_eq!(seen[4].attributes["k"], "v");
    }
    assert_eq!(bodies(&receive(&now, 9).await), ["visible 1", "visible 2"]);
}

#[tokio::test]
async fn a_long_wait_ends_with_the_message() {
    let queue = small_queue();
    let waiting = {
        let queue = queue.clone();
        tokio::spawn(async move { queue.receive(1, 20 * SECOND).await.unwrap() })
    };
    // Two scripts later the waiting task has looked and found nothing.
    queue
        .send(&Send::new("a").delay(Duration::from_millis(300)))
        .await
        .unwrap();
    let started = std::time::Instant::now();
    assert_eq!(bodies(&waiting.await.unwrap()), ["a"]);
    assert!(started.elapsed() < 5 * SECOND, "the wait did not end with the message");
    assert!(
        started.elapsed() >= Duration::from_millis(250),
        "the delay was not kept"
    );
}

#[tokio::test]
async fn a_long_wait_for_nothing_ends_in_time() {
    let started = std::time::Instant::now();
    assert_eq!(small_queue().receive(1, Duration::from_millis(150)).await.unwrap(), []);
    assert!((150..2_000).contains(&started.elapsed().as_millis()));
}

#[tokio::test]
async fn what_is_not_allowed_is_refused_before_it_is_sent() {
    let queue = small_queue().at(T0);
    assert!(matches!(queue.receive(0, NO_WAIT).await, Err(Error::Invalid { .. })));
    let batch = [Send::new("good"), Send::new("bad").delay(901 * SECOND)];
    assert!(matches!(queue.send_batch(&batch).await, Err(Error::Invalid { .. })));
    assert_eq!(receive(&queue, 9).await.len(), 0);
    queue.send(&batch[0]).await.unwrap();
    let receipt = receive(&queue, 1).await[0].receipt;
    let timeout = Duration::from_secs(43_201);
    let change = [ChangeVisibility {
        receipt,
        timeout,
        error: None,
    }];
    assert!(matches!(
        queue.change_visibility(&change).await,
        Err(Error::Invalid { .. })
    ));
    assert!(matches!(
        queue
            .snooze(&[Snooze {
                receipt,
                delay: timeout
            }])
            .await,
        Err(Error::Invalid { .. })
    ));
}

#[tokio::test]
async fn no_key_expires_and_all_are_in_one_slot() {
    let queue = small_queue().at(T0);
    send_all(&queue, &["dead", "flying", "snoozed", "visible"]).await;
    queue
        .send(&Send::new("delayed").delay(SECOND).dedup_id("d"))
        .await
        .unwrap();
    let held = receive(&queue, 3).await;
    let reason = "because".into();
    queue
        .dead_letter(&[shared::queue::DeadLetter {
            receipt: held[0].receipt,
            reason,
        }])
        .await
        .unwrap();
    let error = Some("error".into());
    let change = [ChangeVisibility {
        receipt: held[1].receipt,
        timeout: SECOND,
        error,
    }];
    queue.change_visibility(&change).await.unwrap();
    queue
        .snooze(&[Snooze {
            receipt: held[2].receipt,
            delay: SECOND,
        }])
        .await
        .unwrap();

    let settings = settings();
    let keys = keys_of(&settings, &queue).await;
    // All that messages without a group can use.
    assert_eq!(keys.len(), 12, "{keys:?}");
    let mut connection = raw_for(&settings, &keys[0]).await;
    for key in keys {
        assert!(key.starts_with(&format!("{{mercury:{}}}:v2:", queue.name())), "{key}");
        let ttl: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut connection).await.unwrap();
        assert_eq!(ttl, -1, "{key} expires");
    }
}
