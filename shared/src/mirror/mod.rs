//! From wire shape to row to statement: the one module that joins [`crate::shopify`] and [`crate::store`].
//!
//! Webhooks, single fetches and bulk files all end in the same rows and the same statements, so they cannot disagree
//! about a column. Every application is one transaction that may run twice, late or out of order. Knows no Redis and
//! no Lambda: what must be fetched is returned, not sent.

pub mod chunk;
mod collections;
mod customers;
mod error;
mod inventory;
mod line;
pub mod log;
mod metafields;
mod order_parts;
mod orders;
pub mod privacy;
mod products;
pub mod resource;
mod rows;
pub mod sweep;
mod topics;
mod visible;
pub mod walk;
mod wants;
pub mod webhook;
mod write;

pub use error::{Disposition, Error};
