//! Stock: locations, the inventory item of each variant, and how many of it lie where.
//!
//! An item belongs to its variant and lives inside it. A variant's stock is never stored: it is the sum of what is
//! available on the item's active levels. A level's own clock moves with each change of it, and so does the variant's.

mod edit;
mod item_node;
mod location_node;
mod seed;
mod wire;

use super::address::Address;
use super::product::Variant;
use crate::graphql::value::gid_number;

pub use edit::{ItemFields, LevelFields, LocationFields};
pub use item_node::{ItemNode, level_node, root_field};
pub use location_node::LocationNode;
pub use seed::locations as seed_locations;
pub use wire::deleted_item;

/// The number of an item is that of its variant and this.
const ITEM_OFFSET: i64 = 2_000_000_000_000;
/// The number of a level is that of its location and this; the item stands behind it in the gid.
const LEVEL_OFFSET: i64 = 36_954_570_752;

/// A place that holds stock.
#[derive(Clone, Debug)]
pub struct Location {
    /// The number of its gid.
    pub id: i64,
    /// Name.
    pub name: Box<str>,
    /// Whether it takes part.
    pub active: bool,
    /// Where it is.
    pub address: Address,
    /// Seconds since 1970.
    pub created_at: i64,
    /// Seconds since 1970.
    pub updated_at: i64,
    /// Seconds since 1970, if it is not active.
    pub deactivated_at: Option<i64>,
}

/// The inventory item of a variant, with its levels. What it does not hold follows from the variant.
#[derive(Clone, Debug)]
pub struct Stock {
    /// Whether stock is counted.
    pub tracked: bool,
    /// What one costs the merchant, in hundredths.
    pub cost: Option<u32>,
    /// Seconds since 1970; the levels have their own.
    pub updated_at: i64,
    /// By location, one each.
    pub levels: Vec<Level>,
}

/// What lies at one location.
#[derive(Clone, Debug)]
pub struct Level {
    /// The location.
    pub location: i64,
    /// Whether the location still stocks the item.
    pub active: bool,
    /// Ready to be sold.
    pub available: i32,
    /// Sold and not yet gone.
    pub committed: i32,
    /// On its way here.
    pub incoming: i32,
    /// Seconds since 1970.
    pub created_at: i64,
    /// Seconds since 1970.
    pub updated_at: i64,
}

impl Stock {
    /// What can be sold.
    pub fn available(&self) -> i32 {
        self.levels
            .iter()
            .filter(|level| level.active)
            .map(|level| level.available)
            .sum()
    }

    /// The level at a location.
    pub fn level(&self, location: i64) -> Option<&Level> {
        self.levels.iter().find(|level| level.location == location)
    }
}

impl Level {
    /// The quantity of this name; `None` for a name nobody knows.
    pub fn quantity(&self, name: &str) -> Option<i32> {
        Some(match name {
            "available" => self.available,
            "committed" => self.committed,
            "incoming" => self.incoming,
            "on_hand" => self.available + self.committed,
            "reserved" | "damaged" | "safety_stock" | "quality_control" => 0,
            _ => return None,
        })
    }

    /// Its gid in the graph.
    pub fn gid(&self, item: i64) -> String {
        format!(
            "gid://shopify/InventoryLevel/{}?inventory_item_id={item}",
            self.location + LEVEL_OFFSET
        )
    }
}

impl Variant {
    /// The number of its inventory item.
    pub fn inventory_item_id(&self) -> i64 {
        self.id + ITEM_OFFSET
    }

    /// Its stock over all active levels.
    pub fn quantity(&self) -> i32 {
        self.stock.available()
    }

    /// Two letters of a country, for some.
    pub fn country_of_origin(&self) -> Option<&'static str> {
        [None, Some("PT"), Some("CA"), None, Some("IN")][(self.combination % 5) as usize]
    }

    /// A province of that country, for Canada.
    pub fn province_of_origin(&self) -> Option<&'static str> {
        self.country_of_origin()
            .filter(|country| *country == "CA")
            .map(|_| "QC")
    }

    /// The customs code, for some.
    pub fn harmonized_code(&self) -> Option<&'static str> {
        (self.combination % 4 == 1).then_some("610910")
    }

    /// Kilograms.
    pub fn weight(&self) -> f64 {
        f64::from(self.combination % 40 + 1) / 10.0
    }
}

/// The variant of an item.
pub fn variant_of(item: i64) -> i64 {
    item - ITEM_OFFSET
}

/// Item and location of a level's gid.
fn read_level_gid(gid: &str) -> Option<(i64, i64)> {
    let level = gid_number(gid, "InventoryLevel")?;
    let item = gid.split_once("?inventory_item_id=")?.1.parse().ok()?;
    Some((item, level - LEVEL_OFFSET))
}
