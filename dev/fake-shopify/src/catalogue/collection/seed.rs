//! Collections of a seeded shop: every second one by hand, the others by rules.

use std::collections::BTreeSet;

use super::{Collection, Column, Members, Rule, SORT_ORDERS};
use crate::catalogue::Catalogue;
use crate::catalogue::ids::Kind;
use crate::catalogue::seed::{FIRST_DAY, Mix};
use crate::catalogue::text;

/// So many of the first collections are broad; if all were, every product would be in dozens of a large shop's.
const BROAD: usize = 8;

/// So many collections.
pub fn seed(catalogue: &mut Catalogue, number: usize, seed: u64) {
    let mut mix = Mix::new(seed ^ 0x0c01_1ec7);
    let products: Vec<i64> = catalogue.products.keys().copied().collect();
    for at in 0..number {
        let mut mix = Mix::new(mix.next());
        let members = if at % 2 == 0 {
            picked(&mut mix, &products)
        } else {
            ruled(catalogue, &mut mix, at < BROAD)
        };
        let updated_at = FIRST_DAY + mix.below(500 * 86_400) as i64;
        let title = text::title(&mut mix);
        let collection = made(catalogue, &mut mix, &title, members, updated_at);
        catalogue.collections.insert(collection.id, collection);
    }
}

/// A collection of these products.
pub fn made(catalogue: &mut Catalogue, mix: &mut Mix, title: &str, members: Members, at: i64) -> Collection {
    let id = catalogue.ids.fresh(Kind::Collection);
    Collection {
        id,
        title: title.into(),
        handle: text::handle(title, id % 1_000_003).into(),
        description: format!("<p>{}</p>", mix.pick(&text::NOTES)).into(),
        sort_order: mix.pick(&SORT_ORDERS),
        template_suffix: mix.chance(0.1).then_some("lookbook"),
        pictured: mix.chance(0.5),
        updated_at: at,
        published_at: at - 60,
        source: catalogue.ids.fresh(Kind::Source),
        members,
    }
}

fn picked(mix: &mut Mix, products: &[i64]) -> Members {
    let number = if products.is_empty() { 0 } else { mix.below(40) };
    let pick = |_| products[mix.below(products.len() as u64) as usize];
    Members::Picked((0..number).map(pick).collect::<BTreeSet<i64>>())
}

/// A broad one takes in a tenth of the goods or more, another one in a hundred.
fn ruled(catalogue: &mut Catalogue, mix: &mut Mix, broad: bool) -> Members {
    let any = broad && mix.chance(0.5);
    let mut rule = |column, words: &[&str]| Rule {
        column,
        value: mix.pick(words).to_owned(),
    };
    let tag = rule(Column::Tag, &text::TAGS);
    let other = rule(Column::Tag, &text::TAGS);
    let kind = rule(Column::Type, &text::TYPES);
    let rules = match mix.below(3) {
        _ if !broad => vec![tag, other, kind],
        0 => vec![tag],
        1 => vec![kind],
        _ => vec![tag, kind],
    };
    let rules = rules.into_iter().map(|rule| (catalogue.ids.fresh(Kind::Source), rule));
    Members::Rules {
        any,
        rules: rules.collect(),
    }
}
