//! `Order` in the graph.

use super::line_node::{LineNode, ShippingNode, tax_line};
use super::parts_node::{FulfillmentNode, FulfillmentOrderNode, RefundNode, discount_application, transaction};
use super::{Order, OrderNode, financial_status, fulfillment_status};
use crate::catalogue::address::{Address, AddressNode};
use crate::catalogue::counted;
use crate::catalogue::customer::CustomerNode;
use crate::catalogue::facts::CURRENCY;
use crate::catalogue::metafield::{Of, Owner};
use crate::catalogue::seed::Mix;
use crate::graphql::page;
use crate::graphql::value::{Args, Connection, FieldError, Object, Place, Resolved, Value};

impl Order {
    /// What its metafields follow from.
    pub fn of(&self) -> Of {
        Of {
            owner: Owner::Order,
            id: self.id,
            seed: Mix::new(self.id as u64).next(),
            created_at: self.created_at,
        }
    }
}

impl<'c> OrderNode<'c> {
    /// An amount in both currencies.
    pub fn money(self, amount: i64) -> Value<'c> {
        let order = self.order;
        self.catalogue
            .money_bag(amount, order.presentment(amount), order.currency)
    }

    fn address(self, address: Option<&'c Address>, number: i64) -> Value<'c> {
        let id = (self.order.id % 1_000_000_007 + number, "Address");
        Value::nullable(address.map(|address| AddressNode { id, address }))
    }

    /// A part of the order as a connection; parts come in their order and have ids.
    pub fn parts<T>(
        self,
        node_type: &'static str,
        args: &Args,
        parts: &'c [T],
        id: impl Fn(&T) -> i64,
        node: impl Fn(Self, usize) -> Box<dyn Object + 'c>,
    ) -> Resolved<'c> {
        let keys = parts
            .iter()
            .enumerate()
            .map(|(at, part)| {
                let place = Place {
                    value: at as i64,
                    id: id(part),
                };
                (place, at)
            })
            .collect();
        Connection::page(node_type, args, page::PAGE, keys, |at| node(self, at))
    }

    fn statuses(&self, name: &str) -> Value<'c> {
        let order = self.order;
        match name {
            "displayFinancialStatus" => Value::Text(financial_status(order).to_uppercase()),
            "displayFulfillmentStatus" => Value::Str(match fulfillment_status(order) {
                None => "UNFULFILLED",
                Some("partial") => "PARTIALLY_FULFILLED",
                Some(_) => "FULFILLED",
            }),
            _ => Value::Str("NO_RETURN"),
        }
    }

    /// The amounts of the order; `None` for a field that is none of them.
    fn amount(&self, name: &str) -> Option<i64> {
        let order = self.order;
        Some(match name {
            "subtotalPriceSet" => order.subtotal(),
            "totalPriceSet" | "originalTotalPriceSet" => order.total(),
            "totalTaxSet" => order.tax(),
            "totalDiscountsSet" => order.discounts(),
            "totalShippingPriceSet" | "currentShippingPriceSet" => order.shipping(),
            "totalRefundedSet" => order.paid_back(),
            "totalReceivedSet" => order.received(),
            "totalOutstandingSet" => order.outstanding(),
            "currentSubtotalPriceSet" => order.current_subtotal(),
            "currentTotalDiscountsSet" => order.current_discounts(),
            "currentTotalTaxSet" => order.current_tax(),
            "currentTotalPriceSet" => order.current_total(),
            "netPaymentSet" => order.received() - order.paid_back(),
            _ => return None,
        })
    }

    fn connection(self, name: &str, args: &Args) -> Option<Resolved<'c>> {
        let order = self.order;
        Some(match name {
            "lineItems" => self.parts(
                "LineItem",
                args,
                &order.lines,
                |it| it.id,
                |node, at| {
                    Box::new(LineNode {
                        order: node,
                        line: &node.order.lines[at],
                    })
                },
            ),
            "shippingLines" => {
                let lines = order.shipping_line.as_slice();
                self.parts(
                    "ShippingLine",
                    args,
                    lines,
                    |it| it.id,
                    |node, _| Box::new(ShippingNode(node)),
                )
            }
            "discountApplications" => {
                let discounts = order.discount.as_slice();
                self.parts(
                    "DiscountApplication",
                    args,
                    discounts,
                    |_| 0,
                    |node, _| Box::new(discount_application(node)),
                )
            }
            "fulfillmentOrders" => {
                let one = std::slice::from_ref(order);
                self.parts(
                    "FulfillmentOrder",
                    args,
                    one,
                    |it| it.fulfillment_order,
                    |node, _| Box::new(FulfillmentOrderNode(node)),
                )
            }
            "metafields" => self.catalogue.metafields(order.of(), args),
            _ => return None,
        })
    }

    /// A list that is cut by `first` and otherwise stands in its parent's place.
    fn list(self, name: &str, args: &Args) -> Option<Value<'c>> {
        let order = self.order;
        let first = args.int("first").and_then(|first| usize::try_from(first).ok());
        let limit = if args.bulk {
            usize::MAX
        } else {
            first.unwrap_or(usize::MAX)
        };
        Some(Value::List(match name {
            "transactions" => order
                .transactions
                .iter()
                .take(limit)
                .map(|it| transaction(self, it))
                .collect(),
            "refunds" => {
                let refunds = order.refunds.iter().take(limit);
                refunds
                    .map(|refund| Value::object(RefundNode { order: self, refund }))
                    .collect()
            }
            "fulfillments" => {
                let all = 0..order.fulfillments.len().min(limit);
                all.map(|at| Value::object(FulfillmentNode { order: self, at }))
                    .collect()
            }
            "taxLines" | "currentTaxLines" => {
                let amount = if name == "taxLines" {
                    order.tax()
                } else {
                    order.current_tax()
                };
                if amount == 0 {
                    Vec::new()
                } else {
                    vec![tax_line(self, amount)]
                }
            }
            "customAttributes" => Vec::new(),
            "discountCodes" => {
                let codes = order.discount.iter().filter(|it| it.kind == "code");
                codes.map(|it| Value::Str(it.name)).collect()
            }
            "paymentGatewayNames" => vec![Value::Str(order.gateway)],
            "tags" => order.tags.iter().map(|tag| Value::Str(tag)).collect(),
            _ => return None,
        }))
    }
}

impl Object for OrderNode<'_> {
    fn type_name(&self) -> &'static str {
        "Order"
    }

    fn field<'s>(&'s self, name: &str, args: &Args) -> Resolved<'s> {
        let (node, catalogue, order) = (*self, self.catalogue, self.order);
        if let Some(amount) = node.amount(name) {
            return Ok(node.money(amount));
        }
        if let Some(list) = node.list(name, args) {
            return Ok(list);
        }
        if let Some(connection) = node.connection(name, args) {
            return connection;
        }
        let time = |at: Option<i64>| at.map_or(Value::Null, Value::Time);
        Ok(match name {
            "id" => Value::Gid("Order", order.id),
            "legacyResourceId" => Value::Digits(order.id),
            "name" => Value::Text(order.name()),
            "number" => Value::Int(order.number),
            "confirmationNumber" => Value::Text(order.confirmation()),
            "email" => Value::opt_str(order.email.as_deref()),
            "phone" => Value::opt_str(order.phone.as_deref()),
            "note" => Value::opt_str(order.note.as_deref()),
            "test" => Value::Bool(order.test),
            "sourceName" => Value::Str(order.source),
            "sourceIdentifier" => Value::Null,
            "poNumber" => Value::opt_str(order.po_number.as_deref()),
            "currencyCode" => Value::Str(CURRENCY),
            "presentmentCurrencyCode" => Value::Str(order.currency),
            "taxesIncluded" | "taxExempt" | "estimatedTaxes" => Value::Bool(false),
            "displayFinancialStatus" | "displayFulfillmentStatus" | "returnStatus" => self.statuses(name),
            "cancelReason" => order
                .cancelled
                .map_or(Value::Null, |(_, reason)| Value::Text(reason.to_uppercase())),
            "cancelledAt" => time(order.cancelled.map(|(at, _)| at)),
            "closed" => Value::Bool(order.closed_at.is_some()),
            "closedAt" => time(order.closed_at),
            "confirmed" => Value::Bool(true),
            "edited" => Value::Bool(order.edited),
            "fullyPaid" => Value::Bool(order.outstanding() == 0),
            "createdAt" => Value::Time(order.created_at),
            "updatedAt" => Value::Time(order.updated_at),
            "processedAt" => Value::Time(order.processed_at),
            "customerLocale" => Value::Str("en"),
            "statusPageUrl" => Value::Text(order.status_url(&catalogue.domain)),
            "totalWeight" => Value::Digits(0),
            "customer" => {
                let customer = order.customer.and_then(|id| catalogue.customers.get(&id));
                Value::nullable(customer.map(|customer| CustomerNode { catalogue, customer }))
            }
            "billingAddress" => node.address(order.billing.as_ref(), 1),
            "shippingAddress" => node.address(order.shipping.as_ref(), 2),
            "shippingLine" => Value::nullable(order.shipping_line.is_some().then_some(ShippingNode(node))),
            "fulfillmentsCount" => counted(order.fulfillments.len(), None),
            "transactionsCount" => counted(order.transactions.len(), None),
            "metafield" => catalogue.metafield(order.of(), args),
            "discountCode" => Value::opt_str(order.discount.as_ref().filter(|it| it.kind == "code").map(|it| it.name)),
            _ => return Err(FieldError::unresolved("Order", name)),
        })
    }
}

impl Order {
    /// What the buyer is shown as a receipt.
    pub fn confirmation(&self) -> String {
        format!("C{:08X}", Mix::new(self.id as u64).next() as u32)
    }

    /// Where the buyer sees how it goes.
    pub fn status_url(&self, domain: &str) -> String {
        format!("https://{domain}/orders/{:x}/authenticate?key=x&o=1", self.id)
    }
}
