//! How long a failed message waits: exponential with full jitter and a cap, by the class of its error.

use std::time::Duration;

use rand::RngExt;
use shared::mirror::Disposition;
use shared::policies::{Backoff, Treatment};

/// When a message whose handling failed comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// After this long; the receive counts.
    Retry(Duration),
    /// After this long; the receive does not count.
    Snooze(Duration),
    /// Never.
    DeadLetter,
}

/// What comes next after the `receive_count`-th receive failed.
///
/// Unless the queue's treatment says otherwise: ours is away: up to 1 s, 2 s, 4 s, … 60 s. Shopify is away: up to 10 s,
/// 20 s, 40 s, … 15 min. After the most receives it is a dead letter.
pub(crate) fn next(disposition: Disposition, receive_count: u32, treatment: &Treatment) -> Next {
    let Backoff { base, cap } = match disposition {
        Disposition::DeadLetter => return Next::DeadLetter,
        // A little more than asked for, each its own: not all at once.
        Disposition::RetryAfter(wait) => return Next::Snooze(wait + jitter(Duration::from_secs(2))),
        _ if receive_count >= treatment.policy.max_receive_count => return Next::DeadLetter,
        Disposition::RetrySoon => treatment.retry_soon,
        Disposition::RetryLater => treatment.retry_later,
    };
    let doublings = receive_count.saturating_sub(1).min(16);
    Next::Retry(jitter((base * 2u32.pow(doublings)).min(cap)))
}

/// Anything from nothing to `most`.
fn jitter(most: Duration) -> Duration {
    most.mul_f64(rand::rng().random_range(0.0..=1.0))
}

#[cfg(test)]
mod tests {
    use shared::queue::Policy;

    use super::*;

    fn treatment(max_receive_count: u32) -> Treatment {
        Treatment {
            policy: Policy {
                max_receive_count,
                ..Policy::default()
            },
            retry_soon: Backoff::of(1, 60),
            retry_later: Backoff::of(10, 900),
        }
    }

    #[test]
    fn the_wait_doubles_up_to_its_cap() {
        let longest = |disposition, receive_count| {
            (0..400)
                .map(|_| match next(disposition, receive_count, &treatment(100)) {
                    Next::Retry(wait) => wait,
                    other => panic!("{other:?}"),
                })
                .max()
                .unwrap()
        };
        for (count, most) in [(1, 1), (3, 4), (7, 60), (40, 60)] {
            let longest = longest(Disposition::RetrySoon, count).as_secs_f64();
            assert!(
                longest <= f64::from(most) && longest > f64::from(most) * 0.8,
                "{count}: {longest}"
            );
        }
        assert!(longest(Disposition::RetryLater, 60) <= Duration::from_secs(900));
    }

    #[test]
    fn the_last_receive_ends_in_the_dead_letter_queue_but_a_throttle_never_does() {
        assert_eq!(next(Disposition::RetrySoon, 8, &treatment(8)), Next::DeadLetter);
        assert_eq!(next(Disposition::DeadLetter, 1, &treatment(8)), Next::DeadLetter);
        let wait = Duration::from_secs(5);
        assert!(
            matches!(next(Disposition::RetryAfter(wait), 8, &treatment(8)), Next::Snooze(snooze) if snooze >= wait)
        );
    }
}
