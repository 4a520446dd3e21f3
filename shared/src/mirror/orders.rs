//! Orders and their lines: wire shape → rows. Pure. What happens to an order is in [`super::order_parts`].
//!
//! A webhook shows an order with its lines, refunds and fulfillments, and only those transactions that are part of a
//! refund. A fetch shows all of it; a bulk file all but the lines of refunds. The customer inside an order is a reduced
//! copy and makes no row.

use serde_json::value::RawValue;

use super::Error;
use super::order_parts::{amounts_of_bag, amounts_of_set, referred};
use super::rows::{Mention, NO_VERSION, Rows, Subject, parse};
use crate::shopify::{Whole, graphql, rest};
use crate::store::Version;
use crate::store::tables::{Order, OrderLineItem};

/// Why an order is fetched that was edited.
const EDITED: &str = "an edit does not tell the order's state";

/// What the Admin API leaves out where there is none and webhooks write in full.
const NOTHING: &str = "0.00";

impl Rows {
    /// The body of `orders/create`, `…/updated`, `…/paid`, `…/cancelled`, `…/fulfilled` and `…/partially_fulfilled`.
    pub fn order_of_webhook(&mut self, raw: &str) -> Result<Subject, Error> {
        let body: rest::Order<'_> = parse(raw, "order")?;
        let id = body.id;
        let Some(updated_at) = body.updated_at else {
            return Ok(self.want("Order", id, NO_VERSION));
        };
        self.knows_of(updated_at);
        let version = Version::new(updated_at, self.observed_at);
        if let Some(lines) = body.line_items {
            self.line_items_of_order(lines, id, version);
        }
        if let Some(refunds) = body.refunds {
            self.refunds_of_order(refunds, id, version);
        }
        if let Some(fulfillments) = body.fulfillments {
            self.fulfillments_of_order(fulfillments, id, version);
        }
        let (subtotal_price, presentment_subtotal_price) = amounts_of_set(body.subtotal_price_set);
        let (total_price, presentment_total_price) = amounts_of_set(body.total_price_set);
        let (total_tax, presentment_total_tax) = amounts_of_set(body.total_tax_set);
        let (total_discounts, presentment_total_discounts) = amounts_of_set(body.total_discounts_set);
        let (total_shipping_price, presentment_total_shipping_price) = amounts_of_set(body.total_shipping_price_set);
        let (current_subtotal_price, _) = amounts_of_set(body.current_subtotal_price_set);
        let (current_total_price, presentment_current_total_price) = amounts_of_set(body.current_total_price_set);
        let codes = body.discount_codes.unwrap_or_default();
        let codes = codes.into_iter().filter_map(|used| used.code).collect();
        let row = Order {
            shop_id: self.shop_id,
            id,
            version,
            name: self.text(body.name),
            number: body.order_number,
            email: self.filled(body.email),
            phone: self.filled(body.phone),
            customer_id: body.customer.and_then(|customer| customer.id),
            financial_status: self.word(body.financial_status),
            fulfillment_status: Some(fulfillment_status(body.fulfillment_status.as_deref()).to_owned()),
            currency_code: self.text(body.currency),
            presentment_currency_code: self.text(body.presentment_currency),
            subtotal_price,
            total_price,
            total_tax,
            total_discounts,
            total_shipping_price,
            current_subtotal_price,
            current_total_price,
            presentment_subtotal_price,
            presentment_total_price,
            presentment_total_tax,
            presentment_total_discounts,
            presentment_total_shipping_price,
            presentment_current_total_price,
            tags: self.split(body.tags),
            note: self.filled(body.note),
            discount_codes: self.sorted(codes),
            payment_gateway_names: self.sorted(body.payment_gateway_names.unwrap_or_default()),
            source_name: self.filled(body.source_name),
            po_number: self.filled(body.po_number),
            test: body.test,
            confirmed: body.confirmed,
            taxes_included: body.taxes_included,
            cancel_reason: self.word(body.cancel_reason),
            cancelled_at: body.cancelled_at,
            closed_at: body.closed_at,
            processed_at: body.processed_at,
            created_at: body.created_at,
            billing_address: self.order_address(body.billing_address),
            shipping_address: self.order_address(body.shipping_address),
            raw: self.clean(raw),
        };
        Ok(self.add(row))
    }

    /// The body of `orders/edited`, which is no order: it says which lines were added and removed, and nothing of the
    /// sums.
    pub fn order_edit(&mut self, raw: &str) -> Result<Subject, Error> {
        let body: rest::OrderEdited = parse(raw, "edit of an order")?;
        Ok(self.want("Order", body.order_edit.order_id, EDITED))
    }

    /// An order with everything that belongs to it: what is not in it is gone.
    pub fn fetched_order(&mut self, whole: &Whole) -> Result<(), Error> {
        let raw = whole.root.get();
        let node: graphql::Order<'_> = parse(raw, "order")?;
        let id = node.id.id();
        self.knows_of(node.updated_at);
        let version = Version::new(node.updated_at, self.observed_at);
        if let Some(metafields) = &node.metafields {
            self.metafields("Order", id, metafields)?;
        }
        let in_root = node.line_items.as_ref().map_or(0, |page| page.nodes.len());
        self.fetched_line_items(&whole.members, in_root, id, version)?;
        self.fetched_parts(&node, id, version)?;
        self.order(node, raw)
    }

    /// An order in a bulk file. The lines of its refunds cannot be there.
    pub fn order_line(&mut self, raw: &str) -> Result<(), Error> {
        let node: graphql::Order<'_> = parse(raw, "order")?;
        if !node.refunds.is_empty() {
            self.mentions.push(Mention::RefundedOrder {
                key: self.key(node.id.id()),
                source_updated_at: node.updated_at,
                observed_at: self.observed_at,
            });
        }
        self.order(node, raw)
    }

    /// An order as the Admin API writes it, with the lists in it.
    fn order(&mut self, node: graphql::Order<'_>, raw: &str) -> Result<(), Error> {
        let id = node.id.id();
        let version = Version::new(node.updated_at, self.observed_at);
        let status = displayed_fulfillment_status(&node);
        for transaction in node.transactions {
            self.order_transaction(transaction, id, version)?;
        }
        for refund in node.refunds {
            self.order_refund(refund, id, version);
        }
        for fulfillment in node.fulfillments {
            self.order_fulfillment(fulfillment, id)?;
        }
        let (subtotal_price, presentment_subtotal_price) = amounts_of_bag(node.subtotal_price_set);
        let (total_price, presentment_total_price) = amounts_of_bag(node.total_price_set);
        let (total_tax, presentment_total_tax) = amounts_or_nothing(node.total_tax_set);
        let (total_discounts, presentment_total_discounts) = amounts_or_nothing(node.total_discounts_set);
        let (total_shipping_price, presentment_total_shipping_price) = amounts_of_bag(node.total_shipping_price_set);
        let (current_subtotal_price, _) = amounts_of_bag(node.current_subtotal_price_set);
        let (current_total_price, presentment_current_total_price) = amounts_of_bag(node.current_total_price_set);
        let row = Order {
            shop_id: self.shop_id,
            id,
            version,
            name: self.text(node.name),
            number: node.number,
            email: self.filled(node.email),
            phone: self.filled(node.phone),
            customer_id: referred(node.customer, "customer")?,
            financial_status: self.word(node.display_financial_status),
            fulfillment_status: Some(status.to_owned()),
            currency_code: self.text(node.currency_code),
            presentment_currency_code: self.text(node.presentment_currency_code),
            subtotal_price,
            total_price,
            total_tax,
            total_discounts,
            total_shipping_price,
            current_subtotal_price,
            current_total_price,
            presentment_subtotal_price,
            presentment_total_price,
            presentment_total_tax,
            presentment_total_discounts,
            presentment_total_shipping_price,
            presentment_current_total_price,
            tags: self.sorted(node.tags),
            note: self.filled(node.note),
            discount_codes: self.sorted(node.discount_codes),
            payment_gateway_names: self.sorted(node.payment_gateway_names),
            source_name: self.filled(node.source_name),
            po_number: self.filled(node.po_number),
            test: node.test,
            confirmed: node.confirmed,
            taxes_included: node.taxes_included,
            cancel_reason: self.word(node.cancel_reason),
            cancelled_at: node.cancelled_at,
            closed_at: node.closed_at,
            processed_at: node.processed_at,
            created_at: node.created_at,
            billing_address: self.order_address(node.billing_address.map(Into::into)),
            shipping_address: self.order_address(node.shipping_address.map(Into::into)),
            raw: self.clean(raw),
        };
        self.add(row);
        Ok(())
    }

    /// All lines of an order.
    fn line_items_of_order(&mut self, lines: Vec<rest::OrderLineItem>, order_id: i64, version: Version) {
        let ids = lines.iter().map(|line| line.id).collect();
        self.has_exactly::<OrderLineItem>("Order", order_id, ids);
        for line in lines {
            let (price, presentment_price) = amounts_of_set(line.price_set);
            let (total_discount, presentment_total_discount) = amounts_of_set(line.total_discount_set);
            let row = OrderLineItem {
                shop_id: self.shop_id,
                id: line.id,
                version,
                order_id,
                product_id: line.product_id,
                variant_id: line.variant_id,
                title: self.text(line.title),
                variant_title: self.filled(line.variant_title),
                sku: self.filled(line.sku),
                vendor: self.filled(line.vendor),
                quantity: line.quantity,
                current_quantity: line.current_quantity,
                price,
                presentment_price,
                total_discount,
                presentment_total_discount,
                requires_shipping: line.requires_shipping,
                taxable: line.taxable,
                gift_card: line.gift_card,
                raw: String::new(),
            };
            self.add(row);
        }
    }

    /// A line of an order in a bulk file.
    pub fn line_item_line(&mut self, raw: &str, order_id: i64) -> Result<(), Error> {
        let (version, kept) = (self.clockless(), self.clean(raw));
        self.line_item(raw, order_id, version, kept).map(drop)
    }

    /// All lines of an order; the first of them are in the order's own body too.
    fn fetched_line_items(
        &mut self,
        lines: &[Box<RawValue>],
        in_root: usize,
        order_id: i64,
        version: Version,
    ) -> Result<(), Error> {
        let mut ids = Vec::with_capacity(lines.len());
        for (place, line) in lines.iter().enumerate() {
            let line = line.get();
            let kept = if place < in_root {
                String::new()
            } else {
                self.clean(line)
            };
            ids.push(self.line_item(line, order_id, version, kept)?);
        }
        self.has_exactly::<OrderLineItem>("Order", order_id, ids);
        Ok(())
    }

    fn line_item(&mut self, raw: &str, order_id: i64, version: Version, kept: String) -> Result<i64, Error> {
        let node: graphql::LineItem<'_> = parse(raw, "line of an order")?;
        let (price, presentment_price) = amounts_of_bag(node.original_unit_price_set);
        let (total_discount, presentment_total_discount) = amounts_of_bag(node.total_discount_set);
        let row = OrderLineItem {
            shop_id: self.shop_id,
            id: node.id.id(),
            version,
            order_id,
            product_id: referred(node.product, "product")?,
            variant_id: referred(node.variant, "variant")?,
            title: self.text(node.title),
            variant_title: self.filled(node.variant_title),
            sku: self.filled(node.sku),
            vendor: self.filled(node.vendor),
            quantity: node.quantity,
            current_quantity: node.current_quantity,
            price,
            presentment_price,
            total_discount,
            presentment_total_discount,
            requires_shipping: node.requires_shipping,
            taxable: node.taxable,
            gift_card: node.is_gift_card,
            raw: kept,
        };
        self.add(row);
        Ok(node.id.id())
    }

    /// A list whose order means nothing and may differ between the two forms.
    fn sorted(&mut self, texts: Vec<String>) -> Vec<String> {
        let mut texts = self.texts(texts);
        texts.retain(|text| !text.is_empty());
        texts.sort();
        texts
    }

    /// An address in the words of webhooks; none if nothing of it is known.
    fn order_address(&mut self, address: Option<rest::OrderAddress>) -> Option<String> {
        let mut address = address?;
        for part in address.parts_mut() {
            *part = self.filled(part.take());
        }
        let known = address != rest::OrderAddress::default();
        known.then(|| serde_json::to_string(&address).expect("texts can always be written as JSON"))
    }
}

/// Tax and discounts: the Admin API may write none (the schema allows it) where webhooks write zero.
fn amounts_or_nothing(bag: Option<graphql::MoneyBag>) -> (Option<String>, Option<String>) {
    let (shop, presentment) = amounts_of_bag(bag);
    let or_nothing = |amount: Option<String>| amount.or_else(|| Some(NOTHING.to_owned()));
    (or_nothing(shop), or_nothing(presentment))
}

/// How much of an order was sent. Webhooks write nothing where nothing was.
fn fulfillment_status(status: Option<&str>) -> &'static str {
    match status {
        Some("fulfilled") => "fulfilled",
        Some("partial") => "partial",
        Some("restocked") => "restocked",
        _ => "unfulfilled",
    }
}

/// The same in the words of the Admin API. Some of these only tell what becomes of the lines that are not sent yet:
/// whether others were sent is seen from the fulfillments.
fn displayed_fulfillment_status(order: &graphql::Order<'_>) -> &'static str {
    match order.display_fulfillment_status.as_deref() {
        Some("FULFILLED") => "fulfilled",
        Some("PARTIALLY_FULFILLED") => "partial",
        Some("RESTOCKED") => "restocked",
        Some("IN_PROGRESS" | "ON_HOLD" | "PENDING_FULFILLMENT" | "REQUEST_DECLINED" | "SCHEDULED")
            if order.fulfillments.iter().any(is_sent) =>
        {
            "partial"
        }
        _ => "unfulfilled",
    }
}

fn is_sent(fulfillment: &graphql::Fulfillment<'_>) -> bool {
    fulfillment.status.as_deref() == Some("SUCCESS")
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::Value;

    use super::*;
    use crate::store::AnyRow;

    const SAMPLE: &str = include_str!("../../tests/fixtures/payloads/orders__create.json");
    const EDIT: &str = include_str!("../../tests/fixtures/payloads/orders__edited.json");
    const WEBHOOK: &str = include_str!("../../tests/fixtures/orders/constructed__order_webhook.json");
    const FETCH: &str = include_str!("../../tests/fixtures/orders/constructed__order_fetch.json");
    const ID: i64 = 820_982_911_946_154_508;

    fn rows() -> Rows {
        Rows::new(7, DateTime::from_timestamp(2_000_000_000, 0).unwrap())
    }

    fn of_webhook(body: &str) -> Rows {
        let mut rows = rows();
        rows.order_of_webhook(body).unwrap();
        rows
    }

    fn fetched(root: &str) -> Rows {
        let node: graphql::Order<'_> = serde_json::from_str(root).unwrap();
        let members = node
            .line_items
            .unwrap()
            .nodes
            .into_iter()
            .map(ToOwned::to_owned)
            .collect();
        let root = RawValue::from_string(root.to_owned()).unwrap();
        let mut rows = rows();
        rows.fetched_order(&Whole { root, members }).unwrap();
        rows
    }

    /// The order as a bulk file has it, and its lines.
    fn in_bulk() -> (String, Vec<String>) {
        let mut root: Value = serde_json::from_str(FETCH).unwrap();
        let fields = root.as_object_mut().unwrap();
        fields.remove("metafields");
        let lines = fields.remove("lineItems").unwrap();
        for refund in fields["refunds"].as_array_mut().unwrap() {
            refund.as_object_mut().unwrap().remove("refundLineItems");
        }
        let lines = lines["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(Value::to_string)
            .collect();
        (root.to_string(), lines)
    }

    /// Every row without the body it came from.
    fn columns(rows: &Rows) -> Vec<String> {
        let mut all: Vec<String> = rows.rows.iter().map(|row| format!("{row:?}")).collect();
        all.iter_mut()
            .for_each(|row| row.truncate(row.find(", raw: ").unwrap()));
        all.sort();
        all
    }

    fn order(rows: &Rows) -> &Order {
        let found = rows.rows.iter().find_map(|row| match row {
            AnyRow::Order(row) => Some(row),
            _ => None,
        });
        found.expect("an order")
    }

    fn set<'r>(rows: &'r Rows, members: &str) -> Option<&'r [i64]> {
        let found = rows
            .sets
            .iter()
            .find(|set| set.members == members && set.owner_id == ID);
        found.map(|set| set.ids.as_slice())
    }

    #[test]
    fn the_sample_body_is_read_and_its_ids_above_two_to_the_53_are_exact() {
        let rows = of_webhook(SAMPLE);
        let order = order(&rows);
        assert_eq!((order.id, order.customer_id), (ID, Some(115_310_627_314_723_954)));
        assert_eq!((order.number, order.name.as_deref()), (Some(1234), Some("#9999")));
        assert_eq!(
            (order.fulfillment_status.as_deref(), order.financial_status.as_deref()),
            (Some("unfulfilled"), Some("voided"))
        );
        assert_eq!(
            (order.total_price.as_deref(), order.total_shipping_price.as_deref()),
            (Some("404.95"), Some("10.00"))
        );
        assert_eq!(order.tags, ["tag1", "tag2"]);
        let lines = set(&rows, "order_line_items").unwrap();
        assert_eq!((lines.len(), lines[0]), (5, 487_817_672_276_298_554));
        let told = ["refunds", "refund_line_items", "fulfillments"];
        assert!(told.iter().all(|members| set(&rows, members) == Some(&[])));
        assert!(
            set(&rows, "order_transactions").is_none(),
            "no webhook tells all transactions"
        );
    }

    #[test]
    fn an_embedded_customer_makes_no_customer_row() {
        let rows = of_webhook(SAMPLE);
        let known = |row: &AnyRow| matches!(row, AnyRow::Order(_) | AnyRow::OrderLineItem(_));
        assert!(rows.rows.iter().all(known), "{:?}", columns(&rows));
        assert!(rows.wants.is_empty());
    }

    #[test]
    fn both_forms_of_an_order_end_in_the_same_rows() {
        let body = of_webhook(&WEBHOOK.replace("+00:00", "Z"));
        let fetch = fetched(FETCH);
        let (told, fetched) = (columns(&body), columns(&fetch));
        for row in &told {
            assert!(fetched.contains(row), "{row}\nis not in\n{}", fetched.join("\n"));
        }
        assert_eq!(
            told.len() + 2,
            fetched.len(),
            "a sale and a metafield are fetched besides"
        );
        for members in ["order_line_items", "refunds", "refund_line_items", "fulfillments"] {
            assert!(set(&body, members).is_some(), "{members}");
            assert_eq!(set(&body, members), set(&fetch, members), "{members}");
        }
        assert_eq!(set(&fetch, "order_transactions").map(<[i64]>::len), Some(2));
    }

    #[test]
    fn a_bulk_line_ends_in_the_same_rows_and_tells_no_set() {
        let (root, lines) = in_bulk();
        let mut bulk = rows();
        bulk.order_line(&root).unwrap();
        let fetched = columns(&fetched(FETCH));
        for row in &columns(&bulk) {
            assert!(fetched.contains(row), "{row}");
        }
        assert_eq!(
            bulk.rows.len(),
            5,
            "the order, two transactions, a refund, a fulfillment"
        );
        bulk.line_item_line(&lines[0], ID).unwrap();
        let Some(AnyRow::OrderLineItem(line)) = bulk.rows.last() else {
            panic!("no line")
        };
        assert_eq!(
            (line.order_id, line.version, line.raw.as_str()),
            (ID, bulk.clockless(), lines[0].as_str())
        );
        assert!(bulk.sets.is_empty() && bulk.wants.is_empty());
    }

    #[test]
    fn a_refund_in_a_bulk_line_asks_for_its_lines() {
        let (root, _) = in_bulk();
        let mut bulk = rows();
        bulk.order_line(&root).unwrap();
        let [
            Mention::RefundedOrder {
                key, source_updated_at, ..
            },
        ] = bulk.mentions.as_slice()
        else {
            panic!("no mention")
        };
        assert_eq!(
            (*key, *source_updated_at),
            (bulk.key(ID), order(&bulk).version.source_updated_at)
        );

        let mut plain: Value = serde_json::from_str(&root).unwrap();
        plain["refunds"] = serde_json::json!([]);
        let mut bulk = rows();
        bulk.order_line(&plain.to_string()).unwrap();
        assert!(bulk.mentions.is_empty());
    }

    #[test]
    fn an_edit_is_a_fetch_and_no_order() {
        let mut rows = rows();
        let subject = rows.order_edit(EDIT).unwrap();
        assert!(matches!(subject, Subject::Wanted) && rows.rows.is_empty());
        assert_eq!(rows.wants[0].gid, "gid://shopify/Order/820982911946154508");
    }

    #[test]
    fn a_body_without_updated_at_is_fetched() {
        let mut rows = rows();
        let subject = rows
            .order_of_webhook(r#"{"id":5,"line_items":[{"id":6}],"refunds":[]}"#)
            .unwrap();
        assert!(matches!(subject, Subject::Wanted) && rows.rows.is_empty() && rows.sets.is_empty());
        assert_eq!(rows.wants[0].gid, "gid://shopify/Order/5");
    }

    #[test]
    fn what_a_body_does_not_show_is_not_told_to_be_gone() {
        let rows = of_webhook(r#"{"id":5,"updated_at":"2026-11-20T09:05:00Z"}"#);
        assert!(rows.sets.is_empty());
    }

    #[test]
    fn an_address_has_the_same_keys_in_the_same_order_and_is_none_if_empty() {
        let fetch = fetched(FETCH);
        let order = order(&fetch);
        assert_eq!(order.billing_address, None);
        assert_eq!(
            order.shipping_address.as_deref(),
            Some(
                r#"{"first_name":"Steve","last_name":"Shipper","company":null,"address1":"123 Shipping Street","address2":null,"city":"Shippington","province":"Kentucky","province_code":"KY","country":"United States","country_code":"US","zip":"40003","phone":"555-555-SHIP"}"#
            )
        );
        let empty = rows().order_address(Some(rest::OrderAddress {
            city: Some(String::new()),
            ..rest::OrderAddress::default()
        }));
        assert_eq!(empty, None);
    }

    #[test]
    fn what_was_sent_of_an_order_is_told_the_same_whatever_becomes_of_the_rest() {
        for (display, with, without) in [
            ("FULFILLED", "fulfilled", "fulfilled"),
            ("PARTIALLY_FULFILLED", "partial", "partial"),
            ("RESTOCKED", "restocked", "restocked"),
            ("ON_HOLD", "partial", "unfulfilled"),
            ("SCHEDULED", "partial", "unfulfilled"),
            ("UNFULFILLED", "unfulfilled", "unfulfilled"),
            ("FULFILLMENT_NOT_REQUIRED", "unfulfilled", "unfulfilled"),
        ] {
            let root = FETCH.replace("PARTIALLY_FULFILLED", display);
            assert_eq!(
                order(&fetched(&root)).fulfillment_status.as_deref(),
                Some(with),
                "{display}"
            );
            let nothing_sent = root.replace(
                r##""name": "#1234.1",
      "status": "SUCCESS""##,
                r#""status": "CANCELLED""#,
            );
            let row = fetched(&nothing_sent);
            assert_eq!(order(&row).fulfillment_status.as_deref(), Some(without), "{display}");
        }
    }

    #[test]
    fn no_tax_is_zero_in_both_forms() {
        let mut root: Value = serde_json::from_str(FETCH).unwrap();
        root["totalTaxSet"] = Value::Null;
        let rows = fetched(&root.to_string());
        let amounts = (&order(&rows).total_tax, &order(&rows).presentment_total_tax);
        assert_eq!(amounts, (&Some("0.00".to_owned()), &Some("0.00".to_owned())));
        assert_eq!(order(&of_webhook(SAMPLE)).total_tax.as_deref(), Some("0.00"));
    }

    #[test]
    fn a_line_that_is_not_in_the_order_s_own_body_keeps_its_own() {
        let node: graphql::Order<'_> = serde_json::from_str(FETCH).unwrap();
        let page = node.line_items.unwrap().nodes;
        let root = RawValue::from_string(FETCH.to_owned()).unwrap();
        let late = RawValue::from_string(page[0].get().replace("487817672276298554", "3")).unwrap();
        let members = page.into_iter().map(ToOwned::to_owned).chain([late]).collect();
        let mut rows = rows();
        rows.fetched_order(&Whole { root, members }).unwrap();
        assert_eq!(set(&rows, "order_line_items").map(<[i64]>::len), Some(3));
        let kept: Vec<bool> = rows
            .rows
            .iter()
            .filter(|row| matches!(row, AnyRow::OrderLineItem(_)))
            .map(|row| !row.raw().is_empty())
            .collect();
        assert_eq!(kept, [false, false, true]);
    }

    #[test]
    fn an_error_shows_no_value() {
        let body = WEBHOOK.replace(
            "\"2026-11-20T09:05:00+00:00\",\n  \"customer\"",
            "\"hunter2\",\n  \"customer\"",
        );
        let error = rows().order_of_webhook(&body).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
