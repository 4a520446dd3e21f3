//! dev-stack.
fn main() {}
