//! A queue of ours and one of moto's, to which the same is done, and which must give the same answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use shared::queue::{ChangeVisibility, Message, Policy, Queue, ReceiptHandle, Send, Settled};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

use crate::{
    queue_differential::{Sending, Step},
    queue_sqs::{self, Outgoing, Seen, Sqs},
    queue_support::{NO_WAIT, queue},
};

const TIMEOUT: u32 = 2;
const MAX_RECEIVES: u32 = 2;
/// So far from the moment at which a message becomes visible nothing is compared.
const BEFORE: Duration = Duration::from_millis(700);
const AFTER: Duration = Duration::from_millis(100);
/// How many histories talk to moto at a time.
static TURN: Semaphore = Semaphore::const_new(2);

/// Between these two moments something becomes visible, in the one queue and in the other.
#[derive(Clone, Copy)]
struct Due {
    first: Instant,
    last: Instant,
}

/// A message in flight.
struct Held {
    ours: ReceiptHandle,
    theirs: String,
    due: Due,
}

/// The two queues, and what is known of both.
pub struct Pair {
    fifo: bool,
    ours: Queue,
    theirs: Sqs,
    sent: u32,
    is_purged: bool,
    /// Bodies that were sent without a deduplication id.
    contents: Vec<String>,
    dedup_ids: BTreeSet<String>,
    held: BTreeMap<String, Held>,
    /// The receipt of the latest receive of each message of ours.
    latest: BTreeMap<String, ReceiptHandle>,
    /// Receipts of ours that are stale.
    old: Vec<ReceiptHandle>,
    due: Vec<Due>,
}

impl Pair {
    pub async fn new(fifo: bool) -> Self {
        let policy = Policy {
            fifo,
            visibility_timeout: Duration::from_secs(TIMEOUT.into()),
            max_receive_count: MAX_RECEIVES,
            ..Policy::default()
        };
        Self {
            fifo,
            ours: queue(policy),
            theirs: Sqs::new(fifo, TIMEOUT, MAX_RECEIVES).await,
            sent: 0,
            is_purged: false,
            contents: Vec::new(),
            dedup_ids: BTreeSet::new(),
            held: BTreeMap::new(),
            latest: BTreeMap::new(),
            old: Vec::new(),
            due: Vec::new(),
        }
    }

    /// Waits until nothing becomes visible for a while, and for its turn: moto does one thing at a time.
    async fn turn(&mut self) -> SemaphorePermit<'static> {
        loop {
            let turn = TURN.acquire().await.unwrap();
            let now = Instant::now();
            let soon = self
                .due
                .iter()
                .filter(|due| due.first <= now + BEFORE && now < due.last + AFTER);
            let Some(until) = soon.map(|due| due.last + AFTER).max() else {
                self.due.retain(|due| due.last > now);
                self.held.retain(|_, held| held.due.last > now);
                return turn;
            };
            drop(turn);
            tokio::time::sleep_until(until).await;
        }
    }

    /// Says whether it was quick enough to be sure of what is visible.
    pub async fn step(&mut self, step: &Step) -> bool {
        if let Step::Wait { seconds } = *step {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }
        let _turn = self.turn().await;
        let start = Instant::now();
        self.act(step).await;
        self.compare_counts().await;
        start.elapsed() < BEFORE
    }

    async fn act(&mut self, step: &Step) {
        match *step {
            Step::Send(ref sending) => self.send(std::slice::from_ref(sending)).await,
            Step::SendBatch(ref batch) => self.send(batch).await,
            Step::Receive { max } => drop(self.receive(max).await),
            Step::Wait { .. } => {}
            Step::Delete { held } => self.delete(held).await,
            Step::Change { held, seconds } => self.change(held, seconds).await,
            // Difference: moto takes any receipt a message ever had. SQS says that it may not delete with an old one
            // (standard), or fails (FIFO); ours says that it is stale.
            Step::DeleteStale { old } => {
                if let Some(receipt) = pick(&self.old, old) {
                    assert_eq!(self.ours.delete(&[*receipt]).await.unwrap(), [Settled::Stale]);
                }
            }
            Step::ChangeStale { old } => {
                if let Some(&receipt) = pick(&self.old, old) {
                    let (timeout, error) = (Duration::ZERO, None);
                    let change = ChangeVisibility {
                        receipt,
                        timeout,
                        error,
                    };
                    assert_eq!(self.ours.change_visibility(&[change]).await.unwrap(), [Settled::Stale]);
                }
            }
            // Difference: SQS and moto refuse to purge twice within a minute; ours does so at once.
            Step::Purge if self.is_purged => {}
            Step::Purge => {
                self.is_purged = true;
                self.ours.purge().await.unwrap();
                self.theirs.purge().await;
                assert_eq!(self.ours.purge().await.unwrap(), 0);
                self.old.extend(std::mem::take(&mut self.latest).into_values());
                self.held.clear();
                self.due.clear();
            }
        }
    }

    async fn send(&mut self, batch: &[Sending]) {
        let (mut ours, mut theirs, mut duplicates) = (Vec::new(), Vec::new(), Vec::new());
        for sending in batch {
            let message = self.outgoing(sending);
            let mut send = Send::new(message.body.clone());
            for (name, text) in &message.attributes {
                send = send.attribute(name, text);
            }
            if let Some(delay) = message.delay {
                send = send.delay(Duration::from_secs(delay as u64));
            }
            let mut is_duplicate = false;
            if let Some(group) = &message.group {
                send = send.group(group);
                send = match &message.dedup_id {
                    Some(id) => send.dedup_id(id),
                    None => send.dedup_by_content(),
                };
                let id = message
                    .dedup_id
                    .clone()
                    .unwrap_or_else(|| format!("content {}", message.body));
                is_duplicate = !self.dedup_ids.insert(id);
            }
            ours.push(send);
            // Difference: moto forgets a deduplication id with its message. SQS remembers it for five minutes, also
            // after the message was deleted, and so do we; moto is not asked.
            if !is_duplicate {
                theirs.push(message);
            }
            duplicates.push(is_duplicate);
        }
        let first = Instant::now();
        let sent = if let [send] = &ours[..] {
            vec![self.ours.send(send).await.unwrap()]
        } else {
            self.ours.send_batch(&ours).await.unwrap()
        };
        assert!(sent.iter().map(|sent| sent.is_duplicate()).eq(duplicates));
        match &theirs[..] {
            [] => {}
            [message] => self.theirs.send(message).await,
            messages => self.theirs.send_batch(messages).await,
        }
        let last = Instant::now();
        let delays = theirs.iter().filter_map(|message| message.delay);
        self.due.extend(delays.map(|delay| {
            let delay = Duration::from_secs(delay as u64);
            Due {
                first: first + delay,
                last: last + delay,
            }
        }));
    }

    fn outgoing(&mut self, sending: &Sending) -> Outgoing {
        // A body says which message it is, so it is sent again only where its content makes it a duplicate.
        let again = self
            .contents
            .get(usize::from(sending.group))
            .filter(|_| sending.again && self.fifo)
            .cloned();
        let dedup_id = sending.dedup_id.filter(|_| again.is_none());
        let body = again.unwrap_or_else(|| {
            self.sent += 1;
            format!("body {}", self.sent)
        });
        if dedup_id.is_none() {
            self.contents.push(body.clone());
        }
        Outgoing {
            delay: sending.delay.filter(|_| !self.fifo).map(|delay| delay as i32),
            group: self.fifo.then(|| format!("group-{}", sending.group)),
            dedup_id: dedup_id.filter(|_| self.fifo).map(|id| format!("id-{id}")),
            attributes: sending
                .attribute
                .map(|value| ("name".to_owned(), value.to_string()))
                .into_iter()
                .collect(),
            body,
        }
    }

    /// Receives all there is.
    async fn receive(&mut self, max: usize) -> Vec<String> {
        // Difference: a batch of ours is shared by the groups; moto's, as SQS's, prefers those of one group.
        // Difference: moto hands out the second of two messages of a group whose time is over before the first.
        let max = if self.fifo { 1 } else { max };
        let first = Instant::now();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        while let batch @ [_, ..] = &self.ours.receive(max, NO_WAIT).await.unwrap()[..] {
            assert!(batch.len() <= max);
            ours.extend_from_slice(batch);
        }
        while let batch @ [_, ..] = &self.theirs.receive(max as i32).await[..] {
            assert!(batch.len() <= max);
            theirs.extend_from_slice(batch);
        }
        let last = Instant::now();
        let our_view = sorted(ours.iter().map(seen).collect());
        assert_eq!(
            our_view,
            sorted(theirs.iter().map(queue_sqs::seen).collect()),
            "ours and theirs"
        );

        let timeout = Duration::from_secs(TIMEOUT.into());
        let due = Due {
            first: first + timeout,
            last: last + timeout,
        };
        self.due.push(due);
        let receipts: BTreeMap<&str, String> = theirs
            .iter()
            .map(|message| (message.body().unwrap(), queue_sqs::receipt(message)))
            .collect();
        for message in &ours {
            let body = body(message);
            let (ours, theirs) = (message.receipt, receipts[body.as_str()].clone());
            self.old.extend(self.latest.insert(body.clone(), ours));
            self.held.insert(body, Held { ours, theirs, due });
        }
        our_view.into_iter().map(|(body, ..)| body).collect()
    }

    async fn delete(&mut self, number: usize) {
        let bodies: Vec<String> = self.held.keys().cloned().collect();
        let Some(body) = pick(&bodies, number) else { return };
        let held = &self.held[body];
        assert_eq!(self.ours.delete(&[held.ours]).await.unwrap(), [Settled::Done]);
        self.theirs.delete(&held.theirs).await;
        // Difference: to delete once more succeeds in SQS and in moto; ours says that the receipt is stale.
        assert_eq!(self.ours.delete(&[held.ours]).await.unwrap(), [Settled::Stale]);
        self.theirs.delete(&held.theirs).await;
        self.old.extend(self.latest.remove(body));
        self.held.remove(body);
    }

    async fn change(&mut self, number: usize, seconds: u32) {
        let bodies: Vec<String> = self.held.keys().cloned().collect();
        let Some(body) = pick(&bodies, number) else { return };
        let held = &self.held[body];
        let timeout = Duration::from_secs(seconds.into());
        let change = ChangeVisibility {
            receipt: held.ours,
            timeout,
            error: None,
        };
        let first = Instant::now() + timeout;
        assert_eq!(self.ours.change_visibility(&[change]).await.unwrap(), [Settled::Done]);
        self.theirs.change_visibility(&held.theirs, seconds as i32).await;
        let due = Due {
            first,
            last: Instant::now() + timeout,
        };
        self.due.push(due);
        self.held.get_mut(body).unwrap().due = due;
        if seconds == 0 {
            // Difference: in moto a message is visible one ms later than it says.
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.held.remove(body);
        }
    }

    async fn compare_counts(&self) {
        let attributes = self.ours.attributes().await.unwrap();
        let ours = [attributes.visible, attributes.in_flight, attributes.delayed];
        assert_eq!(
            ours,
            self.theirs.counts().await,
            "visible, in flight, delayed: ours and theirs"
        );
    }

    /// Works on all that is left, and compares who died.
    pub async fn finish(&mut self) {
        loop {
            if let Some(last) = self.due.iter().map(|due| due.last).max() {
                tokio::time::sleep_until(last + AFTER).await;
            }
            let turn = self.turn().await;
            if self.receive(10).await.is_empty() {
                break;
            }
            while !self.held.is_empty() {
                self.delete(0).await;
            }
            self.due.clear();
            drop(turn);
        }
        let letters = self.ours.dead_letter_queue().peek(0, 500).await.unwrap().items;
        let mut ours: Vec<String> = letters
            .iter()
            .map(|letter| String::from_utf8_lossy(&letter.body).into_owned())
            .collect();
        ours.sort();
        assert_eq!(ours, self.theirs.dead().await, "the dead: ours and theirs");
        self.ours.dead_letter_queue().purge().await.unwrap();
    }
}

fn seen(message: &Message) -> Seen {
    (
        body(message),
        message.receive_count,
        message.group.clone(),
        message.attributes.clone(),
    )
}

fn body(message: &Message) -> String {
    String::from_utf8_lossy(&message.body).into_owned()
}

fn sorted(mut seen: Vec<Seen>) -> Vec<Seen> {
    seen.sort();
    seen
}

fn pick<T>(all: &[T], number: usize) -> Option<&T> {
    all.get(number % all.len().max(1))
}
