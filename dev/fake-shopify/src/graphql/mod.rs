//! The Admin GraphQL API: the real schema, generic execution, query cost, errors in Shopify's form.
//!
//! A request goes down this list: `endpoint` (token, fault, log) → `schema` (parse, validate) → `cost` (bucket) →
//! `root` and `mutation` (resolvers) → `execute` (projection on the selection set).

mod access;
mod cost;
mod endpoint;
mod errors;
mod execute;
mod mutation;
pub mod page;
mod plan;
mod root;
pub mod schema;
pub mod value;

pub use access::Access;
pub use cost::Bucket;
pub use endpoint::graphql;
pub use execute::Executor;
pub use plan::{Plan, Source, arguments, is_connection};
pub use schema::VERSION;

pub use crate::json::Escape;
