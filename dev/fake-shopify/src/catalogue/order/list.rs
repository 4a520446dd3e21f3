//! The fields of the root that give orders, and how orders are found. Orders too old for the app are nowhere here.

use super::parts_node::{FulfillmentNode, RefundNode};
use super::{Order, financial_status, fulfillment_status};
use crate::catalogue::search::{self, Term, Warning};
use crate::catalogue::{Catalogue, by_id, counted_list};
use crate::graphql::page;
use crate::graphql::value::{Args, Connection, FieldError, Object, Place, Resolved, Value, gid_number};

/// An order.
#[derive(Clone, Copy)]
pub struct OrderNode<'c> {
    /// Its shop.
    pub catalogue: &'c Catalogue,
    /// The order.
    pub order: &'c Order,
}

/// The order with this number, if the app sees it.
pub fn find(catalogue: &Catalogue, id: Option<i64>) -> Option<OrderNode<'_>> {
    let order = catalogue.orders.get(&id?)?;
    catalogue.sees(order).then_some(OrderNode { catalogue, order })
}

/// A refund or a fulfillment by its gid.
pub fn part_node<'c>(catalogue: &'c Catalogue, gid: &str) -> Option<Box<dyn Object + 'c>> {
    let mut orders = catalogue.visible_orders().map(|order| OrderNode { catalogue, order });
    if let Some(id) = gid_number(gid, "Refund") {
        return orders.find_map(|node| {
            let refund = node.order.refunds.iter().find(|refund| refund.id == id)?;
            Some(Box::new(RefundNode { order: node, refund }) as _)
        });
    }
    let id = gid_number(gid, "Fulfillment")?;
    orders.find_map(|order| {
        let at = order.order.fulfillments.iter().position(|it| it.id == id)?;
        Some(Box::new(FulfillmentNode { order, at }) as _)
    })
}

/// A field of `QueryRoot` about orders.
pub fn root_field<'c>(
    catalogue: &'c Catalogue,
    name: &str,
    args: &Args,
    warnings: &mut Vec<Warning>,
) -> Option<Resolved<'c>> {
    Some(match name {
        "order" => by_id(args, "Order").map(|id| Value::nullable(find(catalogue, id))),
        "refund" | "fulfillment" => {
            let found = part_node(catalogue, args.text("id").unwrap_or_default());
            Ok(found.map_or(Value::Null, Value::Object))
        }
        "orders" => orders(catalogue, args, warnings),
        "ordersCount" => count(catalogue, args, warnings),
        _ => return None,
    })
}

fn count<'c>(catalogue: &'c Catalogue, args: &Args, warnings: &mut Vec<Warning>) -> Resolved<'c> {
    let query = args.text("query").unwrap_or_default();
    let filter = search::parse(query, search::ORDERS, "ordersCount", warnings)?;
    counted_list(catalogue.visible_orders(), args, |order| {
        filter.accepts(|field, term| matches(order, field, term))
    })
}

fn orders<'c>(catalogue: &'c Catalogue, args: &Args, warnings: &mut Vec<Warning>) -> Resolved<'c> {
    let query = args.text("query").unwrap_or_default();
    let filter = search::parse(query, search::ORDERS, "orders", warnings)?;
    let value = sort(args.text("sortKey").unwrap_or("PROCESSED_AT"))?;
    let found = catalogue
        .visible_orders()
        .filter(|order| filter.accepts(|field, term| matches(order, field, term)));
    page(catalogue, args, value, found)
}

/// The orders of a customer.
pub fn of_customer<'c>(catalogue: &'c Catalogue, customer: i64, args: &Args) -> Resolved<'c> {
    let value = sort(args.text("sortKey").unwrap_or("ID"))?;
    let ids = catalogue.orders_of.get(&customer).map_or(&[][..], Vec::as_slice);
    let own = ids.iter().filter_map(|id| catalogue.orders.get(id));
    page(catalogue, args, value, own.filter(|order| catalogue.sees(order)))
}

fn page<'c>(
    catalogue: &'c Catalogue,
    args: &Args,
    value: fn(&Order) -> i64,
    found: impl Iterator<Item = &'c Order>,
) -> Resolved<'c> {
    let place = |order: &'c Order| {
        let place = Place {
            value: value(order),
            id: order.id,
        };
        (place, order)
    };
    Connection::page("Order", args, page::PAGE, found.map(place).collect(), |order| {
        Box::new(OrderNode { catalogue, order })
    })
}

fn sort(key: &str) -> Result<fn(&Order) -> i64, FieldError> {
    Ok(match key {
        "ID" => |order| order.id,
        "PROCESSED_AT" => |order| order.processed_at,
        "CREATED_AT" => |order| order.created_at,
        "UPDATED_AT" => |order| order.updated_at,
        "ORDER_NUMBER" => |order| order.number,
        other => {
            let message = format!("fake-shopify does not sort orders by {other}");
            return Err(FieldError::bad_request(message));
        }
    })
}

fn matches(order: &Order, field: &str, term: &Term) -> bool {
    match field {
        "id" => term.number(order.id),
        "created_at" => term.time(order.created_at),
        "updated_at" => term.time(order.updated_at),
        "processed_at" => term.time(order.processed_at),
        "customer_id" => order.customer.is_some_and(|id| term.number(id)),
        "financial_status" => term.text(financial_status(order)),
        "fulfillment_status" => term.text(fulfillment_status(order).unwrap_or("unfulfilled")),
        "tag" => order.tags.iter().any(|tag| term.text(tag)),
        "test" => term.text(if order.test { "true" } else { "false" }),
        "name" => term.text(&order.name()) || term.text(&order.number.to_string()),
        "email" => order.email.as_deref().is_some_and(|email| term.text(email)),
        "status" => {
            let cancelled = order.cancelled.is_some();
            term.text("any")
                || cancelled && term.text("cancelled")
                || order.closed_at.is_some() && term.text("closed")
                || order.closed_at.is_none() && term.text("not_closed")
                || order.closed_at.is_none() && !cancelled && term.text("open")
        }
        _ => false,
    }
}
