//! A working imitation of Shopify over HTTP: the Admin GraphQL API with bulk operations, and the webhook sender.
//!
//! It exists so that a mirror can be tested whole. It validates every document against Shopify's real schema, answers
//! from a seeded catalogue that can be edited, exports it as JSONL with Shopify's quirks, signs and delivers webhooks
//! with retries, and misbehaves on request. `_fake` routes, or [`Server`] in a test, say what to do.
//!
//! It must not know the mirror: no code is shared with it, or both would share one mistake.

mod bulk;
mod catalogue;
mod clock;
mod config;
mod control;
mod faults;
mod graphql;
mod json;
mod requests;
mod server;
mod shop;
mod traffic;
mod webhook;

pub use catalogue::{
    AddressEdit, AddressFields, CancelFields, Change, CollectionFields, Column, ConsentFields, CustomerFields, Edit,
    FulfilFields, ItemFields, Key, LevelFields, LineEdit, LocationFields, Membership, Merge, MetafieldFields,
    NewCollection, NewCustomer, NewOrder, NewProduct, OrderFields, Owner, ProductFields, RefundFields, Rule,
    ShopFields, Table, TagFields, TrackingFields, VariantFields,
};
pub use config::{BulkConfig, Config};
pub use faults::Fault;
pub use requests::Request;
pub use server::Server;
pub use traffic::{Report, Traffic};
pub use webhook::{Outcome, sign};
