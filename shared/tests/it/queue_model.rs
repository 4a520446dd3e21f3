//! Random histories, in virtual time, against a small SQS in memory that shares nothing with the scripts. After every
//! step the answers are equal; at the end every message sent is deleted, dead, or still there.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use shared::queue::{ChangeVisibility, DeadLetter, MessageId, Policy, Queue, ReceiptHandle, Send, Settled, Snooze};

use crate::queue_support::{NO_WAIT, T0, queue};

const TIMEOUT: u64 = 1_000;
const MAX_RECEIVES: u32 = 3;
const WINDOW: u64 = 2_000;

#[derive(Debug, Clone)]
enum Step {
    Send {
        delay: u64,
        dedup: Option<u8>,
        repeat: bool,
    },
    Receive {
        max: usize,
    },
    /// The numbers choose among all receipts ever given out, so most are stale.
    Delete {
        receipts: Vec<usize>,
    },
    Change {
        receipt: usize,
        timeout: u64,
        error: bool,
    },
    Snooze {
        receipt: usize,
        delay: u64,
    },
    DeadLetter {
        receipt: usize,
    },
    Redrive {
        max: usize,
    },
    Purge,
    Wait {
        ms: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let delay = prop_oneof![3 => Just(0), 1 => 1..1_500_u64];
    let dedup = prop_oneof![2 => Just(None), 1 => (0..3_u8).prop_map(Some)];
    prop_oneof![
        6 => (delay, dedup, any::<bool>()).prop_map(|(delay, dedup, repeat)| Step::Send { delay, dedup, repeat }),
        6 => (1..5_usize).prop_map(|max| Step::Receive { max }),
        3 => proptest::collection::vec(0..64_usize, 1..4).prop_map(|receipts| Step::Delete { receipts }),
        3 => (0..64_usize, 0..1_500_u64, any::<bool>())
            .prop_map(|(receipt, timeout, error)| Step::Change { receipt, timeout, error }),
        2 => (0..64_usize, 0..1_500_u64).prop_map(|(receipt, delay)| Step::Snooze { receipt, delay }),
        1 => (0..64_usize).prop_map(|receipt| Step::DeadLetter { receipt }),
        1 => (1..4_usize).prop_map(|max| Step::Redrive { max }),
        1 => Just(Step::Purge),
        6 => (1..1_200_u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

/// What SQS would do, in the plainest way.
#[derive(Default)]
struct Model {
    now: u64,
    messages: BTreeMap<MessageId, Entry>,
    /// Grows with everything that becomes visible: the order of receiving.
    visible_turn: u64,
    dead: Vec<(u64, MessageId, Entry)>,
    dedup: BTreeMap<u8, u64>,
    /// Places of messages that ended while they were visible again. The next receive that comes across one finds
    /// nobody there, which SQS allows: it may bring fewer than it was asked for.
    left: Vec<(u64, MessageId)>,
}

#[derive(Clone)]
struct Entry {
    sent_at: u64,
    place: Place,
    receives: u64,
    counted: u32,
    error: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Visible { turn: u64 },
    InFlight { until: u64 },
    Delayed { until: u64 },
}

impl Model {
    /// Where a message is found that becomes visible now: at the end, unless places of its former life are left; then
    /// at the first of these, and the end is left.
    fn appear(&mut self, id: MessageId) -> Place {
        self.visible_turn += 1;
        let mut turn = self.visible_turn;
        let places = self.left.iter_mut().filter(|(_, left)| *left == id);
        if let Some((first, _)) = places.min_by_key(|(place, _)| *place) {
            std::mem::swap(&mut turn, first);
        }
        Place::Visible { turn }
    }

    fn send(&mut self, id: MessageId, delay: u64, dedup: Option<u8>) -> bool {
        if dedup.is_some_and(|id| self.dedup.get(&id).is_some_and(|&end| end > self.now)) {
            return true;
        }
        dedup.map(|id| self.dedup.insert(id, self.now + WINDOW));
        let place = if delay > 0 {
            Place::Delayed {
                until: self.now + delay,
            }
        } else {
            self.appear(id)
        };
        self.messages.insert(
            id,
            Entry {
                sent_at: self.now,
                place,
                receives: 0,
                counted: 0,
                error: false,
            },
        );
        false
    }

    /// In flight first, then delayed, each by the time it is due and then by identity.
    fn release(&mut self) {
        let mut due: Vec<_> = self
            .messages
            .iter()
            .filter_map(|(&id, entry)| match entry.place {
                Place::InFlight { until } => Some((0, until, id)),
                Place::Delayed { until } => Some((1, until, id)),
                Place::Visible { .. } => None,
            })
            .filter(|&(_, until, _)| until <= self.now)
            .collect();
        due.sort();
        for (_, _, id) in due {
            let place = self.appear(id);
            self.messages.get_mut(&id).unwrap().place = place;
        }
    }

    fn receive(&mut self, max: usize) -> Vec<(MessageId, u64, u32)> {
        self.release();
        loop {
            let mut visible: Vec<_> = self
                .messages
                .iter()
                .filter_map(|(&id, entry)| match entry.place {
                    Place::Visible { turn } => Some((turn, id)),
                    _ => None,
                })
                .chain(self.left.iter().copied())
                .collect();
            visible.sort();
            visible.truncate(max);
            let mut received = Vec::new();
            for &place in &visible {
                let (_, id) = place;
                if self.left.contains(&place) {
                    self.left.retain(|&left| left != place);
                    continue;
                }
                let entry = self.messages.get_mut(&id).unwrap();
                if entry.counted == MAX_RECEIVES {
                    let entry = self.messages.remove(&id).unwrap();
                    self.dead.push((self.now, id, entry));
                    continue;
                }
                entry.receives += 1;
                entry.counted += 1;
                entry.place = Place::InFlight {
                    until: self.now + TIMEOUT,
                };
                received.push((id, entry.receives, entry.counted));
            }
            // A receive goes on while it found only messages that are gone or had to die.
            if visible.is_empty() || !received.is_empty() {
                return received;
            }
        }
    }

    fn end(&mut self, id: MessageId) -> Option<Entry> {
        let entry = self.messages.remove(&id)?;
        if let Place::Visible { turn } = entry.place {
            self.left.push((turn, id));
        }
        Some(entry)
    }

    fn current(&mut self, (id, receives): (MessageId, u64)) -> Option<&mut Entry> {
        self.messages.get_mut(&id).filter(|entry| entry.receives == receives)
    }

    fn in_flight(&mut self, receipt: (MessageId, u64)) -> Option<&mut Entry> {
        self.current(receipt)
            .filter(|entry| matches!(entry.place, Place::InFlight { .. }))
    }

    fn redrive(&mut self, max: usize) -> u64 {
        self.dead.sort_by_key(|&(dead_at, id, _)| (dead_at, id));
        let moved: Vec<_> = self.dead.drain(..max.min(self.dead.len())).collect();
        let count = moved.len() as u64;
        for (_, id, entry) in moved {
            let place = self.appear(id);
            self.messages.insert(
                id,
                Entry {
                    place,
                    counted: 0,
                    error: false,
                    ..entry
                },
            );
        }
        count
    }
}

struct Run {
    queue: Queue,
    model: Model,
    receipts: Vec<ReceiptHandle>,
    sent: u64,
    ended: u64,
}

impl Run {
    fn receipt(&self, number: usize) -> Option<ReceiptHandle> {
        // Late ones first, so that a good part of the steps finds a receipt that is still good.
        let last = self.receipts.len().checked_sub(1)?;
        Some(self.receipts[last - number % self.receipts.len()])
    }

    async fn step(&mut self, step: &Step) {
        let queue = self.queue.at(self.model.now);
        let settled = |done: bool| if done { Settled::Done } else { Settled::Stale };
        match *step {
            Step::Send { delay, dedup, repeat } => {
                let mut send = Send::new("body").delay(Duration::from_millis(delay));
                if let Some(id) = dedup {
                    send = send.dedup_id(id.to_string());
                }
                let duplicate = self.model.send(send.message_id(), delay, dedup);
                self.sent += u64::from(!duplicate);
                for _ in 0..=usize::from(repeat) {
                    assert_eq!(queue.send(&send).await.unwrap().is_duplicate(), duplicate);
                }
            }
            Step::Receive { max } => {
                let expected = self.model.receive(max);
                let messages = queue.receive(max, NO_WAIT).await.unwrap();
                let got: Vec<_> = messages
                    .iter()
                    .map(|message| (message.id, message.receive_count))
                    .collect();
                assert_eq!(
                    got,
                    expected
                        .iter()
                        .map(|&(id, _, counted)| (id, counted))
                        .collect::<Vec<_>>()
                );
                for (message, (id, receives, _)) in messages.iter().zip(expected) {
                    assert_eq!(parts(message.receipt), (id, receives));
                    assert!(message.receive_count <= MAX_RECEIVES);
                    self.receipts.push(message.receipt);
                }
            }
            Step::Delete { ref receipts } => {
                let receipts: Vec<_> = receipts.iter().filter_map(|&number| self.receipt(number)).collect();
                let expected: Vec<_> = receipts
                    .iter()
                    .map(|&receipt| self.model.current(parts(receipt)).is_some())
                    .collect();
                for &receipt in receipts
                    .iter()
                    .zip(&expected)
                    .filter(|(_, current)| **current)
                    .map(|(r, _)| r)
                {
                    self.ended += u64::from(self.model.end(receipt.message_id()).is_some());
                }
                let expected: Vec<_> = expected.into_iter().map(settled).collect();
                assert_eq!(queue.delete(&receipts).await.unwrap(), expected);
            }
            Step::Change {
                receipt,
                timeout,
                error,
            } => {
                let Some(receipt) = self.receipt(receipt) else {
                    return;
                };
                let until = self.model.now + timeout;
                let entry = self.model.in_flight(parts(receipt));
                let expected = settled(entry.is_some());
                if let Some(entry) = entry {
                    entry.place = Place::InFlight { until };
                    entry.error |= error;
                }
                let timeout = Duration::from_millis(timeout);
                let change = ChangeVisibility {
                    receipt,
                    timeout,
                    error: error.then(|| "broken".into()),
                };
                assert_eq!(queue.change_visibility(&[change]).await.unwrap(), [expected]);
            }
            Step::Snooze { receipt, delay } => {
                let Some(receipt) = self.receipt(receipt) else {
                    return;
                };
                let until = self.model.now + delay;
                let entry = self.model.in_flight(parts(receipt));
                let expected = settled(entry.is_some());
                if let Some(entry) = entry {
                    entry.place = Place::Delayed { until };
                    entry.counted -= 1;
                }
                let snooze = Snooze {
                    receipt,
                    delay: Duration::from_millis(delay),
                };
                assert_eq!(queue.snooze(&[snooze]).await.unwrap(), [expected]);
            }
            Step::DeadLetter { receipt } => {
                let Some(receipt) = self.receipt(receipt) else {
                    return;
                };
                let current = self.model.current(parts(receipt)).is_some();
                if current {
                    let id = receipt.message_id();
                    let entry = self.model.end(id).unwrap();
                    self.model.dead.push((self.model.now, id, entry));
                }
                let letter = DeadLetter {
                    receipt,
                    reason: "given up".into(),
                };
                assert_eq!(queue.dead_letter(&[letter]).await.unwrap(), [settled(current)]);
            }
            Step::Redrive { max } => {
                let expected = self.model.redrive(max);
                assert_eq!(queue.dead_letter_queue().redrive(max).await.unwrap(), expected);
            }
            Step::Purge => {
                let expected = self.model.messages.len() as u64;
                self.model.messages.clear();
                self.model.left.clear();
                self.ended += expected;
                assert_eq!(queue.purge().await.unwrap(), expected);
            }
            Step::Wait { ms } => self.model.now += ms,
        }
    }

    async fn compare(&self) {
        let now = self.model.now;
        let attributes = self.queue.at(now).attributes().await.unwrap();
        let count = |wanted: fn(Place, u64) -> bool| {
            self.model
                .messages
                .values()
                .filter(|entry| wanted(entry.place, now))
                .count() as u64
        };
        let in_flight = count(|place, now| matches!(place, Place::InFlight { until } if until > now));
        let delayed = count(|place, now| matches!(place, Place::Delayed { until } if until > now));
        assert_eq!(attributes.in_flight, in_flight);
        assert_eq!(attributes.delayed, delayed);
        assert_eq!(
            attributes.visible,
            self.model.messages.len() as u64 - in_flight - delayed
        );
        assert_eq!(attributes.dead, self.model.dead.len() as u64);
        let oldest = self.model.messages.values().map(|entry| entry.sent_at).min();
        assert_eq!(
            attributes.oldest_age,
            oldest.map(|sent_at| Duration::from_millis(now - sent_at))
        );
        let held = attributes.visible + attributes.in_flight + attributes.delayed + attributes.dead;
        assert_eq!(self.sent, self.ended + held, "a message is lost");

        let letters = self.queue.dead_letter_queue().peek(0, 500).await.unwrap().items;
        let mut expected = self.model.dead.clone();
        expected.sort_by_key(|&(dead_at, id, _)| (dead_at, id));
        assert_eq!(letters.len(), expected.len());
        for (letter, (dead_at, id, entry)) in letters.iter().zip(expected) {
            assert_eq!(
                (letter.id, letter.dead_at, letter.receive_count),
                (id, dead_at, entry.counted)
            );
            assert_eq!(letter.sent_at, entry.sent_at);
            let exceeded = if entry.error {
                "max receive count exceeded: broken"
            } else {
                "max receive count exceeded"
            };
            assert!(
                ["given up", exceeded].contains(&letter.reason.as_str()),
                "{}",
                letter.reason
            );
        }
    }
}

fn parts(receipt: ReceiptHandle) -> (MessageId, u64) {
    let text = receipt.to_string();
    (receipt.message_id(), text.split(':').nth(1).unwrap().parse().unwrap())
}

/// Runs a history on a queue of its own and on the model.
fn run(steps: &[Step]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let policy = Policy {
            visibility_timeout: Duration::from_millis(TIMEOUT),
            max_receive_count: MAX_RECEIVES,
            dedup_window: Duration::from_millis(WINDOW),
            ..Policy::default()
        };
        let mut run = Run {
            queue: queue(policy),
            model: Model {
                now: T0,
                ..Model::default()
            },
            receipts: Vec::new(),
            sent: 0,
            ended: 0,
        };
        for step in steps {
            run.step(step).await;
            run.compare().await;
        }
        run.queue.purge().await.unwrap();
        run.queue.dead_letter_queue().purge().await.unwrap();
    });
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_history_is_one_that_sqs_could_have(steps in proptest::collection::vec(step(), 1..120)) {
        run(&steps);
    }
}

/// Given up while it is visible again, and redriven, a message has two places in the list. When it is received at one
/// and reappears at a third, the second comes first.
#[test]
fn a_message_with_two_places_is_received_at_the_first_and_once() {
    let send = || Step::Send {
        delay: 0,
        dedup: None,
        repeat: false,
    };
    run(&[
        send(),
        Step::Receive { max: 1 },
        Step::Wait { ms: TIMEOUT },
        send(),
        // Makes the first visible again, behind the second.
        Step::Receive { max: 1 },
        Step::DeadLetter { receipt: 1 },
        Step::Redrive { max: 1 },
        Step::Receive { max: 1 },
        send(),
        Step::Wait { ms: TIMEOUT },
        Step::Receive { max: 2 },
        Step::Receive { max: 4 },
        Step::Receive { max: 4 },
    ]);
}
