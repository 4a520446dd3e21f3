//! The fake against itself, over HTTP as any client meets it.

mod bulk;
mod documents;
mod faults;
mod graphql;
mod inventory;
mod rows;
mod support;
mod traffic;
mod webhooks;
