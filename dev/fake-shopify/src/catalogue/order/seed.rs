//! Orders of a seeded shop. They are dated back from one day: most within the sixty days an app sees without further
//! permission, some long before.

use super::{Discount, Fulfillment, Line, Order, Refund, RefundLine, ShippingLine, Transaction};
use crate::catalogue::Catalogue;
use crate::catalogue::address::Address;
use crate::catalogue::ids::Kind;
use crate::catalogue::seed::Mix;
use crate::catalogue::text;

const DAY: i64 = 86_400;
const DISCOUNTS: [Discount; 3] = [
    Discount {
        kind: "code",
        name: "WELCOME10",
        percent: Some(10),
    },
    Discount {
        kind: "automatic",
        name: "Summer & Sun",
        percent: Some(20),
    },
    Discount {
        kind: "manual",
        name: "Damaged box",
        percent: None,
    },
];
const SHIPPING: [(&str, &str, i64); 3] = [
    ("Standard", "standard", 490),
    ("Express", "express", 1_290),
    ("Local pickup", "pickup", 0),
];
/// The buyer's currencies and their rates.
const CURRENCIES: [(&str, i64); 4] = [("USD", 100), ("EUR", 92), ("CAD", 137), ("USD", 100)];

/// So many orders.
pub fn seed(catalogue: &mut Catalogue, number: usize, today: i64, seed: u64) {
    let mut mix = Mix::new(seed ^ 0x0_4de4);
    let customers: Vec<i64> = catalogue.customers.keys().copied().collect();
    let products: Vec<i64> = catalogue.products.keys().copied().collect();
    for _ in 0..number {
        let order_seed = mix.next();
        let mut dates = Mix::new(order_seed ^ 0xda7e);
        let age = if dates.chance(0.2) {
            65 + dates.below(300)
        } else {
            2 + dates.below(50)
        } as i64;
        let at = today - age * DAY + dates.below(DAY as u64) as i64;
        let mut order = made(catalogue, order_seed, at, &customers, &products);
        settle(catalogue, &mut order, &mut dates);
        catalogue.insert_order(order);
    }
}

/// An order made up from a seed, nothing paid yet and nothing sent.
pub fn made(catalogue: &mut Catalogue, seed: u64, at: i64, customers: &[i64], products: &[i64]) -> Order {
    let mut mix = Mix::new(seed);
    let id = catalogue.ids.fresh(Kind::Order);
    let number = 1_000 + catalogue.next_order();
    let customer =
        (!customers.is_empty() && mix.chance(0.9)).then(|| customers[mix.below(customers.len() as u64) as usize]);
    let (currency, rate) = CURRENCIES[mix.below(4) as usize];
    let mut shipping = Address::made(&mut mix);
    let buyer = customer.and_then(|id| catalogue.customers.get(&id));
    if let Some(buyer) = buyer {
        (shipping.first_name, shipping.last_name) = (buyer.first_name.clone(), buyer.last_name.clone());
    }
    let email = buyer.and_then(|buyer| buyer.email.clone());
    let phone = buyer.and_then(|buyer| buyer.phone.clone());
    let discount = mix.chance(0.4).then(|| DISCOUNTS[mix.below(3) as usize].clone());
    let mut lines = Vec::new();
    for _ in 0..1 + mix.below(4) {
        lines.push(line(catalogue, &mut mix, products, discount.as_ref()));
    }
    let (title, code, price) = SHIPPING[mix.below(3) as usize];
    let mut tags: Vec<_> = text::ORDER_TAGS
        .into_iter()
        .filter(|_| mix.chance(0.15))
        .map(Into::into)
        .collect();
    tags.sort_unstable();
    Order {
        id,
        number,
        customer,
        email,
        phone,
        created_at: at,
        updated_at: at,
        processed_at: at,
        cancelled: None,
        closed_at: None,
        note: mix.chance(0.2).then(|| mix.pick(&text::NOTES).into()),
        tags,
        test: mix.chance(0.05),
        edited: false,
        currency,
        rate,
        source: if mix.chance(0.8) { "web" } else { "pos" },
        po_number: mix.chance(0.1).then(|| format!("PO/{number}").into()),
        gateway: if mix.chance(0.8) { "bogus" } else { "manual" },
        billing: mix.chance(0.9).then(|| shipping.clone()),
        shipping: (code != "pickup").then_some(shipping),
        lines,
        shipping_line: Some(ShippingLine {
            id: catalogue.ids.fresh(Kind::ShippingLine),
            title,
            code,
            price,
        }),
        discount,
        transactions: Vec::new(),
        refunds: Vec::new(),
        fulfillments: Vec::new(),
        fulfillment_order: catalogue.ids.fresh(Kind::FulfillmentOrder),
    }
}

/// A line with one of these products, or one written by hand.
pub fn line(catalogue: &mut Catalogue, mix: &mut Mix, products: &[i64], discount: Option<&Discount>) -> Line {
    let id = catalogue.ids.fresh(Kind::LineItem);
    let by_hand = products.is_empty() || mix.chance(0.08);
    let quantity = 1 + mix.below(4) as i64;
    let mut line = Line {
        id,
        product: None,
        variant: None,
        title: "Gift wrap & card".into(),
        variant_title: None,
        sku: None,
        vendor: None,
        quantity,
        removed: 0,
        price: 350,
        discount: 0,
        taxable: true,
    };
    if !by_hand {
        let product = products[mix.below(products.len() as u64) as usize];
        let product = &catalogue.products[&product];
        let variant = &product.variants[mix.below(product.variants.len() as u64) as usize];
        line.product = Some(product.id);
        line.variant = Some(variant.id);
        line.title = product.title.clone();
        line.variant_title = Some(product.variant_title(variant).into());
        line.sku = variant.sku.clone();
        line.vendor = Some((&*product.vendor).into());
        line.price = variant.price.into();
        line.taxable = variant.taxable;
    }
    line.discount = match discount {
        Some(Discount {
            percent: Some(percent), ..
        }) => line.price * quantity * percent / 100,
        Some(_) => 100,
        None => 0,
    };
    line
}

/// What happened to an order until today.
fn settle(catalogue: &mut Catalogue, order: &mut Order, mix: &mut Mix) {
    let fate = mix.below(10);
    let mut at = order.created_at;
    let mut later = |mix: &mut Mix| {
        at += 600 + mix.below(40_000) as i64;
        at
    };
    let total = order.total();
    let transaction = |catalogue: &mut Catalogue, kind, parent, amount, created_at| Transaction {
        id: catalogue.ids.fresh(Kind::Transaction),
        parent,
        kind,
        status: "success",
        error: None,
        amount,
        created_at,
    };
    match fate {
        0 => return,
        1 => {
            let held = transaction(catalogue, "authorization", None, total, order.created_at);
            let parent = Some(held.id);
            order.transactions.push(held);
            if mix.chance(0.5) {
                order.updated_at = later(mix);
                let taken = transaction(catalogue, "capture", parent, total, order.updated_at);
                order.transactions.push(taken);
            }
            return;
        }
        2 => {
            let mut failed = transaction(catalogue, "sale", None, total, order.created_at);
            (failed.status, failed.error) = ("failure", Some("card_declined"));
            order.transactions.push(failed);
            order.updated_at = later(mix);
            order.cancelled = Some((order.updated_at, "declined"));
            return;
        }
        _ => order
            .transactions
            .push(transaction(catalogue, "sale", None, total, order.created_at)),
    }
    let paid = order.transactions[0].id;
    if fate >= 5 {
        let lines: Vec<(i64, i64)> = order.lines.iter().map(|line| (line.id, line.quantity)).collect();
        let lines = if fate == 5 { &lines[..1] } else { &lines[..] };
        order.updated_at = later(mix);
        let fulfillment = parcel(catalogue, lines, order.updated_at);
        order.fulfillments.push(fulfillment);
    }
    if fate == 8 {
        order.updated_at = later(mix);
        let back = Line::clone(&order.lines[0]);
        let (subtotal, tax) = (back.net(1), back.tax(1));
        let mut payment = transaction(catalogue, "refund", Some(paid), subtotal + tax, order.updated_at);
        payment.created_at = order.updated_at;
        let refund = Refund {
            id: catalogue.ids.fresh(Kind::Refund),
            note: mix.chance(0.5).then(|| "Things were damaged".into()),
            created_at: order.updated_at,
            lines: vec![RefundLine {
                id: catalogue.ids.fresh(Kind::RefundLine),
                line: back.id,
                quantity: 1,
                restock: if mix.chance(0.5) { "return" } else { "no_restock" },
                subtotal,
                tax,
            }],
            transaction: Some(payment.id),
        };
        order.transactions.push(payment);
        order.refunds.push(refund);
    }
    if fate == 9 {
        order.updated_at = later(mix);
        order.closed_at = Some(order.updated_at);
    }
}

/// A parcel with so many of these lines.
pub fn parcel(catalogue: &mut Catalogue, lines: &[(i64, i64)], at: i64) -> Fulfillment {
    let id = catalogue.ids.fresh(Kind::Fulfillment);
    let lines = lines
        .iter()
        .map(|(line, quantity)| (catalogue.ids.fresh(Kind::FulfillmentLine), *line, *quantity))
        .collect();
    let location = catalogue.locations.values().find(|location| location.active);
    Fulfillment {
        id,
        status: "success",
        location: location.map(|location| location.id),
        company: Some("UPS".into()),
        tracking: vec![format!("1Z{:012}", id % 1_000_000_000_000).into()],
        created_at: at,
        updated_at: at,
        lines,
    }
}
