//! The mirror's side of the proof: which columns of which view are compared, and how they are written.
//!
//! A column that is missing here is a column that nobody proves.

/// A mirrored table, read through its view.
pub(super) struct Table {
    /// The view's name, and the store's name for the same rows.
    pub name: &'static str,
    /// The columns that tell rows apart.
    pub keys: &'static str,
    /// The columns in the canonical order: `name`, or `name:form` where the text of Postgres is not the canonical one.
    columns: &'static str,
}

pub(super) const TABLES: [Table; 18] = [
    Table {
        name: "products",
        keys: "id",
        columns: "id title handle status vendor product_type tags:list body_html template_suffix \
                  has_variants_that_require_components created_at:time updated_at:time published_at:time",
    },
    Table {
        name: "product_options",
        keys: "id",
        columns: "id product_id name position option_values:list",
    },
    Table {
        name: "product_media",
        keys: "id",
        columns: "id product_id media_content_type alt status url",
    },
    Table {
        name: "product_variants",
        keys: "id",
        columns: "id product_id title sku barcode position price:money compare_at_price:money taxable \
                  inventory_policy inventory_quantity inventory_item_id options:list created_at:time updated_at:time",
    },
    Table {
        name: "collections",
        keys: "id",
        columns: "id title handle body_html sort_order template_suffix updated_at:time",
    },
    Table {
        name: "collection_products",
        keys: "collection_id, product_id",
        columns: "collection_id product_id",
    },
    Table {
        name: "locations",
        keys: "id",
        columns: "id name active address1 address2 city zip province_code country_code phone created_at:time \
                  updated_at:time",
    },
    Table {
        name: "inventory_items",
        keys: "id",
        columns: "id sku tracked requires_shipping cost:money country_code_of_origin province_code_of_origin \
                  harmonized_system_code created_at:time updated_at:time",
    },
    Table {
        name: "inventory_levels",
        keys: "inventory_item_id, location_id",
        columns: "inventory_item_id location_id available updated_at:time",
    },
    Table {
        name: "customers",
        keys: "id",
        columns: "id first_name last_name email phone state note verified_email tax_exempt tax_exemptions:list \
                  default_address_id created_at:time updated_at:time tags:list number_of_orders amount_spent:money \
                  amount_spent_currency last_order_id email_marketing_state email_marketing_opt_in_level \
                  email_marketing_updated_at:time sms_marketing_state sms_marketing_opt_in_level \
                  sms_marketing_updated_at:time",
    },
    Table {
        name: "customer_addresses",
        keys: "id",
        columns: "id customer_id first_name last_name company address1 address2 city province province_code country \
                  country_code zip phone",
    },
    Table {
        name: "orders",
        keys: "id",
        columns: "id name number email phone customer_id financial_status fulfillment_status currency_code \
                  presentment_currency_code subtotal_price:money total_price:money total_tax:money \
                  total_discounts:money total_shipping_price:money current_subtotal_price:money \
                  current_total_price:money presentment_subtotal_price:money presentment_total_price:money \
                  presentment_total_tax:money presentment_total_discounts:money \
                  presentment_total_shipping_price:money presentment_current_total_price:money tags:list note \
                  discount_codes:list payment_gateway_names:list source_name po_number test confirmed taxes_included \
                  cancel_reason cancelled_at:time closed_at:time processed_at:time created_at:time updated_at:time \
                  billing_address:place shipping_address:place",
    },
    Table {
        name: "order_line_items",
        keys: "id",
        columns: "id order_id product_id variant_id title variant_title sku vendor quantity current_quantity \
                  price:money presentment_price:money total_discount:money presentment_total_discount:money \
                  requires_shipping taxable gift_card",
    },
    Table {
        name: "order_transactions",
        keys: "id",
        columns: "id order_id parent_id kind status gateway amount:money currency_code test error_code \
                  created_at:time processed_at:time",
    },
    Table {
        name: "refunds",
        keys: "id",
        columns: "id order_id note created_at:time",
    },
    Table {
        name: "refund_line_items",
        keys: "id",
        columns: "id refund_id line_item_id quantity restock_type subtotal:money presentment_subtotal:money \
                  total_tax:money presentment_total_tax:money",
    },
    Table {
        name: "fulfillments",
        keys: "id",
        columns: "id order_id location_id name status tracking_company tracking_numbers:list tracking_urls:list \
                  created_at:time updated_at:time",
    },
    Table {
        name: "metafields",
        keys: "id",
        columns: "id owner_type owner_id namespace key type value updated_at:time",
    },
];

impl Table {
    /// The query of all canonical lines of a shop, which is its parameter: `line`, and the keys.
    pub fn lines(&self) -> String {
        let texts: Vec<String> = self.columns.split_whitespace().map(text).collect();
        format!(
            "select {keys}, array_to_string(array[{texts}], '|', '\\N') as line from live.{name} \
             where shop_id = (select id from shops where domain = $1)",
            keys = self.keys,
            texts = texts.join(", "),
            name = self.name,
        )
    }
}

/// A column as the texts of its canonical form.
fn text(column: &str) -> String {
    let (name, form) = column.split_once(':').unwrap_or((column, ""));
    match form {
        "list" => format!("array_to_string({name}, ',')"),
        // Trailing zeros are no part of an amount.
        "money" => format!("round({name}, 2)::text"),
        "time" => format!("to_char({name} at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"),
        "place" => format!("{name} ->> 'city', {name} ->> 'zip', {name} ->> 'country_code'"),
        _ => format!("{name}::text"),
    }
}
