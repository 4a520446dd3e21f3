//! Query cost and the bucket it is paid from.
//!
//! The formula is a fit to recorded traffic, not a documented one: scalar 0, object 1, connection
//! `2 + max(1, floor(2 ln first)) × (1 + cost of a node)`, money and shop address 0, every `…Count` field 10, a
//! mutation 10 whatever it selects. What is given back follows the documentation's words: what was found costs one point
//! an object, and never more than was requested.

use std::sync::Mutex;

use apollo_compiler::executable::{Operation, Selection, SelectionSet};
use serde_json::{Map, Value as Json, json};

use super::plan::{Source, arguments, is_connection};
use crate::clock;

/// What one query may cost.
pub const QUERY_LIMIT: f64 = 1_000.0;

/// What a connection costs besides its nodes.
pub const CONNECTION: f64 = 2.0;

/// What an object of this type costs by itself.
pub fn of_object(type_name: &str) -> f64 {
    match type_name {
        "MoneyV2" | "MoneyBag" | "ShopAddress" | "QueryRoot" => 0.0,
        "Count" => 10.0,
        _ => 1.0,
    }
}

/// The points requested by an operation.
pub fn requested(operation: &Operation, source: &Source<'_>) -> f64 {
    if operation.is_mutation() {
        return 10.0 * operation.root_fields(source.document).count() as f64;
    }
    selection(&operation.selection_set, source)
}

fn selection(set: &SelectionSet, source: &Source<'_>) -> f64 {
    let mut total = 0.0;
    // Of the fragments for different types only the dearest counts.
    let mut dearest: f64 = 0.0;
    for item in &set.selections {
        match item {
            Selection::Field(field) => {
                let type_name = field.ty().inner_named_type().as_str();
                total += if field.selection_set.is_empty() {
                    0.0
                } else if is_connection(field, source.schema) {
                    connection(&arguments(field, source), &field.selection_set, source)
                } else if field.name == "userErrors" {
                    0.0
                } else {
                    of_object(type_name) + selection(&field.selection_set, source)
                };
            }
            Selection::InlineFragment(fragment) => dearest = dearest.max(selection(&fragment.selection_set, source)),
            Selection::FragmentSpread(spread) => {
                let fragment = &source.document.fragments[&spread.fragment_name];
                dearest = dearest.max(selection(&fragment.selection_set, source));
            }
        }
    }
    total + dearest
}

fn connection(args: &Map<String, Json>, set: &SelectionSet, source: &Source<'_>) -> f64 {
    let size = ["first", "last"]
        .iter()
        .find_map(|name| args.get(*name)?.as_f64())
        .unwrap_or(1.0);
    let mut node = 0.0;
    for item in &set.selections {
        let Selection::Field(field) = item else { continue };
        node += match field.name.as_str() {
            "nodes" => selection(&field.selection_set, source),
            "edges" => (selection(&field.selection_set, source) - 1.0).max(0.0),
            _ => 0.0,
        };
    }
    CONNECTION + (2.0 * size.max(1.0).ln()).floor().max(1.0) * (1.0 + node)
}

/// The bucket of one app and shop.
#[derive(Debug)]
pub struct Bucket {
    maximum: f64,
    restore_rate: f64,
    level: Mutex<(f64, i64)>,
}

impl Bucket {
    /// A full bucket.
    pub fn new(maximum: f64, restore_rate: f64) -> Self {
        Self {
            maximum,
            restore_rate,
            level: Mutex::new((maximum, clock::micros())),
        }
    }

    /// Takes the points, or says that there are not enough.
    pub fn take(&self, points: f64) -> bool {
        let mut level = self.restored();
        let enough = level.0 >= points;
        if enough {
            level.0 -= points;
        }
        enough
    }

    /// Gives back what was requested and not used.
    pub fn refund(&self, points: f64) {
        let mut level = self.restored();
        level.0 = (level.0 + points).min(self.maximum);
    }

    /// `extensions.cost` of an answer; `actual` is `None` when the query did not run.
    pub fn report(&self, requested: f64, actual: Option<f64>) -> Json {
        let available = self.restored().0.floor();
        json!({
            "requestedQueryCost": requested as i64,
            "actualQueryCost": actual.map(|points| points as i64),
            "throttleStatus": {
                "maximumAvailable": self.maximum,
                "currentlyAvailable": available as i64,
                "restoreRate": self.restore_rate,
            },
        })
    }

    fn restored(&self) -> std::sync::MutexGuard<'_, (f64, i64)> {
        let mut level = self.level.lock().expect("the bucket is never poisoned");
        let now = clock::micros();
        let seconds = (now - level.1).max(0) as f64 / clock::SECOND as f64;
        *level = ((level.0 + seconds * self.restore_rate).min(self.maximum), now);
        level
    }
}
