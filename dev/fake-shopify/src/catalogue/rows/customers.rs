//! Lines of customers and their addresses.

use super::{Columns, Key, Row};
use crate::catalogue::Catalogue;
use crate::catalogue::address::Address;
use crate::catalogue::customer::{Consent, Customer};
use crate::catalogue::facts::CURRENCY;

/// All customers.
pub fn customers(catalogue: &Catalogue) -> Vec<Row> {
    let line = |customer: &Customer| {
        let summary = catalogue.summary(customer.id);
        let columns = Columns::default()
            .id(customer.id)
            .opt(customer.first_name.as_deref())
            .opt(customer.last_name.as_deref())
            .opt(customer.email.as_deref())
            .opt(customer.phone.as_deref())
            .text(customer.state)
            .opt(customer.note.as_deref())
            .flag(customer.verified_email)
            .flag(customer.tax_exempt)
            .text(&customer.tax_exemptions.join(","))
            .opt_id(customer.default_address)
            .time(customer.created_at)
            .time(customer.updated_at)
            .text(&customer.tags.join(","))
            .id(summary.orders as i64)
            .money(summary.spent)
            .text(CURRENCY)
            .opt_id(summary.last);
        // Consent goes with what it is about.
        let email = customer.email.as_ref().map(|_| &customer.email_consent);
        let sms = customer.phone.as_ref().map(|_| &customer.sms_consent);
        consent(consent(columns, email), sms).row(Key::One(customer.id))
    };
    catalogue.customers.values().map(line).collect()
}

fn consent(columns: Columns, consent: Option<&Consent>) -> Columns {
    columns
        .opt(consent.map(Consent::state))
        .opt(consent.and_then(|consent| consent.level))
        .opt_time(consent.and_then(|consent| consent.updated_at))
}

/// The addresses of a customer.
pub fn addresses(customer: &Customer) -> impl Iterator<Item = Row> {
    customer
        .addresses
        .iter()
        .map(|(id, address)| line(customer.id, *id, address))
}

fn line(customer: i64, id: i64, address: &Address) -> Row {
    Columns::default()
        .id(id)
        .id(customer)
        .opt(address.first_name.as_deref())
        .opt(address.last_name.as_deref())
        .opt(address.company.as_deref())
        .text(&address.address1)
        .opt(address.address2.as_deref())
        .text(address.city())
        .opt(address.province())
        .opt(address.province_code())
        .text(address.country())
        .text(address.country_code())
        .text(&address.zip)
        .opt(address.phone.as_deref())
        .row(Key::One(id))
}
