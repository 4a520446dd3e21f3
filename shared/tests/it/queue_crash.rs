//! Every call of every script, cut off before Redis gets it and after Redis has carried it out, once (the connection
//! repeats it) and twice (the caller does). In the end no message is lost, none is deleted that was not to be, none is
//! there twice, and the counters say what a recount says. For plain messages, fair groups and FIFO.

use std::{collections::BTreeMap, time::Duration};

use shared::queue::{
    ChangeVisibility, DeadLetter, Error, Message, MessageId, Policy, Queue, Redis, Redrive, RedriveStatus, Send, Snooze,
};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    queue_audit::Audit,
    queue_proxy::{Cut, Plan, Proxy},
    queue_support::{NO_WAIT, T0, receipts, settings},
};

/// When everything that was hidden is visible again.
const LATER: u64 = T0 + 1_200_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Grouped,
    Fifo,
}

/// What is called while the connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Send,
    Receive,
    Delete,
    HandBack,
    Snooze,
    DeadLetter,
    Cancel,
    Pause,
    Resume,
    SendBack,
    Redrive,
    DeleteDead,
    Purge,
    PurgeDead,
    StartRedrive,
    Advance,
    AdvanceElsewhere,
    CancelRedrive,
}

/// A queue with messages in every state, reached over a connection that can break and over one that cannot.
struct Scene {
    queue: Queue,
    calm: Queue,
    elsewhere: Queue,
    proxy: Proxy,
    audit: Audit,
    audit_elsewhere: Audit,
    kind: Kind,
    waiting: Vec<MessageId>,
    held: Vec<Message>,
    dead: Vec<MessageId>,
    /// Not sent yet.
    fresh: Vec<Send>,
}

impl Scene {
    async fn new(kind: Kind, call: Call) -> Self {
        let settings = settings();
        let proxy = Proxy::start(&settings).await;
        let redis = Redis::new(&proxy.settings).unwrap();
        // A connection that was never used is not repeated on.
        redis.ping().await.unwrap();
        let policy = Policy {
            fifo: kind == Kind::Fifo,
            visibility_timeout: Duration::from_secs(30),
            ..Policy::default()
        };
        let names = [(); 2].map(|()| format!("test-{}", Uuid::new_v4().simple()));
        let open = |redis: &Redis, name| Queue::new(redis.clone(), name, policy).unwrap().at(T0);
        let calm = open(&Redis::new(&settings).unwrap(), &names[0]);
        let elsewhere = open(&redis, &names[1]);

        let sends: Vec<Send> = (0..8).map(|n| message(kind, n)).collect();
        calm.send_batch(&sends).await.unwrap();
        let mut held = calm.receive(4, NO_WAIT).await.unwrap();
        let letters: Vec<DeadLetter> = held.drain(2..).map(|message| letter(&message)).collect();
        calm.dead_letter(&letters).await.unwrap();
        let dead: Vec<MessageId> = letters.iter().map(|letter| letter.receipt.message_id()).collect();
        let is_elsewhere = |send: &&Send| {
            let id = send.message_id();
            dead.contains(&id) || held.iter().any(|message| message.id == id)
        };
        let waiting = sends.iter().filter(|send| !is_elsewhere(send));
        let waiting: Vec<MessageId> = waiting.map(Send::message_id).collect();
        assert_eq!((waiting.len(), held.len(), dead.len()), (4, 2, 2));
        match call {
            Call::Resume => assert!(calm.pause(None).await.unwrap()),
            Call::Advance | Call::AdvanceElsewhere | Call::CancelRedrive => {
                let to = (call == Call::AdvanceElsewhere).then(|| names[1].clone());
                // With a step for each letter.
                let per_second = Some(1);
                let redrive = Redrive {
                    to,
                    per_second,
                    ..Redrive::default()
                };
                calm.dead_letter_queue().start_redrive(redrive).await.unwrap().unwrap();
            }
            _ => {}
        }
        Self {
            queue: open(&redis, &names[0]),
            audit: Audit::of(&settings, &calm).await,
            audit_elsewhere: Audit::of(&settings, &elsewhere).await,
            calm,
            elsewhere,
            proxy,
            kind,
            waiting,
            held,
            dead,
            fresh: (8..11).map(|n| message(kind, n)).collect(),
        }
    }

    async fn call(&self, call: Call) -> Result<(), Error> {
        let (queue, letters) = (&self.queue, self.queue.dead_letter_queue());
        let receipts = receipts(&self.held);
        match call {
            Call::Send => drop(queue.send_batch(&self.fresh).await?),
            Call::Receive => drop(queue.receive(3, NO_WAIT).await?),
            Call::Delete => drop(queue.delete(&receipts).await?),
            Call::HandBack => {
                let change = |receipt| ChangeVisibility {
                    receipt,
                    timeout: Duration::from_secs(5),
                    error: Some("e".into()),
                };
                queue
                    .change_visibility(&receipts.into_iter().map(change).collect::<Vec<_>>())
                    .await?;
            }
            Call::Snooze => {
                let delay = Duration::from_secs(5);
                let snooze = |receipt| Snooze { receipt, delay };
                queue
                    .snooze(&receipts.into_iter().map(snooze).collect::<Vec<_>>())
                    .await?;
            }
            Call::DeadLetter => {
                queue
                    .dead_letter(&self.held.iter().map(letter).collect::<Vec<_>>())
                    .await?;
            }
            Call::Cancel => drop(queue.cancel(&[self.waiting[0], self.held[0].id]).await?),
            Call::Pause => drop(queue.pause(self.held[0].group.as_deref()).await?),
            Call::Resume => drop(queue.resume(None).await?),
            Call::SendBack => drop(letters.send_back(&self.dead).await?),
            Call::Redrive => drop(letters.redrive(9).await?),
            Call::DeleteDead => drop(letters.delete(&self.dead[..1]).await?),
            Call::Purge => drop(queue.purge().await?),
            Call::PurgeDead => drop(letters.purge().await?),
            Call::StartRedrive => drop(letters.start_redrive(Redrive::default()).await?),
            Call::Advance | Call::AdvanceElsewhere => {
                for second in 0..3 {
                    let letters = queue.at(T0 + second * 1_000).dead_letter_queue();
                    let deadline = Instant::now() + Duration::from_secs(60);
                    letters.advance(deadline, |_| Ok(self.elsewhere.clone())).await?;
                }
            }
            Call::CancelRedrive => drop(letters.cancel_redrive().await?),
        }
        Ok(())
    }

    /// The messages that are still to be worked on after the call, and the dead letters.
    fn expected(&self, call: Call) -> (Vec<MessageId>, Vec<MessageId>) {
        let held: Vec<MessageId> = self.held.iter().map(|message| message.id).collect();
        let (waiting, dead) = (self.waiting.clone(), self.dead.clone());
        let alive = [waiting.clone(), held.clone()].concat();
        match call {
            Call::Send => {
                let fresh = self.fresh.iter().map(Send::message_id).collect();
                ([alive, fresh].concat(), dead)
            }
            Call::Delete => (waiting, dead),
            Call::DeadLetter => (waiting, [dead, held].concat()),
            Call::Cancel => ([&waiting[1..], &held[1..]].concat(), dead),
            Call::SendBack | Call::Redrive => ([alive, dead].concat(), vec![]),
            Call::DeleteDead => (alive, dead[1..].to_vec()),
            Call::Purge => (vec![], dead),
            Call::PurgeDead | Call::Advance | Call::AdvanceElsewhere => {
                let moved = if call == Call::Advance { dead } else { vec![] };
                ([alive, moved].concat(), vec![])
            }
            _ => (alive, dead),
        }
    }

    /// Works on everything, and returns it in the order in which it came.
    async fn drain(queue: &Queue) -> Vec<Message> {
        let mut drained = Vec::new();
        loop {
            let batch = queue.at(LATER).receive(3, NO_WAIT).await.unwrap();
            if batch.is_empty() {
                return drained;
            }
            queue.at(LATER).delete(&receipts(&batch)).await.unwrap();
            drained.extend(batch);
        }
    }

    async fn conclude(&mut self, call: Call) {
        let fifo = self.kind == Kind::Fifo;
        self.audit.check(fifo).await;
        self.audit_elsewhere.check(fifo).await;
        let redrives = self.calm.dead_letter_queue().redrives().await.unwrap();
        match call {
            Call::StartRedrive => assert_eq!(redrives.len(), 1),
            // After a lost answer the numbers may be smaller than the truth, never greater.
            Call::Advance | Call::AdvanceElsewhere => {
                assert!(redrives[0].status == RedriveStatus::Completed && redrives[0].moved <= 2);
            }
            Call::CancelRedrive => assert_eq!(redrives[0].status, RedriveStatus::Cancelled),
            _ => {}
        }
        if call == Call::Pause {
            let group = self.held[0].group.as_deref();
            assert!(self.calm.resume(group).await.unwrap(), "it was not paused");
        }
        let (alive, dead) = self.expected(call);
        let drained = Self::drain(&self.calm).await;
        assert_eq!(self.audit.check(fifo).await, (0, dead.len()));
        for message in &drained {
            let before = self.held.iter().any(|held| held.id == message.id);
            match call {
                // A receive whose answer was lost counts.
                Call::Receive => assert!((1..=3).contains(&message.receive_count)),
                Call::Snooze => assert_eq!(message.receive_count, 1, "a snoozed receive does not count"),
                _ => assert_eq!(message.receive_count, 1 + u32::from(before)),
            }
        }
        assert_order(self.kind, &drained);
        assert_eq!(sorted_ids(&drained), sorted(alive));
        let letters = self.calm.dead_letter_queue().peek(0, 99).await.unwrap().items;
        let died: Vec<MessageId> = letters.iter().map(|letter| letter.id).collect();
        assert_eq!(sorted(died), sorted(dead));

        let moved = Self::drain(&self.elsewhere).await;
        let expected = if call == Call::AdvanceElsewhere {
            self.dead.clone()
        } else {
            vec![]
        };
        assert_eq!(sorted_ids(&moved), sorted(expected));
        assert_eq!(self.calm.at(LATER).attributes().await.unwrap().bytes, 0);
        self.calm.purge().await.unwrap();
        self.calm.dead_letter_queue().purge().await.unwrap();
    }
}

fn message(kind: Kind, number: usize) -> Send {
    let send = Send::new(format!("body {number}")).attribute("n", number.to_string());
    if kind == Kind::Plain {
        return send;
    }
    send.group(["a", "b"][number % 2])
}

fn letter(message: &Message) -> DeadLetter {
    DeadLetter {
        receipt: message.receipt,
        reason: "given up".into(),
    }
}

fn sorted(mut ids: Vec<MessageId>) -> Vec<MessageId> {
    ids.sort();
    ids
}

fn sorted_ids(messages: &[Message]) -> Vec<MessageId> {
    sorted(messages.iter().map(|message| message.id).collect())
}

/// The messages of a group come in the order of sending, which is that of their identities.
fn assert_order(kind: Kind, messages: &[Message]) {
    let mut groups: BTreeMap<_, Vec<MessageId>> = BTreeMap::new();
    for message in messages.iter().filter(|_| kind != Kind::Plain) {
        groups.entry(&message.group).or_default().push(message.id);
    }
    for (group, ids) in groups {
        assert!(ids.is_sorted(), "group {group:?}: {ids:?}");
    }
}

/// Breaks each of the calls of scripts that this call makes, one after the other.
async fn survives(call: Call) {
    for kind in [Kind::Plain, Kind::Grouped, Kind::Fifo] {
        for (cut, times) in [(Cut::Request, 1), (Cut::Request, 2), (Cut::Answer, 1), (Cut::Answer, 2)] {
            for after in 0.. {
                let mut scene = Scene::new(kind, call).await;
                let plan = Plan { cut, after, times };
                scene.proxy.break_by(plan);
                let outcome = scene.call(call).await;
                let left = scene.proxy.mend();
                match outcome {
                    Ok(()) => assert!(left == times || (times, left) == (1, 0)),
                    Err(Error::Unavailable(_)) => {
                        assert_eq!((times, left), (2, 0), "the connection repeats a call once");
                        scene.audit.check(kind == Kind::Fifo).await;
                        scene.call(call).await.unwrap();
                    }
                    Err(error) => panic!("{error:?}"),
                }
                scene.conclude(call).await;
                // The call was over before the break.
                if left == times {
                    assert!(after > 0);
                    break;
                }
            }
        }
    }
}

macro_rules! laws {
    ($($name:ident: $call:ident,)*) => {$(
        #[tokio::test]
        async fn $name() {
            Box::pin(survives(Call::$call)).await;
        }
    )*};
}

laws! {
    a_broken_send_may_be_repeated_and_doubles_nothing: Send,
    a_broken_receive_loses_nothing: Receive,
    a_broken_delete_deletes_those_and_no_others: Delete,
    a_broken_change_of_visibility_keeps_the_message: HandBack,
    a_broken_snooze_counts_no_receive_and_uncounts_none_twice: Snooze,
    a_broken_dead_letter_is_dead_once: DeadLetter,
    a_broken_cancel_cancels_those_and_no_others: Cancel,
    a_broken_pause_pauses: Pause,
    a_broken_resume_resumes: Resume,
    a_broken_send_back_moves_every_letter_once: SendBack,
    a_broken_redrive_moves_every_letter_once: Redrive,
    a_broken_delete_of_dead_letters_deletes_those_and_no_others: DeleteDead,
    a_broken_purge_empties_the_queue_and_leaves_the_dead: Purge,
    a_broken_purge_of_the_dead_leaves_the_queue: PurgeDead,
    a_redrive_whose_start_breaks_is_started_once: StartRedrive,
    a_redrive_that_breaks_moves_every_letter_once: Advance,
    a_redrive_to_another_queue_that_breaks_moves_every_letter_once: AdvanceElsewhere,
    a_broken_cancel_of_a_redrive_cancels_it: CancelRedrive,
}
