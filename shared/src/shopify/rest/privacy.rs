//! Compliance topics as Shopify writes them.

use serde::Deserialize;

use super::Stub;

/// The body of `customers/redact`.
#[derive(Debug, Deserialize)]
pub struct CustomerRedact {
    /// Whom it is about.
    pub customer: Option<NamedCustomer>,
    /// Orders that are to be erased with the customer.
    pub orders_to_redact: Option<Vec<i64>>,
}

/// The body of `customers/data_request`.
#[derive(Debug, Deserialize)]
pub struct CustomerDataRequest {
    /// Whom it is about.
    pub customer: Option<NamedCustomer>,
    /// Orders that are asked for.
    pub orders_requested: Option<Vec<i64>>,
    /// The request itself.
    pub data_request: Stub,
}

/// A customer, named by whatever is known: the number may be missing.
#[derive(Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "fields are named and documented by Shopify")]
pub struct NamedCustomer {
    pub id: Option<i64>,
    pub email: Option<String>,
    pub phone: Option<String>,
}
