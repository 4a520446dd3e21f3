//! The laws of a dead-letter queue.

use std::time::Duration;

use shared::queue::{
    ChangeVisibility, DeadLetter, Policy, Send,
    Settled::{Done, Stale},
    Snooze,
};

use crate::{
    queue_audit::Audit,
    queue_support::{NO_WAIT, T0, bodies, keys_of, queue, receipts, settings, small_queue},
};

#[tokio::test]
async fn a_message_dies_when_its_receives_exceed_the_maximum_and_says_why() {
    let queue = small_queue();
    queue.at(T0).send(&Send::new("a\nb").attribute("k", "v")).await.unwrap();
    for receive in 0..3 {
        let now = queue.at(T0 + receive * 30_000);
        let messages = now.receive(9, NO_WAIT).await.unwrap();
        assert_eq!(messages[0].receive_count as u64, receive + 1);
        if receive == 1 {
            let error = Some("line 3:\nno such column".into());
            let timeout = Duration::from_secs(30);
            let change = [ChangeVisibility {
                receipt: messages[0].receipt,
                timeout,
                error,
            }];
            now.change_visibility(&change).await.unwrap();
        }
    }
    let now = queue.at(T0 + 90_000);
    assert_eq!(now.receive(9, NO_WAIT).await.unwrap(), []);
    let letters = now.dead_letter_queue().peek(0, 9).await.unwrap();
    assert_eq!(letters.next, None);
    let [letter] = &letters.items[..] else {
        panic!("not one dead letter")
    };
    assert_eq!(letter.reason, "max receive count exceeded: line 3:\nno such column");
    assert_eq!(
        (letter.dead_at, letter.sent_at, letter.receive_count),
        (T0 + 90_000, T0, 3)
    );
    assert_eq!(letter.attributes["k"], "v");
    assert_eq!(letter.body, "a\nb");
    let attributes = queue.at(T0 + 91_000).attributes().await.unwrap();
    assert_eq!(
        (attributes.visible, attributes.in_flight, attributes.delayed),
        (0, 0, 0)
    );
    assert_eq!(
        (attributes.dead, attributes.oldest_dead_age),
        (1, Some(Duration::from_secs(1)))
    );
    assert_eq!(attributes.oldest_age, None);
}

#[tokio::test]
async fn dying_messages_do_not_keep_a_receive_from_the_living() {
    let queue = queue(Policy {
        visibility_timeout: NO_WAIT,
        max_receive_count: 1,
        ..Policy::default()
    });
    let batch: Vec<Send> = (0..30).map(|_| Send::new("doomed")).collect();
    queue.at(T0).send_batch(&batch).await.unwrap();
    assert_eq!(queue.at(T0).receive(30, NO_WAIT).await.unwrap().len(), 30);
    queue.at(T0).send(&Send::new("living")).await.unwrap();
    // Fewer than died are asked for, so the first scripts find nobody alive.
    assert_eq!(bodies(&queue.at(T0 + 1).receive(7, NO_WAIT).await.unwrap()), ["living"]);
    assert!(queue.attributes().await.unwrap().dead >= 1);
}

#[tokio::test]
async fn a_given_up_message_keeps_all_it_had_and_the_reason() {
    let queue = small_queue().at(T0);
    let body = [0xff, 0x00, 0x0a];
    queue.send(&Send::new(body.to_vec()).attribute("k", "v")).await.unwrap();
    let receipt = queue.receive(1, NO_WAIT).await.unwrap()[0].receipt;
    let give_up = [DeadLetter {
        receipt,
        reason: "no such topic:\n'ä'".into(),
    }];
    assert_eq!(queue.at(T0 + 7).dead_letter(&give_up).await.unwrap(), [Done]);
    assert_eq!(queue.dead_letter(&give_up).await.unwrap(), [Stale]);
    assert_eq!(queue.delete(&[receipt]).await.unwrap(), [Stale]);
    let letter = queue.dead_letter_queue().peek(0, 9).await.unwrap().items.remove(0);
    assert_eq!(
        (letter.id, letter.reason.as_str()),
        (receipt.message_id(), "no such topic:\n'ä'")
    );
    assert_eq!((letter.dead_at, letter.sent_at, letter.receive_count), (T0 + 7, T0, 1));
    assert_eq!(letter.body, &body[..]);
    assert_eq!(letter.attributes["k"], "v");
}

#[tokio::test]
async fn a_stale_receipt_handle_gives_nothing_up() {
    let queue = small_queue();
    queue.at(T0).send(&Send::new("a")).await.unwrap();
    let stale = queue.at(T0).receive(1, NO_WAIT).await.unwrap()[0].receipt;
    let current = queue.at(T0 + 30_000).receive(1, NO_WAIT).await.unwrap()[0].receipt;
    let [first, second] = [stale, current].map(|receipt| DeadLetter {
        receipt,
        reason: "x".into(),
    });
    assert_eq!(queue.dead_letter(&[first]).await.unwrap(), [Stale]);
    assert_eq!(queue.attributes().await.unwrap().dead, 0);
    assert_eq!(queue.dead_letter(&[second]).await.unwrap(), [Done]);
}

#[tokio::test]
async fn a_reason_without_end_is_cut_between_characters() {
    let queue = small_queue();
    queue.send(&Send::new("a")).await.unwrap();
    let receipt = queue.receive(1, NO_WAIT).await.unwrap()[0].receipt;
    let reason = format!("a{}", "é".repeat(100_000));
    queue.dead_letter(&[DeadLetter { receipt, reason }]).await.unwrap();
    let letter = queue.dead_letter_queue().peek(0, 1).await.unwrap().items.remove(0);
    assert_eq!(letter.reason.len(), 3_999);
    assert!(letter.reason.ends_with('é'));
    assert_eq!(letter.body, "a");
}

#[tokio::test]
async fn a_redriven_message_starts_its_count_again_and_keeps_its_past() {
    let queue = small_queue();
    queue.at(T0).send(&Send::new("a").attribute("k", "v")).await.unwrap();
    let mut old = Vec::new();
    for receive in 0..4 {
        let messages = queue.at(T0 + receive * 30_000).receive(1, NO_WAIT).await.unwrap();
        old.extend(receipts(&messages));
    }
    let letters = queue.dead_letter_queue();
    assert_eq!(letters.redrive(10).await.unwrap(), 1);
    assert_eq!(letters.redrive(10).await.unwrap(), 0);
    assert_eq!(letters.peek(0, 9).await.unwrap().items, []);
    for receive in 1..=3 {
        let now = queue.at(T0 + 200_000 + receive * 30_000);
        let message = now.receive(1, NO_WAIT).await.unwrap().remove(0);
        assert_eq!((message.receive_count as u64, message.sent_at), (receive, T0));
        assert_eq!((&message.body[..], message.attributes["k"].as_str()), (&b"a"[..], "v"));
        // No receipt of the former life opens the new one.
        assert_eq!(queue.delete(&old).await.unwrap(), [Stale; 3]);
        let age = now.attributes().await.unwrap().oldest_age;
        assert_eq!(age, Some(Duration::from_millis(200_000 + receive * 30_000)));
    }
    assert_eq!(queue.at(T0 + 900_000).receive(1, NO_WAIT).await.unwrap(), []);
    assert_eq!(queue.attributes().await.unwrap().dead, 1);
}

#[tokio::test]
async fn a_message_given_up_late_and_redriven_is_received_once() {
    let queue = small_queue();
    queue.at(T0).send(&Send::new("a")).await.unwrap();
    queue.at(T0).send(&Send::new("b")).await.unwrap();
    let receipt = queue.at(T0).receive(1, NO_WAIT).await.unwrap()[0].receipt;
    // Visible again, so its id is in the list when it dies, and a second time after the redrive.
    let now = queue.at(T0 + 30_000);
    assert_eq!(bodies(&now.receive(1, NO_WAIT).await.unwrap()), ["b"]);
    assert_eq!(
        now.dead_letter(&[DeadLetter {
            receipt,
            reason: "x".into()
        }])
        .await
        .unwrap(),
        [Done]
    );
    assert_eq!(now.dead_letter_queue().redrive(1).await.unwrap(), 1);
    let first = now.receive(1, NO_WAIT).await.unwrap();
    assert_eq!(bodies(&first), ["a"]);
    assert_eq!(now.receive(9, NO_WAIT).await.unwrap(), []);
    let snooze = [Snooze {
        receipt: first[0].receipt,
        delay: Duration::from_secs(1),
    }];
    assert_eq!(now.snooze(&snooze).await.unwrap(), [Done]);
    assert_eq!(now.receive(9, NO_WAIT).await.unwrap(), []);
}

#[tokio::test]
async fn dead_letters_are_paged_deleted_and_redriven_the_longest_dead_first() {
    const LETTERS: u64 = 1_203;
    let queue = queue(Policy::default());
    let batch: Vec<Send> = (0..LETTERS).map(|n| Send::new(n.to_string())).collect();
    queue.at(T0).send_batch(&batch).await.unwrap();
    for n in 0..LETTERS {
        if n % 401 == 0 {
            let held = queue.at(T0).receive(401, NO_WAIT).await.unwrap();
            let letters: Vec<_> = held
                .iter()
                .map(|message| DeadLetter {
                    receipt: message.receipt,
                    reason: "x".into(),
                })
                .collect();
            assert_eq!(queue.at(T0 + n).dead_letter(&letters).await.unwrap(), vec![Done; 401]);
        }
    }
    let letters = queue.dead_letter_queue();
    let (mut seen, mut offset) = (Vec::new(), Some(0));
    while let Some(from) = offset {
        let page = letters.peek(from, 250).await.unwrap();
        seen.extend(page.items);
        offset = page.next;
    }
    assert!(
        seen.iter()
            .map(|letter| letter.id)
            .eq(batch.iter().map(Send::message_id))
    );

    let ids: Vec<_> = seen.iter().map(|letter| letter.id).collect();
    assert_eq!(letters.delete(&ids[..1_000]).await.unwrap(), vec![Done; 1_000]);
    assert_eq!(letters.delete(&ids[999..1_001]).await.unwrap(), [Stale, Done]);
    assert_eq!(letters.redrive(50).await.unwrap(), 50);
    let back = queue.at(T0).receive(500, NO_WAIT).await.unwrap();
    assert!(
        back.iter()
            .map(|message| message.id)
            .eq(ids[1_001..1_051].iter().copied())
    );
    assert_eq!(letters.purge().await.unwrap(), LETTERS - 1_051);
    queue.delete(&receipts(&back)).await.unwrap();
    assert!(keys_of(&settings(), &queue).await.is_empty());
}

#[tokio::test]
async fn large_dead_letters_are_redriven_in_steps_and_none_is_lost() {
    let queue = small_queue().at(T0);
    let batch: Vec<Send> = (0..12_u8).map(|n| Send::new(vec![n; 1 << 20])).collect();
    queue.send_batch(&batch).await.unwrap();
    let mut held = Vec::new();
    while held.len() < 12 {
        held.extend(queue.receive(100, NO_WAIT).await.unwrap());
    }
    let letters: Vec<_> = held
        .iter()
        .map(|message| DeadLetter {
            receipt: message.receipt,
            reason: "x".into(),
        })
        .collect();
    queue.dead_letter(&letters).await.unwrap();
    let page = queue.dead_letter_queue().peek(0, 100).await.unwrap();
    assert!(page.items.len() < 12 && page.next == Some(page.items.len() as u64));
    assert_eq!(queue.dead_letter_queue().redrive(100).await.unwrap(), 12);
    assert_eq!(queue.attributes().await.unwrap().visible, 12);
}

/// A sender that never learned of its success may repeat it so late that the message is dead already.
#[tokio::test]
async fn a_letter_whose_message_was_sent_again_is_there_once_after_a_redrive() {
    for group in [None, Some("g")] {
        let queue = small_queue().at(T0);
        let send = Send::new("a");
        let send = group.into_iter().fold(send, Send::group);
        queue.send(&send).await.unwrap();
        let receipt = queue.receive(1, NO_WAIT).await.unwrap()[0].receipt;
        let reason = "r".to_owned();
        queue.dead_letter(&[DeadLetter { receipt, reason }]).await.unwrap();
        queue.send(&send).await.unwrap();
        let held = queue.receive(1, NO_WAIT).await.unwrap();
        assert_eq!(queue.dead_letter_queue().redrive(9).await.unwrap(), 1);
        assert_eq!(Audit::of(&settings(), &queue).await.check(false).await, (1, 0));
        assert!(queue.receive(9, NO_WAIT).await.unwrap().is_empty());
        assert_eq!(queue.delete(&receipts(&held)).await.unwrap(), [Done]);
        assert_eq!(queue.attributes().await.unwrap().bytes, 0);
    }
}
