//! Customers of a seeded shop.

use super::{Consent, Customer};
use crate::catalogue::Catalogue;
use crate::catalogue::address::Address;
use crate::catalogue::ids::Kind;
use crate::catalogue::seed::{FIRST_DAY, Mix};
use crate::catalogue::text;

/// So many customers.
pub fn seed(catalogue: &mut Catalogue, number: usize, seed: u64) {
    let mut mix = Mix::new(seed ^ 0xc057_03e5);
    for _ in 0..number {
        let customer = made(catalogue, mix.next());
        catalogue.customers.insert(customer.id, customer);
    }
}

/// A customer made up from a seed.
pub fn made(catalogue: &mut Catalogue, seed: u64) -> Customer {
    let mut mix = Mix::new(seed);
    let id = catalogue.ids.fresh(Kind::Customer);
    let created_at = FIRST_DAY + mix.below(300 * 86_400) as i64;
    let updated_at = created_at + mix.below(120 * 86_400) as i64;
    let first: Option<Box<str>> = mix.chance(0.95).then(|| mix.pick(&text::FIRST_NAMES).into());
    let last: Option<Box<str>> = mix.chance(0.9).then(|| mix.pick(&text::LAST_NAMES).into());
    let email: Option<Box<str>> = mix
        .chance(0.9)
        .then(|| format!("buyer+{}@shop.example", seed % 1_000_000_007).into());
    let phone: Option<Box<str>> =
        (email.is_none() || mix.chance(0.4)).then(|| format!("+1613{:07}", mix.below(10_000_000)).into());
    let mut addresses = Vec::new();
    for _ in 0..mix.below(4) {
        let mut address = Address::made(&mut mix);
        (address.first_name, address.last_name) = (first.clone(), last.clone());
        address.company = mix.chance(0.1).then(|| mix.pick(&text::VENDORS).into());
        addresses.push((catalogue.ids.fresh(Kind::Address), address));
    }
    let default = mix.below(addresses.len().max(1) as u64) as usize;
    let mut tags: Vec<_> = text::CUSTOMER_TAGS
        .into_iter()
        .filter(|_| mix.chance(0.2))
        .map(Into::into)
        .collect();
    tags.sort_unstable();
    Customer {
        id,
        first_name: first,
        last_name: last,
        verified_email: email.is_some() && !mix.chance(0.1),
        email_consent: consent(&mut mix, created_at),
        sms_consent: consent(&mut mix, created_at),
        email,
        phone,
        state: mix.pick(&["disabled", "enabled", "enabled", "invited", "declined"]),
        note: mix.chance(0.2).then(|| mix.pick(&text::NOTES).into()),
        tags,
        tax_exempt: mix.chance(0.05),
        tax_exemptions: if mix.chance(0.05) {
            vec!["CA_BC_RESELLER_EXEMPTION"]
        } else {
            Vec::new()
        },
        locale: if mix.chance(0.8) { "en" } else { "fr-CA" },
        default_address: addresses.get(default).map(|(id, _)| *id),
        addresses,
        created_at,
        updated_at,
    }
}

fn consent(mix: &mut Mix, created_at: i64) -> Consent {
    let state = mix.pick(&["not_subscribed", "subscribed", "subscribed", "unsubscribed", "pending"]);
    let asked = state != "not_subscribed";
    Consent {
        state: Some(state),
        level: asked.then_some(if mix.chance(0.3) {
            "confirmed_opt_in"
        } else {
            "single_opt_in"
        }),
        updated_at: asked.then(|| created_at + mix.below(30 * 86_400) as i64),
    }
}
