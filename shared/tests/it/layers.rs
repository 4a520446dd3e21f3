//! The walls of the house, read from the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// A part of the house, and what must not appear in it.
const WALLS: [(&str, &[&str]); 13] = [
    (
        "shared/src/shopify",
        &[
            "crate::queue",
            "crate::store",
            "crate::mirror",
            "crate::message",
            "sqlx::",
            "redis::",
        ],
    ),
    (
        "shared/src/queue",
        &[
            "crate::shopify",
            "crate::store",
            "crate::mirror",
            "crate::message",
            "sqlx::",
            "reqwest::",
        ],
    ),
    (
        "shared/src/store",
        &[
            "crate::shopify",
            "crate::queue",
            "crate::mirror",
            "crate::message",
            "redis::",
            "reqwest::",
        ],
    ),
    ("shared/src/throttle.rs", THROTTLE_KNOWS_NO),
    ("shared/src/throttle", THROTTLE_KNOWS_NO),
    ("shared/src/mirror", &["crate::queue", "redis::", "lambda_"]),
    (
        "shared/src/message.rs",
        &["crate::store", "crate::mirror", "crate::queue"],
    ),
    ("functions/webhook-ingest/src", FUNCTIONS_HOLD_NO),
    ("functions/queue-drain/src", FUNCTIONS_HOLD_NO),
    ("functions/bulk-import/src", FUNCTIONS_HOLD_NO),
    ("functions/admin/src", FUNCTIONS_HOLD_NO),
    ("functions/reconcile/src", FUNCTIONS_HOLD_NO),
    ("dev/fake-shopify/src", &["shared::"]),
];

/// Neither what is asked nor where it is kept; of the queue it has the connection only.
const THROTTLE_KNOWS_NO: &[&str] = &[
    "crate::store",
    "crate::mirror",
    "crate::message",
    "queue::Queue",
    "sqlx::",
    "reqwest::",
];

/// Neither SQL nor a Redis key.
const FUNCTIONS_HOLD_NO: &[&str] = &["sqlx", "redis::", "{mercury:"];

const FUNCTIONS: [&str; 5] = ["webhook_ingest", "queue_drain", "bulk_import", "admin", "reconcile"];

#[test]
fn no_module_reaches_through_a_wall() {
    let mut broken = Vec::new();
    for (part, forbidden) in WALLS {
        for file in sources(part) {
            let text = fs::read_to_string(&file).unwrap();
            for word in forbidden.iter().filter(|word| code(&text).contains(*word)) {
                broken.push(format!("{} mentions `{word}`", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn no_function_imports_another() {
    for name in FUNCTIONS {
        for file in sources(&format!("functions/{}/src", name.replace('_', "-"))) {
            let text = fs::read_to_string(&file).unwrap();
            for other in FUNCTIONS.iter().filter(|other| **other != name) {
                assert!(
                    !code(&text).contains(&format!("{other}::")),
                    "{} imports {other}",
                    file.display()
                );
            }
            let is_main = file.ends_with("main.rs");
            assert!(
                is_main || !code(&text).contains(&format!("{name}::")),
                "{} imports itself",
                file.display()
            );
        }
    }
}

#[test]
fn the_environment_is_read_in_one_place() {
    for part in ["shared/src", "functions"] {
        for file in sources(part).into_iter().filter(|file| !file.ends_with("config.rs")) {
            let text = fs::read_to_string(&file).unwrap();
            assert!(
                !code(&text).contains("std::env"),
                "{} reads the environment",
                file.display()
            );
        }
    }
}

/// The text without its comments, so that a wall may be spoken of.
fn code(text: &str) -> String {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Every Rust source of a folder, or the one file.
fn sources(part: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(part);
    if root.is_file() {
        return vec![root];
    }
    let mut found = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|_| panic!("{} is no folder", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "no sources under {part}");
    found
}
