//! REST forms of what belongs to an order: lines, shipping, transactions, refunds, fulfillments, edits.

use serde_json::{Value as Json, json};

use super::totals::TAX_PERCENT;
use super::{Discount, Line, Order, Refund, ShippingLine, Transaction};
use crate::catalogue::Catalogue;
use crate::catalogue::facts::amount;

impl Catalogue {
    /// A line as it stands in an order.
    pub(super) fn ordered_line(&self, order: &Order, line: &Line) -> Json {
        let mut body = self.line_body(order, line);
        body["attributed_staffs"] = json!([]);
        body["current_quantity"] = order.current(line).into();
        body["sales_line_item_group_id"] = Json::Null;
        body
    }

    /// A line as it stands in a refund or a fulfillment.
    fn line_body(&self, order: &Order, line: &Line) -> Json {
        let open = order.unfulfilled(line);
        let status = match (order.fulfilled(line), open) {
            (0, _) => None,
            (_, 0) => Some("fulfilled"),
            _ => Some("partial"),
        };
        json!({
            "id": line.id,
            "variant_id": line.variant,
            "title": line.title,
            "quantity": line.quantity,
            "sku": line.sku,
            "variant_title": line.variant_title,
            "vendor": line.vendor,
            "fulfillment_service": "manual",
            "product_id": line.product,
            "requires_shipping": true,
            "taxable": line.taxable,
            "gift_card": false,
            "name": line.name(),
            "variant_inventory_management": line.variant.map(|_| "shopify"),
            "properties": [],
            "product_exists": line.product.is_some_and(|id| self.products.contains_key(&id)),
            "fulfillable_quantity": open,
            "grams": 0,
            "price": amount(line.price),
            "total_discount": amount(line.discount),
            "fulfillment_status": status,
            "price_set": order.set(line.price),
            "total_discount_set": order.set(line.discount),
            "discount_allocations": order.allocations(line.discount),
            "duties": [],
            "admin_graphql_api_id": format!("gid://shopify/LineItem/{}", line.id),
            "tax_lines": order.tax_lines(line.tax(line.quantity)),
        })
    }

    /// The body of `refunds/create`.
    pub(in crate::catalogue) fn refund_body(&self, order: &Order, refund: &Refund) -> Json {
        let line = |it: &super::RefundLine| {
            let of = order.line(it.line);
            json!({
                "id": it.id,
                "quantity": it.quantity,
                "line_item_id": it.line,
                "location_id": null,
                "restock_type": it.restock,
                // These two are numbers, unlike all other amounts.
                "subtotal": it.subtotal as f64 / 100.0,
                "total_tax": it.tax as f64 / 100.0,
                "subtotal_set": order.set(it.subtotal),
                "total_tax_set": order.set(it.tax),
                "line_item": of.map(|line| self.line_body(order, line)),
            })
        };
        let payments = order.transactions.iter().filter(|it| Some(it.id) == refund.transaction);
        let payments: Vec<Json> = payments.map(|it| self.transaction_body(order, it, false)).collect();
        json!({
            "id": refund.id,
            "order_id": order.id,
            "created_at": self.local(refund.created_at),
            "note": refund.note,
            "user_id": null,
            "processed_at": self.local(refund.created_at),
            "duties": [],
            "total_duties_set": order.set(0),
            "return": null,
            "refund_shipping_lines": [],
            "restock": refund.lines.iter().any(|it| it.restock != "no_restock"),
            "admin_graphql_api_id": format!("gid://shopify/Refund/{}", refund.id),
            "order_adjustments": [],
            "refund_line_items": refund.lines.iter().map(line).collect::<Vec<_>>(),
            "transactions": payments,
        })
    }

    /// The body of `order_transactions/create`; inside a refund it lacks the details of the payment. Its amount is
    /// in the buyer's currency.
    pub(in crate::catalogue) fn transaction_body(&self, order: &Order, it: &Transaction, details: bool) -> Json {
        let money = |value: i64| json!({"amount": amount(value), "currency": super::super::facts::CURRENCY});
        let mut body = json!({
            "id": it.id,
            "order_id": order.id,
            "kind": it.kind,
            "gateway": order.gateway,
            "status": it.status,
            "message": null,
            "created_at": self.local(it.created_at),
            "test": order.test,
            "authorization": null,
            "location_id": null,
            "user_id": null,
            "parent_id": it.parent,
            "processed_at": self.local(it.created_at),
            "device_id": null,
            "error_code": it.error,
            "source_name": order.source,
            "receipt": {},
            "amount": amount(order.presentment(it.amount)),
            "currency": order.currency,
            "payment_id": format!("{}.1", order.name()),
            "total_unsettled_set": {"presentment_money": money(0), "shop_money": money(0)},
            "manual_payment_gateway": order.gateway == "manual",
            "amount_rounding": null,
            "admin_graphql_api_id": format!("gid://shopify/OrderTransaction/{}", it.id),
        });
        if details {
            body["payment_details"] = json!({
                "credit_card_bin": null,
                "avs_result_code": null,
                "cvv_result_code": null,
                "credit_card_number": "•••• •••• •••• 4242",
                "credit_card_company": "Visa",
                "buyer_action_info": null,
                "credit_card_name": null,
                "credit_card_wallet": null,
                "credit_card_expiration_month": null,
                "credit_card_expiration_year": null,
                "payment_method_name": order.gateway,
            });
        }
        body
    }

    /// The body of `fulfillments/create` and `fulfillments/update`.
    pub(in crate::catalogue) fn fulfillment_body(&self, order: &Order, at: usize) -> Json {
        let fulfillment = &order.fulfillments[at];
        let urls = fulfillment.tracking_urls();
        let lines = fulfillment.lines.iter().filter_map(|(_, line, quantity)| {
            let mut body = self.line_body(order, order.line(*line)?);
            body["quantity"] = (*quantity).into();
            Some(body)
        });
        json!({
            "id": fulfillment.id,
            "order_id": order.id,
            "status": fulfillment.status,
            "created_at": self.local(fulfillment.created_at),
            "service": "manual",
            "updated_at": self.local(fulfillment.updated_at),
            "tracking_company": fulfillment.company,
            "shipment_status": null,
            "location_id": fulfillment.location,
            "origin_address": null,
            "email": self.open("Order.email", &order.email),
            "destination": self.open("Order.shippingAddress", order.shipping.as_ref().map(|it| self.address_body(it))),
            "line_items": lines.collect::<Vec<_>>(),
            "tracking_number": fulfillment.tracking.first(),
            "tracking_numbers": fulfillment.tracking,
            "tracking_url": urls.first(),
            "tracking_urls": urls,
            "receipt": {},
            "name": order.fulfillment_name(at),
            "admin_graphql_api_id": format!("gid://shopify/Fulfillment/{}", fulfillment.id),
        })
    }

    /// The body of `orders/edited`: what the edit did, not what the order is.
    pub(super) fn edited_body(&self, id: i64, order: i64, at: i64, added: &[(i64, i64)], gone: &[(i64, i64)]) -> Json {
        let deltas = |lines: &[(i64, i64)]| -> Json {
            lines
                .iter()
                .map(|(id, delta)| json!({"id": id, "delta": delta}))
                .collect()
        };
        json!({
            "order_edit": {
                "id": id,
                "app_id": null,
                "created_at": self.local(at),
                "committed_at": self.local(at),
                "notify_customer": false,
                "order_id": order,
                "staff_note": "",
                "user_id": null,
                "line_items": {"additions": deltas(added), "removals": deltas(gone)},
                "discounts": {"line_item": {"additions": [], "removals": []}},
                "shipping_lines": {"additions": [], "removals": []},
            },
        })
    }
}

impl Order {
    /// The tax of this amount, as a list of one or none.
    pub fn tax_lines(&self, tax: i64) -> Json {
        if tax == 0 {
            return json!([]);
        }
        json!([{
            "price": amount(tax),
            "rate": TAX_PERCENT as f64 / 100.0,
            "title": "State & local tax",
            "price_set": self.set(tax),
            "channel_liable": false,
        }])
    }

    fn allocations(&self, off: i64) -> Json {
        if off == 0 {
            return json!([]);
        }
        json!([{"amount": amount(off), "discount_application_index": 0, "amount_set": self.set(off)}])
    }
}

impl Discount {
    /// Its form inside an order.
    pub fn body(&self, order: &Order) -> Json {
        let (value, kind) = match self.percent {
            Some(percent) => (format!("{percent}.0"), "percentage"),
            None => (amount(order.presentment(order.discounts())), "fixed_amount"),
        };
        let type_name = if self.kind == "code" {
            "discount_code"
        } else {
            self.kind
        };
        let named = if self.kind == "code" { "code" } else { "title" };
        let mut body = json!({
            "target_type": "line_item",
            "type": type_name,
            "value": value,
            "value_type": kind,
            "allocation_method": "across",
            "target_selection": "all",
        });
        body[named] = self.name.into();
        body
    }
}

impl ShippingLine {
    /// Its form inside an order.
    pub fn body(&self, order: &Order) -> Json {
        json!({
            "id": self.id,
            "carrier_identifier": null,
            "code": self.code,
            "current_discounted_price_set": order.set(self.price),
            "discounted_price": amount(self.price),
            "discounted_price_set": order.set(self.price),
            "is_removed": false,
            "phone": null,
            "price": amount(self.price),
            "price_set": order.set(self.price),
            "requested_fulfillment_service_id": null,
            "source": "shopify",
            "title": self.title,
            "tax_lines": [],
            "discount_allocations": [],
        })
    }
}
