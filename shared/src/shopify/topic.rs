//! Webhook topics.

use std::fmt;

/// The subject of a delivery, in the header's form. The closed part is what Mercury handles.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Topic {
    /// `products/create`
    ProductsCreate,
    /// `products/update`
    ProductsUpdate,
    /// `products/delete`
    ProductsDelete,
    /// `app/uninstalled`
    AppUninstalled,
    /// `customers/data_request`
    CustomersDataRequest,
    /// `customers/redact`
    CustomersRedact,
    /// `shop/redact`
    ShopRedact,
    /// Any other: logged with its payload, never lost, changes nothing.
    Other(String),
}

impl Topic {
    /// Reads a topic. Every text is one.
    pub fn parse(text: &str) -> Self {
        match text {
            "products/create" => Self::ProductsCreate,
            "products/update" => Self::ProductsUpdate,
            "products/delete" => Self::ProductsDelete,
            "app/uninstalled" => Self::AppUninstalled,
            "customers/data_request" => Self::CustomersDataRequest,
            "customers/redact" => Self::CustomersRedact,
            "shop/redact" => Self::ShopRedact,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The topic as the header writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::ProductsCreate => "products/create",
            Self::ProductsUpdate => "products/update",
            Self::ProductsDelete => "products/delete",
            Self::AppUninstalled => "app/uninstalled",
            Self::CustomersDataRequest => "customers/data_request",
            Self::CustomersRedact => "customers/redact",
            Self::ShopRedact => "shop/redact",
            Self::Other(text) => text,
        }
    }

    /// Whether no later reading of the store could make up for losing this delivery, so that it must be committed
    /// to Postgres before it is answered.
    pub fn is_irrecoverable(&self) -> bool {
        match self {
            Self::AppUninstalled | Self::CustomersDataRequest | Self::CustomersRedact | Self::ShopRedact => true,
            Self::ProductsCreate | Self::ProductsUpdate | Self::ProductsDelete | Self::Other(_) => false,
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Topic {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Topic {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::parse(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_written_as_it_was_read() {
        for text in [
            "products/create",
            "products/update",
            "products/delete",
            "app/uninstalled",
            "customers/data_request",
            "customers/redact",
            "shop/redact",
            "customer.tags_added",
        ] {
            assert_eq!(Topic::parse(text).as_str(), text);
        }
    }
}
