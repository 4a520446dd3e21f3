//! How much time an invocation has.

use std::time::{Duration, SystemTime};

use lambda_runtime::Context;
use tokio::time::Instant;

/// Lambda's own limit. A deadline further away is no deadline.
const LONGEST: Duration = Duration::from_secs(900);
/// What is assumed when the runtime tells nonsense: `cargo lambda watch` says 1970.
const UNKNOWN: Duration = Duration::from_secs(55);

/// When this invocation will be stopped.
pub(crate) fn of(context: &Context) -> Instant {
    Instant::now() + remaining(context.deadline, SystemTime::now())
}

fn remaining(deadline_ms: u64, now: SystemTime) -> Duration {
    let deadline = SystemTime::UNIX_EPOCH + Duration::from_millis(deadline_ms);
    match deadline.duration_since(now) {
        Ok(left) if left <= LONGEST => left,
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absurd_deadline_counts_as_unknown() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        assert_eq!(remaining(600_000, now), UNKNOWN);
        assert_eq!(remaining(u64::from(u32::MAX) * 1_000_000, now), UNKNOWN);
        assert_eq!(remaining(1_800_000_010_000, now), Duration::from_secs(10));
    }
}
