//! Collections and what is in them.

use crate::store::row::row;

row! {
    /// One collection.
    pub struct Collection: "Collection" in "collections" (id) {
        title: Option<String> => "text",
        handle: Option<String> => "text",
        body_html: Option<String> => "text",
        sort_order: Option<String> => "text",
        template_suffix: Option<String> => "text",
    }
}

row! {
    /// One product's membership in a collection.
    pub struct CollectionProduct: "CollectionProduct" in "collection_products" (collection_id, product_id)
        of (key "Collection" collection_id product_id) and (key "Product" product_id collection_id) {}
}
