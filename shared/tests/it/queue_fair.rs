//! Groups that wait share what is received, however much each of them has.

use std::{collections::BTreeMap, time::Duration};

use shared::queue::{DeadLetter, Message, Policy, Queue, Send, Settled, Snooze};

use crate::queue_support::{NO_WAIT, T0, bodies, keys_of, queue, receipts, settings, small_queue};

async fn send(queue: &Queue, group: &str, count: usize) {
    let sends: Vec<Send> = (0..count)
        .map(|n| Send::new(format!("{group}{n}")).group(group))
        .collect();
    queue.send_batch(&sends).await.unwrap();
}

async fn receive(queue: &Queue, max: usize) -> Vec<Message> {
    queue.receive(max, NO_WAIT).await.unwrap()
}

fn by_group(messages: &[Message]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for message in messages {
        *counts.entry(message.group.as_deref().unwrap_or_default()).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn a_group_with_a_hundred_thousand_messages_delays_another_by_one_batch_at_most() {
    let queue = queue(Policy::default()).at(T0);
    for _ in 0..10 {
        send(&queue, "loud", 10_000).await;
    }
    for round in 0..5 {
        assert_eq!(by_group(&receive(&queue, 100).await), BTreeMap::from([("loud", 100)]));
        send(&queue, "quiet", 1).await;
        let batch = receive(&queue, 100).await;
        assert_eq!(
            by_group(&batch),
            BTreeMap::from([("loud", 99), ("quiet", 1)]),
            "round {round}"
        );
    }
    queue.purge().await.unwrap();
}

#[tokio::test]
async fn groups_share_a_batch_and_what_one_does_not_use_goes_to_the_others() {
    let queue = small_queue().at(T0);
    for (group, count) in [("a", 50), ("b", 2), ("c", 50)] {
        send(&queue, group, count).await;
    }
    assert_eq!(
        by_group(&receive(&queue, 30).await),
        BTreeMap::from([("a", 10), ("b", 2), ("c", 18)])
    );
    // Who had less is served first from now on.
    assert_eq!(by_group(&receive(&queue, 1).await), BTreeMap::from([("a", 1)]));
    let rest = receive(&queue, 500).await;
    assert_eq!(by_group(&rest), BTreeMap::from([("a", 39), ("c", 32)]));
    assert!(receive(&queue, 1).await.is_empty());
}

#[tokio::test]
async fn with_more_groups_than_a_batch_has_places_each_is_served_in_turn() {
    let queue = small_queue().at(T0);
    for group in 0..30 {
        send(&queue, &format!("g{group:02}"), 2).await;
    }
    for _ in 0..2 {
        let mut seen = BTreeMap::new();
        for _ in 0..3 {
            let batch = receive(&queue, 10).await;
            assert_eq!(batch.len(), 10);
            for message in &batch {
                *seen.entry(message.group.clone()).or_insert(0) += 1;
            }
        }
        assert!(seen.len() == 30 && seen.values().all(|count| *count == 1), "{seen:?}");
    }
}

#[tokio::test]
async fn a_group_that_comes_back_each_time_does_not_keep_another_waiting() {
    let queue = small_queue().at(T0);
    send(&queue, "b", 1).await;
    for (round, group) in ["a", "", "a", "a"].into_iter().enumerate() {
        let one = Send::new("again");
        let one = if group.is_empty() { one } else { one.group(group) };
        queue.send(&one).await.unwrap();
        if receive(&queue, 1).await[0].group.as_deref() == Some("b") {
            return;
        }
        assert!(round < 2, "b waits for ever");
    }
}

#[tokio::test]
async fn messages_without_a_group_are_a_group_of_their_own() {
    let queue = small_queue().at(T0);
    send(&queue, "a", 100).await;
    let plain: Vec<Send> = (0..100).map(|n| Send::new(format!("plain{n}"))).collect();
    queue.send_batch(&plain).await.unwrap();
    assert_eq!(
        by_group(&receive(&queue, 10).await),
        BTreeMap::from([("", 5), ("a", 5)])
    );
    let one_at_a_time: Vec<Message> = [receive(&queue, 1).await, receive(&queue, 1).await].concat();
    assert_eq!(by_group(&one_at_a_time), BTreeMap::from([("", 1), ("a", 1)]));
}

#[tokio::test]
async fn a_group_keeps_its_place_and_name_whatever_happens_to_its_messages() {
    let queue = small_queue();
    let at = |ms: u64| queue.at(T0 + ms);
    send(&at(0), "g", 5).await;
    at(0)
        .send(&Send::new("late").group("g").delay(Duration::from_secs(60)))
        .await
        .unwrap();
    let held = receive(&at(0), 4).await;
    assert_eq!(bodies(&held), ["g0", "g1", "g2", "g3"]);
    let (receipt, delay) = (held[1].receipt, Duration::from_secs(1));
    at(0).snooze(&[Snooze { receipt, delay }]).await.unwrap();
    let (receipt, reason) = (held[2].receipt, "r".to_owned());
    at(0).dead_letter(&[DeadLetter { receipt, reason }]).await.unwrap();
    at(0).delete(&receipts(&held[3..])).await.unwrap();
    let letter = &queue.dead_letter_queue().peek(0, 1).await.unwrap().items[0];
    assert_eq!(letter.group.as_deref(), Some("g"));
    assert_eq!(at(0).dead_letter_queue().redrive(1).await.unwrap(), 1);
    // Those that come back are in front of what was sent after them.
    let again = receive(&at(60_000), 9).await;
    assert_eq!(bodies(&again), ["g0", "g1", "g2", "g4", "late"]);
    assert!(again.iter().all(|message| message.group.as_deref() == Some("g")));
    at(60_000).delete(&receipts(&again)).await.unwrap();
    assert!(keys_of(&settings(), &queue).await.is_empty());
}

#[tokio::test]
async fn a_message_deleted_late_is_not_received_again() {
    let queue = small_queue();
    send(&queue.at(T0), "g", 2).await;
    let held = receive(&queue.at(T0), 1).await;
    // Its timeout has passed, and a receive has put it back.
    assert_eq!(receive(&queue.at(T0 + 30_000), 1).await.len(), 1);
    let other = receive(&queue.at(T0 + 90_000), 1).await;
    assert_eq!(queue.delete(&receipts(&held)).await.unwrap(), [Settled::Stale]);
    assert_eq!(queue.delete(&receipts(&other)).await.unwrap(), [Settled::Done]);
    assert_eq!(bodies(&receive(&queue.at(T0 + 90_000), 9).await), ["g1"]);
}

#[tokio::test]
async fn a_head_start_overtakes_what_has_not_waited_longer_than_that() {
    let queue = small_queue();
    let at = |seconds: u64| queue.at(T0 + seconds * 1_000);
    let send = |body: &'static str| Send::new(body).group("g");
    at(0).send(&send("old")).await.unwrap();
    at(50).send(&send("young")).await.unwrap();
    at(100)
        .send(&send("urgent").head_start(Duration::from_secs(60)))
        .await
        .unwrap();
    at(101).send(&send("last")).await.unwrap();
    // The age is that of the oldest, whoever is in front of it.
    assert_eq!(
        at(101).attributes().await.unwrap().oldest_age,
        Some(Duration::from_secs(101))
    );
    assert_eq!(bodies(&receive(&at(101), 9).await), ["old", "urgent", "young", "last"]);
}

#[tokio::test]
async fn the_oldest_age_is_that_of_any_group() {
    let queue = small_queue();
    for (moment, group) in [(0, "b"), (5_000, "a"), (9_000, "c")] {
        send(&queue.at(T0 + moment), group, 2).await;
    }
    let attributes = queue.at(T0 + 10_000).attributes().await.unwrap();
    assert_eq!(attributes.oldest_age, Some(Duration::from_secs(10)));
    assert_eq!((attributes.visible, attributes.waiting_groups), (6, 3));
    // Also of one that is paused.
    queue.pause(Some("b")).await.unwrap();
    let attributes = queue.at(T0 + 10_000).attributes().await.unwrap();
    assert_eq!(attributes.oldest_age, Some(Duration::from_secs(10)));
}
