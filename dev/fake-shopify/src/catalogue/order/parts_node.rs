//! What belongs to an order, in the graph: transactions, refunds, fulfillments, discounts, what is to be fulfilled.

use super::line_node::{LineNode, with_money};
use super::{Fulfillment, OrderNode, Refund, RefundLine, Transaction};
use crate::catalogue::inventory::LocationNode;
use crate::graphql::value::{Args, FieldError, Fields, Leaf, Object, Resolved, Value};

/// A refund of an order.
#[derive(Clone, Copy)]
pub struct RefundNode<'c> {
    /// Its order.
    pub order: OrderNode<'c>,
    /// The refund.
    pub refund: &'c Refund,
}

/// The fulfillment at this index of an order.
#[derive(Clone, Copy)]
pub struct FulfillmentNode<'c> {
    /// Its order.
    pub order: OrderNode<'c>,
    /// Counted from zero.
    pub at: usize,
}

/// What is to be fulfilled of an order.
#[derive(Clone, Copy)]
pub struct FulfillmentOrderNode<'c>(pub OrderNode<'c>);

/// `OrderTransaction`.
pub fn transaction<'c>(order: OrderNode<'c>, it: &'c Transaction) -> Value<'c> {
    let parent = it.parent.map_or(Leaf::Null, |id| {
        Fields::leaf("OrderTransaction", vec![("id", Leaf::Gid("OrderTransaction", id))])
    });
    with_money(
        "OrderTransaction",
        order,
        ("amountSet", it.amount),
        vec![
            ("id", Leaf::Gid("OrderTransaction", it.id)),
            ("kind", Leaf::Text(it.kind.to_uppercase())),
            ("status", Leaf::Text(it.status.to_uppercase())),
            ("gateway", Leaf::Str(order.order.gateway)),
            ("test", Leaf::Bool(order.order.test)),
            ("createdAt", Leaf::Time(it.created_at)),
            ("processedAt", Leaf::Time(it.created_at)),
            (
                "errorCode",
                it.error.map_or(Leaf::Null, |code| Leaf::Text(code.to_uppercase())),
            ),
            ("parentTransaction", parent),
            ("authorizationExpiresAt", Leaf::Null),
            ("manualPaymentGateway", Leaf::Bool(order.order.gateway == "manual")),
        ],
    )
}

/// The discount of an order that has one. It has no id.
pub fn discount_application(order: OrderNode<'_>) -> Fields<'_> {
    let discount = order
        .order
        .discount
        .as_ref()
        .expect("only orders with a discount list one");
    let type_name = match discount.kind {
        "code" => "DiscountCodeApplication",
        "manual" => "ManualDiscountApplication",
        _ => "AutomaticDiscountApplication",
    };
    let value = match discount.percent {
        Some(percent) => Fields::leaf(
            "PricingPercentageValue",
            vec![("percentage", Leaf::Float(percent as f64))],
        ),
        None => Leaf::Fields(Box::new(
            order
                .catalogue
                .money_fields(order.order.presentment(order.order.discounts()), order.order.currency),
        )),
    };
    let named = if discount.kind == "code" { "code" } else { "title" };
    Fields {
        type_name,
        fields: vec![
            ("index", Leaf::Int(0)),
            ("allocationMethod", Leaf::Str("ACROSS")),
            ("targetSelection", Leaf::Str("ALL")),
            ("targetType", Leaf::Str("LINE_ITEM")),
            ("value", value),
            (named, Leaf::Str(discount.name)),
            ("description", Leaf::Null),
        ],
    }
}

impl Object for RefundNode<'_> {
    fn type_name(&self) -> &'static str {
        "Refund"
    }

    fn field<'s>(&'s self, name: &str, args: &Args) -> Resolved<'s> {
        let (order, refund) = (self.order, self.refund);
        Ok(match name {
            "id" => Value::Gid("Refund", refund.id),
            "legacyResourceId" => Value::Digits(refund.id),
            "note" => Value::opt_str(refund.note.as_deref()),
            "createdAt" | "updatedAt" | "processedAt" => Value::Time(refund.created_at),
            "totalRefundedSet" => {
                let mut payments = order.order.transactions.iter();
                let payment = payments.find(|it| Some(it.id) == refund.transaction);
                order.money(payment.map_or(0, |it| it.amount))
            }
            "order" => Value::object(order),
            "refundLineItems" => {
                let node = |order, at: usize| -> Box<dyn Object + '_> {
                    Box::new(RefundLineNode {
                        order,
                        line: &refund.lines[at],
                    })
                };
                return order.parts("RefundLineItem", args, &refund.lines, |it| it.id, node);
            }
            _ => return Err(FieldError::unresolved("Refund", name)),
        })
    }
}

struct RefundLineNode<'c> {
    order: OrderNode<'c>,
    line: &'c RefundLine,
}

impl Object for RefundLineNode<'_> {
    fn type_name(&self) -> &'static str {
        "RefundLineItem"
    }

    fn field<'s>(&'s self, name: &str, _args: &Args) -> Resolved<'s> {
        let line = self.line;
        Ok(match name {
            "id" => Value::Gid("RefundLineItem", line.id),
            "quantity" => Value::Int(line.quantity),
            "restockType" => Value::Text(line.restock.to_uppercase()),
            "restocked" => Value::Bool(line.restock != "no_restock"),
            "location" => Value::Null,
            "lineItem" => line_of(self.order, line.line),
            "subtotalSet" => self.order.money(line.subtotal),
            "totalTaxSet" => self.order.money(line.tax),
            "priceSet" => self.order.money(line.subtotal / line.quantity.max(1)),
            _ => return Err(FieldError::unresolved("RefundLineItem", name)),
        })
    }
}

impl<'c> FulfillmentNode<'c> {
    fn fulfillment(&self) -> &'c Fulfillment {
        &self.order.order.fulfillments[self.at]
    }
}

impl Object for FulfillmentNode<'_> {
    fn type_name(&self) -> &'static str {
        "Fulfillment"
    }

    fn field<'s>(&'s self, name: &str, args: &Args) -> Resolved<'s> {
        let (order, fulfillment) = (self.order, self.fulfillment());
        Ok(match name {
            "id" => Value::Gid("Fulfillment", fulfillment.id),
            "legacyResourceId" => Value::Digits(fulfillment.id),
            "name" => Value::Text(order.order.fulfillment_name(self.at)),
            "status" => Value::Text(fulfillment.status.to_uppercase()),
            "displayStatus" => Value::Str(if fulfillment.status == "success" {
                "FULFILLED"
            } else {
                "CANCELED"
            }),
            "createdAt" => Value::Time(fulfillment.created_at),
            "updatedAt" => Value::Time(fulfillment.updated_at),
            "deliveredAt" | "estimatedDeliveryAt" | "inTransitAt" => Value::Null,
            "totalQuantity" => Value::Int(fulfillment.lines.iter().map(|(_, _, quantity)| quantity).sum()),
            "requiresShipping" => Value::Bool(true),
            "order" => Value::object(order),
            "location" => {
                let catalogue = order.catalogue;
                let location = fulfillment.location.and_then(|id| catalogue.locations.get(&id));
                Value::nullable(location.map(|location| LocationNode { catalogue, location }))
            }
            "trackingInfo" => {
                let urls = fulfillment.tracking_urls();
                let infos = fulfillment.tracking.iter().zip(urls).map(|(number, url)| {
                    Fields::value(
                        "FulfillmentTrackingInfo",
                        vec![
                            ("company", fulfillment.company.as_deref().map_or(Leaf::Null, Leaf::Str)),
                            ("number", Leaf::Str(number)),
                            ("url", Leaf::Text(url)),
                        ],
                    )
                });
                Value::List(infos.collect())
            }
            "fulfillmentLineItems" => {
                let lines = &fulfillment.lines;
                let node = |order, at: usize| -> Box<dyn Object + '_> {
                    let (id, line, quantity) = lines[at];
                    Box::new(PartNode {
                        type_name: "FulfillmentLineItem",
                        order,
                        id,
                        line,
                        quantities: [("quantity", quantity), ("quantity", quantity)],
                    })
                };
                return order.parts("FulfillmentLineItem", args, lines, |it| it.0, node);
            }
            _ => return Err(FieldError::unresolved("Fulfillment", name)),
        })
    }
}

impl Object for FulfillmentOrderNode<'_> {
    fn type_name(&self) -> &'static str {
        "FulfillmentOrder"
    }

    fn field<'s>(&'s self, name: &str, args: &Args) -> Resolved<'s> {
        let order = self.0.order;
        let open = order.lines.iter().any(|line| order.unfulfilled(line) > 0);
        Ok(match name {
            "id" => Value::Gid("FulfillmentOrder", order.fulfillment_order),
            "status" => Value::Str(match (order.cancelled, open) {
                (Some(_), _) => "CANCELLED",
                (None, true) if order.fulfillments.is_empty() => "OPEN",
                (None, true) => "IN_PROGRESS",
                (None, false) => "CLOSED",
            }),
            "requestStatus" => Value::Str("UNSUBMITTED"),
            "createdAt" => Value::Time(order.created_at),
            "updatedAt" => Value::Time(order.updated_at),
            "order" => Value::object(self.0),
            "orderId" => Value::Gid("Order", order.id),
            "lineItems" => {
                let node = |node: OrderNode<'s>, at: usize| -> Box<dyn Object + 's> {
                    let line = &node.order.lines[at];
                    let left = node.order.unfulfilled(line);
                    Box::new(PartNode {
                        type_name: "FulfillmentOrderLineItem",
                        order: node,
                        id: line.id + 1,
                        line: line.id,
                        quantities: [("remainingQuantity", left), ("totalQuantity", line.quantity)],
                    })
                };
                return self
                    .0
                    .parts("FulfillmentOrderLineItem", args, &order.lines, |it| it.id, node);
            }
            _ => return Err(FieldError::unresolved("FulfillmentOrder", name)),
        })
    }
}

/// So many of a line, in a parcel or still to be sent.
struct PartNode<'c> {
    type_name: &'static str,
    order: OrderNode<'c>,
    id: i64,
    line: i64,
    quantities: [(&'static str, i64); 2],
}

impl Object for PartNode<'_> {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn field<'s>(&'s self, name: &str, _args: &Args) -> Resolved<'s> {
        let quantity = self.quantities.iter().find(|(known, _)| *known == name);
        Ok(match (name, quantity) {
            (_, Some((_, quantity))) => Value::Int(*quantity),
            ("id", _) => Value::Gid(self.type_name, self.id),
            ("lineItem", _) => line_of(self.order, self.line),
            _ => return Err(FieldError::unresolved(self.type_name, name)),
        })
    }
}

fn line_of(order: OrderNode<'_>, line: i64) -> Value<'_> {
    Value::nullable(order.order.line(line).map(|line| LineNode { order, line }))
}
