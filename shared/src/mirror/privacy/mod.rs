//! Compliance deliveries: what a customer asks to know or to be forgotten, and a store that is to be forgotten.
//!
//! Each is one transaction under the store's lock: what it erases is gone from every table when it commits, what comes
//! later is emptied on its way (`screen`), and where one must look through much (logs, dead letters) is recorded as
//! wanted (`sweep`). Nothing here logs or audits more than numbers and counts.

mod mentions;
pub(super) mod screen;
pub mod sweep;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::webhook::Received;
use super::{Error, log};
use crate::shopify::Gid;
use crate::shopify::rest::{CustomerDataRequest, CustomerRedact, NamedCustomer};
use crate::store::data_requests::{self, Whose};
use crate::store::redaction_sweeps::{self, Wanted};
use crate::store::redactions::{self, Kind, digest};
use crate::store::webhook_logs::Status;
use crate::store::{self, Store, Transaction, admin_audit, erasure, shops};

/// What a compliance delivery asks for.
#[derive(Debug)]
pub(super) enum Request {
    /// To show what is known of a customer.
    Data(CustomerDataRequest),
    /// To forget a customer.
    Customer(CustomerRedact),
    /// To forget the store.
    Shop,
}

/// Does what a compliance delivery asks for, and logs it without its payload. Once more changes nothing.
pub(super) async fn apply(
    store: &Store,
    received: Received<'_>,
    shop_id: i64,
    request: &Request,
) -> Result<Status, Error> {
    let mut tx = store.begin().await?;
    redactions::lock(&mut tx, shop_id).await?;
    let asking = Asking {
        shop_id,
        received,
        is_erased: redactions::hold(&mut tx, &[shop_id]).await?.is_erased(shop_id),
    };
    let changed = match request {
        Request::Shop => asking.forget_shop(&mut tx).await?,
        Request::Data(_) | Request::Customer(_) if asking.is_erased => false,
        Request::Data(body) => asking.show(&mut tx, body).await?,
        Request::Customer(body) => asking.forget(&mut tx, body).await?,
    };
    let status = if changed { Status::Applied } else { Status::Stale };
    log::write(&mut tx, std::iter::once((received, status, true))).await?;
    store::commit(tx).await?;
    Ok(status)
}

/// A compliance delivery in its transaction.
struct Asking<'a> {
    shop_id: i64,
    received: Received<'a>,
    is_erased: bool,
}

/// Whom a request is about, as it says and as the mirror knows.
#[derive(Default)]
struct Meant {
    id: Option<i64>,
    customers: BTreeSet<i64>,
    /// In lower case.
    emails: BTreeSet<String>,
    /// Digits only.
    phones: BTreeSet<String>,
}

impl Meant {
    fn customers(&self) -> Vec<i64> {
        self.customers.iter().copied().collect()
    }

    fn emails(&self) -> Vec<String> {
        self.emails.iter().cloned().collect()
    }

    fn phones(&self) -> Vec<String> {
        self.phones.iter().cloned().collect()
    }
}

fn digests(shop_id: i64, texts: &BTreeSet<String>) -> Vec<Vec<u8>> {
    texts.iter().map(|text| digest(shop_id, text).to_vec()).collect()
}

impl Asking<'_> {
    /// Erases a customer and what tells of the customer in orders. False if all of it had been erased before.
    async fn forget(&self, tx: &mut Transaction, body: &CustomerRedact) -> Result<bool, Error> {
        let (shop_id, at) = (self.shop_id, self.received.0.triggered_at);
        let mut meant = self.meant(tx, body.customer.as_ref()).await?;
        let named_orders = body.orders_to_redact.as_deref().unwrap_or_default();
        if meant.customers.is_empty() && meant.emails.is_empty() && meant.phones.is_empty() && named_orders.is_empty() {
            return Err(Error::Payload {
                what: "request to erase a customer",
                reason: "it names nobody".to_owned(),
            });
        }
        let gone = redactions::find_gone_customers(tx, shop_id, &meant.emails(), &meant.phones()).await?;
        meant.customers.extend(gone);
        let customers = meant.customers();
        let mut orders = redactions::find_orders(tx, shop_id, &customers, &meant.emails(), at).await?;
        orders.extend(named_orders);
        orders.sort_unstable();
        orders.dedup();
        let emails = digests(shop_id, &meant.emails);

        let mut recorded = redactions::record(tx, shop_id, Kind::Customer, &customers, at).await?;
        recorded += redactions::record(tx, shop_id, Kind::Order, &orders, at).await?;
        recorded += redactions::record_emails(tx, shop_id, &emails, at).await?;
        let customer_rows = erasure::bury_customers(tx, shop_id, &customers).await?;
        let order_rows = erasure::erase_orders(tx, shop_id, &orders).await?;
        let gids = customers.iter().map(|id| Gid::new("Customer", *id).as_str().to_owned());
        redactions::forget_fetches(tx, shop_id, &gids.collect::<Vec<_>>()).await?;
        let exports = data_requests::erase(tx, shop_id, &customers, &emails).await?;
        let wanted = Wanted {
            whole_shop: false,
            customer_ids: customers.clone(),
            order_ids: orders.clone(),
            email_sha256: emails,
            phone_sha256: digests(shop_id, &meant.phones),
        };
        redaction_sweeps::want(tx, shop_id, at, &wanted).await?;
        let detail = json!({
            "customerIds": customers, "orderIds": orders, "customerRows": customer_rows, "orderRows": order_rows,
            "exports": exports,
        });
        self.audit(tx, "privacy.customers_redact", detail).await?;
        tracing::info!(
            shop.domain = %self.received.0.shop, customers = customers.len(), orders = orders.len(), "customer erased"
        );
        Ok(recorded > 0)
    }

    /// Writes an export of what is known of a customer. False if it was downloaded before.
    async fn show(&self, tx: &mut Transaction, body: &CustomerDataRequest) -> Result<bool, Error> {
        let (shop_id, at) = (self.shop_id, self.received.0.triggered_at);
        let meant = self.meant(tx, body.customer.as_ref()).await?;
        let customers = meant.customers();
        let mut orders = redactions::find_orders(tx, shop_id, &customers, &meant.emails(), at).await?;
        orders.extend(body.orders_requested.as_deref().unwrap_or_default());
        orders.sort_unstable();
        orders.dedup();
        let email = meant.emails.first().map(|email| digest(shop_id, email));
        let whose = Whose {
            customer_id: meant.id.or(customers.first().copied()),
            email_sha256: email.as_ref().map(<[u8; 32]>::as_slice),
            customers: &customers,
            orders: &orders,
        };
        let id = body.data_request.id;
        let written = data_requests::answer(tx, shop_id, id, at, &whose).await?;
        let detail = json!({
            "requestId": id, "customerIds": customers, "orderIds": orders, "written": written,
        });
        self.audit(tx, "privacy.data_request", detail).await?;
        Ok(written)
    }

    /// Erases the store. Its rows are many, so they go step by step in the sweep; from now on nothing is added to them.
    async fn forget_shop(&self, tx: &mut Transaction) -> Result<bool, Error> {
        let (shop_id, at) = (self.shop_id, self.received.0.triggered_at);
        if !shops::redact(tx, shop_id, at).await? {
            return Ok(false);
        }
        let wanted = Wanted {
            whole_shop: true,
            ..Wanted::default()
        };
        redaction_sweeps::want(tx, shop_id, at, &wanted).await?;
        self.audit(tx, "privacy.shop_redact", json!({ "shopId": shop_id }))
            .await?;
        tracing::info!(shop.domain = %self.received.0.shop, "store erased");
        Ok(true)
    }

    /// Who is meant, with every mail address and telephone number that the request or the mirror tells.
    async fn meant(&self, tx: &mut Transaction, named: Option<&NamedCustomer>) -> Result<Meant, Error> {
        let Some(named) = named else {
            return Ok(Meant::default());
        };
        let email = named.email.as_deref().map(|email| email.trim().to_lowercase());
        let email = email.filter(|email| !email.is_empty());
        let phone = named.phone.as_deref().and_then(mentions::phone);
        let found = redactions::find_customers(tx, self.shop_id, named.id, email.as_deref(), phone.as_deref()).await?;
        let mut meant = Meant {
            id: named.id,
            customers: named.id.into_iter().collect(),
            emails: email.into_iter().collect(),
            phones: phone.into_iter().collect(),
        };
        for person in found {
            meant.customers.insert(person.id);
            meant.emails.extend(person.email);
            meant.phones.extend(person.phone.as_deref().and_then(mentions::phone));
        }
        Ok(meant)
    }

    async fn audit(&self, tx: &mut Transaction, procedure: &str, mut detail: Value) -> Result<(), Error> {
        detail["deliveryId"] = json!(self.received.0.delivery_id);
        admin_audit::record(tx, procedure, Some(self.received.0.shop.as_str()), &detail).await?;
        Ok(())
    }
}
