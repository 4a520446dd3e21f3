//! What people and budgets do to a queue: pause, cancel, search, expiry, bytes, the longest time in flight.

use std::time::Duration;

use shared::queue::{
    ChangeVisibility, DeadLetter, Error, Filter, Message, Policy, Queue, Send,
    Settled::{self, Done, Stale},
    Snooze,
};

use crate::{
    queue_audit::Audit,
    queue_support::{NO_WAIT, T0, bodies, queue, receipts, settings, small_queue},
};

async fn send(queue: &Queue, group: &str, text: &str) {
    queue.send(&Send::new(text.to_owned()).group(group)).await.unwrap();
}

async fn receive(queue: &Queue) -> Vec<Message> {
    queue.receive(9, NO_WAIT).await.unwrap()
}

#[tokio::test]
async fn a_paused_queue_takes_messages_and_gives_none() {
    let queue = small_queue().at(T0);
    queue.send(&Send::new("a")).await.unwrap();
    let held = receive(&queue).await;
    assert!(queue.pause(None).await.unwrap());
    assert!(!queue.pause(None).await.unwrap());
    queue.send(&Send::new("b")).await.unwrap();
    assert!(receive(&queue).await.is_empty());
    assert!(queue.attributes().await.unwrap().paused);
    assert_eq!(queue.delete(&receipts(&held)).await.unwrap(), [Done]);
    assert!(queue.resume(None).await.unwrap());
    assert_eq!(bodies(&receive(&queue).await), ["b"]);
}

#[tokio::test]
async fn a_paused_group_waits_and_the_others_do_not() {
    let queue = small_queue();
    let at = |ms: u64| queue.at(T0 + ms);
    send(&at(0), "a", "a1").await;
    let held = receive(&at(0)).await;
    at(0).pause(Some("a")).await.unwrap();
    for (group, text) in [("a", "a2"), ("b", "b1")] {
        send(&at(0), group, text).await;
    }
    // What was in flight, and what was delayed, comes back into the pause.
    let late = Send::new("a3").group("a").delay(Duration::from_secs(1));
    at(0).send(&late).await.unwrap();
    assert_eq!(bodies(&receive(&at(0)).await), ["b1"]);
    assert_eq!(bodies(&receive(&at(30_000)).await), ["b1"]);
    let attributes = at(30_000).attributes().await.unwrap();
    assert_eq!(
        (attributes.visible, attributes.paused_groups, attributes.paused),
        (3, 1, false)
    );
    at(30_000).resume(Some("a")).await.unwrap();
    assert_eq!(bodies(&receive(&at(30_000)).await), ["a1", "a2", "a3"]);
    assert_eq!(queue.delete(&receipts(&held)).await.unwrap(), [Stale]);
}

#[tokio::test]
async fn a_cancelled_message_is_gone_wherever_it_was() {
    let queue = small_queue().at(T0);
    let plain = queue.send(&Send::new("plain")).await.unwrap().message_id;
    let delayed = queue
        .send(&Send::new("delayed").delay(Duration::from_secs(9)))
        .await
        .unwrap()
        .message_id;
    let grouped = queue.send(&Send::new("grouped").group("g")).await.unwrap().message_id;
    assert_eq!(
        queue.cancel(&[plain, delayed, grouped, plain]).await.unwrap(),
        [Done, Done, Done, Stale]
    );
    assert!(receive(&queue.at(T0 + 9_000)).await.is_empty());
    queue.send(&Send::new("held").group("g")).await.unwrap();
    let held = receive(&queue).await;
    assert_eq!(queue.cancel(&[held[0].id]).await.unwrap(), [Done]);
    assert_eq!(queue.delete(&receipts(&held)).await.unwrap(), [Stale]);
    assert_eq!(queue.attributes().await.unwrap().bytes, 0);
}

#[tokio::test]
async fn a_search_finds_messages_by_what_their_bodies_say_and_receives_none() {
    let queue = small_queue().at(T0);
    for n in 0..20 {
        let body = format!(
            r#"{{"topic":"{}","n":{n}}}"#,
            ["products/update", "orders/create"][n % 2]
        );
        send(&queue, ["a", "b", "c"][n % 3], &body).await;
    }
    let filter = Filter {
        group: Some("b".into()),
        fields: [("/topic".to_owned(), "orders/create".to_owned())].into(),
        ..Filter::default()
    };
    let (mut found, mut offset) = (0, Some(0));
    while let Some(at) = offset {
        let page = queue.search(&filter, at, 6).await.unwrap();
        found += page.items.len();
        offset = page.next;
    }
    assert_eq!(found, (0..20).filter(|n| n % 2 == 1 && n % 3 == 1).count());
    assert_eq!(queue.attributes().await.unwrap().visible, 20);
}

#[tokio::test]
async fn a_message_older_than_the_retention_is_a_dead_letter_and_never_nowhere() {
    let queue = queue(Policy {
        retention: Duration::from_secs(60),
        ..Policy::default()
    });
    let at = |ms: u64| queue.at(T0 + ms);
    at(0)
        .send_batch(&[Send::new("plain"), Send::new("grouped").group("g")])
        .await
        .unwrap();
    at(1).send(&Send::new("younger")).await.unwrap();
    assert_eq!(bodies(&receive(&at(60_001)).await), ["younger"]);
    let letters = at(60_001).dead_letter_queue().peek(0, 9).await.unwrap().items;
    let told: Vec<_> = letters
        .iter()
        .map(|letter| (letter.reason.as_str(), letter.sent_at))
        .collect();
    assert_eq!(told, [("expired", T0); 2]);
    // Sent back, they are received once more.
    assert_eq!(at(60_002).dead_letter_queue().redrive(9).await.unwrap(), 2);
    assert_eq!(receive(&at(60_002)).await.len(), 2);
}

#[tokio::test]
async fn a_send_beyond_the_bytes_is_refused_whole_and_says_what_is_there() {
    let queue = queue(Policy {
        max_bytes: Some(1_000),
        ..Policy::default()
    });
    queue.send(&Send::new(vec![b'x'; 600])).await.unwrap();
    let two = [Send::new("small"), Send::new(vec![b'y'; 500])];
    let refused = queue.send_batch(&two).await.unwrap_err();
    assert!(
        matches!(
            refused,
            Error::Full {
                bytes: 616,
                most: 1_000,
                more: 505
            }
        ),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("616 bytes of 1000"), "{refused}");
    assert_eq!(queue.attributes().await.unwrap().visible, 1);
    let held = receive(&queue).await;
    queue.delete(&receipts(&held)).await.unwrap();
    queue.send_batch(&two).await.unwrap();
}

#[tokio::test]
async fn a_message_that_finds_no_room_among_the_dead_stays() {
    let queue = queue(Policy {
        max_receive_count: 1,
        max_dead_bytes: Some(200),
        visibility_timeout: Duration::from_secs(30),
        ..Policy::default()
    });
    let at = |seconds: u64| queue.at(T0 + seconds * 1_000);
    at(0)
        .send_batch(&[Send::new(vec![b'a'; 80]), Send::new(vec![b'b'; 80])])
        .await
        .unwrap();
    let held = receive(&at(0)).await;
    let letters: Vec<DeadLetter> = receipts(&held)
        .into_iter()
        .map(|receipt| DeadLetter {
            receipt,
            reason: "r".into(),
        })
        .collect();
    assert_eq!(at(0).dead_letter(&letters).await.unwrap(), [Done, Settled::Full]);
    assert!(receive(&at(899)).await.is_empty());
    // Its receives are spent, so it is not handed out but tried again.
    assert!(receive(&at(900)).await.is_empty());
    assert_eq!(at(900).attributes().await.unwrap().in_flight, 1);
    queue.dead_letter_queue().purge().await.unwrap();
    assert!(receive(&at(1_800)).await.is_empty());
    let page = queue.dead_letter_queue().peek(0, 9).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(
        (page.items[0].body[0], queue.attributes().await.unwrap().bytes),
        (b'b', 0)
    );
}

/// A budget that is spent hides the message in one place, wherever it was.
#[tokio::test]
async fn a_message_that_finds_no_room_among_the_dead_is_hidden_also_if_it_was_not_in_flight() {
    for fifo in [false, true] {
        let queue = queue(Policy {
            fifo,
            max_dead_bytes: Some(1),
            visibility_timeout: Duration::from_secs(30),
            ..Policy::default()
        });
        let at = |seconds: u64| queue.at(T0 + seconds * 1_000);
        send(&at(0), "a", "late").await;
        let late = receive(&at(0)).await;
        send(&at(0), "b", "snoozed").await;
        let snoozed = receive(&at(0)).await;
        let (receipt, delay) = (snoozed[0].receipt, Duration::from_secs(60));
        at(0).snooze(&[Snooze { receipt, delay }]).await.unwrap();
        // Makes the first visible without anybody receiving it.
        at(30).pause(Some("a")).await.unwrap();
        assert!(receive(&at(30)).await.is_empty());
        at(30).resume(Some("a")).await.unwrap();
        let letter = |receipt| DeadLetter {
            receipt,
            reason: "r".into(),
        };
        let letters = [letter(late[0].receipt), letter(snoozed[0].receipt)];
        let told = at(30).dead_letter(&letters).await.unwrap();
        // Who snoozes a FIFO message holds it no more.
        assert_eq!(told, [Settled::Full, if fifo { Stale } else { Settled::Full }]);
        assert_eq!(Audit::of(&settings(), &queue).await.check(fifo).await, (2, 0));
        assert_eq!(at(30).attributes().await.unwrap().in_flight, 2);
        let hidden = receive(&at(929)).await.len();
        assert_eq!(hidden, usize::from(fifo));
        assert_eq!(receive(&at(930)).await.len(), 2 - hidden);
    }
}

#[tokio::test]
async fn no_message_stays_in_flight_for_more_than_twelve_hours() {
    let queue = small_queue();
    queue.at(T0).send(&Send::new("x")).await.unwrap();
    let receipt = receive(&queue.at(T0)).await[0].receipt;
    let change = |hours: u64| ChangeVisibility {
        receipt,
        timeout: Duration::from_secs(hours * 3_600),
        error: None,
    };
    assert_eq!(queue.at(T0).change_visibility(&[change(12)]).await.unwrap(), [Done]);
    let later = queue.at(T0 + 3_600_000);
    assert_eq!(
        later.change_visibility(&[change(12)]).await.unwrap(),
        [Settled::TooLong]
    );
    assert_eq!(later.change_visibility(&[change(11)]).await.unwrap(), [Done]);
}

#[tokio::test]
async fn the_same_content_is_sent_once_within_the_window_even_after_it_was_deleted() {
    let queue = small_queue();
    let send = |ms: u64| {
        let queue = queue.at(T0 + ms);
        async move {
            queue
                .send(&Send::new("same").dedup_by_content())
                .await
                .unwrap()
                .is_duplicate()
        }
    };
    assert!(!send(0).await);
    let held = receive(&queue.at(T0)).await;
    queue.delete(&receipts(&held)).await.unwrap();
    assert!(send(299_999).await);
    assert!(!send(300_000).await);
}
