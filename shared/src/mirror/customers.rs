//! Customers: wire shape → rows. Pure.
//!
//! Each source has rows only for the parts that it tells: the body of `customers/update` knows no tags, no consent and
//! no totals, so it makes no row of them. What comes as a difference is never applied: it leads to a fetch.

use chrono::{DateTime, SubsecRound, Utc};
use serde_json::value::RawValue;

use super::Error;
use super::rows::{NO_VERSION, Rows, Subject, number, parse};
use crate::shopify::{Whole, graphql, rest};
use crate::store::Version;
use crate::store::tables::{Customer, CustomerAddress, CustomerPurchases, CustomerTags, EmailConsent, SmsConsent};

/// A webhook shows so many addresses at most; with fewer, all are shown.
const MOST_ADDRESSES_SHOWN: usize = 10;
/// Why a customer is fetched whose webhook was applied.
const ADDRESSES: &str = "a customer's webhook does not tell all addresses";
/// Why a customer is fetched whose tags changed.
const TAGS: &str = "a webhook tells which tags changed, not which there are";
/// Why the customer is fetched who stays after a merge.
const MERGED: &str = "another customer was merged into this one";

impl Rows {
    /// The body of `customers/create`, `…/update`, `…/enable` and `…/disable`.
    pub fn customer_of_webhook(&mut self, raw: &str) -> Result<Subject, Error> {
        let body: rest::Customer = parse(raw, "customer")?;
        let Some(updated_at) = body.updated_at else {
            return Ok(self.want("Customer", body.id, NO_VERSION));
        };
        self.knows_of(updated_at);
        let version = Version::new(updated_at, self.observed_at);
        let default_address_id = body.default_address.map(|address| address.id);
        if let Some(shown) = body.addresses {
            self.shown_addresses(body.id, default_address_id, shown);
        }
        let row = Customer {
            shop_id: self.shop_id,
            id: body.id,
            version,
            first_name: self.filled(body.first_name),
            last_name: self.filled(body.last_name),
            email: self.filled(body.email),
            phone: self.filled(body.phone),
            state: self.word(body.state),
            note: self.filled(body.note),
            verified_email: body.verified_email,
            tax_exempt: body.tax_exempt,
            tax_exemptions: self.texts(body.tax_exemptions.unwrap_or_default()),
            default_address_id,
            created_at: body.created_at,
            raw: self.clean(raw),
        };
        Ok(self.add(row))
    }

    /// The addresses in a customer's body. A list that lacks the default one cannot be the whole either.
    fn shown_addresses(&mut self, customer_id: i64, default_id: Option<i64>, shown: Vec<rest::Address>) {
        let ids: Vec<i64> = shown.iter().map(|address| address.id).collect();
        if ids.len() < MOST_ADDRESSES_SHOWN && default_id.is_none_or(|id| ids.contains(&id)) {
            self.has_exactly::<CustomerAddress>("Customer", customer_id, ids);
        } else {
            self.want("Customer", customer_id, ADDRESSES);
        }
        for address in shown {
            let row = CustomerAddress {
                shop_id: self.shop_id,
                id: address.id,
                version: self.clockless(),
                customer_id,
                first_name: self.filled(address.first_name),
                last_name: self.filled(address.last_name),
                company: self.filled(address.company),
                address1: self.filled(address.address1),
                address2: self.filled(address.address2),
                city: self.filled(address.city),
                province: self.filled(address.province),
                province_code: self.filled(address.province_code),
                country: self.filled(address.country),
                country_code: self.filled(address.country_code),
                zip: self.filled(address.zip),
                phone: self.filled(address.phone),
                raw: String::new(),
            };
            self.add(row);
        }
    }

    /// The body of `customers/merge`; none unless the merge is done.
    pub fn customers_merge(&mut self, raw: &str) -> Result<Option<Subject>, Error> {
        let body: rest::CustomersMerge = parse(raw, "merge of customers")?;
        if !body.status.eq_ignore_ascii_case("completed") {
            return Ok(None);
        }
        self.want("Customer", body.kept.id(), MERGED);
        Ok(Some(self.delete::<Customer>(body.deleted.id())))
    }

    /// The body of `customers/purchasing_summary`.
    pub fn purchases_of_webhook(&mut self, raw: &str) -> Result<Subject, Error> {
        let body: rest::PurchasingSummary<'_> = parse(raw, "purchasing summary")?;
        // In whole seconds like the version of a fetch, which tells the same without saying since when.
        let version = body.occurred_at.map_or(self.clockless(), |at| {
            Version::new(at.trunc_subsecs(0), self.observed_at)
        });
        let (amount, currency) = body.amount_spent.map_or((None, None), |spent| {
            (spent.amount.map(rest::amount), spent.currency_code)
        });
        let row = CustomerPurchases {
            shop_id: self.shop_id,
            customer_id: body.customer_id.id(),
            version,
            number_of_orders: body.number_of_orders.map(count).transpose()?,
            amount_spent: amount,
            amount_spent_currency: self.text(currency),
            last_order_id: body.last_order_id.map(|order| order.id()),
            raw: self.clean(raw),
        };
        Ok(self.add(row))
    }

    /// The body of `customer.tags_added` and `customer.tags_removed`.
    pub fn customer_tags_delta(&mut self, raw: &str) -> Result<Subject, Error> {
        let body: rest::CustomerTagsDelta = parse(raw, "change of a customer's tags")?;
        Ok(self.want("Customer", body.customer_id.id(), TAGS))
    }

    /// The body of `customers_email_marketing_consent/update`.
    pub fn email_consent_of_webhook(&mut self, raw: &str) -> Result<Subject, Error> {
        let body: rest::EmailConsentUpdate = parse(raw, "consent to mail")?;
        let consent = body.email_marketing_consent.unwrap_or_default();
        let row = EmailConsent {
            shop_id: self.shop_id,
            customer_id: body.customer_id,
            version: self.clockless(),
            state: self.word(consent.state),
            opt_in_level: self.word(consent.opt_in_level),
            consent_updated_at: consent.consent_updated_at.map(text_of),
            raw: self.clean(raw),
        };
        Ok(self.add(row))
    }

    /// The body of `customers_marketing_consent/update`.
    pub fn sms_consent_of_webhook(&mut self, raw: &str) -> Result<Subject, Error> {
        let body: rest::SmsConsentUpdate = parse(raw, "consent to text messages")?;
        let consent = body.sms_marketing_consent.unwrap_or_default();
        let row = SmsConsent {
            shop_id: self.shop_id,
            customer_id: body.id,
            version: self.clockless(),
            state: self.text(consent.state).as_deref().map(consent_state),
            opt_in_level: self.word(consent.opt_in_level),
            consent_updated_at: consent.consent_updated_at.map(text_of),
            raw: self.clean(raw),
        };
        Ok(self.add(row))
    }

    /// A customer with all addresses: one that is not among them is gone.
    pub fn fetched_customer(&mut self, whole: &Whole) -> Result<(), Error> {
        let raw = whole.root.get();
        let node: graphql::Customer<'_> = parse(raw, "customer")?;
        let id = node.id.id();
        self.knows_of(node.updated_at);
        if let Some(metafields) = &node.metafields {
            self.metafields("Customer", id, metafields)?;
        }
        let mut ids = Vec::with_capacity(whole.members.len());
        for address in &whole.members {
            ids.push(self.address(address.get(), id)?);
        }
        self.has_exactly::<CustomerAddress>("Customer", id, ids);
        self.customer(node, raw)
    }

    /// A customer in a bulk file.
    pub fn customer_line(&mut self, raw: &str) -> Result<(), Error> {
        let node = parse(raw, "customer")?;
        self.customer(node, raw)
    }

    /// An address in a bulk file.
    pub fn address_line(&mut self, raw: &str, customer_id: i64) -> Result<(), Error> {
        self.address(raw, customer_id).map(drop)
    }

    /// All parts of a customer. Only the first keeps the text, which is that of all.
    fn customer(&mut self, node: graphql::Customer<'_>, raw: &str) -> Result<(), Error> {
        let (shop_id, id) = (self.shop_id, node.id.id());
        let version = Version::new(node.updated_at, self.observed_at);
        let number_of_orders = node.number_of_orders.map(count).transpose()?;
        let last_order_id = node.last_order.map(|order| number(&order.id, "order")).transpose()?;
        let default_address = node.default_address.map(|address| number(&address.id, "address"));
        let default_address_id = default_address.transpose()?;

        let mut tags = self.texts(node.tags);
        tags.sort();
        self.add(CustomerTags {
            shop_id,
            customer_id: id,
            version,
            tags,
            raw: String::new(),
        });
        let (amount, currency) = node
            .amount_spent
            .map(|spent| (spent.amount, spent.currency_code))
            .unzip();
        let purchases = CustomerPurchases {
            shop_id,
            customer_id: id,
            // Nothing in a customer tells when the totals moved.
            version: self.clockless(),
            number_of_orders,
            amount_spent: amount,
            amount_spent_currency: self.text(currency),
            last_order_id,
            raw: String::new(),
        };
        self.add(purchases);
        let email = self.email(id, node.default_email_address);
        let phone = self.phone(id, node.default_phone_number);

        let row = Customer {
            shop_id,
            id,
            version,
            first_name: self.filled(node.first_name),
            last_name: self.filled(node.last_name),
            email,
            phone,
            state: self.word(node.state),
            note: self.filled(node.note),
            verified_email: node.verified_email,
            tax_exempt: node.tax_exempt,
            tax_exemptions: self.texts(node.tax_exemptions),
            default_address_id,
            created_at: node.created_at,
            raw: self.clean(raw),
        };
        self.add(row);
        Ok(())
    }

    /// Adds the consent to mail; returns where mail goes.
    fn email(&mut self, customer_id: i64, email: Option<graphql::DefaultEmailAddress>) -> Option<String> {
        let email = email.unwrap_or_default();
        let row = EmailConsent {
            shop_id: self.shop_id,
            customer_id,
            version: self.clockless(),
            state: self.word(email.marketing_state),
            opt_in_level: self.word(email.marketing_opt_in_level),
            consent_updated_at: email.marketing_updated_at.map(text_of),
            raw: String::new(),
        };
        self.add(row);
        self.filled(email.email_address)
    }

    /// Adds the consent to text messages; returns where they go.
    fn phone(&mut self, customer_id: i64, phone: Option<graphql::DefaultPhoneNumber>) -> Option<String> {
        let phone = phone.unwrap_or_default();
        let consent = phone.sms_marketing_consent.unwrap_or_default();
        let row = SmsConsent {
            shop_id: self.shop_id,
            customer_id,
            version: self.clockless(),
            state: self.text(consent.state).as_deref().map(consent_state),
            opt_in_level: self.word(consent.opt_in_level),
            consent_updated_at: consent.updated_at.map(text_of),
            raw: String::new(),
        };
        self.add(row);
        self.filled(phone.phone_number)
    }

    fn address(&mut self, raw: &str, customer_id: i64) -> Result<i64, Error> {
        let node: graphql::MailingAddress = parse(raw, "address")?;
        let id = node.id.id();
        let row = CustomerAddress {
            shop_id: self.shop_id,
            id,
            version: self.clockless(),
            customer_id,
            first_name: self.filled(node.first_name),
            last_name: self.filled(node.last_name),
            company: self.filled(node.company),
            address1: self.filled(node.address1),
            address2: self.filled(node.address2),
            city: self.filled(node.city),
            province: self.filled(node.province),
            province_code: self.filled(node.province_code),
            country: self.filled(node.country),
            country_code: self.filled(node.country_code_v2),
            zip: self.filled(node.zip),
            phone: self.filled(node.phone),
            raw: String::new(),
        };
        self.add(row);
        Ok(id)
    }
}

/// A count, which the Admin API writes as a text and webhooks as a number.
fn count(raw: &RawValue) -> Result<i64, Error> {
    rest::amount(raw).parse().map_err(|_| Error::Payload {
        what: "number of orders",
        reason: "not a whole number".to_owned(),
    })
}

/// The one text of a time, whichever zone it came in.
fn text_of(at: DateTime<Utc>) -> String {
    at.to_rfc3339()
}

/// A consent as it is mirrored. Webhooks write `not_subscribed` where the Admin API, for text messages, writes
/// `NEVER_SUBSCRIBED`.
pub(super) fn consent_state(word: &str) -> String {
    match word.to_ascii_lowercase().as_str() {
        "never_subscribed" => "not_subscribed".to_owned(),
        word => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::*;
    use crate::store::AnyRow;

    const BODY: &str = include_str!("../../tests/fixtures/customers/customer.json");
    const NODE: &str = include_str!("../../tests/fixtures/customers/customer_whole.json");
    const ID: i64 = 706_405_506_930_370_084;

    fn rows() -> Rows {
        Rows::new(7, at("2026-11-24T08:00:00.25Z"))
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// What a fetch would hand over for a node and its addresses.
    fn whole(node: &str) -> Whole {
        let fields: HashMap<String, &RawValue> = serde_json::from_str(node).unwrap();
        let addresses: graphql::Connection<'_> = serde_json::from_str(fields["addressesV2"].get()).unwrap();
        Whole {
            root: RawValue::from_string(node.to_owned()).unwrap(),
            members: addresses.nodes.into_iter().map(ToOwned::to_owned).collect(),
        }
    }

    fn fetched(node: &str) -> Rows {
        let mut rows = rows();
        rows.fetched_customer(&whole(node)).unwrap();
        rows
    }

    /// What every kind of row is found by in a test.
    trait Found: Sized {
        fn of(row: &AnyRow) -> Option<&Self>;
    }

    macro_rules! found {
        ($($row:ident)*) => {
            $(impl Found for $row {
                fn of(row: &AnyRow) -> Option<&Self> {
                    match row {
                        AnyRow::$row(row) => Some(row),
                        _ => None,
                    }
                }
            })*
        };
    }

    found!(Customer CustomerAddress CustomerPurchases CustomerTags EmailConsent SmsConsent);

    fn only<R: Found>(rows: &Rows) -> &R {
        let mut found = rows.rows.iter().filter_map(R::of);
        let first = found.next().expect("a row");
        assert!(found.next().is_none(), "one row");
        first
    }

    /// Everything of a row but the text it came from, in one zone.
    fn columns<R: std::fmt::Debug>(row: &R) -> String {
        let text = format!("{row:?}").replace("2026-11-20T04:00:37-05:00", "2026-11-20T09:00:37Z");
        let (columns, _) = text.split_once(", raw: ").expect("the last column");
        columns.to_owned()
    }

    #[test]
    fn both_forms_of_a_customer_end_in_the_same_rows() {
        let (mut body, whole) = (rows(), fetched(NODE));
        body.customer_of_webhook(BODY).unwrap();
        assert_eq!(columns(only::<Customer>(&body)), columns(only::<Customer>(&whole)));
        assert_eq!(
            columns(only::<CustomerAddress>(&body)),
            columns(only::<CustomerAddress>(&whole))
        );
        let address_sets = |rows: &Rows| -> Vec<_> {
            let sets = rows.sets.iter().filter(|set| set.members == "customer_addresses");
            sets.cloned().collect()
        };
        assert_eq!(address_sets(&body), address_sets(&whole));
        let row = only::<Customer>(&body);
        assert_eq!((row.id, row.default_address_id), (ID, Some(788_032_119_674_292_923)));
        assert_eq!(
            (&row.last_name, &row.note, row.state.as_deref()),
            (&None, &None, Some("enabled"))
        );
        assert_eq!(
            row.tax_exemptions,
            ["CA_STATUS_CARD_EXEMPTION", "CA_BC_RESELLER_EXEMPTION"]
        );
    }

    #[test]
    fn a_webhook_of_a_customer_touches_neither_tags_nor_consent_nor_purchases() {
        let mut body: serde_json::Value = serde_json::from_str(BODY).unwrap();
        body["tags"] = json!("a, b");
        body["email_marketing_consent"] = json!({"state": "subscribed", "consent_updated_at": "2026-11-20T09:01:51Z"});
        body["orders_count"] = json!(3);
        for text in [BODY, &body.to_string()] {
            let mut rows = rows();
            rows.customer_of_webhook(text).unwrap();
            let others = rows
                .rows
                .iter()
                .filter(|row| !matches!(row, AnyRow::Customer(_) | AnyRow::CustomerAddress(_)));
            assert_eq!(others.count(), 0);
        }
    }

    #[test]
    fn a_list_of_addresses_is_the_whole_only_below_the_limit_and_with_the_default_in_it() {
        let body = |addresses: i64, default: Option<i64>| {
            let list: Vec<_> = (1..=addresses).map(|id| json!({ "id": id })).collect();
            let default = default.map(|id| json!({ "id": id }));
            let body =
                json!({"id": 1, "updated_at": "2026-11-20T09:01:14Z", "addresses": list, "default_address": default});
            let mut rows = rows();
            rows.customer_of_webhook(&body.to_string()).unwrap();
            assert_eq!(rows.rows.len() as i64, addresses + 1);
            (rows.sets.len(), rows.wants.len())
        };
        assert_eq!(body(0, None), (1, 0));
        assert_eq!(body(9, Some(9)), (1, 0));
        assert_eq!(body(10, Some(9)), (0, 1));
        assert_eq!(body(3, Some(4)), (0, 1));
    }

    #[test]
    fn the_sample_body_of_a_customer_is_read() {
        let mut rows = rows();
        rows.customer_of_webhook(include_str!("../../tests/fixtures/payloads/customers__update.json"))
            .unwrap();
        let row = only::<Customer>(&rows);
        assert_eq!((row.id, row.email.as_deref()), (ID, Some("bob@biller.com")));
        assert!(rows.sets.is_empty(), "its list lacks its default address");
    }

    #[test]
    fn a_body_without_addresses_says_nothing_of_them() {
        let mut rows = rows();
        rows.customer_of_webhook(r#"{"id":1,"updated_at":"2026-11-20T09:01:14Z"}"#)
            .unwrap();
        assert_eq!((rows.rows.len(), rows.sets.len(), rows.wants.len()), (1, 0, 0));
    }

    #[test]
    fn a_body_without_a_version_is_fetched() {
        let mut rows = rows();
        let subject = rows.customer_of_webhook(r#"{"id":1,"first_name":"x"}"#).unwrap();
        assert!(matches!(subject, Subject::Wanted) && rows.rows.is_empty());
        assert_eq!(rows.wants[0].gid, "gid://shopify/Customer/1");
    }

    fn merge(status: &str) -> (Option<Subject>, Rows) {
        let body = json!({
            "admin_graphql_api_customer_kept_id": format!("gid://shopify/Customer/{ID}"),
            "admin_graphql_api_customer_deleted_id": "gid://shopify/Customer/2",
            "admin_graphql_api_job_id": null,
            "status": status,
            "errors": [],
        });
        let mut rows = rows();
        let subject = rows.customers_merge(&body.to_string()).unwrap();
        (subject, rows)
    }

    #[test]
    fn a_merge_deletes_one_customer_and_fetches_the_other() {
        let (subject, rows) = merge("completed");
        assert!(matches!(subject, Some(Subject::Deletion { key, .. }) if key.id == 2));
        assert_eq!(rows.deletions[0].deleted_at, rows.observed_at);
        assert_eq!(rows.wants[0].gid, format!("gid://shopify/Customer/{ID}"));
        assert!(rows.rows.is_empty());
    }

    #[test]
    fn a_merge_that_is_not_completed_changes_nothing() {
        for status in ["failed", "in_progress", "requested"] {
            let (subject, rows) = merge(status);
            assert!(subject.is_none());
            assert_eq!(
                (rows.rows.len(), rows.deletions.len(), rows.wants.len(), rows.sets.len()),
                (0, 0, 0, 0)
            );
        }
    }

    #[test]
    fn a_change_of_tags_becomes_a_fetch() {
        for body in [
            include_str!("../../tests/fixtures/payloads/customer_tags_added.json"),
            include_str!("../../tests/fixtures/payloads/customer_tags_removed.json"),
        ] {
            let mut rows = rows();
            assert!(matches!(rows.customer_tags_delta(body).unwrap(), Subject::Wanted));
            assert!(rows.rows.is_empty());
            let want = &rows.wants[0];
            assert_eq!(
                (want.gid.as_str(), want.wanted_at),
                ("gid://shopify/Customer/1", rows.observed_at)
            );
        }
    }

    #[test]
    fn tags_are_sorted_and_as_old_as_the_customer() {
        let rows = fetched(NODE);
        let row = only::<CustomerTags>(&rows);
        assert_eq!(row.tags, ["summer", "vip"]);
        assert_eq!((row.customer_id, row.version), (ID, only::<Customer>(&rows).version));
    }

    /// The body of `customers/purchasing_summary` for the customer of the fixtures.
    fn summary(amount: &str, occurred_at: &str) -> String {
        format!(
            r#"{{"customerId":"gid://shopify/Customer/{ID}","numberOfOrders":9007199254740993,"amountSpent":{{"amount":{amount},"currencyCode":"USD"}},"lastOrderId":"gid://shopify/Order/820982911946154508","occurredAt":{occurred_at}}}"#
        )
    }

    #[test]
    fn both_forms_of_purchases_end_in_the_same_row_with_every_digit() {
        let whole = fetched(NODE);
        for amount in [r#""90071992547409.93""#, "90071992547409.93"] {
            let body = summary(amount, r#""2026-11-24T08:00:00.125Z""#);
            let mut rows = rows();
            rows.purchases_of_webhook(&body).unwrap();
            let row = only::<CustomerPurchases>(&rows);
            // Read in the same second, so even the versions are the same.
            assert_eq!(columns(row), columns(only::<CustomerPurchases>(&whole)));
            assert_eq!(row.number_of_orders, Some(9_007_199_254_740_993));
            assert_eq!(row.amount_spent.as_deref(), Some("90071992547409.93"));
            assert_eq!(row.last_order_id, Some(820_982_911_946_154_508));
        }
    }

    #[test]
    fn purchases_are_as_old_as_the_event_or_else_as_the_delivery() {
        let version = |occurred_at: &str| {
            let mut rows = rows();
            rows.purchases_of_webhook(&summary("1", occurred_at)).unwrap();
            only::<CustomerPurchases>(&rows).version
        };
        let observed_at = rows().observed_at;
        let expected = Version::new(at("2026-11-24T07:59:59Z"), observed_at);
        assert_eq!(version(r#""2026-11-24T07:59:59.999Z""#), expected);
        assert_eq!(version("null"), rows().clockless());
    }

    #[test]
    fn a_customer_without_orders_has_no_last_one() {
        let mut rows = rows();
        let body = r#"{"customerId":"gid://shopify/Customer/1","numberOfOrders":0,"amountSpent":{"amount":"0.00","currencyCode":"USD"},"lastOrderId":null,"occurredAt":"2026-11-24T08:00:00Z"}"#;
        rows.purchases_of_webhook(body).unwrap();
        let row = only::<CustomerPurchases>(&rows);
        assert_eq!((row.number_of_orders, row.last_order_id), (Some(0), None));
    }

    #[test]
    fn both_forms_of_the_consent_to_mail_end_in_the_same_row() {
        let whole = fetched(NODE);
        let mut rows = rows();
        let body = format!(
            r#"{{"customer_id":{ID},"email_address":"jane@example.com","email_marketing_consent":{{"state":"subscribed","opt_in_level":"single_opt_in","consent_updated_at":"2026-11-20T04:01:51-05:00"}}}}"#
        );
        rows.email_consent_of_webhook(&body).unwrap();
        assert_eq!(
            columns(only::<EmailConsent>(&rows)),
            columns(only::<EmailConsent>(&whole))
        );
    }

    #[test]
    fn both_forms_of_the_consent_to_text_messages_end_in_the_same_row() {
        let mut node: serde_json::Value = serde_json::from_str(NODE).unwrap();
        let body = |state: &str| {
            format!(
                r#"{{"id":{ID},"phone":"+15555550100","sms_marketing_consent":{{"state":"{state}","opt_in_level":"unknown","consent_updated_at":"2026-11-20T04:01:51-05:00","consent_collected_from":"other"}}}}"#
            )
        };
        for (state, word) in [
            ("NEVER_SUBSCRIBED", "not_subscribed"),
            ("UNSUBSCRIBED", "unsubscribed"),
            ("SUBSCRIBED", "subscribed"),
            ("PENDING", "pending"),
            ("REDACTED", "redacted"),
        ] {
            node["defaultPhoneNumber"]["smsMarketingConsent"] =
                json!({"state": state, "optInLevel": "UNKNOWN", "updatedAt": "2026-11-20T09:01:51Z"});
            let whole = fetched(&node.to_string());
            let (mut rows, body) = (rows(), body(word));
            rows.sms_consent_of_webhook(&body).unwrap();
            let row = only::<SmsConsent>(&rows);
            assert_eq!(columns(row), columns(only::<SmsConsent>(&whole)));
            assert_eq!(row.state.as_deref(), Some(word));
        }
    }

    #[test]
    fn a_consent_counts_from_when_it_was_seen_because_apps_may_date_it_back() {
        let whole = fetched(NODE);
        assert_eq!(only::<SmsConsent>(&whole).version, whole.clockless());

        let mut rows = rows();
        let sample = include_str!("../../tests/fixtures/payloads/customers_email_marketing_consent__update.json");
        rows.email_consent_of_webhook(sample).unwrap();
        let row = only::<EmailConsent>(&rows);
        assert_eq!(
            (row.state.as_deref(), &row.consent_updated_at),
            (Some("not_subscribed"), &None)
        );
        assert_eq!(row.version, rows.clockless());
    }

    #[test]
    fn who_cannot_be_reached_has_agreed_to_nothing() {
        let mut node: serde_json::Value = serde_json::from_str(NODE).unwrap();
        node["defaultEmailAddress"] = json!(null);
        node["defaultPhoneNumber"] = json!(null);
        let rows = fetched(&node.to_string());
        let (email, sms) = (only::<EmailConsent>(&rows), only::<SmsConsent>(&rows));
        assert_eq!((&email.state, &email.opt_in_level), (&None, &None));
        assert_eq!((&sms.state, &sms.opt_in_level), (&None, &None));
        let row = only::<Customer>(&rows);
        assert_eq!((&row.email, &row.phone), (&None, &None));

        let mut rows = super::tests::rows();
        rows.sms_consent_of_webhook(r#"{"id":1,"phone":null,"sms_marketing_consent":null}"#)
            .unwrap();
        assert_eq!(only::<SmsConsent>(&rows).state, None);
    }

    #[test]
    fn a_fetch_tells_all_addresses_and_metafields() {
        let rows = fetched(NODE);
        let mut sets: Vec<_> = rows
            .sets
            .iter()
            .map(|set| (set.members.as_str(), set.owner_id, set.ids.clone()))
            .collect();
        sets.sort();
        assert_eq!(
            sets,
            [
                ("customer_addresses", ID, vec![788_032_119_674_292_923]),
                ("metafields/Customer", ID, vec![41_000_000_000_017]),
            ]
        );
        assert!(rows.wants.is_empty());
    }

    #[test]
    fn lines_of_a_bulk_file_tell_no_sets() {
        let mut node: HashMap<String, &RawValue> = serde_json::from_str(NODE).unwrap();
        node.retain(|name, _| !["addressesV2", "metafields"].contains(&name.as_str()));
        let mut rows = rows();
        rows.customer_line(&serde_json::to_string(&node).unwrap()).unwrap();
        assert_eq!(
            rows.rows.len(),
            5,
            "the customer, its tags, its purchases, its two consents"
        );
        let address = whole(NODE).members[0].get().to_owned();
        rows.address_line(&address, ID).unwrap();
        let row = only::<CustomerAddress>(&rows);
        assert_eq!((row.customer_id, row.version), (ID, rows.clockless()));
        assert!(rows.sets.is_empty() && rows.wants.is_empty());
    }

    #[test]
    fn nul_characters_are_removed_and_counted() {
        let mut rows = rows();
        rows.customer_of_webhook(r#"{"id":1,"updated_at":"2026-11-20T09:01:14Z","note":"a\u0000b"}"#)
            .unwrap();
        let row = only::<Customer>(&rows);
        assert_eq!(row.note.as_deref(), Some("ab"));
        assert!(!row.raw.contains("u0000"));
        assert_eq!(rows.nul_removed, 2);
    }

    #[test]
    fn an_error_shows_no_value() {
        let mut rows = rows();
        let errors = [
            rows.customer_of_webhook(&BODY.replace("\"2026-11-20T04:01:14-05:00\"", "\"hunter2\""))
                .unwrap_err(),
            rows.customer_line(&NODE.replace("\"9007199254740993\"", "\"hunter2\""))
                .unwrap_err(),
            rows.customer_line(&NODE.replace("gid:\\/\\/shopify\\/Order\\/820982911946154508", "hunter2"))
                .unwrap_err(),
            rows.customer_tags_delta(r#"{"customerId":"hunter2"}"#).unwrap_err(),
        ];
        for error in errors {
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        assert!(rows.rows.is_empty(), "a line that cannot be read makes no row");
    }
}
