//! Lines of orders and what belongs to them.

use super::{Columns, Key, Row};
use crate::catalogue::address::Address;
use crate::catalogue::facts::CURRENCY;
use crate::catalogue::order::{Order, financial_status, fulfillment_status};

/// An order.
pub fn order(order: &Order) -> Row {
    let codes: Vec<&str> = order
        .discount
        .iter()
        .filter(|it| it.kind == "code")
        .map(|it| it.name)
        .collect();
    let columns = Columns::default()
        .id(order.id)
        .text(&order.name())
        .id(order.number)
        .opt(order.email.as_deref())
        .opt(order.phone.as_deref())
        .opt_id(order.customer)
        .text(financial_status(order))
        .text(fulfillment_status(order).unwrap_or("unfulfilled"))
        .text(CURRENCY)
        .text(order.currency);
    let columns = amounts(columns, order)
        .text(&order.tags.join(","))
        .opt(order.note.as_deref())
        .text(&codes.join(","))
        .text(order.gateway)
        .text(order.source)
        .opt(order.po_number.as_deref())
        .flag(order.test)
        .flag(true)
        .flag(false)
        .opt(order.cancelled.map(|(_, reason)| reason))
        .opt_time(order.cancelled.map(|(at, _)| at))
        .opt_time(order.closed_at)
        .time(order.processed_at)
        .time(order.created_at)
        .time(order.updated_at);
    let columns = place(columns, order.billing.as_ref());
    place(columns, order.shipping.as_ref()).row(Key::One(order.id))
}

fn amounts(columns: Columns, order: &Order) -> Columns {
    let shop = [
        order.subtotal(),
        order.total(),
        order.tax(),
        order.discounts(),
        order.shipping(),
        order.current_subtotal(),
        order.current_total(),
    ];
    let presentment = [
        order.subtotal(),
        order.total(),
        order.tax(),
        order.discounts(),
        order.shipping(),
        order.current_total(),
    ];
    let presentment = presentment.map(|amount| order.presentment(amount));
    shop.into_iter().chain(presentment).fold(columns, Columns::money)
}

fn place(columns: Columns, address: Option<&Address>) -> Columns {
    columns
        .opt(address.map(Address::city))
        .opt(address.map(|address| &*address.zip))
        .opt(address.map(Address::country_code))
}

/// The lines of an order.
pub fn lines(order: &Order) -> impl Iterator<Item = Row> {
    order.lines.iter().map(|line| {
        Columns::default()
            .id(line.id)
            .id(order.id)
            .opt_id(line.product)
            .opt_id(line.variant)
            .text(&line.title)
            .opt(line.variant_title.as_deref())
            .opt(line.sku.as_deref())
            .opt(line.vendor.as_deref())
            .id(line.quantity)
            .id(order.current(line))
            .money(line.price)
            .money(order.presentment(line.price))
            .money(line.discount)
            .money(order.presentment(line.discount))
            .flag(true)
            .flag(line.taxable)
            .flag(false)
            .row(Key::One(line.id))
    })
}

/// Its payments.
pub fn transactions(order: &Order) -> impl Iterator<Item = Row> {
    order.transactions.iter().map(|it| {
        Columns::default()
            .id(it.id)
            .id(order.id)
            .opt_id(it.parent)
            .text(it.kind)
            .text(it.status)
            .text(order.gateway)
            .money(order.presentment(it.amount))
            .text(order.currency)
            .flag(order.test)
            .opt(it.error)
            .time(it.created_at)
            .time(it.created_at)
            .row(Key::One(it.id))
    })
}

/// Its refunds.
pub fn refunds(order: &Order) -> impl Iterator<Item = Row> {
    order.refunds.iter().map(|refund| {
        Columns::default()
            .id(refund.id)
            .id(order.id)
            .opt(refund.note.as_deref())
            .time(refund.created_at)
            .row(Key::One(refund.id))
    })
}

/// The lines of its refunds.
pub fn refund_lines(order: &Order) -> impl Iterator<Item = Row> {
    let lines = order
        .refunds
        .iter()
        .flat_map(|refund| refund.lines.iter().map(move |line| (refund, line)));
    lines.map(|(refund, line)| {
        Columns::default()
            .id(line.id)
            .id(refund.id)
            .id(line.line)
            .id(line.quantity)
            .text(line.restock)
            .money(line.subtotal)
            .money(order.presentment(line.subtotal))
            .money(line.tax)
            .money(order.presentment(line.tax))
            .row(Key::One(line.id))
    })
}

/// What was sent of it.
pub fn fulfillments(order: &Order) -> impl Iterator<Item = Row> {
    order.fulfillments.iter().enumerate().map(|(at, it)| {
        let numbers: Vec<&str> = it.tracking.iter().map(|number| &**number).collect();
        Columns::default()
            .id(it.id)
            .id(order.id)
            .opt_id(it.location)
            .text(&order.fulfillment_name(at))
            .text(it.status)
            .opt(it.company.as_deref())
            .text(&numbers.join(","))
            .text(&it.tracking_urls().join(","))
            .time(it.created_at)
            .time(it.updated_at)
            .row(Key::One(it.id))
    })
}
