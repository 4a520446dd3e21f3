//! Speaks Shopify: webhooks in, Admin GraphQL out, bulk results down.
//!
//! Nothing here knows Redis or Postgres, or what becomes of what was read. Ids are `i64`, never floats; times are
//! Shopify's clock, never ours.

mod budget;
mod bulk;
mod client;
mod domain;
mod error;
mod fetch;
mod gid;
pub mod graphql;
mod jsonl;
mod list;
mod pace;
pub mod rest;
mod result_file;
mod subscriptions;
mod topic;
pub mod webhook;

pub use budget::{Budget, Call, Outcome, Priority, Reservation, Taken, Told};
pub use bulk::{BulkOperation, BulkStatus};
pub use client::{Answer, Client, Settings};
pub use domain::{InvalidDomain, ShopDomain};
pub use error::Error;
pub use fetch::{PRODUCT_EXTRAS, Whole, fetchable_kinds};
pub use gid::{Gid, InvalidGid};
pub use jsonl::LineSplitter;
pub use list::{Changes, Consent, CustomerParts, Item, Level, List, ListPage, Position};
pub use result_file::{Probe, RangeReader, ResultFiles};
pub use subscriptions::{Subscribed, topic_name};
pub use topic::{SUBSCRIBABLE, Topic};
