//! The same random histories on our queue and on moto's SQS, through AWS's own SDK: the same messages come, with the same
//! receive counts and attributes, in FIFO queues each group in the same order; the counts are the same; the same messages
//! die. In whole seconds of real time, so all histories run side by side, and one that the machine is too slow for is
//! given up. `QUEUE_HISTORIES` is their number, 16 if it is not set.
//!
//! Where the two differ, Amazon's documentation decides, and the comparison says so under "Difference". Which messages
//! come if more are there than asked for, SQS leaves open; so every receive is repeated until nothing comes any more, and
//! in FIFO queues brings one message at a time.

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};

use crate::queue_differential_pair::Pair;

#[derive(Debug, Clone)]
pub enum Step {
    Send(Sending),
    SendBatch(Vec<Sending>),
    Receive { max: usize },
    Delete { held: usize },
    DeleteStale { old: usize },
    Change { held: usize, seconds: u32 },
    ChangeStale { old: usize },
    Purge,
    Wait { seconds: u64 },
}

#[derive(Debug, Clone)]
pub struct Sending {
    /// In standard queues.
    pub delay: Option<u32>,
    /// In FIFO queues.
    pub group: u8,
    /// In FIFO queues. Without one the content decides.
    pub dedup_id: Option<u8>,
    /// In FIFO queues: whether the body is one that was sent before.
    pub again: bool,
    pub attribute: Option<u8>,
}

pub fn step() -> impl Strategy<Value = Step> {
    let sending = || {
        let delay = proptest::option::weighted(0.3, 1..3_u32);
        let (dedup_id, attribute) = (
            proptest::option::weighted(0.5, 0..6_u8),
            proptest::option::of(any::<u8>()),
        );
        (delay, 0..3_u8, dedup_id, proptest::bool::weighted(0.2), attribute).prop_map(
            |(delay, group, dedup_id, again, attribute)| Sending {
                delay,
                group,
                dedup_id,
                again,
                attribute,
            },
        )
    };
    prop_oneof![
        5 => sending().prop_map(Step::Send),
        3 => proptest::collection::vec(sending(), 1..6).prop_map(Step::SendBatch),
        6 => (1..11_usize).prop_map(|max| Step::Receive { max }),
        5 => (0..9_usize).prop_map(|held| Step::Delete { held }),
        1 => (0..9_usize).prop_map(|old| Step::DeleteStale { old }),
        3 => (0..9_usize, 0..4_u32).prop_map(|(held, seconds)| Step::Change { held, seconds }),
        1 => (0..9_usize).prop_map(|old| Step::ChangeStale { old }),
        1 => Just(Step::Purge),
        3 => (1..3_u64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// Says whether the history was gone through to its end.
async fn run(fifo: bool, steps: Vec<Step>) -> bool {
    let mut pair = Pair::new(fifo).await;
    for step in &steps {
        if !pair.step(step).await {
            return false;
        }
    }
    pair.finish().await;
    true
}

async fn any_history(fifo: bool) {
    let count = std::env::var("QUEUE_HISTORIES").map_or(16, |count| count.parse().expect("a number"));
    let mut runner = TestRunner::new(Config::default());
    let histories = proptest::collection::vec(step(), 1..30);
    let running: Vec<_> = (0..count)
        .map(|_| {
            let steps = histories.new_tree(&mut runner).unwrap().current();
            (steps.clone(), tokio::spawn(run(fifo, steps)))
        })
        .collect();
    let mut finished = 0;
    for (steps, history) in running {
        finished += usize::from(
            history
                .await
                .unwrap_or_else(|failure| panic!("{failure}, by {steps:#?}")),
        );
    }
    assert!(
        finished * 2 >= count,
        "this machine is too slow: {finished} of {count} histories were compared"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standard_queue_answers_as_sqs_does() {
    any_history(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fifo_queue_answers_as_sqs_does() {
    any_history(true).await;
}
