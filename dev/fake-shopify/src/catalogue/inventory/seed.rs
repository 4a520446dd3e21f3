//! Locations and levels of a seeded shop. They are drawn apart from the goods, so that goods stay as they are.

use super::{Level, Location, Stock};
use crate::catalogue::Catalogue;
use crate::catalogue::address::Address;
use crate::catalogue::ids::Kind;
use crate::catalogue::seed::{FIRST_DAY, Mix};

const NAMES: [&str; 3] = ["Main Street Store", "Entrepôt Québec & Fils", "Closed Depot"];

/// Three locations, of which the last is no longer active.
pub fn locations(catalogue: &mut Catalogue, seed: u64) {
    let mut mix = Mix::new(seed ^ 0x10ca_7105);
    for (at, name) in NAMES.into_iter().enumerate() {
        let id = catalogue.ids.fresh(Kind::Location);
        let created_at = FIRST_DAY - 86_400 * (30 - at as i64);
        let active = at < 2;
        let address = Address::made(&mut mix);
        let location = Location {
            id,
            name: name.into(),
            active,
            address,
            created_at,
            updated_at: created_at + 3_600,
            deactivated_at: (!active).then_some(created_at + 3_600),
        };
        catalogue.locations.insert(id, location);
    }
}

impl Stock {
    /// The stock of a new variant: all of it at one active location, or shared between two, and now and then an
    /// inactive level at a location that no longer takes part.
    pub fn made(variant: i64, quantity: i32, created_at: i64, updated_at: i64, places: &[(i64, bool)]) -> Self {
        let mut mix = Mix::new(variant as u64 ^ 0x5_70c4);
        let level = |location, active, available| Level {
            location,
            active,
            available,
            committed: 0,
            incoming: 0,
            created_at,
            updated_at,
        };
        let mut active = places.iter().filter(|(_, active)| *active).map(|(id, _)| *id);
        let closed = places.iter().find(|(_, active)| !*active).map(|(id, _)| *id);
        let mut levels = Vec::new();
        if let Some(first) = active.next() {
            levels.push(level(first, true, quantity));
            let (shared, share) = (mix.chance(0.3), mix.below(40) as i32);
            match (active.next(), closed) {
                (Some(second), _) if shared => {
                    levels[0].available -= share;
                    levels[0].committed = mix.below(4) as i32;
                    levels.push(level(second, true, share));
                    levels[1].incoming = mix.below(3) as i32 * 10;
                }
                (_, Some(closed)) if mix.chance(0.1) => levels.push(level(closed, false, 2)),
                _ => {}
            }
        }
        levels.shrink_to_fit();
        Self {
            tracked: !mix.chance(0.03),
            cost: mix.chance(0.6).then(|| 200 + mix.below(5_000) as u32),
            updated_at: created_at,
            levels,
        }
    }
}
