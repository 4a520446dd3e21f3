//! Live traffic: a seeded run of edits whose deliveries come twice, late and out of order.
//!
//! Each edit happens when its turn comes, under the catalogue's lock, so the store and the bodies never disagree. A
//! chain of deliveries is sent in its order by one worker; chains run side by side. A held-back delivery is the second
//! of a chain whose first is a later edit of the same product; a duplicate is the same delivery again, at once or at
//! the very end. The answer comes when everything was taken or given up.

mod draw;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::catalogue::{Edit, Mix, NewProduct, ProductFields, VariantFields};
use crate::clock;
use crate::shop::{Shop, State};
use crate::webhook::{self, Delivery, Outcome};
use draw::Kind;

/// What traffic to make. Fractions are of the events; what remains of them are updates of products.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Traffic {
    /// The shop; the first one if not given.
    pub shop: Option<String>,
    /// How many edits.
    pub events: usize,
    /// What they follow from.
    pub seed: u64,
    /// Deliveries sent twice.
    pub duplicates: f64,
    /// Edits delivered after a later one of the same product.
    pub reorder: f64,
    /// Deliveries that are never sent.
    pub drops: f64,
    /// Products deleted.
    pub deletes: f64,
    /// Products created.
    pub creates: f64,
    /// Variants changed in price or stock.
    pub variant_changes: f64,
    /// Variants added.
    pub variant_adds: f64,
    /// Variants removed.
    pub variant_removes: f64,
    /// How often an edit is one of products, against the other kinds. The fractions above are of these edits.
    pub products: f64,
    /// How often it is one of customers.
    pub customers: f64,
    /// How often it is one of orders.
    pub orders: f64,
    /// How often it is one of collections.
    pub collections: f64,
    /// How often it is one of stock: levels, items, locations.
    pub inventory: f64,
    /// Only this many products are touched, so that each is touched often; all if not given. The same of other kinds.
    pub hot_products: Option<usize>,
    /// Chains of deliveries under way at once.
    pub concurrency: usize,
    /// Edits per second; as fast as they go if not given.
    pub per_second: Option<f64>,
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            shop: None,
            events: 100,
            seed: 1,
            duplicates: 0.05,
            reorder: 0.1,
            drops: 0.0,
            deletes: 0.03,
            creates: 0.05,
            variant_changes: 0.3,
            variant_adds: 0.05,
            variant_removes: 0.03,
            products: 1.0,
            customers: 0.0,
            orders: 0.0,
            collections: 0.0,
            inventory: 0.0,
            hot_products: None,
            concurrency: 8,
            per_second: None,
        }
    }
}

/// What the traffic was.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Edits made.
    pub events: usize,
    /// Edits by kind.
    pub creates: usize,
    /// Products updated.
    pub updates: usize,
    /// Products deleted.
    pub deletes: usize,
    /// Variants changed, added or removed.
    pub variant_edits: usize,
    /// Edits of customers.
    pub customers: usize,
    /// Edits of orders.
    pub orders: usize,
    /// Edits of collections.
    pub collections: usize,
    /// Edits of stock.
    pub inventory: usize,
    /// Edits that turned out impossible.
    pub refused: usize,
    /// Deliveries that were sent twice.
    pub duplicates: usize,
    /// Deliveries that came after a later one of the same product.
    pub reordered: usize,
    /// Deliveries that were never sent.
    pub dropped: usize,
    /// Deliveries taken, duplicates counted twice.
    pub delivered: usize,
    /// Deliveries given up.
    pub failed: usize,
    /// How long it took.
    pub elapsed_ms: u64,
    /// Every delivery, in order of completion.
    pub deliveries: Vec<Outcome>,
}

/// Makes the traffic and waits until all is delivered.
pub async fn run(state: &Arc<State>, shop: &Arc<Shop>, traffic: &Traffic) -> Report {
    let begun = Instant::now();
    let mut report = Report::default();
    let mut source = Chains {
        state,
        shop,
        traffic,
        mix: Mix::new(traffic.seed),
        report: &mut report,
        late: Vec::new(),
    };
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut under_way = stream::FuturesUnordered::new();
    while let Some(chain) = source.next() {
        if let Some(rate) = traffic.per_second {
            let due = Duration::from_secs_f64(source.report.events as f64 / rate);
            clock::pause(due.saturating_sub(begun.elapsed())).await;
        }
        under_way.push(tokio::spawn(send(Arc::clone(state), Arc::clone(shop), chain)));
        while under_way.len() >= traffic.concurrency.max(1) {
            collect(under_way.next().await, &mut outcomes);
        }
    }
    while !under_way.is_empty() {
        collect(under_way.next().await, &mut outcomes);
    }
    let late = std::mem::take(&mut source.late);
    collect(
        Some(Ok(send(Arc::clone(state), Arc::clone(shop), late).await)),
        &mut outcomes,
    );
    report.delivered = outcomes.iter().filter(|outcome| outcome.is_success()).count();
    report.failed = outcomes.len() - report.delivered;
    report.deliveries = outcomes;
    report.elapsed_ms = begun.elapsed().as_millis() as u64;
    report
}

fn collect(sent: Option<Result<Vec<Outcome>, tokio::task::JoinError>>, outcomes: &mut Vec<Outcome>) {
    if let Some(sent) = sent {
        outcomes.extend(sent.expect("a delivery does not panic"));
    }
}

async fn send(state: Arc<State>, shop: Arc<Shop>, chain: Vec<Delivery>) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(chain.len());
    for delivery in chain {
        outcomes.push(webhook::deliver(Arc::clone(&state), Arc::clone(&shop), delivery).await);
    }
    outcomes
}

struct Chains<'t> {
    state: &'t State,
    shop: &'t Shop,
    traffic: &'t Traffic,
    mix: Mix,
    report: &'t mut Report,
    late: Vec<Delivery>,
}

impl Chains<'_> {
    /// Makes the next edit, or two of one product, and gives the deliveries in the order to send them.
    fn next(&mut self) -> Option<Vec<Delivery>> {
        if self.report.events >= self.traffic.events {
            return None;
        }
        let kind = self.kind();
        let edit = match kind {
            Kind::Products => self.draw()?,
            // A shop without anything of this kind gets a product instead.
            other => match self.draw_other(other) {
                Some(edit) => edit,
                None => self.draw()?,
            },
        };
        let (product, mut chain) = self.apply(&edit, kind);
        if kind != Kind::Products {
            return Some(self.other_chain(&edit, kind, product, chain));
        }
        let room = self.report.events < self.traffic.events;
        if room && product.is_some() && !matches!(edit, Edit::DeleteProduct(_)) && self.mix.chance(self.traffic.reorder)
        {
            // The later edit of the same product goes first.
            let later = if self.mix.chance(self.traffic.deletes) {
                Edit::DeleteProduct(product.unwrap_or_default())
            } else {
                Edit::UpdateProduct(ProductFields {
                    id: product.unwrap_or_default(),
                    ..ProductFields::default()
                })
            };
            let (_, mut first) = self.apply(&later, kind);
            self.report.reordered += chain.len();
            first.append(&mut chain);
            chain = first;
        }
        Some(self.twice(chain))
    }

    /// The same for what is not a product. One edit tells of several topics here; they too change places.
    fn other_chain(&mut self, edit: &Edit, kind: Kind, id: Option<i64>, mut chain: Vec<Delivery>) -> Vec<Delivery> {
        let room = self.report.events < self.traffic.events;
        if chain.len() > 1 && self.mix.chance(self.traffic.reorder) {
            self.report.reordered += chain.len() - 1;
            chain.reverse();
        }
        let overtaken = room && self.mix.chance(self.traffic.reorder);
        if let Some(later) = id.filter(|_| overtaken).and_then(|id| draw::later(edit, id)) {
            let (_, mut first) = self.apply(&later, kind);
            self.report.reordered += chain.len();
            first.append(&mut chain);
            chain = first;
        }
        self.twice(chain)
    }

    /// The kind of the next edit. Without other kinds nothing is drawn, so that products come as they always did.
    fn kind(&mut self) -> Kind {
        let traffic = self.traffic;
        let weights = [
            (Kind::Products, traffic.products),
            (Kind::Customers, traffic.customers),
            (Kind::Orders, traffic.orders),
            (Kind::Collections, traffic.collections),
            (Kind::Inventory, traffic.inventory),
        ];
        let all: f64 = weights.iter().map(|(_, weight)| weight).sum();
        if all <= traffic.products {
            return Kind::Products;
        }
        let mut choice = self.mix.below(1 << 53) as f64 / (1u64 << 53) as f64 * all;
        let chosen = weights.into_iter().find(|(_, weight)| {
            choice -= weight;
            choice < 0.0
        });
        chosen.map_or(Kind::Inventory, |(kind, _)| kind)
    }

    fn draw_other(&mut self, kind: Kind) -> Option<Edit> {
        let shop = self.shop;
        let catalogue = shop.catalogue.read().expect("the catalogue is never poisoned");
        let mut source = draw::Source {
            catalogue: &catalogue,
            mix: &mut self.mix,
            hot: self.traffic.hot_products.unwrap_or(usize::MAX),
        };
        source.draw(kind)
    }

    /// Sends some deliveries never, and others twice, at once or at the very end.
    fn twice(&mut self, mut chain: Vec<Delivery>) -> Vec<Delivery> {
        let all = chain.len();
        // Where none is dropped nothing is drawn, so that traffic comes as it always did.
        chain.retain(|_| self.traffic.drops <= 0.0 || !self.mix.chance(self.traffic.drops));
        self.report.dropped += all - chain.len();
        let again: Vec<Delivery> = chain
            .iter()
            .filter(|_| self.mix.chance(self.traffic.duplicates))
            .cloned()
            .collect();
        self.report.duplicates += again.len();
        for delivery in again {
            if self.mix.chance(0.5) {
                chain.push(delivery)
            } else {
                self.late.push(delivery)
            }
        }
        chain
    }

    fn draw(&mut self) -> Option<Edit> {
        let traffic = self.traffic;
        let catalogue = self.shop.catalogue.read().expect("the catalogue is never poisoned");
        let choice = self.mix.below(1 << 53) as f64 / (1u64 << 53) as f64;
        let mut bound = traffic.creates;
        if choice < bound || catalogue.products.is_empty() {
            return Some(Edit::CreateProduct(NewProduct {
                seed: self.mix.next(),
                title: None,
                variants: Some(1 + self.mix.below(8) as usize),
            }));
        }
        let among = traffic
            .hot_products
            .unwrap_or(usize::MAX)
            .clamp(1, catalogue.products.len());
        let product = catalogue.products.values().nth(self.mix.below(among as u64) as usize)?;
        let variant = &product.variants[self.mix.below(product.variants.len() as u64) as usize];
        bound += traffic.deletes;
        if choice < bound {
            return Some(Edit::DeleteProduct(product.id));
        }
        bound += traffic.variant_changes;
        if choice < bound {
            let price = 100 + self.mix.below(50_000) as u32;
            let stock = self.mix.below(200) as i32;
            let by_price = self.mix.chance(0.5);
            return Some(Edit::UpdateVariant(VariantFields {
                id: variant.id,
                price: by_price.then_some(price),
                quantity: (!by_price).then_some(stock),
                ..VariantFields::default()
            }));
        }
        bound += traffic.variant_adds;
        if choice < bound && product.variants.len() < product.capacity() {
            return Some(Edit::AddVariant(product.id));
        }
        bound += traffic.variant_removes;
        if choice < bound && product.variants.len() > 1 {
            return Some(Edit::RemoveVariant(variant.id));
        }
        let title = self.mix.chance(0.3).then(|| {
            format!(
                "{} №{}",
                product.title.split(" №").next().unwrap_or_default(),
                self.mix.below(10_000)
            )
        });
        Some(Edit::UpdateProduct(ProductFields {
            id: product.id,
            title,
            ..ProductFields::default()
        }))
    }

    fn apply(&mut self, edit: &Edit, kind: Kind) -> (Option<i64>, Vec<Delivery>) {
        self.report.events += 1;
        let Ok((change, events)) = self.shop.edit(edit) else {
            self.report.refused += 1;
            return (None, Vec::new());
        };
        match kind {
            Kind::Products => {}
            Kind::Customers => self.report.customers += 1,
            Kind::Orders => self.report.orders += 1,
            Kind::Collections => self.report.collections += 1,
            Kind::Inventory => self.report.inventory += 1,
        }
        match edit {
            Edit::CreateProduct(_) => self.report.creates += 1,
            Edit::UpdateProduct(_) => self.report.updates += 1,
            Edit::DeleteProduct(_) => self.report.deletes += 1,
            Edit::UpdateVariant(_) | Edit::AddVariant(_) | Edit::RemoveVariant(_) => self.report.variant_edits += 1,
            _ => {}
        }
        (Some(change.id), webhook::deliveries(self.state, self.shop, &events))
    }
}
