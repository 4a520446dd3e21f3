//! The REST form of an order: 93 keys, most amounts twice, once plain and once in both currencies.

use serde_json::{Map, Value as Json, json};

use super::{Order, financial_status, fulfillment_status};
use crate::catalogue::Catalogue;
use crate::catalogue::facts::{CURRENCY, amount};

/// What these orders have nothing of.
const ABSENT: [&str; 20] = [
    "app_id",
    "cart_token",
    "checkout_token",
    "device_id",
    "location_id",
    "merchant_of_record_app_id",
    "reference",
    "source_identifier",
    "source_url",
    "user_id",
    "current_total_additional_fees_set",
    "current_total_duties_set",
    "original_total_additional_fees_set",
    "original_total_duties_set",
    "browser_ip",
    "client_details",
    "landing_site",
    "landing_site_ref",
    "referring_site",
    "payment_terms",
];

impl Catalogue {
    /// The body of all `orders/…` topics that carry an order.
    pub(in crate::catalogue) fn order_body(&self, order: &Order) -> Json {
        let mut body: Map<String, Json> = ABSENT.iter().map(|key| ((*key).to_owned(), Json::Null)).collect();
        self.identity(order, &mut body);
        self.amounts(order, &mut body);
        self.people(order, &mut body);
        let customer = order.customer.and_then(|id| self.customers.get(&id));
        let lines: Vec<Json> = order.lines.iter().map(|line| self.ordered_line(order, line)).collect();
        let fulfillments = 0..order.fulfillments.len();
        let parts = json!({
            "customer": self.open("Order.customer", customer.map(|customer| self.customer_in_order(customer))),
            "discount_applications": order.discount.iter().map(|it| it.body(order)).collect::<Vec<_>>(),
            "fulfillments": fulfillments.map(|at| self.fulfillment_body(order, at)).collect::<Vec<_>>(),
            "line_items": lines,
            "refunds": order.refunds.iter().map(|refund| self.refund_body(order, refund)).collect::<Vec<_>>(),
            "shipping_lines": order.shipping_line.iter().map(|line| line.body(order)).collect::<Vec<_>>(),
            "returns": [],
            "line_item_groups": [],
        });
        merge(&mut body, parts);
        Json::Object(body)
    }

    fn identity(&self, order: &Order, body: &mut Map<String, Json>) {
        let fields = json!({
            "id": order.id,
            "admin_graphql_api_id": format!("gid://shopify/Order/{}", order.id),
            "cancel_reason": order.cancelled.map(|(_, reason)| reason),
            "cancelled_at": order.cancelled.map(|(at, _)| self.local(at)),
            "closed_at": order.closed_at.map(|at| self.local(at)),
            "confirmation_number": order.confirmation(),
            "confirmed": true,
            "created_at": self.local(order.created_at),
            "currency": CURRENCY,
            "customer_locale": "en",
            "discount_codes": order.codes(),
            "duties_included": false,
            "estimated_taxes": false,
            "financial_status": financial_status(order),
            "fulfillment_status": fulfillment_status(order),
            "merchant_business_entity_id": "MTU0ODM4MDAwOQ",
            "name": order.name(),
            "note": order.note,
            "note_attributes": [],
            "number": order.number - 1_000,
            "order_number": order.number,
            "order_status_url": order.status_url(&self.domain),
            "payment_gateway_names": [order.gateway],
            "po_number": order.po_number,
            "presentment_currency": order.currency,
            "processed_at": self.local(order.processed_at),
            "source_name": order.source,
            "tags": order.tags.join(", "),
            "tax_exempt": false,
            "taxes_included": false,
            "test": order.test,
            "token": format!("{:x}", order.id),
            "updated_at": self.local(order.updated_at),
        });
        merge(body, fields);
    }

    fn people(&self, order: &Order, body: &mut Map<String, Json>) {
        let fields = json!({
            "buyer_accepts_marketing": false,
            "contact_email": self.open("Order.email", &order.email),
            "email": self.open("Order.email", &order.email),
            "phone": self.open("Order.phone", &order.phone),
            "billing_address": self.open("Order.billingAddress", order.billing.as_ref().map(|it| self.address_body(it))),
            "shipping_address": self.open("Order.shippingAddress", order.shipping.as_ref().map(|it| self.address_body(it))),
        });
        merge(body, fields);
    }

    fn amounts(&self, order: &Order, body: &mut Map<String, Json>) {
        let both = [
            ("current_subtotal_price", order.current_subtotal()),
            ("current_total_discounts", order.current_discounts()),
            ("current_total_price", order.current_total()),
            ("current_total_tax", order.current_tax()),
            ("subtotal_price", order.subtotal()),
            ("total_discounts", order.discounts()),
            ("total_line_items_price", order.lines_price()),
            ("total_price", order.total()),
            ("total_tax", order.tax()),
        ];
        for (key, value) in both {
            body.insert(key.to_owned(), amount(value).into());
            body.insert(format!("{key}_set"), order.set(value));
        }
        let fields = json!({
            "current_shipping_price_set": order.set(order.shipping()),
            "tax_lines": order.tax_lines(order.tax()),
            "total_cash_rounding_payment_adjustment_set": order.set(0),
            "total_cash_rounding_refund_adjustment_set": order.set(0),
            "total_outstanding": amount(order.outstanding()),
            "total_shipping_price_set": order.set(order.shipping()),
            "total_tip_received": "0.00",
            "total_weight": 0,
        });
        merge(body, fields);
    }
}

impl Order {
    /// An amount in both currencies.
    pub fn set(&self, value: i64) -> Json {
        json!({
            "shop_money": {"amount": amount(value), "currency_code": CURRENCY},
            "presentment_money": {"amount": amount(self.presentment(value)), "currency_code": self.currency},
        })
    }

    /// The codes that were entered.
    fn codes(&self) -> Json {
        let codes = self.discount.iter().filter(|it| it.kind == "code");
        let body = |it: &super::Discount| {
            let kind = if it.percent.is_some() {
                "percentage"
            } else {
                "fixed_amount"
            };
            json!({"code": it.name, "amount": amount(self.discounts()), "type": kind})
        };
        codes.map(body).collect()
    }
}

fn merge(body: &mut Map<String, Json>, fields: Json) {
    if let Json::Object(fields) = fields {
        body.extend(fields);
    }
}
