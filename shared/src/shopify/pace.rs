//! When a call may go: it waits for its points a moment, and says how long if that is not enough.
//!
//! What a document costs is known from the last answers in this process; before that it is thought to be dear. What
//! Shopify really took comes with the answer, so a wrong guess is corrected after one call.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::budget::{Budget, Call, Outcome, Priority, Reservation, Taken};
use super::{Error, ShopDomain};

/// What a query costs whose cost nobody has seen yet: somewhat more than our dearest one.
const UNSEEN_QUERY: f64 = 200.0;
/// Shopify's price for a mutation.
const UNSEEN_MUTATION: f64 = 10.0;
/// What one query may cost at Shopify, so the most that a call can need.
const DEAREST: f64 = 1_000.0;
/// A call waits no longer than this in all. More is for whoever called: a drain hands its message back.
const PATIENCE: Duration = Duration::from_secs(2);
/// The shortest wait; each further one of a call is twice as long. 0.1, 0.2, 0.4, 0.8 s: a call asks five times at most.
const SHORTEST: Duration = Duration::from_millis(100);
/// Whatever a store tells of its bucket, somebody looks again after this.
const LONGEST: Duration = Duration::from_secs(60);
/// A refusal takes as long as an answer would: else a drain would rush through all messages of a store that has no
/// points left, only to hand them back.
const REFUSAL: Duration = Duration::from_millis(250);

/// Paces the calls of one client.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace {
    budget: Option<Arc<dyn Budget>>,
    priority: Priority,
    /// The highest cost seen of each document, by its text. A document is asked for in larger and smaller pages.
    costs: Arc<Mutex<HashMap<String, f64>>>,
}

impl Pace {
    /// Calls ask this budget from now on.
    pub fn set_budget(&mut self, budget: Arc<dyn Budget>) {
        self.budget = Some(budget);
    }

    /// Calls are of this priority from now on.
    pub fn set_priority(&mut self, priority: Priority) {
        self.priority = priority;
    }

    /// Waits until `document` may be sent. None: nobody counts.
    ///
    /// # Errors
    /// [`Error::Throttled`] if that takes longer than a call should wait.
    pub async fn begin(&self, shop: &ShopDomain, document: &str) -> Result<Option<Reservation>, Error> {
        let Some(budget) = &self.budget else { return Ok(None) };
        let points = self.cost(document);
        let call = Call {
            document: name(document),
            points,
            priority: self.priority,
        };
        let started = Instant::now();
        let mut shortest = SHORTEST;
        loop {
            let wait = match budget.take(shop, call).await {
                Taken::Reserved(reservation) => return Ok(Some(reservation)),
                Taken::Unknown => return Ok(None),
                Taken::Wait(wait) => wait.max(shortest),
            };
            let waited_ms = started.elapsed().as_millis() as u64;
            let wait_ms = wait.as_millis() as u64;
            if started.elapsed() + wait > PATIENCE {
                tracing::debug!(shop.domain = %shop, priority = ?self.priority, points, waited_ms, wait_ms, "too few points left: call put off");
                sleep(REFUSAL).await;
                let retry_after = wait.min(LONGEST);
                return Err(Error::Throttled { retry_after });
            }
            tracing::debug!(shop.domain = %shop, priority = ?self.priority, points, waited_ms, wait_ms, "too few points left: call waits");
            sleep(wait).await;
            shortest *= 2;
        }
    }

    /// Ends a call that [`begin`](Self::begin) let go.
    pub async fn end(&self, shop: &ShopDomain, reservation: Option<Reservation>, outcome: Outcome) {
        if let (Some(budget), Some(reservation)) = (&self.budget, reservation) {
            budget.settle(shop, reservation, outcome).await;
        }
    }

    /// Remembers what Shopify wants for `document`.
    pub fn learn(&self, document: &str, requested: f64) {
        let requested = requested.clamp(1.0, DEAREST);
        let mut costs = self.costs.lock().unwrap_or_else(PoisonError::into_inner);
        match costs.entry(document.to_owned()) {
            Entry::Occupied(mut known) => *known.get_mut() = known.get().max(requested),
            Entry::Vacant(unseen) => drop(unseen.insert(requested)),
        }
    }

    fn cost(&self, document: &str) -> f64 {
        let known = self.costs.lock().unwrap_or_else(PoisonError::into_inner);
        let unseen = match document.trim_start().starts_with("mutation") {
            true => UNSEEN_MUTATION,
            false => UNSEEN_QUERY,
        };
        known.get(document).copied().unwrap_or(unseen)
    }
}

/// What a document calls itself; nothing if it has no name.
fn name(document: &str) -> &str {
    let document = document.trim_start();
    let kinds = ["query ", "mutation "];
    let named = kinds.iter().find_map(|kind| document.strip_prefix(kind)).unwrap_or("");
    let end = named.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(named.len());
    &named[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_told_apart_by_their_names() {
        assert_eq!(name("query OrdersList($first: Int!) {"), "OrdersList");
        assert_eq!(name("\nmutation Cancel { a }"), "Cancel");
        assert_eq!(name("{ shop { id } }"), "");
    }
}
