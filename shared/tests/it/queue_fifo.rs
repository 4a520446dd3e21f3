//! FIFO queues: the order of a group, and nothing of it while one of its messages is in flight.

use std::time::Duration;

use shared::queue::{ChangeVisibility, DeadLetter, Message, Policy, Queue, Send, Settled, Snooze};

use crate::queue_support::{NO_WAIT, T0, bodies, keys_of, queue, receipts, settings};

fn fifo() -> Queue {
    queue(Policy {
        fifo: true,
        visibility_timeout: Duration::from_secs(30),
        max_receive_count: 2,
        ..Policy::default()
    })
}

async fn send(queue: &Queue, group: &str, texts: &[&str]) {
    let sends: Vec<Send> = texts
        .iter()
        .map(|text| Send::new(text.to_string()).group(group))
        .collect();
    queue.send_batch(&sends).await.unwrap();
}

async fn receive(queue: &Queue, max: usize) -> Vec<Message> {
    queue.receive(max, NO_WAIT).await.unwrap()
}

#[tokio::test]
async fn a_group_with_a_message_in_flight_is_blocked_and_others_are_not() {
    let queue = fifo().at(T0);
    send(&queue, "a", &["a1", "a2", "a3"]).await;
    send(&queue, "b", &["b1"]).await;
    let first = receive(&queue, 1).await;
    assert_eq!(bodies(&first), ["a1"]);
    let other = receive(&queue, 9).await;
    assert_eq!(bodies(&other), ["b1"]);
    assert!(receive(&queue, 9).await.is_empty());
    queue.delete(&receipts(&first)).await.unwrap();
    assert_eq!(bodies(&receive(&queue, 1).await), ["a2"]);
}

#[tokio::test]
async fn one_batch_may_hold_several_messages_of_a_group_in_order() {
    let queue = fifo().at(T0);
    send(&queue, "a", &["a1", "a2", "a3"]).await;
    let batch = receive(&queue, 2).await;
    assert_eq!(bodies(&batch), ["a1", "a2"]);
    queue.delete(&receipts(&batch[..1])).await.unwrap();
    assert!(receive(&queue, 9).await.is_empty());
    queue.delete(&receipts(&batch[1..])).await.unwrap();
    assert_eq!(bodies(&receive(&queue, 9).await), ["a3"]);
}

#[tokio::test]
async fn a_message_that_reappears_comes_before_the_rest_of_its_group() {
    let queue = fifo();
    send(&queue.at(T0), "a", &["a1", "a2"]).await;
    assert_eq!(bodies(&receive(&queue.at(T0), 1).await), ["a1"]);
    assert_eq!(bodies(&receive(&queue.at(T0 + 30_000), 9).await), ["a1", "a2"]);
}

#[tokio::test]
async fn a_message_handed_back_or_snoozed_blocks_its_group_until_it_is_visible() {
    let queue = fifo();
    let at = |ms: u64| queue.at(T0 + ms);
    send(&at(0), "a", &["a1", "a2"]).await;
    let receipt = receive(&at(0), 1).await[0].receipt;
    let delay = Duration::from_secs(40);
    assert_eq!(
        at(0).snooze(&[Snooze { receipt, delay }]).await.unwrap(),
        [Settled::Done]
    );
    assert!(receive(&at(39_999), 9).await.is_empty());
    let again = receive(&at(40_000), 1).await;
    assert_eq!((bodies(&again), again[0].receive_count), (vec!["a1".to_owned()], 1));
    let change = ChangeVisibility {
        receipt: again[0].receipt,
        timeout: Duration::ZERO,
        error: None,
    };
    at(40_000).change_visibility(&[change]).await.unwrap();
    assert_eq!(bodies(&receive(&at(40_001), 9).await), ["a1", "a2"]);
}

#[tokio::test]
async fn a_message_that_dies_or_is_cancelled_unblocks_its_group() {
    let queue = fifo();
    let at = |ms: u64| queue.at(T0 + ms);
    send(&at(0), "a", &["a1", "a2", "a3", "a4"]).await;
    let receipt = receive(&at(0), 1).await[0].receipt;
    let reason = "r".to_owned();
    at(0).dead_letter(&[DeadLetter { receipt, reason }]).await.unwrap();
    let second = receive(&at(0), 1).await;
    assert_eq!(bodies(&second), ["a2"]);
    at(0).cancel(&[second[0].id]).await.unwrap();
    // The third is received twice, then its time is over.
    for moment in [0, 30_000] {
        assert_eq!(bodies(&receive(&at(moment), 1).await), ["a3"]);
    }
    let last = receive(&at(60_000), 2).await;
    assert_eq!(bodies(&last), ["a4"]);
    at(60_000).delete(&receipts(&last)).await.unwrap();
    at(60_000).dead_letter_queue().purge().await.unwrap();
    let left = keys_of(&settings(), &queue).await;
    // The count of turns stays, or the order would not hold.
    assert!(left.iter().all(|key| key.ends_with(":meta")), "{left:?}");
}

#[tokio::test]
async fn a_receipt_is_void_once_the_timeout_has_passed() {
    let queue = fifo();
    send(&queue.at(T0), "a", &["a1"]).await;
    let held = receipts(&receive(&queue.at(T0), 1).await);
    assert_eq!(queue.at(T0 + 30_000).delete(&held).await.unwrap(), [Settled::Stale]);
    assert_eq!(bodies(&receive(&queue.at(T0 + 30_000), 1).await), ["a1"]);
}

#[tokio::test]
async fn a_receipt_is_void_also_when_nothing_at_all_is_in_flight() {
    let queue = fifo();
    let at = |ms: u64| queue.at(T0 + ms);
    send(&at(0), "b", &["b1"]).await;
    let held = receipts(&receive(&at(0), 1).await);
    // Another group is served at the time at which this one is back.
    send(&at(0), "a", &["a1"]).await;
    let other = receive(&at(30_000), 1).await;
    assert_eq!(bodies(&other), ["a1"]);
    at(30_000).delete(&receipts(&other)).await.unwrap();
    assert_eq!(at(30_000).delete(&held).await.unwrap(), [Settled::Stale]);
    assert_eq!(bodies(&receive(&at(30_000), 1).await), ["b1"]);
}

#[tokio::test]
async fn a_message_that_dies_after_its_timeout_does_not_unblock_what_another_blocks() {
    let queue = fifo();
    let at = |ms: u64| queue.at(T0 + ms);
    send(&at(0), "a", &["a1", "a2", "a3"]).await;
    let held = receive(&at(0), 2).await;
    let change = ChangeVisibility {
        receipt: held[1].receipt,
        timeout: Duration::from_secs(600),
        error: None,
    };
    at(0).change_visibility(&[change]).await.unwrap();
    // The first is visible again, the second still in flight.
    assert!(receive(&at(30_000), 9).await.is_empty());
    let (receipt, reason) = (held[0].receipt, "r".to_owned());
    let letter = DeadLetter { receipt, reason };
    assert_eq!(at(30_000).dead_letter(&[letter]).await.unwrap(), [Settled::Done]);
    assert!(receive(&at(30_000), 9).await.is_empty());
}

#[tokio::test]
async fn who_has_snoozed_a_message_holds_it_no_more() {
    let queue = fifo().at(T0);
    send(&queue, "a", &["a1"]).await;
    let receipt = receive(&queue, 1).await[0].receipt;
    let delay = Duration::from_secs(1);
    let snooze = [Snooze { receipt, delay }];
    assert_eq!(queue.snooze(&snooze).await.unwrap(), [Settled::Done]);
    assert_eq!(queue.snooze(&snooze).await.unwrap(), [Settled::Stale]);
    let reason = "r".to_owned();
    let letter = DeadLetter { receipt, reason };
    assert_eq!(queue.dead_letter(&[letter]).await.unwrap(), [Settled::Stale]);
    let again = receive(&queue.at(T0 + 1_000), 1).await;
    assert_eq!(again[0].receive_count, 1);
}

#[tokio::test]
async fn consumers_that_race_see_every_group_in_order() {
    let queue = fifo();
    for group in 0..8 {
        let texts: Vec<String> = (0..50).map(|n| format!("{group}:{n:02}")).collect();
        send(
            &queue,
            &group.to_string(),
            &texts.iter().map(String::as_str).collect::<Vec<_>>(),
        )
        .await;
    }
    let seen = std::sync::Mutex::new(Vec::new());
    let worker = || async {
        loop {
            let batch = receive(&queue, 7).await;
            if batch.is_empty() {
                if queue.attributes().await.unwrap().in_flight == 0 {
                    return;
                }
                continue;
            }
            seen.lock().unwrap().extend(bodies(&batch));
            queue.delete(&receipts(&batch)).await.unwrap();
        }
    };
    futures_util::future::join_all((0..6).map(|_| worker())).await;
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.len(), 400);
    for group in 0..8 {
        let of_group: Vec<_> = seen
            .iter()
            .filter(|text| text.starts_with(&format!("{group}:")))
            .collect();
        assert!(of_group.len() == 50 && of_group.is_sorted(), "{of_group:?}");
    }
}
