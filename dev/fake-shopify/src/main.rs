//! fake-shopify.
fn main() {}
