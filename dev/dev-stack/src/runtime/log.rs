//! Where a function's output goes: whole into its file and, if wanted, what is news onto the terminal.

use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// The log file of a function, shared by its environments.
#[derive(Debug, Clone)]
pub(super) struct Log {
    file: Arc<Mutex<File>>,
    name: String,
    echo: bool,
}

impl Log {
    /// Lines go to `file` and, with `echo`, to the terminal with the function's name before them.
    pub(super) fn new(file: File, name: &str, echo: bool) -> Self {
        let file = Arc::new(Mutex::new(file));
        Self {
            file,
            name: name.to_owned(),
            echo,
        }
    }

    /// Copies a stream until its end. The emulator's own lines (`quiet`) are for the file only.
    pub(super) fn copy(&self, stream: impl AsyncRead + Unpin + Send + 'static, quiet: bool) {
        let log = self.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                // A full disk must not stop the function.
                drop(writeln!(
                    log.file.lock().unwrap_or_else(PoisonError::into_inner),
                    "{line}"
                ));
                if log.echo
                    && !quiet
                    && let Some(text) = news(&line)
                {
                    println!("[{}] {text}", log.name);
                }
            }
        });
    }
}

/// A line for a person: what the functions log as JSON as plain words, and nothing of what happens all the time.
fn news(line: &str) -> Option<String> {
    let of_emulator = ["START ", "END ", "REPORT "].iter().any(|word| line.starts_with(word));
    if of_emulator || line.is_empty() {
        return None;
    }
    let Ok(Value::Object(mut fields)) = serde_json::from_str::<Value>(line) else {
        return Some(line.to_owned());
    };
    let mut text = |name: &str| fields.remove(name).and_then(|value| value.as_str().map(str::to_owned));
    let (Some(level), Some(message)) = (text("level"), text("message")) else {
        return Some(line.to_owned());
    };
    // An empty queue, seen every few seconds.
    if message == "queue drained" && fields.get("received").is_some_and(|received| received == 0) {
        return None;
    }
    for name in ["timestamp", "target", "span", "spans"] {
        fields.remove(name);
    }
    Some(format!("{level:5} {message}{}", words(&fields)))
}

fn words(fields: &Map<String, Value>) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    fields
        .iter()
        .map(|(name, value)| format!(" {name}={}", plain(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_json_becomes_words() {
        let line = r#"{"timestamp":"t","level":"WARN","message":"handed back","count":2,"queue.name":"a","target":"b","spans":[]}"#;
        assert_eq!(news(line).unwrap(), "WARN  handed back count=2 queue.name=a");
        assert_eq!(news("thread 'main' panicked").unwrap(), "thread 'main' panicked");
    }

    #[test]
    fn what_happens_all_the_time_is_no_news() {
        assert_eq!(news("START RequestId: 1 Version: $LATEST"), None);
        let drained = |received| format!(r#"{{"level":"INFO","message":"queue drained","received":{received}}}"#);
        assert_eq!(news(&drained(0)), None);
        assert!(news(&drained(1)).is_some());
    }
}
