//! Random histories of a queue with groups, in virtual time, against a model that shares nothing with the scripts: fair
//! groups on a standard queue, and FIFO. The model does not say which groups a receive serves, but what may come at all:
//! the first ones of each group in their order, none of a group that is paused or (FIFO) blocked, and a fair share for
//! each. Pauses, cancelled and expired messages and coalescing are part of it; so is what must hold between the keys.
//!
//! `QUEUE_HISTORIES` is the number of histories, 64 if it is not set.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::{prelude::*, test_runner::TestRunner};
use shared::queue::{ChangeVisibility, DeadLetter, MessageId, Policy, Queue, ReceiptHandle, Send, Settled, Snooze};

use crate::{
    queue_audit::Audit,
    queue_group_state::{Entry, Fold, MAX_RECEIVES, Place, RETENTION, State, TIMEOUT},
    queue_support::{NO_WAIT, T0, queue, settings},
};

#[derive(Debug, Clone)]
enum Step {
    Send(Sending),
    Receive {
        max: usize,
    },
    /// The numbers choose among all receipts ever given out, so many are stale.
    Delete {
        receipt: usize,
    },
    Change {
        receipt: usize,
        timeout: u64,
    },
    Snooze {
        receipt: usize,
        delay: u64,
    },
    DeadLetter {
        receipt: usize,
    },
    Cancel {
        message: usize,
    },
    Pause {
        group: u8,
    },
    Resume {
        group: u8,
    },
    PauseAll {
        pause: bool,
    },
    Redrive,
    Purge,
    Wait {
        ms: u64,
    },
}

/// Delay, head start and coalescing are left out in a FIFO queue.
#[derive(Debug, Clone)]
struct Sending {
    group: Option<u8>,
    delay: u64,
    ahead: u64,
    fold: Option<(u8, u64)>,
    repeat: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let group = prop_oneof![5 => (0..3_u8).prop_map(Some), 1 => Just(None)];
    let delay = prop_oneof![5 => Just(0), 1 => 1..8_000_u64];
    let ahead = prop_oneof![3 => Just(0), 1 => 1..8_000_u64];
    let fold = prop_oneof![2 => Just(None), 1 => (0..2_u8, 0..6_u64).prop_map(Some)];
    let send = (group, delay, ahead, fold, any::<bool>()).prop_map(|(group, delay, ahead, fold, repeat)| {
        Step::Send(Sending {
            group,
            delay,
            ahead,
            fold,
            repeat,
        })
    });
    let receipt = || 0..16_usize;
    prop_oneof![
        20 => send,
        14 => (1..8_usize).prop_map(|max| Step::Receive { max }),
        8 => receipt().prop_map(|receipt| Step::Delete { receipt }),
        5 => (receipt(), 0..8_000_u64).prop_map(|(receipt, timeout)| Step::Change { receipt, timeout }),
        4 => (receipt(), 0..8_000_u64).prop_map(|(receipt, delay)| Step::Snooze { receipt, delay }),
        3 => receipt().prop_map(|receipt| Step::DeadLetter { receipt }),
        3 => receipt().prop_map(|message| Step::Cancel { message }),
        2 => (0..3_u8).prop_map(|group| Step::Pause { group }),
        3 => (0..3_u8).prop_map(|group| Step::Resume { group }),
        1 => any::<bool>().prop_map(|pause| Step::PauseAll { pause }),
        2 => Just(Step::Redrive),
        1 => Just(Step::Purge),
        8 => (1..6_000_u64).prop_map(|ms| Step::Wait { ms }),
        1 => (30_000..61_000_u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

struct Run {
    queue: Queue,
    audit: Audit,
    state: State,
    receipts: Vec<ReceiptHandle>,
    sent: Vec<MessageId>,
}

impl Run {
    async fn new(fifo: bool) -> Self {
        let queue = queue(Policy {
            visibility_timeout: Duration::from_millis(TIMEOUT),
            max_receive_count: MAX_RECEIVES,
            retention: Duration::from_millis(RETENTION),
            fifo,
            ..Policy::default()
        });
        Self {
            audit: Audit::of(&settings(), &queue).await,
            queue,
            state: State::new(fifo, T0),
            receipts: Vec::new(),
            sent: Vec::new(),
        }
    }

    async fn step(&mut self, step: &Step) {
        let queue = self.queue.at(self.state.now);
        match *step {
            Step::Send(ref sending) => self.send(sending).await,
            Step::Receive { max } => {
                let messages = queue.receive(max, NO_WAIT).await.unwrap();
                let letters = queue.dead_letter_queue().peek(0, 500).await.unwrap().items;
                self.state.receive(max, &messages, &letters);
                self.receipts.extend(messages.iter().map(|message| message.receipt));
            }
            Step::Cancel { message } => {
                let Some(id) = late(&self.sent, message) else { return };
                let is_done = self.state.end(id).is_some();
                assert_eq!(queue.cancel(&[id]).await.unwrap(), [settled(is_done)]);
            }
            Step::Pause { group } => {
                let is_changed = self.state.paused.insert(Some(group));
                assert_eq!(queue.pause(Some(&group.to_string())).await.unwrap(), is_changed);
            }
            Step::Resume { group } => {
                let is_changed = self.state.paused.remove(&Some(group));
                assert_eq!(queue.resume(Some(&group.to_string())).await.unwrap(), is_changed);
            }
            Step::PauseAll { pause } => {
                let is_changed = std::mem::replace(&mut self.state.is_all_paused, pause) != pause;
                let call = if pause {
                    queue.pause(None).await
                } else {
                    queue.resume(None).await
                };
                assert_eq!(call.unwrap(), is_changed);
            }
            Step::Redrive => {
                let dead = std::mem::take(&mut self.state.dead);
                assert_eq!(queue.dead_letter_queue().redrive(500).await.unwrap(), dead.len() as u64);
                let alive = dead.into_iter().map(|(id, entry)| {
                    let (place, counted) = (Place::Visible, 0);
                    (
                        id,
                        Entry {
                            place,
                            counted,
                            receives: entry.receives.max(1),
                            ..entry
                        },
                    )
                });
                self.state.messages.extend(alive);
            }
            Step::Purge => {
                assert_eq!(queue.purge().await.unwrap(), self.state.messages.len() as u64);
                self.state.purge();
            }
            Step::Wait { ms } => self.state.now += ms,
            Step::Delete { receipt }
            | Step::Change { receipt, .. }
            | Step::Snooze { receipt, .. }
            | Step::DeadLetter { receipt } => {
                let Some(receipt) = late(&self.receipts, receipt) else {
                    return;
                };
                self.settle(&queue, step, receipt).await;
            }
        }
    }

    async fn send(&mut self, sending: &Sending) {
        let fifo = self.state.fifo;
        let Sending { delay, ahead, fold, .. } = *sending;
        let group = sending.group.or(fifo.then_some(0));
        let now = self.state.now;
        let mut send = Send::new("body");
        let mut entry = Entry {
            group,
            turn: now,
            sent_at: now,
            place: Place::Visible,
            receives: 0,
            counted: 0,
            fold: None,
        };
        if let Some(group) = group {
            send = send.group(group.to_string());
        }
        if fifo {
            self.state.turns += 1;
            entry.turn = self.state.turns;
        } else {
            send = send.delay(Duration::from_millis(delay));
            if delay > 0 {
                entry.place = Place::Delayed { until: now + delay };
            }
        }
        if let (false, Some(group)) = (fifo, group) {
            send = send.head_start(Duration::from_millis(ahead));
            entry.turn -= ahead;
            if let Some((key, order)) = fold {
                let note = send.message_id().to_string();
                send = send.coalesce(format!("{group}/{key}"), order, &note);
                entry.fold = Some(Fold {
                    key: (group, key),
                    order,
                    note,
                    superseded: BTreeSet::new(),
                });
            }
        }
        let id = send.message_id();
        let expected = self.state.send(id, entry);
        self.sent.push(id);
        for _ in 0..=usize::from(sending.repeat) {
            assert_eq!(self.queue.at(now).send(&send).await.unwrap().outcome, expected);
        }
    }

    async fn settle(&mut self, queue: &Queue, step: &Step, receipt: ReceiptHandle) {
        let (fifo, now) = (self.state.fifo, self.state.now);
        let id = receipt.message_id();
        match *step {
            Step::Change { timeout, .. } => {
                let entry = self.state.in_flight(receipt);
                let expected = settled(entry.is_some());
                entry
                    .into_iter()
                    .for_each(|entry| entry.place = Place::InFlight { until: now + timeout });
                let (timeout, error) = (Duration::from_millis(timeout), None);
                let change = ChangeVisibility {
                    receipt,
                    timeout,
                    error,
                };
                assert_eq!(queue.change_visibility(&[change]).await.unwrap(), [expected]);
            }
            Step::Snooze { delay, .. } => {
                let entry = self.state.in_flight(receipt);
                let expected = settled(entry.is_some());
                let until = now + delay;
                if let Some(entry) = entry {
                    entry.counted -= 1;
                    // It goes on blocking its FIFO group, and nobody holds it any more.
                    entry.receives += u64::from(fifo);
                    entry.place = if fifo {
                        Place::InFlight { until }
                    } else {
                        Place::Delayed { until }
                    };
                }
                let delay = Duration::from_millis(delay);
                assert_eq!(queue.snooze(&[Snooze { receipt, delay }]).await.unwrap(), [expected]);
            }
            Step::DeadLetter { .. } => {
                let is_current = self.state.current(receipt).is_some();
                if is_current {
                    let entry = self.state.end(id).unwrap();
                    self.state.dead.insert(id, entry);
                }
                let reason = "given up".to_owned();
                let letter = DeadLetter { receipt, reason };
                assert_eq!(queue.dead_letter(&[letter]).await.unwrap(), [settled(is_current)]);
            }
            _ => {
                let is_done = self.state.is_deletable(receipt);
                if is_done {
                    self.state.end(id);
                }
                assert_eq!(queue.delete(&[receipt]).await.unwrap(), [settled(is_done)]);
            }
        }
    }

    async fn compare(&mut self) {
        let State { now, fifo, .. } = self.state;
        let messages = &self.state.messages;
        assert_eq!(self.audit.check(fifo).await, (messages.len(), self.state.dead.len()));
        let attributes = self.queue.at(now).attributes().await.unwrap();
        let count = |is_there: fn(Place, u64) -> bool| {
            messages.values().filter(|entry| is_there(entry.place, now)).count() as u64
        };
        let in_flight = count(|place, now| matches!(place, Place::InFlight { until } if until > now));
        let delayed = count(|place, now| matches!(place, Place::Delayed { until } if until > now));
        let visible = messages.len() as u64 - in_flight - delayed;
        let counts = [attributes.visible, attributes.in_flight, attributes.delayed];
        assert_eq!(counts, [visible, in_flight, delayed]);
        assert_eq!(attributes.dead, self.state.dead.len() as u64);
        let oldest = messages.values().map(|entry| now - entry.sent_at).max();
        assert_eq!(attributes.oldest_age, oldest.map(Duration::from_millis));
        assert_eq!(
            (attributes.paused, attributes.paused_groups),
            (self.state.is_all_paused, self.state.paused.len() as u64)
        );
    }

    /// Peeking shows every message once, as the model has it.
    async fn compare_peeked(&self) {
        let queue = self.queue.at(self.state.now);
        let (mut peeked, mut offset) = (BTreeMap::new(), Some(0));
        while let Some(at) = offset {
            let page = queue.peek(at, 7).await.unwrap();
            for message in page.items {
                let seen = (message.receive_count, message.sent_at, message.group);
                assert!(peeked.insert(message.id, seen).is_none(), "shown twice");
            }
            offset = page.next;
        }
        let told = |entry: &Entry| (entry.counted, entry.sent_at, entry.group.map(|group| group.to_string()));
        let expected: BTreeMap<_, _> = self
            .state
            .messages
            .iter()
            .map(|(&id, entry)| (id, told(entry)))
            .collect();
        assert_eq!(peeked, expected);
    }
}

fn settled(is_done: bool) -> Settled {
    if is_done { Settled::Done } else { Settled::Stale }
}

/// One of the latest.
fn late<T: Copy>(all: &[T], number: usize) -> Option<T> {
    let last = all.len().checked_sub(1)?;
    Some(all[last - number % all.len()])
}

fn run(fifo: bool, steps: &[Step]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut run = Run::new(fifo).await;
        for step in steps {
            run.step(step).await;
            run.compare().await;
        }
        run.compare_peeked().await;
        run.queue.purge().await.unwrap();
        run.queue.dead_letter_queue().purge().await.unwrap();
    });
}

fn any_history(fifo: bool) {
    let cases = std::env::var("QUEUE_HISTORIES").map_or(64, |count| count.parse().expect("a number"));
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let histories = proptest::collection::vec(step(), 1..100);
    let outcome = TestRunner::new(config).run(&histories, |steps| {
        run(fifo, &steps);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn groups_of_a_standard_queue_keep_their_order_and_share() {
    any_history(false);
}

#[test]
fn groups_of_a_fifo_queue_come_one_after_the_other() {
    any_history(true);
}
