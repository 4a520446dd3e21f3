//! webhook-ingest.
fn main() {}
