//! The shop's clock: the only place that reads the time or waits.
//!
//! Instants are microseconds since 1970 UTC, because `X-Shopify-Triggered-At` carries six fraction digits.
//! What a shop calls `updatedAt` is such an instant cut to whole seconds, so several changes can carry the
//! same one. `Clock::tick` never returns the same instant twice: the order of changes is always known here,
//! even when the mirror under test cannot see it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;

/// A wall clock whose ticks are strictly increasing.
#[derive(Debug, Default)]
pub struct Clock {
    last: AtomicI64,
}

impl Clock {
    /// The present instant, later than any this clock gave before.
    pub fn tick(&self) -> i64 {
        let now = micros();
        let before = self
            .last
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(now.max(last + 1)));
        now.max(before.unwrap_or(0) + 1)
    }
}

/// The present instant.
pub fn micros() -> i64 {
    Utc::now().timestamp_micros()
}

/// The present instant in whole seconds.
pub fn seconds() -> i64 {
    micros().div_euclid(SECOND)
}

/// Waits; the fake really takes the time it claims to take.
pub async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// `2026-11-24T08:11:47Z`, the form of GraphQL's `DateTime`.
pub fn utc(seconds: i64) -> String {
    at(seconds * SECOND).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// `2026-11-24T08:11:47.000Z`, the form inside `variant_gids`.
pub fn utc_millis(seconds: i64) -> String {
    at(seconds * SECOND).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `2026-11-24T08:11:47.012Z`, the form of `occurredAt`.
pub fn utc_fraction(micros: i64) -> String {
    at(micros).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `2026-11-24T08:11:47.012345Z`, the form of `X-Shopify-Triggered-At`.
pub fn utc_micros(micros: i64) -> String {
    at(micros).to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// `2026-11-24T03:11:47-05:00`, the form of webhook bodies.
pub fn local(seconds: i64, offset_minutes: i32) -> String {
    let offset = FixedOffset::east_opt(offset_minutes * 60).expect("an offset is less than a day");
    at(seconds * SECOND)
        .with_timezone(&offset)
        .to_rfc3339_opts(SecondsFormat::Secs, false)
}

/// Reads a date or an instant as a search term writes it; the answer is in whole seconds.
pub fn parse(text: &str) -> Option<i64> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.timestamp());
    }
    let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc().timestamp())
}

fn at(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).expect("instants of a shop are within chrono's range")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_never_repeat() {
        let clock = Clock::default();
        let ticks: Vec<i64> = (0..10_000).map(|_| clock.tick()).collect();
        assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn every_form_of_an_instant() {
        let s = 1_795_508_707;
        assert_eq!(utc(s), "2026-11-24T08:25:07Z");
        assert_eq!(utc_millis(s), "2026-11-24T08:25:07.000Z");
        assert_eq!(utc_micros(s * SECOND + 12), "2026-11-24T08:25:07.000012Z");
        assert_eq!(local(s, -300), "2026-11-24T03:25:07-05:00");
        assert_eq!(parse("2026-11-24T08:25:07Z"), Some(s));
        assert_eq!(parse("2026-11-24"), Some(s - 8 * 3600 - 25 * 60 - 7));
        assert_eq!(parse("yesterday"), None);
    }
}
