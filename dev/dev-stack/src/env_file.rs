//! `.dev/env`: how to reach the running stack, in shell syntax (`set -a; . .dev/env`), which is also what
//! `cargo lambda watch --env-file` reads. No value needs quotes; a test sees to that.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::home::write_private;

/// The file of an instance folder.
pub fn path(dir: &Path) -> PathBuf {
    dir.join("env")
}

/// Writes the file; only its owner can read it.
pub fn write(dir: &Path, variables: &[(String, String)]) -> Result<()> {
    let mut text =
        String::from("# Written by dev-stack: the stack that runs now. For a shell: set -a; . .dev/env; set +a\n");
    for (name, value) in variables {
        ensure!(is_plain(value), "the value of {name} would need quotes");
        text.push_str(&format!("{name}={value}\n"));
    }
    write_private(&path(dir), &text)
}

/// Reads the file back.
pub fn read(dir: &Path) -> Result<Vec<(String, String)>> {
    let text = fs::read_to_string(path(dir)).context("no .dev/env: start the stack first (make up)")?;
    let lines = text.lines().filter_map(|line| line.split_once('='));
    Ok(lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// The same to a shell with and without quotes.
fn is_plain(value: &str) -> bool {
    value
        .chars()
        .all(|char| char.is_ascii_alphanumeric() || "_-.,:/@=+%{}".contains(char))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back_and_nothing_needs_quotes() {
        let dir = std::env::temp_dir().join(format!("mercury-env-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let variables = vec![
            ("A".to_owned(), "http://127.0.0.1:1/{shop}".to_owned()),
            ("B".to_owned(), "x=y".to_owned()),
        ];
        write(&dir, &variables).unwrap();
        assert_eq!(read(&dir).unwrap(), variables);
        assert!(write(&dir, &[("C".to_owned(), "two words".to_owned())]).is_err());
        fs::remove_dir_all(&dir).unwrap();
    }
}
