//! Global ids: `gid://shopify/Product/123`.

use std::fmt;

/// A global id whose last part is a number. Anything after `?` belongs to Shopify and is kept in the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gid {
    text: String,
    kind_end: usize,
    id: i64,
}

/// The text is not a numeric global id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a global id: expected something like gid://shopify/Product/123")]
pub struct InvalidGid;

const PREFIX: &str = "gid://shopify/";

/// Splits a global id into its type and its number.
pub(crate) fn split(text: &str) -> Result<(&str, i64), InvalidGid> {
    let rest = text.strip_prefix(PREFIX).ok_or(InvalidGid)?;
    let (kind, id) = rest.split_once('/').ok_or(InvalidGid)?;
    let id = id.split_once('?').map_or(id, |(id, _)| id);
    if kind.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidGid);
    }
    Ok((kind, id.parse().map_err(|_| InvalidGid)?))
}

impl Gid {
    /// Makes the global id of the `kind` numbered `id`.
    pub fn new(kind: &str, id: i64) -> Self {
        Self {
            text: format!("{PREFIX}{kind}/{id}"),
            kind_end: PREFIX.len() + kind.len(),
            id,
        }
    }

    /// Reads a global id.
    pub fn parse(text: &str) -> Result<Self, InvalidGid> {
        let (kind, id) = split(text)?;
        Ok(Self {
            text: text.to_owned(),
            kind_end: PREFIX.len() + kind.len(),
            id,
        })
    }

    /// The type, such as `Product`.
    pub fn kind(&self) -> &str {
        &self.text[PREFIX.len()..self.kind_end]
    }

    /// The number.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// The whole text, as the Admin API takes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Gid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl serde::Serialize for Gid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> serde::Deserialize<'de> for Gid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_above_two_to_the_53_stay_exact() {
        let gid = Gid::parse("gid://shopify/Product/788032119674292922").unwrap();
        assert_eq!((gid.kind(), gid.id()), ("Product", 788_032_119_674_292_922));
        assert_eq!(Gid::new("Product", 788_032_119_674_292_922), gid);
    }

    #[test]
    fn what_follows_a_question_mark_is_not_part_of_the_number() {
        let gid = Gid::parse("gid://shopify/InventoryLevel/24826418?inventory_item_id=1").unwrap();
        assert_eq!(gid.id(), 24_826_418);
        assert!(gid.as_str().ends_with("?inventory_item_id=1"));
    }

    #[test]
    fn what_is_not_numeric_is_refused() {
        for text in [
            "gid://shopify/TaxonomyCategory/aa-1-13-8",
            "gid://shopify/Product/",
            "Product/1",
            "gid://shopify/Product/-1",
        ] {
            assert_eq!(Gid::parse(text), Err(InvalidGid), "{text}");
        }
    }
}
