//! Remembers that Redis is away: it is not asked again at once, and not complained of at every call.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So long nobody asks again, so that calls to Shopify do not each wait for Redis first.
const PAUSE: Duration = Duration::from_secs(5);
/// One warning in this time.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);

/// When Redis did not answer.
#[derive(Debug, Default)]
pub(super) struct Outage(Mutex<Seen>);

#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    failed: Option<Instant>,
    warned: Option<Instant>,
}

impl Outage {
    /// Whether it is too early to ask again.
    pub fn lasts(&self) -> bool {
        let seen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.failed.is_some_and(|failed| failed.elapsed() < PAUSE)
    }

    /// Redis did not answer just now. Says whether that should be told.
    pub fn begins(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .failed_at(Instant::now())
    }
}

impl Seen {
    fn failed_at(&mut self, now: Instant) -> bool {
        self.failed = Some(now);
        let is_news = self
            .warned
            .is_none_or(|warned| now.duration_since(warned) >= BETWEEN_WARNINGS);
        if is_news {
            self.warned = Some(now);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_once_a_minute_and_nobody_asks_meanwhile() {
        let outage = Outage::default();
        assert!(!outage.lasts());
        assert!(outage.begins());
        assert!(outage.lasts());
        assert!(!outage.begins());
        let start = Instant::now();
        let mut seen = Seen::default();
        let told = |seen: &mut Seen, seconds| seen.failed_at(start + Duration::from_secs(seconds));
        assert_eq!(
            [0, 5, 59, 60, 61].map(|at| told(&mut seen, at)),
            [true, false, false, true, false]
        );
    }
}
