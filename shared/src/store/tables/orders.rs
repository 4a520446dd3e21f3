//! Orders and everything that happens to them.

use crate::store::row::row;

row! {
    /// One order.
    pub struct Order: "Order" in "orders" (id) {
        name: Option<String> => "text",
        number: Option<i64> => "bigint",
        email: Option<String> => "text" personal,
        phone: Option<String> => "text" personal,
        customer_id: Option<i64> => "bigint" guarded,
        financial_status: Option<String> => "text",
        fulfillment_status: Option<String> => "text",
        currency_code: Option<String> => "text",
        presentment_currency_code: Option<String> => "text",
        subtotal_price: Option<String> => "numeric",
        total_price: Option<String> => "numeric",
        total_tax: Option<String> => "numeric",
        total_discounts: Option<String> => "numeric",
        total_shipping_price: Option<String> => "numeric",
        current_subtotal_price: Option<String> => "numeric",
        current_total_price: Option<String> => "numeric",
        presentment_subtotal_price: Option<String> => "numeric",
        presentment_total_price: Option<String> => "numeric",
        presentment_total_tax: Option<String> => "numeric",
        presentment_total_discounts: Option<String> => "numeric",
        presentment_total_shipping_price: Option<String> => "numeric",
        presentment_current_total_price: Option<String> => "numeric",
        tags: Vec<String> => "text[]" personal,
        note: Option<String> => "text" personal,
        discount_codes: Vec<String> => "text[]",
        payment_gateway_names: Vec<String> => "text[]",
        source_name: Option<String> => "text",
        po_number: Option<String> => "text" personal,
        test: Option<bool> => "boolean",
        confirmed: Option<bool> => "boolean",
        taxes_included: Option<bool> => "boolean",
        cancel_reason: Option<String> => "text",
        cancelled_at: Option<String> => "timestamptz",
        closed_at: Option<String> => "timestamptz",
        processed_at: Option<String> => "timestamptz",
        created_at: Option<String> => "timestamptz",
        billing_address: Option<String> => "jsonb" personal,
        shipping_address: Option<String> => "jsonb" personal,
    }
}

row! {
    /// One line of an order.
    pub struct OrderLineItem: "LineItem" in "order_line_items" (id) of (column "Order" order_id id) {
        order_id: i64 => "bigint",
        product_id: Option<i64> => "bigint",
        variant_id: Option<i64> => "bigint",
        title: Option<String> => "text",
        variant_title: Option<String> => "text",
        sku: Option<String> => "text",
        vendor: Option<String> => "text",
        quantity: Option<i32> => "integer",
        current_quantity: Option<i32> => "integer",
        price: Option<String> => "numeric",
        presentment_price: Option<String> => "numeric",
        total_discount: Option<String> => "numeric",
        presentment_total_discount: Option<String> => "numeric",
        requires_shipping: Option<bool> => "boolean",
        taxable: Option<bool> => "boolean",
        gift_card: Option<bool> => "boolean",
    }
}

row! {
    /// One movement of money.
    pub struct OrderTransaction: "OrderTransaction" in "order_transactions" (id) of (column "Order" order_id id) {
        order_id: i64 => "bigint",
        parent_id: Option<i64> => "bigint",
        kind: Option<String> => "text",
        status: Option<String> => "text",
        gateway: Option<String> => "text",
        amount: Option<String> => "numeric",
        currency_code: Option<String> => "text",
        test: Option<bool> => "boolean",
        error_code: Option<String> => "text",
        created_at: Option<String> => "timestamptz",
        processed_at: Option<String> => "timestamptz",
    }
}

row! {
    /// One refund.
    pub struct Refund: "Refund" in "refunds" (id) of (column "Order" order_id id) {
        order_id: i64 => "bigint",
        note: Option<String> => "text" personal,
        created_at: Option<String> => "timestamptz",
    }
}

row! {
    /// What a refund gives back of a line.
    pub struct RefundLineItem: "RefundLineItem" in "refund_line_items" (id) of (column "Order" order_id id) {
        order_id: i64 => "bigint",
        refund_id: i64 => "bigint",
        line_item_id: Option<i64> => "bigint",
        quantity: Option<i32> => "integer",
        restock_type: Option<String> => "text",
        subtotal: Option<String> => "numeric",
        presentment_subtotal: Option<String> => "numeric",
        total_tax: Option<String> => "numeric",
        presentment_total_tax: Option<String> => "numeric",
    }
}

row! {
    /// One parcel, or what else is sent.
    pub struct Fulfillment: "Fulfillment" in "fulfillments" (id) of (column "Order" order_id id) {
        order_id: i64 => "bigint",
        location_id: Option<i64> => "bigint",
        name: Option<String> => "text",
        status: Option<String> => "text",
        tracking_company: Option<String> => "text",
        tracking_numbers: Vec<String> => "text[]" personal,
        tracking_urls: Vec<String> => "text[]" personal,
        created_at: Option<String> => "timestamptz",
    }
}
