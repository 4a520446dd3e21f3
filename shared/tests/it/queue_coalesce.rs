//! Of messages with one coalescing key that nobody has received, the newest is left and has the notes of the others.

use std::time::Duration;

use shared::queue::{Message, Policy, Queue, Send, SendOutcome};

use crate::queue_support::{NO_WAIT, T0, bodies, keys_of, queue, receipts, settings, small_queue};

fn change(body: &str, order: u64) -> Send {
    Send::new(body.to_owned())
        .group("shop")
        .coalesce("product/1", order, format!("note {body}"))
}

async fn send(queue: &Queue, send: &Send) -> SendOutcome {
    queue.send(send).await.unwrap().outcome
}

async fn receive(queue: &Queue) -> Vec<Message> {
    queue.receive(9, NO_WAIT).await.unwrap()
}

#[tokio::test]
async fn fifty_changes_are_received_once_as_the_newest_with_all_notes() {
    let queue = small_queue();
    for n in 0..50 {
        assert_eq!(
            send(&queue.at(T0 + n), &change(&format!("{n}"), n)).await,
            SendOutcome::Sent
        );
    }
    let messages = receive(&queue.at(T0 + 100)).await;
    assert_eq!(bodies(&messages), ["49"]);
    // Its age is that of the first change which nobody has seen.
    assert_eq!((messages[0].sent_at, messages[0].receive_count), (T0, 1));
    let mut notes = messages[0].superseded.clone();
    notes.sort_by_key(|note| note[5..].parse::<u32>().unwrap());
    assert_eq!(notes, (0..49).map(|n| format!("note {n}")).collect::<Vec<_>>());
    queue.delete(&receipts(&messages)).await.unwrap();
    assert!(keys_of(&settings(), &queue).await.is_empty());
}

#[tokio::test]
async fn an_older_change_that_arrives_later_is_dropped_and_leaves_its_note() {
    let queue = small_queue().at(T0);
    assert_eq!(send(&queue, &change("new", 20)).await, SendOutcome::Sent);
    assert_eq!(send(&queue, &change("old", 10)).await, SendOutcome::Superseded);
    let messages = receive(&queue).await;
    assert_eq!(bodies(&messages), ["new"]);
    assert_eq!(messages[0].superseded, ["note old"]);
}

#[tokio::test]
async fn what_was_received_is_never_replaced() {
    let queue = small_queue();
    send(&queue.at(T0), &change("held", 1)).await;
    let held = receive(&queue.at(T0)).await;
    assert_eq!(send(&queue.at(T0), &change("next", 2)).await, SendOutcome::Sent);
    assert_eq!(bodies(&receive(&queue.at(T0)).await), ["next"]);
    queue.at(T0).delete(&receipts(&held)).await.unwrap();
    // Also when it is visible again.
    let again = receive(&queue.at(T0 + 30_000)).await;
    assert_eq!(bodies(&again), ["next"]);
    assert_eq!(
        send(&queue.at(T0 + 60_000), &change("third", 3)).await,
        SendOutcome::Sent
    );
    assert_eq!(bodies(&receive(&queue.at(T0 + 60_000)).await), ["next", "third"]);
}

#[tokio::test]
async fn a_change_takes_the_place_of_the_one_it_replaces() {
    let queue = small_queue();
    send(&queue.at(T0), &change("first", 1)).await;
    send(&queue.at(T0 + 1), &Send::new("other").group("shop")).await;
    send(&queue.at(T0 + 2), &change("second", 2)).await;
    assert_eq!(bodies(&receive(&queue.at(T0 + 3)).await), ["second", "other"]);
}

#[tokio::test]
async fn a_delayed_change_is_replaced_where_it_waits() {
    let queue = small_queue();
    let delay = Duration::from_secs(10);
    send(&queue.at(T0), &change("first", 1).delay(delay)).await;
    send(&queue.at(T0 + 1), &change("second", 2)).await;
    assert!(receive(&queue.at(T0 + 9_999)).await.is_empty());
    assert_eq!(bodies(&receive(&queue.at(T0 + 10_000)).await), ["second"]);
}

#[tokio::test]
async fn a_repeated_send_changes_nothing_whatever_became_of_the_first() {
    let queue = small_queue().at(T0);
    let (old, new) = (change("old", 1), change("new", 2));
    for send_it in [&old, &old, &new, &new, &old] {
        send(&queue, send_it).await;
    }
    let messages = receive(&queue).await;
    assert_eq!(bodies(&messages), ["new"]);
    assert!(
        messages[0].superseded.iter().all(|note| note == "note old"),
        "{:?}",
        messages[0].superseded
    );
}

#[tokio::test]
async fn a_message_carries_a_hundred_notes_at_most_and_then_another_begins() {
    let queue = queue(Policy::default()).at(T0);
    for n in 0..150 {
        assert_eq!(send(&queue, &change(&format!("{n}"), n)).await, SendOutcome::Sent);
    }
    let messages = receive(&queue).await;
    assert_eq!(messages.len(), 2);
    let notes: usize = messages.iter().map(|message| message.superseded.len()).sum();
    assert_eq!(notes, 148);
    assert!(messages.iter().all(|message| message.superseded.len() <= 100));
}

#[tokio::test]
async fn bytes_are_those_that_are_there() {
    let queue = small_queue().at(T0);
    for (body, order) in [("a long first body", 1), ("short", 3), ("older than that", 2)] {
        send(&queue, &change(body, order)).await;
    }
    let attributes = queue.attributes().await.unwrap();
    let messages = receive(&queue).await;
    let receipt = messages[0].receipt.to_string();
    assert_eq!(receipt.rsplit(':').next().unwrap(), attributes.bytes.to_string());
}
