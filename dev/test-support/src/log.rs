//! What a test logs, to be searched for what must not be there.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing::{Dispatch, Level};

/// Everything that this thread logs while this value lives, whatever the level.
#[derive(Debug)]
pub struct Log {
    written: Arc<Mutex<Vec<u8>>>,
    _guard: DefaultGuard,
    /// As long as there is only one subscriber, a line that another test's thread reaches first is switched off for
    /// all of them. A second one, which wants nothing, makes `tracing` ask both.
    _second: Dispatch,
}

impl Log {
    /// Begins to listen. First thing in a test.
    pub fn start() -> Self {
        let second = Dispatch::new(NoSubscriber::default());
        let written = Arc::new(Mutex::default());
        let writer = Writer(Arc::clone(&written));
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        Self {
            written,
            _guard: tracing::subscriber::set_default(subscriber),
            _second: second,
        }
    }

    /// What was logged so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().expect("a log is never poisoned")).into_owned()
    }

    /// Fails if one of `lines` was not logged: then its absence from the secrets would prove nothing.
    pub fn assert_with(&self, lines: &[&str]) {
        let text = self.text();
        for line in lines {
            assert!(text.contains(line), "`{line}` is not in the log");
        }
    }

    /// Fails if one of `secrets` was logged.
    pub fn assert_without(&self, secrets: &[&str]) {
        let text = self.text();
        for secret in secrets {
            let line = text.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "`{secret}` is in the log");
        }
    }
}

#[derive(Clone)]
struct Writer(Arc<Mutex<Vec<u8>>>);

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("a log is never poisoned").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
