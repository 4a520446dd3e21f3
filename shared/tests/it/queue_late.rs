//! A send that timed out, was repeated, and is carried out after all when its message is on its way already.

use std::time::Duration;

use shared::queue::{Error, Policy, Queue, Redis, Send, Settings, Settled};
use uuid::Uuid;

use crate::{
    queue_proxy::Proxy,
    queue_support::{NO_WAIT, T0, raw, receipts, settings},
};

/// When everything that was hidden is visible again.
const LATER: u64 = T0 + 1_200_000;

async fn is_received_once(message: impl Fn(usize) -> Send) {
    let settings = settings();
    if settings.cluster || settings.tls {
        return;
    }
    let proxy = Proxy::start(&settings).await;
    let hasty = Settings {
        response_timeout: Duration::from_millis(200),
        ..proxy.settings.clone()
    };
    let name = format!("test-{}", Uuid::new_v4().simple());
    let open = |settings: &Settings| {
        let redis = Redis::new(settings).unwrap();
        Queue::new(redis, &name, Policy::default()).unwrap().at(T0)
    };
    let (slow, queue) = (open(&hasty), open(&settings));
    slow.attributes().await.unwrap();

    let batch: Vec<Send> = (0..6).map(message).collect();
    proxy.shut();
    let outcome = slow.send_batch(&batch).await;
    assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
    queue.send_batch(&batch).await.unwrap();
    let held = queue.receive(3, NO_WAIT).await.unwrap();
    let bytes = queue.attributes().await.unwrap().bytes;
    proxy.open();
    let mut raw = raw(&settings).await;
    let meta = format!("{{mercury:{name}}}:v2:meta");
    loop {
        let now: u64 = redis::cmd("HGET")
            .arg(&meta)
            .arg("bytes")
            .query_async(&mut raw)
            .await
            .unwrap();
        if now > bytes {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let rest = queue.receive(9, NO_WAIT).await.unwrap();
    let mut ids: Vec<_> = held.iter().chain(&rest).map(|message| message.id).collect();
    ids.sort();
    let mut sent: Vec<_> = batch.iter().map(Send::message_id).collect();
    sent.sort();
    assert_eq!(ids, sent);
    assert!(queue.receive(9, NO_WAIT).await.unwrap().is_empty());
    let again = queue.at(LATER).receive(9, NO_WAIT).await.unwrap();
    assert_eq!(again.len(), 6);
    assert!(
        again
            .iter()
            .all(|message| message.receive_count == 2 && message.sent_at == T0)
    );
    let settled = queue.delete(&receipts(&again)).await.unwrap();
    assert!(settled.iter().all(|settled| *settled == Settled::Done));
    assert!(queue.at(LATER * 2).receive(9, NO_WAIT).await.unwrap().is_empty());
    let left = queue.attributes().await.unwrap();
    assert_eq!((left.visible, left.in_flight, left.bytes), (0, 0, 0));
}

#[tokio::test]
async fn a_plain_send_that_arrives_late_is_received_once() {
    is_received_once(|n| Send::new(format!("body {n}"))).await;
}

#[tokio::test]
async fn a_send_to_a_group_that_arrives_late_is_received_once() {
    is_received_once(|n| Send::new(format!("body {n}")).group(["a", "b"][n % 2])).await;
}
