//! `LineItem` and `ShippingLine` in the graph, tax lines and what discounts take off.

use super::totals::TAX_PERCENT;
use super::{Line, OrderNode};
use crate::catalogue::product_node::ProductNode;
use crate::catalogue::variant_node::VariantNode;
use crate::graphql::value::{Args, FieldError, Fields, Leaf, Object, Resolved, Value};

/// A line of an order.
#[derive(Clone, Copy)]
pub struct LineNode<'c> {
    /// Its order.
    pub order: OrderNode<'c>,
    /// The line.
    pub line: &'c Line,
}

/// The shipping line of an order that has one.
#[derive(Clone, Copy)]
pub struct ShippingNode<'c>(pub OrderNode<'c>);

impl LineNode<'_> {
    /// The goods it was; of those deleted since only the id is left.
    fn goods<'s>(&'s self, name: &str) -> Value<'s> {
        let catalogue = self.order.catalogue;
        let (kind, id) = match name {
            "product" => ("Product", self.line.product),
            _ => ("ProductVariant", self.line.variant),
        };
        let Some(id) = id else { return Value::Null };
        let gone = || Fields::value(kind, vec![("id", Leaf::Gid(kind, id))]);
        if name == "product" {
            let product = catalogue.products.get(&id);
            return product.map_or_else(gone, |product| Value::object(ProductNode { catalogue, product }));
        }
        let variant = catalogue.variant(id);
        variant.map_or_else(gone, |(product, at)| {
            Value::object(VariantNode { catalogue, product, at })
        })
    }
}

impl Object for LineNode<'_> {
    fn type_name(&self) -> &'static str {
        "LineItem"
    }

    fn field<'s>(&'s self, name: &str, _args: &Args) -> Resolved<'s> {
        let (node, order, line) = (self.order, self.order.order, self.line);
        let text = Value::opt_str;
        Ok(match name {
            "id" => Value::Gid("LineItem", line.id),
            "name" => Value::Text(line.name()),
            "title" => Value::Str(&line.title),
            "variantTitle" => text(line.variant_title.as_deref()),
            "sku" => text(line.sku.as_deref()),
            "vendor" => text(line.vendor.as_deref()),
            "quantity" => Value::Int(line.quantity),
            "currentQuantity" => Value::Int(order.current(line)),
            "unfulfilledQuantity" => Value::Int(order.unfulfilled(line)),
            "refundableQuantity" => Value::Int(order.refundable(line)),
            "requiresShipping" => Value::Bool(true),
            "taxable" => Value::Bool(line.taxable),
            "isGiftCard" => Value::Bool(false),
            "product" | "variant" => self.goods(name),
            "customAttributes" => Value::List(Vec::new()),
            "originalUnitPriceSet" => node.money(line.price),
            "originalTotalSet" => node.money(line.price * line.quantity),
            "discountedUnitPriceSet" => node.money(line.unit()),
            "discountedTotalSet" => node.money(line.net(line.quantity)),
            "totalDiscountSet" => node.money(line.discount),
            "discountAllocations" => discount_allocations(node, line.discount),
            "taxLines" => {
                let tax = line.tax(line.quantity);
                Value::List(if tax == 0 {
                    Vec::new()
                } else {
                    vec![tax_line(node, tax)]
                })
            }
            _ => return Err(FieldError::unresolved("LineItem", name)),
        })
    }
}

impl Object for ShippingNode<'_> {
    fn type_name(&self) -> &'static str {
        "ShippingLine"
    }

    fn field<'s>(&'s self, name: &str, _args: &Args) -> Resolved<'s> {
        let Some(line) = &self.0.order.shipping_line else {
            return Ok(Value::Null);
        };
        Ok(match name {
            "id" => Value::Gid("ShippingLine", line.id),
            "title" => Value::Str(line.title),
            "code" => Value::Str(line.code),
            "source" => Value::Str("shopify"),
            "carrierIdentifier" | "phone" | "deliveryCategory" => Value::Null,
            "isRemoved" | "custom" => Value::Bool(false),
            "originalPriceSet" | "discountedPriceSet" | "currentDiscountedPriceSet" => self.0.money(line.price),
            "taxLines" | "discountAllocations" => Value::List(Vec::new()),
            _ => return Err(FieldError::unresolved("ShippingLine", name)),
        })
    }
}

/// An object with one amount among its fields.
struct WithMoney<'c> {
    type_name: &'static str,
    order: OrderNode<'c>,
    money: (&'static str, i64),
    fields: Fields<'c>,
}

impl Object for WithMoney<'_> {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn field<'s>(&'s self, name: &str, args: &Args) -> Resolved<'s> {
        match name == self.money.0 {
            true => Ok(self.order.money(self.money.1)),
            false => self.fields.field(name, args),
        }
    }
}

/// `TaxLine` of this amount.
pub fn tax_line<'c>(order: OrderNode<'c>, amount: i64) -> Value<'c> {
    with_money(
        "TaxLine",
        order,
        ("priceSet", amount),
        vec![
            ("title", Leaf::Str("State & local tax")),
            ("rate", Leaf::Float(TAX_PERCENT as f64 / 100.0)),
            ("ratePercentage", Leaf::Float(TAX_PERCENT as f64)),
            ("source", Leaf::Null),
            ("channelLiable", Leaf::Bool(false)),
        ],
    )
}

/// What the order's discount takes off a line.
pub fn discount_allocations<'c>(order: OrderNode<'c>, amount: i64) -> Value<'c> {
    if amount == 0 {
        return Value::List(Vec::new());
    }
    let allocated = ("allocatedAmountSet", amount);
    Value::List(vec![with_money("DiscountAllocation", order, allocated, Vec::new())])
}

/// An object of these fields and one amount.
pub fn with_money<'c>(
    type_name: &'static str,
    order: OrderNode<'c>,
    money: (&'static str, i64),
    fields: Vec<(&'static str, Leaf<'c>)>,
) -> Value<'c> {
    Value::object(WithMoney {
        type_name,
        order,
        money,
        fields: Fields { type_name, fields },
    })
}
