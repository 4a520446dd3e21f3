//! Redrive tasks: a filter, a rate, another queue, progress, cancel.

use std::time::Duration;

use shared::queue::{DeadLetter, DeadLetterQueue, Filter, Policy, Queue, Redrive, RedriveStatus, RedriveTask, Send};
use tokio::time::Instant;

use crate::queue_support::{NO_WAIT, T0, queue};

/// A queue with so many dead letters, which died one a millisecond; every third is of shop b.
async fn with_dead(count: u64) -> Queue {
    let queue = queue(Policy::default());
    for n in 0..count {
        let now = queue.at(T0 + n);
        let body = format!(
            r#"{{"topic":"{}"}}"#,
            if n % 2 == 0 { "orders/paid" } else { "products/update" }
        );
        let group = if n % 3 == 0 { "b" } else { "a" };
        now.send(&Send::new(body).group(group)).await.unwrap();
        let receipt = now.receive(1, NO_WAIT).await.unwrap()[0].receipt;
        let reason = format!("{} {n}", if n % 5 == 0 { "timeout" } else { "refused" });
        now.dead_letter(&[DeadLetter { receipt, reason }]).await.unwrap();
    }
    queue
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

async fn advance(letters: &DeadLetterQueue) -> Option<RedriveTask> {
    letters.advance(soon(), |_| unreachable!("it goes back")).await.unwrap()
}

#[tokio::test]
async fn only_what_is_meant_goes_back_and_the_count_before_says_how_much() {
    let queue = with_dead(60).await.at(T0 + 1_000);
    let letters = queue.dead_letter_queue();
    let filter = Filter {
        group: Some("b".into()),
        error: Some("refused".into()),
        fields: [("/topic".to_owned(), "orders/paid".to_owned())].into(),
        sent_before: Some(T0 + 50),
        ..Filter::default()
    };
    let meant = (0..50_u64).filter(|n| n % 3 == 0 && n % 5 != 0 && n % 2 == 0).count() as u64;
    assert_eq!(letters.count(&filter).await.unwrap(), meant);
    assert_eq!(queue.attributes().await.unwrap().dead, 60);
    let redrive = Redrive {
        filter: filter.clone(),
        ..Redrive::default()
    };
    assert!(letters.start_redrive(redrive).await.unwrap().is_some());
    assert_eq!(advance(&letters).await, None);
    let task = letters.redrives().await.unwrap().remove(0);
    assert_eq!(task.status, RedriveStatus::Completed);
    assert_eq!((task.moved, task.left, task.to_look_at), (meant, 60 - meant, 60));
    let attributes = queue.attributes().await.unwrap();
    assert_eq!((attributes.visible, attributes.dead), (meant, 60 - meant));
    assert_eq!(letters.count(&filter).await.unwrap(), 0);
}

#[tokio::test]
async fn a_rate_lets_so_many_go_a_second() {
    let queue = with_dead(50).await;
    let at = |ms: u64| queue.at(T0 + 1_000 + ms).dead_letter_queue();
    let redrive = Redrive {
        per_second: Some(10),
        ..Redrive::default()
    };
    at(0).start_redrive(redrive).await.unwrap();
    for (ms, moved) in [(0, 10), (0, 10), (500, 15), (2_000, 30)] {
        assert_eq!(advance(&at(ms)).await.unwrap().moved, moved, "after {ms} ms");
    }
    assert_eq!(advance(&at(10_000)).await, None);
    assert_eq!(queue.attributes().await.unwrap().visible, 50);
}

#[tokio::test]
async fn one_runs_at_a_time_and_a_cancel_keeps_what_has_moved() {
    let queue = with_dead(30).await.at(T0 + 1_000);
    let letters = queue.dead_letter_queue();
    let slow = Redrive {
        per_second: Some(5),
        ..Redrive::default()
    };
    letters.start_redrive(slow).await.unwrap();
    assert_eq!(letters.start_redrive(Redrive::default()).await.unwrap(), None);
    assert_eq!(advance(&letters).await.unwrap().moved, 5);
    let cancelled = letters.cancel_redrive().await.unwrap().unwrap();
    assert_eq!((cancelled.status, cancelled.moved), (RedriveStatus::Cancelled, 5));
    assert_eq!(letters.cancel_redrive().await.unwrap(), None);
    assert_eq!(advance(&letters).await, None);
    assert_eq!(queue.attributes().await.unwrap().visible, 5);
    letters.start_redrive(Redrive::default()).await.unwrap().unwrap();
    assert_eq!(advance(&letters).await, None);
    let statuses: Vec<_> = letters
        .redrives()
        .await
        .unwrap()
        .iter()
        .map(|task| task.status)
        .collect();
    assert_eq!(statuses, [RedriveStatus::Completed, RedriveStatus::Cancelled]);
}

#[tokio::test]
async fn another_queue_gets_the_letters_as_they_were() {
    let source = with_dead(700).await.at(T0 + 1_000);
    let target = queue(Policy::default()).at(T0 + 1_000);
    let letters = source.dead_letter_queue();
    let ids: Vec<_> = letters
        .peek(0, 3)
        .await
        .unwrap()
        .items
        .iter()
        .map(|letter| letter.id)
        .collect();
    let redrive = Redrive {
        to: Some(target.name().to_owned()),
        ..Redrive::default()
    };
    letters.start_redrive(redrive).await.unwrap();
    letters.advance(soon(), |_| Ok(target.clone())).await.unwrap();
    assert_eq!(source.attributes().await.unwrap().dead, 0);
    assert_eq!(target.attributes().await.unwrap().visible, 700);
    let mut received = Vec::new();
    while let batch @ [_, ..] = &target.receive(500, NO_WAIT).await.unwrap()[..] {
        received.extend(batch.iter().map(|message| (message.id, message.group.clone())));
    }
    assert_eq!(received.len(), 700);
    assert!(
        ids.iter()
            .all(|id| received.iter().any(|(there, group)| there == id && group.is_some()))
    );
}

#[tokio::test]
async fn another_queue_gets_the_notes_of_superseded_messages() {
    let (source, target) = (queue(Policy::default()).at(T0), queue(Policy::default()).at(T0));
    for (order, note) in [(1, "first"), (2, "second"), (3, "third")] {
        let send = Send::new("body").attribute("a", "b").coalesce("key", order, note);
        source.send(&send).await.unwrap();
    }
    let held = source.receive(9, NO_WAIT).await.unwrap().remove(0);
    let (receipt, reason) = (held.receipt, "dead".to_owned());
    source.dead_letter(&[DeadLetter { receipt, reason }]).await.unwrap();
    let letters = source.dead_letter_queue();
    assert_eq!(letters.peek(0, 9).await.unwrap().items[0].superseded, held.superseded);
    let to = Some(target.name().to_owned());
    let redrive = Redrive {
        to,
        ..Redrive::default()
    };
    letters.start_redrive(redrive).await.unwrap();
    letters.advance(soon(), |_| Ok(target.clone())).await.unwrap();
    let moved = target.receive(9, NO_WAIT).await.unwrap().remove(0);
    assert_eq!(moved.superseded, ["first", "second"]);
    assert_eq!((moved.superseded, moved.body), (held.superseded, held.body));
    assert_eq!((moved.attributes, moved.id), (held.attributes, held.id));
}

#[tokio::test]
async fn letters_that_die_meanwhile_are_left_and_helpers_move_nothing_twice() {
    let queue = with_dead(40).await.at(T0 + 39);
    let letters = queue.dead_letter_queue();
    letters.start_redrive(Redrive::default()).await.unwrap();
    // One more dies after the task began.
    let later = queue.at(T0 + 40);
    later.send(&Send::new("later")).await.unwrap();
    let receipt = later.receive(1, NO_WAIT).await.unwrap()[0].receipt;
    let reason = "later".to_owned();
    later.dead_letter(&[DeadLetter { receipt, reason }]).await.unwrap();
    futures_util::future::join_all((0..4).map(|_| advance(&letters))).await;
    let task = letters.redrives().await.unwrap().remove(0);
    assert_eq!((task.status, task.moved), (RedriveStatus::Completed, 40));
    let attributes = queue.attributes().await.unwrap();
    assert_eq!((attributes.visible, attributes.dead), (40, 1));
}
