//! Everything that more than one function needs.
//!
//! Three leaf modules know one foreign system each and never import each other: [`shopify`], [`queue`] and
//! [`store`]. Only [`mirror`] joins them. `tests/it/layers.rs` reads the sources and fails on a broken wall.

pub mod carrier;
pub mod config;
pub mod import;
pub mod message;
pub mod mirror;
pub mod policies;
pub mod queue;
pub mod secrets;
pub mod shopify;
pub mod store;
pub mod telemetry;
pub mod throttle;
pub mod walk;
