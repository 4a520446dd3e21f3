//! Drawing edits of customers, orders, collections and stock. What is drawn follows from the sequence and from what
//! the shop holds at that moment; an edit that turns out impossible is made by nobody and told to nobody.

use std::collections::BTreeMap;

use crate::catalogue::{
    AddressEdit, AddressFields, Catalogue, CollectionFields, ConsentFields, CustomerFields, Edit, ItemFields,
    LevelFields, LineEdit, LocationFields, Membership, Merge, Mix, NewCollection, NewCustomer, NewOrder, OrderFields,
    ProductFields, RefundFields, TagFields, TrackingFields,
};

/// A kind of thing that edits can be drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Products and variants.
    Products,
    /// Customers.
    Customers,
    /// Orders.
    Orders,
    /// Collections.
    Collections,
    /// Levels, items and locations.
    Inventory,
}

/// What edits are drawn from.
pub struct Source<'t> {
    /// The shop as it is now.
    pub catalogue: &'t Catalogue,
    /// The sequence.
    pub mix: &'t mut Mix,
    /// Only so many of each kind are touched.
    pub hot: usize,
}

impl Source<'_> {
    /// An edit of this kind, if the shop has anything to edit.
    pub fn draw(&mut self, kind: Kind) -> Option<Edit> {
        match kind {
            Kind::Products => None,
            Kind::Customers => self.customer(),
            Kind::Orders => self.order(),
            Kind::Collections => self.collection(),
            Kind::Inventory => self.stock(),
        }
    }

    fn customer(&mut self) -> Option<Edit> {
        let choice = self.mix.below(100);
        let seed = self.mix.next();
        let all = &self.catalogue.customers;
        if choice < 10 || all.is_empty() {
            return Some(Edit::CreateCustomer(NewCustomer {
                seed,
                ..NewCustomer::default()
            }));
        }
        let customer = one(self.mix, all, self.hot)?;
        let id = customer.id;
        Some(match choice {
            10..40 => Edit::UpdateCustomer(id.into()),
            40..50 => Edit::UpdateCustomer(CustomerFields {
                id,
                phone: Some(format!("+1613{:07}", seed % 10_000_000)),
                ..CustomerFields::default()
            }),
            50..65 => Edit::TagCustomer(TagFields {
                id,
                add: vec![format!("tag {}", seed % 20)],
                remove: customer.tags.iter().take(1).map(ToString::to_string).collect(),
            }),
            65..75 => Edit::SetEmailConsent(ConsentFields { id, state: None }),
            75..85 => Edit::SetSmsConsent(ConsentFields { id, state: None }),
            85..95 => {
                let first = customer.addresses.first().map(|(id, _)| *id);
                Edit::EditAddress(AddressEdit {
                    customer: id,
                    address: first.filter(|_| !seed.is_multiple_of(3)),
                    fields: AddressFields {
                        city: Some(format!("Town {}", seed % 1_000)),
                        ..AddressFields::default()
                    },
                    default: seed.is_multiple_of(2),
                    remove: first.is_some() && seed % 9 == 1,
                })
            }
            95..98 => Edit::DeleteCustomer(id),
            _ => Edit::MergeCustomers(Merge {
                keep: id,
                remove: one(self.mix, all, self.hot)?.id,
            }),
        })
    }

    fn order(&mut self) -> Option<Edit> {
        let choice = self.mix.below(100);
        let seed = self.mix.next();
        let visible: Vec<i64> = self.catalogue.visible_orders().map(|order| order.id).collect();
        if choice < 25 || visible.is_empty() {
            return Some(Edit::CreateOrder(NewOrder {
                seed,
                paid: seed.is_multiple_of(2),
                ..NewOrder::default()
            }));
        }
        let among = self.hot.clamp(1, visible.len());
        let id = visible[self.mix.below(among as u64) as usize];
        let line = self.catalogue.orders.get(&id)?.lines.first().map(|line| line.id);
        Some(match choice {
            25..45 => Edit::UpdateOrder(id.into()),
            45..55 => Edit::PayOrder(id),
            55..70 => Edit::FulfillOrder(id.into()),
            70..75 => Edit::UpdateFulfillment(TrackingFields {
                id,
                number: Some(format!("1Z{}", seed % 1_000_000)),
                cancel: seed % 5 == 1,
                ..TrackingFields::default()
            }),
            75..86 => Edit::RefundOrder(RefundFields {
                id,
                restock: seed.is_multiple_of(2),
                ..RefundFields::default()
            }),
            86..92 => Edit::EditOrder(LineEdit {
                id,
                remove: line.filter(|_| seed.is_multiple_of(2)),
                add: (!seed.is_multiple_of(2)).then_some(seed),
            }),
            92..95 => Edit::CancelOrder(id.into()),
            95..97 => Edit::CloseOrder(id),
            97..98 => Edit::ReopenOrder(id),
            _ => Edit::DeleteOrder(id),
        })
    }

    fn collection(&mut self) -> Option<Edit> {
        let choice = self.mix.below(100);
        let seed = self.mix.next();
        let products = &self.catalogue.products;
        let all = &self.catalogue.collections;
        if choice < 10 || all.is_empty() {
            return Some(Edit::CreateCollection(NewCollection {
                seed,
                products: one(self.mix, products, usize::MAX)
                    .map(|product| product.id)
                    .into_iter()
                    .collect(),
                ..NewCollection::default()
            }));
        }
        let id = one(self.mix, all, self.hot)?.id;
        Some(match choice {
            10..40 => Edit::UpdateCollection(id.into()),
            40..50 => Edit::UpdateCollection(CollectionFields {
                id,
                title: Some(format!("Title №{}", seed % 10_000)),
                ..CollectionFields::default()
            }),
            50..95 => Edit::ChangeCollection(Membership {
                id,
                add: vec![one(self.mix, products, usize::MAX)?.id],
                remove: vec![one(self.mix, products, usize::MAX)?.id],
            }),
            _ => Edit::DeleteCollection(id),
        })
    }

    fn stock(&mut self) -> Option<Edit> {
        let choice = self.mix.below(100);
        let seed = self.mix.next();
        let product = one(self.mix, &self.catalogue.products, self.hot)?;
        let variant = &product.variants[(seed % product.variants.len() as u64) as usize];
        let item = variant.inventory_item_id();
        let places = &self.catalogue.locations;
        let place = one(self.mix, places, usize::MAX)?.id;
        let level = variant.stock.levels.iter().find(|level| level.active);
        let location = level.map_or(place, |level| level.location);
        let level = |location| LevelFields {
            item,
            location,
            available: Some((seed % 200) as i32 - 5),
            ..LevelFields::default()
        };
        Some(match choice {
            0..65 => Edit::SetInventory(level(location)),
            65..75 => Edit::ConnectInventory(level(place)),
            75..82 => Edit::DisconnectInventory(level(place)),
            82..95 => Edit::UpdateItem(ItemFields::from(item)),
            _ => Edit::UpdateLocation(LocationFields {
                id: place,
                name: Some(format!("Depot №{}", seed % 1_000)),
                ..LocationFields::default()
            }),
        })
    }
}

/// A later edit of the same thing, whose deliveries overtake those of `edit`; none if nothing is left of it.
pub fn later(edit: &Edit, id: i64) -> Option<Edit> {
    Some(match edit {
        Edit::DeleteProduct(_) | Edit::DeleteCustomer(_) | Edit::DeleteOrder(_) | Edit::DeleteCollection(_) => {
            return None;
        }
        Edit::CreateCustomer(_)
        | Edit::UpdateCustomer(_)
        | Edit::TagCustomer(_)
        | Edit::SetEmailConsent(_)
        | Edit::SetSmsConsent(_)
        | Edit::EditAddress(_)
        | Edit::MergeCustomers(_) => Edit::UpdateCustomer(id.into()),
        Edit::CreateOrder(_)
        | Edit::UpdateOrder(_)
        | Edit::PayOrder(_)
        | Edit::FulfillOrder(_)
        | Edit::UpdateFulfillment(_)
        | Edit::RefundOrder(_)
        | Edit::EditOrder(_)
        | Edit::CancelOrder(_)
        | Edit::CloseOrder(_)
        | Edit::ReopenOrder(_) => Edit::UpdateOrder(OrderFields::from(id)),
        Edit::CreateCollection(_) | Edit::UpdateCollection(_) | Edit::ChangeCollection(_) => {
            Edit::UpdateCollection(id.into())
        }
        Edit::SetInventory(fields) | Edit::ConnectInventory(fields) => Edit::SetInventory(LevelFields {
            available: None,
            ..fields.clone()
        }),
        Edit::DisconnectInventory(fields) => Edit::ConnectInventory(fields.clone()),
        Edit::UpdateItem(_) => Edit::UpdateItem(id.into()),
        Edit::UpdateLocation(fields) => Edit::UpdateLocation(LocationFields {
            id: fields.id,
            ..LocationFields::default()
        }),
        _ => Edit::UpdateProduct(ProductFields::from(id)),
    })
}

/// One of the first so many.
fn one<'c, T>(mix: &mut Mix, all: &'c BTreeMap<i64, T>, hot: usize) -> Option<&'c T> {
    if all.is_empty() {
        return None;
    }
    let among = hot.clamp(1, all.len());
    all.values().nth(mix.below(among as u64) as usize)
}
