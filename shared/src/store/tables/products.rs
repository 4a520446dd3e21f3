//! Products and what they are made of.

use crate::store::row::row;

row! {
    /// One product.
    pub struct Product: "Product" in "products" (id) {
        title: Option<String> => "text",
        handle: Option<String> => "text",
        status: Option<String> => "text",
        vendor: Option<String> => "text",
        product_type: Option<String> => "text",
        tags: Vec<String> => "text[]",
        body_html: Option<String> => "text",
        template_suffix: Option<String> => "text",
        has_variants_that_require_components: Option<bool> => "boolean",
        created_at: Option<String> => "timestamptz",
        published_at: Option<String> => "timestamptz",
    }
}

row! {
    /// One way in which the variants of a product differ.
    pub struct ProductOption: "ProductOption" in "product_options" (id) of (column "Product" product_id id) {
        product_id: i64 => "bigint",
        name: Option<String> => "text",
        position: Option<i32> => "integer",
        option_values: Vec<String> => "text[]",
    }
}

row! {
    /// One picture, film or model of a product.
    pub struct ProductMedia: "Media" in "product_media" (id) of (column "Product" product_id id) {
        product_id: i64 => "bigint",
        media_content_type: Option<String> => "text",
        alt: Option<String> => "text",
        status: Option<String> => "text",
        url: Option<String> => "text",
    }
}

row! {
    /// One variant.
    pub struct ProductVariant: "ProductVariant" in "product_variants" (id) of (column "Product" product_id id) {
        product_id: Option<i64> => "bigint",
        title: Option<String> => "text",
        sku: Option<String> => "text",
        barcode: Option<String> => "text",
        position: Option<i32> => "integer",
        price: Option<String> => "numeric",
        compare_at_price: Option<String> => "numeric",
        taxable: Option<bool> => "boolean",
        inventory_policy: Option<String> => "text",
        inventory_quantity: Option<i32> => "integer",
        inventory_item_id: Option<i64> => "bigint",
        options: Vec<String> => "text[]",
        created_at: Option<String> => "timestamptz",
    }
}
