//! Sending an order, following its parcels, and changing its lines after it was placed.

use serde::{Deserialize, Serialize};

use super::fulfillment_status;
use super::seed::{line, parcel};
use crate::catalogue::Catalogue;
use crate::catalogue::edit::Act;
use crate::catalogue::ids::Kind;
use crate::catalogue::seed::Mix;

/// An order to send.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FulfilFields {
    /// Which.
    pub id: i64,
    /// How many lines go into the parcel; all that are open if not given.
    #[serde(default)]
    pub lines: Option<usize>,
}

/// A parcel whose tracking changes.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TrackingFields {
    /// The order.
    pub id: i64,
    /// The fulfillment; the latest if not given.
    #[serde(default)]
    pub fulfillment: Option<i64>,
    /// Tracking number; a made-up one if not given.
    #[serde(default)]
    pub number: Option<String>,
    /// Carrier.
    #[serde(default)]
    pub company: Option<String>,
    /// Whether the parcel is called back.
    #[serde(default)]
    pub cancel: bool,
}

/// Lines of an order to change.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LineEdit {
    /// The order.
    pub id: i64,
    /// A line of which one is taken away.
    #[serde(default)]
    pub remove: Option<i64>,
    /// What a line to add follows from; without both one is added.
    #[serde(default)]
    pub add: Option<u64>,
}

impl From<i64> for FulfilFields {
    fn from(id: i64) -> Self {
        Self { id, lines: None }
    }
}

impl From<i64> for TrackingFields {
    fn from(id: i64) -> Self {
        Self { id, ..Self::default() }
    }
}

impl From<i64> for LineEdit {
    fn from(id: i64) -> Self {
        Self { id, ..Self::default() }
    }
}

impl Catalogue {
    /// Sends what is open. The order is then told as fulfilled or as partially fulfilled.
    pub(in crate::catalogue) fn fulfil_order(&mut self, fields: &FulfilFields, act: &mut Act) -> Result<i64, String> {
        let order = self.order_mut(fields.id)?;
        let open = order.lines.iter().map(|line| (line.id, order.unfulfilled(line)));
        let mut open: Vec<(i64, i64)> = open.filter(|(_, quantity)| *quantity > 0).collect();
        open.truncate(fields.lines.unwrap_or(usize::MAX));
        if open.is_empty() || order.cancelled.is_some() {
            return Err(format!("nothing of order {} is to be sent", fields.id));
        }
        let sent = parcel(self, &open, act.now());
        let order = self.order_mut(fields.id)?;
        order.fulfillments.push(sent);
        order.updated_at = order.updated_at.max(act.now());
        let at = order.fulfillments.len() - 1;
        let topic = match fulfillment_status(order) {
            Some("fulfilled") => "orders/fulfilled",
            _ => "orders/partially_fulfilled",
        };
        self.tell_fulfillment("fulfillments/create", fields.id, at, act);
        self.tell_order(topic, fields.id, act);
        self.touch_order(fields.id, act)
    }

    pub(in crate::catalogue) fn update_fulfillment(
        &mut self,
        fields: &TrackingFields,
        act: &mut Act,
    ) -> Result<i64, String> {
        let now = act.now();
        let order = self.order_mut(fields.id)?;
        let at = match fields.fulfillment {
            Some(id) => order.fulfillments.iter().position(|it| it.id == id),
            None => order.fulfillments.len().checked_sub(1),
        };
        let at = at.ok_or_else(|| format!("order {} has no such fulfillment", fields.id))?;
        let fulfillment = &mut order.fulfillments[at];
        if fields.cancel {
            fulfillment.status = "cancelled";
        } else {
            let made = || format!("1Z{:012}", Mix::new(act.at as u64).below(1_000_000_000_000));
            let number = fields.number.clone().unwrap_or_else(made);
            fulfillment.tracking = vec![number.into()];
        }
        if let Some(company) = &fields.company {
            fulfillment.company = Some(company.as_str().into());
        }
        fulfillment.updated_at = fulfillment.updated_at.max(now);
        order.updated_at = order.updated_at.max(now);
        self.tell_fulfillment("fulfillments/update", fields.id, at, act);
        self.touch_order(fields.id, act)
    }

    /// Changes the lines of an order. What it brings is told as the edit itself, and as the order that came of it.
    pub(in crate::catalogue) fn edit_order(&mut self, fields: &LineEdit, act: &mut Act) -> Result<i64, String> {
        self.order_mut(fields.id)?;
        let (mut added, mut gone) = (Vec::new(), Vec::new());
        if let Some(id) = fields.remove {
            let order = self.order_mut(fields.id)?;
            let at = order.lines.iter().position(|line| line.id == id);
            let open = at.filter(|at| order.unfulfilled(&order.lines[*at]) > 0);
            let at = open.ok_or_else(|| format!("nothing of line {id} can be taken away"))?;
            order.lines[at].removed += 1;
            gone.push((id, 1));
        }
        if fields.add.is_some() || fields.remove.is_none() {
            let products: Vec<i64> = self.products.keys().copied().collect();
            let mut mix = Mix::new(fields.add.unwrap_or(act.at as u64));
            let new = line(self, &mut mix, &products, None);
            added.push((new.id, new.quantity));
            self.order_mut(fields.id)?.lines.push(new);
        }
        let edit = self.ids.fresh(Kind::OrderEdit);
        let order = self.order_mut(fields.id)?;
        order.edited = true;
        order.updated_at = order.updated_at.max(act.now());
        let body = self.edited_body(edit, fields.id, act.now(), &added, &gone);
        act.tell("orders/edited", fields.id, &body);
        self.touch_order(fields.id, act)
    }

    fn tell_fulfillment(&self, topic: &'static str, id: i64, at: usize, act: &mut Act) {
        act.tell(topic, id, &self.fulfillment_body(&self.orders[&id], at));
    }
}
