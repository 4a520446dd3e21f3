//! bulk-import.
fn main() {}
