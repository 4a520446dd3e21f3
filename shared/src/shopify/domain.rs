//! The name of a store.

use std::fmt;

/// A store's permanent name, `example.myshopify.com`, lower case. The tenant key of everything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShopDomain(String);

/// The text is not the name of a store.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a store's name: expected something like example.myshopify.com")]
pub struct InvalidDomain;

impl ShopDomain {
    /// Reads a store's name. The whole text must be the name: the pattern in Shopify's documentation has no end
    /// anchor and would let `x.myshopify.com.evil.example` through.
    pub fn parse(text: &str) -> Result<Self, InvalidDomain> {
        let lower = text.trim().to_ascii_lowercase();
        let name = lower.strip_suffix(".myshopify.com").ok_or(InvalidDomain)?;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let valid = name.len() <= 63
            && name.bytes().next().is_some_and(plain)
            && name.bytes().all(|byte| plain(byte) || byte == b'-');
        if valid { Ok(Self(lower)) } else { Err(InvalidDomain) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ShopDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for ShopDomain {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for ShopDomain {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_known_by_its_whole_name() {
        assert_eq!(
            ShopDomain::parse("Example-1.MyShopify.com").unwrap().as_str(),
            "example-1.myshopify.com"
        );
        for foreign in [
            "example.myshopify.com.evil.example",
            "evil.example/example.myshopify.com",
            "evil.example?.myshopify.com",
            "example.myshopify.com\nx",
            "-example.myshopify.com",
            ".myshopify.com",
            "myshopify.com",
            "a.b.myshopify.com",
            "",
        ] {
            assert_eq!(ShopDomain::parse(foreign), Err(InvalidDomain), "{foreign}");
        }
    }
}
