//! What happens to an order: transactions, refunds and fulfillments. Wire shape → rows. Pure.
//!
//! Only a fulfillment has a clock of its own. What is told by itself (`refunds/create`, `order_transactions/create`)
//! has the time of observation as its version; what is told inside an order has the order's.

use super::Error;
use super::rows::{NO_VERSION, Rows, Subject, number, parse};
use crate::shopify::{graphql, rest};
use crate::store::tables::{Fulfillment, OrderTransaction, Refund, RefundLineItem};
use crate::store::{Row, Version};

/// A fetch asks for so many transactions, refunds and fulfillments at most; with fewer, all are shown.
const MOST_LISTED: usize = 100;

/// Webhooks.
impl Rows {
    /// The body of `order_transactions/create`.
    pub fn transaction_of_webhook(&mut self, raw: &str) -> Result<Subject, Error> {
        let body: rest::Transaction<'_> = parse(raw, "transaction")?;
        let order_id = named(body.order_id, "transaction")?;
        let (version, raw) = (self.clockless(), self.clean(raw));
        Ok(self.transaction(body, order_id, version, raw))
    }

    /// The body of `refunds/create`.
    pub fn refund_of_webhook(&mut self, raw: &str) -> Result<Subject, Error> {
        let body: rest::Refund<'_> = parse(raw, "refund")?;
        let order_id = named(body.order_id, "refund")?;
        let (version, raw) = (self.clockless(), self.clean(raw));
        Ok(self.refund(body, order_id, version, raw))
    }

    /// The body of `fulfillments/create` and `fulfillments/update`.
    pub fn fulfillment_of_webhook(&mut self, raw: &str) -> Result<Subject, Error> {
        let body: rest::Fulfillment = parse(raw, "fulfillment")?;
        let order_id = named(body.order_id, "fulfillment")?;
        let Some(updated_at) = body.updated_at else {
            return Ok(self.want("Order", order_id, NO_VERSION));
        };
        let version = Version::new(updated_at, self.observed_at);
        let raw = self.clean(raw);
        Ok(self.fulfillment(body, order_id, version, raw))
    }

    /// All refunds of an order.
    pub(super) fn refunds_of_order(&mut self, refunds: Vec<rest::Refund<'_>>, order_id: i64, version: Version) {
        let ids = refunds.iter().map(|refund| refund.id).collect();
        self.has_exactly::<Refund>("Order", order_id, ids);
        let lines: Option<Vec<_>> = refunds
            .iter()
            .map(|refund| refund.refund_line_items.as_deref())
            .collect();
        if let Some(lines) = lines {
            let ids = lines.into_iter().flatten().map(|line| line.id).collect();
            self.has_exactly::<RefundLineItem>("Order", order_id, ids);
        }
        for refund in refunds {
            self.refund(refund, order_id, version, String::new());
        }
    }

    /// All fulfillments of an order.
    pub(super) fn fulfillments_of_order(&mut self, all: Vec<rest::Fulfillment>, order_id: i64, version: Version) {
        let ids = all.iter().map(|fulfillment| fulfillment.id).collect();
        self.has_exactly::<Fulfillment>("Order", order_id, ids);
        for fulfillment in all {
            let updated_at = fulfillment.updated_at.unwrap_or(version.source_updated_at);
            let version = Version::new(updated_at, self.observed_at);
            self.fulfillment(fulfillment, order_id, version, String::new());
        }
    }

    fn transaction(&mut self, body: rest::Transaction<'_>, order_id: i64, version: Version, raw: String) -> Subject {
        let row = OrderTransaction {
            shop_id: self.shop_id,
            id: body.id,
            version,
            order_id,
            parent_id: body.parent_id,
            kind: self.word(body.kind),
            status: self.word(body.status),
            gateway: self.filled(body.gateway),
            amount: body.amount.map(rest::amount),
            currency_code: self.filled(body.currency),
            test: body.test,
            error_code: self.word(body.error_code),
            created_at: body.created_at,
            processed_at: body.processed_at,
            raw,
        };
        self.add(row)
    }

    /// A refund with its lines and transactions.
    fn refund(&mut self, body: rest::Refund<'_>, order_id: i64, version: Version, raw: String) -> Subject {
        for line in body.refund_line_items.into_iter().flatten() {
            let (subtotal, presentment_subtotal) = amounts_of_set(line.subtotal_set);
            let (total_tax, presentment_total_tax) = amounts_of_set(line.total_tax_set);
            let row = RefundLineItem {
                shop_id: self.shop_id,
                id: line.id,
                version,
                order_id,
                refund_id: body.id,
                line_item_id: line.line_item_id,
                quantity: line.quantity,
                restock_type: self.word(line.restock_type),
                subtotal: subtotal.or_else(|| line.subtotal.map(rest::amount)),
                presentment_subtotal,
                total_tax: total_tax.or_else(|| line.total_tax.map(rest::amount)),
                presentment_total_tax,
                raw: String::new(),
            };
            self.add(row);
        }
        for transaction in body.transactions.into_iter().flatten() {
            self.transaction(transaction, order_id, version, String::new());
        }
        let row = Refund {
            shop_id: self.shop_id,
            id: body.id,
            version,
            order_id,
            note: self.filled(body.note),
            created_at: body.created_at,
            raw,
        };
        self.add(row)
    }

    fn fulfillment(&mut self, body: rest::Fulfillment, order_id: i64, version: Version, raw: String) -> Subject {
        let row = Fulfillment {
            shop_id: self.shop_id,
            id: body.id,
            version,
            order_id,
            location_id: body.location_id,
            name: self.text(body.name),
            status: self.word(body.status),
            tracking_company: self.filled(body.tracking_company),
            tracking_numbers: self.all_filled(body.tracking_numbers.into_iter().flatten()),
            tracking_urls: self.all_filled(body.tracking_urls.into_iter().flatten()),
            created_at: body.created_at,
            raw,
        };
        self.add(row)
    }

    fn all_filled(&mut self, texts: impl Iterator<Item = String>) -> Vec<String> {
        texts.filter_map(|text| self.filled(Some(text))).collect()
    }
}

/// The Admin API.
impl Rows {
    /// What only a fetch tells: the lines of refunds, and that lists are whole.
    pub(super) fn fetched_parts(
        &mut self,
        node: &graphql::Order<'_>,
        order_id: i64,
        version: Version,
    ) -> Result<(), Error> {
        let ids = node.transactions.iter().map(|node| node.id.id()).collect();
        self.listed::<OrderTransaction>(order_id, ids);
        let ids = node.fulfillments.iter().map(|node| node.id.id()).collect();
        self.listed::<Fulfillment>(order_id, ids);
        let ids = node.refunds.iter().map(|node| node.id.id()).collect();
        let all_refunds = self.listed::<Refund>(order_id, ids);
        let (mut ids, mut all_lines) = (Vec::new(), all_refunds);
        for refund in &node.refunds {
            let Some(lines) = &refund.refund_line_items else {
                all_lines = false;
                continue;
            };
            all_lines &= !lines.page_info.has_next_page;
            for line in &lines.nodes {
                let id = self.refund_line(line.get(), order_id, refund.id.id(), version)?;
                all_lines &= id.is_some();
                ids.extend(id);
            }
        }
        if all_lines {
            self.has_exactly::<RefundLineItem>("Order", order_id, ids);
        }
        Ok(())
    }

    /// What a list asked for up to a length shows; tells whether that is all.
    fn listed<R: Row>(&mut self, order_id: i64, ids: Vec<i64>) -> bool {
        let all = ids.len() < MOST_LISTED;
        if all {
            self.has_exactly::<R>("Order", order_id, ids);
        }
        all
    }

    pub(super) fn order_transaction(
        &mut self,
        node: graphql::OrderTransaction<'_>,
        order_id: i64,
        version: Version,
    ) -> Result<(), Error> {
        let (amount, currency_code) = node
            .amount_set
            .map(|set| (set.presentment_money.amount, set.presentment_money.currency_code))
            .unzip();
        let row = OrderTransaction {
            shop_id: self.shop_id,
            id: node.id.id(),
            version,
            order_id,
            parent_id: referred(node.parent_transaction, "transaction")?,
            kind: self.word(node.kind),
            status: self.word(node.status),
            gateway: self.filled(node.gateway),
            amount,
            currency_code,
            test: node.test,
            error_code: self.word(node.error_code),
            created_at: node.created_at,
            processed_at: node.processed_at,
            raw: String::new(),
        };
        self.add(row);
        Ok(())
    }

    pub(super) fn order_refund(&mut self, node: graphql::Refund<'_>, order_id: i64, version: Version) {
        let row = Refund {
            shop_id: self.shop_id,
            id: node.id.id(),
            version,
            order_id,
            note: self.filled(node.note),
            created_at: node.created_at,
            raw: String::new(),
        };
        self.add(row);
    }

    /// A line of a refund, and its number; none for one without, which cannot be told from others.
    fn refund_line(
        &mut self,
        raw: &str,
        order_id: i64,
        refund_id: i64,
        version: Version,
    ) -> Result<Option<i64>, Error> {
        let node: graphql::RefundLineItem<'_> = parse(raw, "line of a refund")?;
        let Some(id) = node.id.map(|id| id.id()) else {
            return Ok(None);
        };
        let (subtotal, presentment_subtotal) = amounts_of_bag(node.subtotal_set);
        let (total_tax, presentment_total_tax) = amounts_of_bag(node.total_tax_set);
        let row = RefundLineItem {
            shop_id: self.shop_id,
            id,
            version,
            order_id,
            refund_id,
            line_item_id: referred(node.line_item, "line of an order")?,
            quantity: node.quantity,
            restock_type: self.word(node.restock_type),
            subtotal,
            presentment_subtotal,
            total_tax,
            presentment_total_tax,
            raw: String::new(),
        };
        self.add(row);
        Ok(Some(id))
    }

    pub(super) fn order_fulfillment(&mut self, node: graphql::Fulfillment<'_>, order_id: i64) -> Result<(), Error> {
        let company = node.tracking_info.first().and_then(|info| info.company.clone());
        let (numbers, urls): (Vec<_>, Vec<_>) = node
            .tracking_info
            .into_iter()
            .map(|info| (info.number, info.url))
            .unzip();
        let row = Fulfillment {
            shop_id: self.shop_id,
            id: node.id.id(),
            version: Version::new(node.updated_at, self.observed_at),
            order_id,
            location_id: referred(node.location, "location")?,
            name: self.text(node.name),
            status: self.word(node.status),
            tracking_company: self.filled(company),
            tracking_numbers: self.all_filled(numbers.into_iter().flatten()),
            tracking_urls: self.all_filled(urls.into_iter().flatten()),
            created_at: node.created_at,
            raw: String::new(),
        };
        self.add(row);
        Ok(())
    }
}

/// The order that a body of its own must name.
fn named(order_id: Option<i64>, what: &'static str) -> Result<i64, Error> {
    order_id.ok_or_else(|| Error::Payload {
        what,
        reason: "it names no order".to_owned(),
    })
}

/// The number of what is referred to, if anything is.
pub(super) fn referred(reference: Option<graphql::Reference<'_>>, what: &'static str) -> Result<Option<i64>, Error> {
    reference.map(|reference| number(&reference.id, what)).transpose()
}

/// An amount in the store's currency and in the customer's.
pub(super) fn amounts_of_set(set: Option<rest::MoneySet>) -> (Option<String>, Option<String>) {
    set.map(|set| (set.shop_money.amount, set.presentment_money.amount))
        .unzip()
}

/// The same as the Admin API writes it.
pub(super) fn amounts_of_bag(bag: Option<graphql::MoneyBag>) -> (Option<String>, Option<String>) {
    bag.map(|bag| (bag.shop_money.amount, bag.presentment_money.amount))
        .unzip()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::value::RawValue;

    use super::*;
    use crate::shopify::Whole;
    use crate::store::AnyRow;

    const REFUND: &str = include_str!("../../tests/fixtures/payloads/refunds__create.json");
    const TRANSACTION: &str = include_str!("../../tests/fixtures/payloads/order_transactions__create.json");
    const FULFILLMENT: &str = include_str!("../../tests/fixtures/payloads/fulfillments__create.json");
    const FETCH: &str = include_str!("../../tests/fixtures/orders/constructed__order_fetch.json");
    const DOCUMENT: &str = include_str!("../shopify/queries/order_by_id.graphql");
    const ORDER: i64 = 820_982_911_946_154_508;

    fn rows() -> Rows {
        Rows::new(7, DateTime::from_timestamp_millis(2_000_000_000_300).unwrap())
    }

    fn fetched(root: &str) -> Rows {
        let root = RawValue::from_string(root.to_owned()).unwrap();
        let mut rows = rows();
        let members = Vec::new();
        rows.fetched_order(&Whole { root, members }).unwrap();
        rows
    }

    fn is_told(rows: &Rows, members: &str) -> bool {
        rows.sets.iter().any(|set| set.members == members)
    }

    fn refund_lines(rows: &Rows) -> Vec<&RefundLineItem> {
        let lines = rows.rows.iter().filter_map(|row| match row {
            AnyRow::RefundLineItem(row) => Some(&**row),
            _ => None,
        });
        lines.collect()
    }

    #[test]
    fn the_sample_refund_is_read_with_its_lines_and_transactions() {
        let mut rows = rows();
        let Subject::Row { key, version, .. } = rows.refund_of_webhook(REFUND).unwrap() else {
            panic!("no row")
        };
        assert_eq!((key.id, version), (890_088_186_047_892_319, rows.clockless()));
        let lines = refund_lines(&rows);
        let line = lines[0];
        assert_eq!((lines.len(), line.order_id, line.refund_id), (5, ORDER, key.id));
        assert_eq!(
            (
                line.line_item_id,
                line.restock_type.as_deref(),
                line.subtotal.as_deref(),
                line.total_tax.as_deref()
            ),
            (
                Some(487_817_672_276_298_554),
                Some("no_restock"),
                Some("89.99"),
                Some("0.00")
            )
        );
        let transactions = rows
            .rows
            .iter()
            .filter(|row| matches!(row, AnyRow::OrderTransaction(_)));
        assert_eq!(transactions.count(), 2);
        assert!(
            rows.sets.is_empty(),
            "one refund does not tell that there are no others"
        );
    }

    #[test]
    fn a_json_number_stays_exact() {
        let mut rows = rows();
        rows.refund_of_webhook(
            r#"{"id":1,"order_id":2,"refund_line_items":[{"id":3,"subtotal":12345678901234567.89,"total_tax":0.1},{"id":4,"subtotal":"7.50","total_tax":null}]}"#,
        )
        .unwrap();
        let amounts: Vec<_> = refund_lines(&rows)
            .into_iter()
            .map(|line| (line.subtotal.as_deref(), line.total_tax.as_deref()))
            .collect();
        assert_eq!(
            amounts,
            [(Some("12345678901234567.89"), Some("0.1")), (Some("7.50"), None)]
        );
    }

    #[test]
    fn the_sample_transaction_is_read_and_its_version_is_when_it_was_observed() {
        let mut rows = rows();
        rows.transaction_of_webhook(TRANSACTION).unwrap();
        let [AnyRow::OrderTransaction(row)] = rows.rows.as_slice() else {
            panic!("no transaction")
        };
        assert_eq!(
            (row.id, row.order_id, row.parent_id),
            (120_560_818_172_775_265, ORDER, None)
        );
        assert_eq!(
            (row.kind.as_deref(), row.amount.as_deref(), row.currency_code.as_deref()),
            (Some("authorization"), Some("419.95"), Some("USD"))
        );
        assert_eq!((row.version, row.raw.as_str()), (rows.clockless(), TRANSACTION));
    }

    #[test]
    fn the_sample_fulfillment_is_read_with_its_own_clock() {
        let mut rows = rows();
        rows.fulfillment_of_webhook(FULFILLMENT).unwrap();
        let [AnyRow::Fulfillment(row)] = rows.rows.as_slice() else {
            panic!("no fulfillment")
        };
        assert_eq!(
            (row.id, row.order_id, row.status.as_deref()),
            (123_456, ORDER, Some("pending"))
        );
        assert_eq!(row.version.source_updated_at.to_rfc3339(), "2022-01-01T00:00:00+00:00");
        assert_eq!(
            (row.tracking_company.as_deref(), row.tracking_numbers.as_slice()),
            (Some("UPS"), ["1z827wk74630".to_owned()].as_slice())
        );
    }

    #[test]
    fn a_fulfillment_without_updated_at_leads_to_its_order() {
        let mut rows = rows();
        let subject = rows.fulfillment_of_webhook(r#"{"id":1,"order_id":2}"#).unwrap();
        assert!(matches!(subject, Subject::Wanted) && rows.rows.is_empty());
        assert_eq!(rows.wants[0].gid, "gid://shopify/Order/2");
    }

    #[test]
    fn a_body_that_names_no_order_is_refused() {
        assert!(rows().refund_of_webhook(r#"{"id":1}"#).is_err());
        assert!(rows().transaction_of_webhook(r#"{"id":1,"order_id":null}"#).is_err());
    }

    #[test]
    fn a_list_as_long_as_was_asked_for_may_go_on() {
        for list in ["transactions", "refunds", "fulfillments"] {
            assert!(DOCUMENT.contains(&format!("{list}(first: {MOST_LISTED})")), "{list}");
        }
        let mut order: serde_json::Value = serde_json::from_str(FETCH).unwrap();
        let refund = order["refunds"][0].clone();
        for (many, whole) in [(MOST_LISTED - 1, true), (MOST_LISTED, false)] {
            order["refunds"] = vec![refund.clone(); many].into();
            let rows = fetched(&order.to_string());
            assert_eq!(is_told(&rows, "refunds"), whole);
            assert_eq!(is_told(&rows, "refund_line_items"), whole);
            assert!(is_told(&rows, "order_transactions") && is_told(&rows, "fulfillments"));
        }
    }

    #[test]
    fn the_lines_of_refunds_are_told_in_full_only_if_every_refund_s_are() {
        assert!(is_told(&fetched(FETCH), "refund_line_items"));
        let mut order: serde_json::Value = serde_json::from_str(FETCH).unwrap();
        order["refunds"][0]["refundLineItems"]["pageInfo"]["hasNextPage"] = true.into();
        let rows = fetched(&order.to_string());
        assert_eq!(refund_lines(&rows).len(), 1);
        assert!(is_told(&rows, "refunds") && !is_told(&rows, "refund_line_items"));
    }
}
