//! A bucket of permits that refills with time.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Allows `burst` at once and `rate` a second in the long run, in this process.
#[derive(Debug)]
pub(crate) struct RateLimit {
    rate: f64,
    burst: f64,
    state: Mutex<(f64, Instant)>,
}

impl RateLimit {
    pub fn new(rate: f64, burst: f64) -> Self {
        Self {
            rate,
            burst,
            state: Mutex::new((burst, Instant::now())),
        }
    }

    /// Takes a permit, if there is one.
    pub fn allows(&self) -> bool {
        self.allows_at(Instant::now())
    }

    fn allows_at(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (permits, then) = *state;
        let permits = (permits + now.saturating_duration_since(then).as_secs_f64() * self.rate).min(self.burst);
        let allowed = permits >= 1.0;
        *state = (if allowed { permits - 1.0 } else { permits }, now);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn permits_run_out_and_come_back() {
        let start = Instant::now();
        let limit = RateLimit::new(2.0, 3.0);
        let allowed = |at| (0..10).filter(|_| limit.allows_at(at)).count();
        assert_eq!(allowed(start), 3);
        assert_eq!(allowed(start + Duration::from_secs(1)), 2);
        assert_eq!(allowed(start + Duration::from_secs(60)), 3);
    }
}
