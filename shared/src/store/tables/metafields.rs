//! Metafields of everything that has some.

use crate::store::row::row;

row! {
    /// One metafield.
    pub struct Metafield: "Metafield" in "metafields" (id) of (any) {
        owner_type: String => "text",
        owner_id: i64 => "bigint",
        namespace: Option<String> => "text",
        key: Option<String> => "text",
        type_name: Option<String> => "text",
        value: Option<String> => "text",
    }
}
