//! queue-drain.
fn main() {}
