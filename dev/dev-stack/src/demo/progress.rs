//! One line that moves on a terminal, and now and then a line elsewhere.

use std::io::{IsTerminal, Write, stdout};
use std::time::{Duration, Instant};

use serde_json::Value;

/// In a log file a line this often is enough.
const QUIET: Duration = Duration::from_secs(2);
const WIDTH: u64 = 30;

/// The line.
pub(super) struct Line {
    terminal: bool,
    shown: Option<(Instant, String)>,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            terminal: stdout().is_terminal(),
            shown: None,
        }
    }

    pub(super) fn show(&mut self, text: &str) {
        if self.terminal {
            print!("\r  {text}\x1b[K");
            // A terminal that is gone shows nothing.
            drop(stdout().flush());
            self.shown = Some((Instant::now(), text.to_owned()));
            return;
        }
        let fresh = self
            .shown
            .as_ref()
            .is_none_or(|(at, last)| at.elapsed() >= QUIET && last != text);
        if fresh {
            println!("  {text}");
            self.shown = Some((Instant::now(), text.to_owned()));
        }
    }

    pub(super) fn end(&mut self) {
        if self.terminal && self.shown.is_some() {
            println!();
        }
    }
}

/// `[######....] 1,234 / 5,678 things (21 %)…`
pub(super) fn bar(done: u64, total: u64, things: &str, rest: &str) -> String {
    if total == 0 {
        return format!("{} {things}{rest}", grouped(done));
    }
    let part = done.min(total);
    let filled = usize::try_from(part * WIDTH / total).unwrap_or_default();
    let (full, empty) = ("#".repeat(filled), ".".repeat(WIDTH as usize - filled));
    let percent = part * 100 / total;
    format!(
        "[{full}{empty}] {} / {} {things} ({percent} %){rest}",
        grouped(done),
        grouped(total)
    )
}

/// What `sync.job` says, in one line.
pub(super) fn describe(job: &Value) -> String {
    let number = |name: &str| job[name].as_f64();
    let lines = number("lines").unwrap_or_default();
    let total = number("totalLines").unwrap_or_default();
    let mut rest = String::new();
    if let Some(rate) = number("rowsPerSecond").filter(|rate| *rate > 0.0) {
        rest.push_str(&format!(", {} lines/s", grouped(rate as u64)));
    }
    if let Some(eta) = number("etaSeconds").filter(|eta| *eta > 0.0) {
        rest.push_str(&format!(", {eta:.0} s to go"));
    }
    let phase = job["phase"].as_str().or(job["status"].as_str()).unwrap_or("unknown");
    format!("{phase:9} {}", bar(lines as u64, total as u64, "lines", &rest))
}

/// `1,234,567`
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_only_at_the_end() {
        assert_eq!(
            bar(29_999, 30_000, "lines", ""),
            format!("[{}.] 29,999 / 30,000 lines (99 %)", "#".repeat(29))
        );
        assert_eq!(bar(0, 0, "lines", ""), "0 lines");
        assert!(bar(5, 3, "lines", "").contains(&"#".repeat(30)));
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            [grouped(0), grouped(999), grouped(1000), grouped(1_234_567)],
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
