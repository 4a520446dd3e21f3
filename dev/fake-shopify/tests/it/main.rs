//! The fake against itself, over HTTP as any client meets it.

mod bulk;
mod collections;
mod customers;
mod documents;
mod faults;
mod goods;
mod graphql;
mod inventory;
mod orders;
mod rows;
mod shop;
mod support;
mod traffic;
mod traffic_kinds;
mod webhooks;
