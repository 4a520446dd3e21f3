//! The bulk operations that an import is made of.

use shared::message::QueueName;
use shared::shopify;

/// One bulk operation.
#[derive(Debug)]
pub(crate) struct Definition {
    /// Its name in jobs, executions and messages.
    pub name: &'static str,
    /// What Shopify is asked to list.
    pub query: &'static str,
    /// The queue that takes its chunks.
    pub queue: QueueName,
}

static ALL: [Definition; 1] = [Definition {
    name: "products",
    query: shopify::PRODUCTS_BULK,
    queue: QueueName::ProductSync,
}];

/// The operation called `name`.
pub(crate) fn find(name: &str) -> Option<&'static Definition> {
    ALL.iter().find(|definition| definition.name == name)
}
