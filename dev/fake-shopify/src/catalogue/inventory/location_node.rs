//! `Location` in the graph.

use super::{ITEM_OFFSET, ItemNode, Location};
use crate::catalogue::Catalogue;
use crate::catalogue::search::{self, Filter, Warning};
use crate::graphql::page;
use crate::graphql::value::{Args, Connection, FieldError, Fields, Leaf, Object, Place, Resolved, Value, gid_number};

/// A location.
#[derive(Clone, Copy)]
pub struct LocationNode<'c> {
    /// Its shop.
    pub catalogue: &'c Catalogue,
    /// The location.
    pub location: &'c Location,
}

impl Object for LocationNode<'_> {
    fn type_name(&self) -> &'static str {
        "Location"
    }

    fn field<'s>(&'s self, name: &str, args: &Args) -> Resolved<'s> {
        let location = self.location;
        Ok(match name {
            "id" => Value::Gid("Location", location.id),
            "legacyResourceId" => Value::Digits(location.id),
            "name" => Value::Str(&location.name),
            "isActive" | "fulfillsOnlineOrders" | "shipsInventory" => Value::Bool(location.active),
            "isFulfillmentService" => Value::Bool(false),
            "createdAt" => Value::Time(location.created_at),
            "updatedAt" => Value::Time(location.updated_at),
            "deactivatedAt" => location.deactivated_at.map_or(Value::Null, Value::Time),
            "address" => address(location),
            "inventoryLevel" => {
                let item = gid_number(args.text("inventoryItemId").unwrap_or_default(), "InventoryItem");
                let found = item.and_then(|item| self.catalogue.variant(item - ITEM_OFFSET));
                let level = found.and_then(|(product, at)| {
                    let item = ItemNode {
                        catalogue: self.catalogue,
                        product,
                        at,
                    };
                    item.level_at(location.id, args.flag("includeInactive").unwrap_or(false))
                });
                Value::nullable(level)
            }
            _ => return Err(FieldError::unresolved("Location", name)),
        })
    }
}

/// The list of locations. Inactive ones show only on demand; there are no legacy ones here.
pub fn list<'c>(catalogue: &'c Catalogue, args: &Args, warnings: &mut Vec<Warning>) -> Resolved<'c> {
    let inactive = args.flag("includeInactive").unwrap_or(false);
    let query = args.text("query").unwrap_or_default();
    let filter = search::parse(query, search::LOCATIONS, "locations", warnings)?;
    let mut shown: Vec<&Location> = catalogue
        .locations
        .values()
        .filter(|location| location.active || inactive)
        .filter(|location| accepted(&filter, location))
        .collect();
    let by_name = match args.text("sortKey").unwrap_or("NAME") {
        "NAME" => true,
        "ID" => false,
        other => {
            let message = format!("fake-shopify does not sort locations by {other}");
            return Err(FieldError::bad_request(message));
        }
    };
    if by_name {
        shown.sort_by_key(|location| location.name.to_lowercase());
    }
    // A name is no number: its rank stands for it.
    let place = |(rank, location): (usize, &'c Location)| {
        let value = if by_name { rank as i64 } else { location.id };
        (Place { value, id: location.id }, location)
    };
    let keys = shown.into_iter().enumerate().map(place).collect();
    Connection::page("Location", args, page::PAGE, keys, |location| {
        Box::new(LocationNode { catalogue, location })
    })
}

fn accepted(filter: &Filter, location: &Location) -> bool {
    filter.accepts(|field, term| match field {
        "id" => term.number(location.id),
        "active" => term.text(if location.active { "true" } else { "false" }),
        "created_at" => term.time(location.created_at),
        _ => false,
    })
}

fn address(location: &Location) -> Value<'_> {
    let address = &location.address;
    let text = |text: Option<&'static str>| text.map_or(Leaf::Null, Leaf::Str);
    Fields::value(
        "LocationAddress",
        vec![
            ("address1", Leaf::Str(&address.address1)),
            ("address2", address.address2.as_deref().map_or(Leaf::Null, Leaf::Str)),
            ("city", Leaf::Str(address.city())),
            ("province", text(address.province())),
            ("provinceCode", text(address.province_code())),
            ("country", Leaf::Str(address.country())),
            ("countryCode", Leaf::Str(address.country_code())),
            ("zip", Leaf::Str(&address.zip)),
            ("phone", address.phone.as_deref().map_or(Leaf::Null, Leaf::Str)),
        ],
    )
}
