//! fake-shopify.
