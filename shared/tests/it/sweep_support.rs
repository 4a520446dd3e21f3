//! Imports that are swept, and the rows of a store that some files have and others lack.

use std::time::Duration;

use serde_json::{Value, json};
use shared::import;
use shared::mirror::sweep::{self, Confirmed, Evidence, Outcome};
use shared::store::commit;
use shared::store::sync_sweep_reports::{self, Report};
use shared::store::sync_sweeps::{File, State};
use tokio::time::Instant;

use crate::import_support::Import;
use crate::mirror_support::at;
use crate::scene::{Scene, child, gid, node};

/// All that an import can need.
pub const EVERY_SCOPE: [&str; 6] = [
    "read_products",
    "read_customers",
    "read_orders",
    "read_all_orders",
    "read_inventory",
    "read_locations",
];

pub fn scopes(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

impl Scene {
    /// The file of an operation that was created at `created`, read to its end but without a verdict.
    pub async fn read(&self, operation: &'static str, lines: &[Value], created: f64) -> Import {
        let file: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let import = Import::of_file(&self.store, self.shop_id, &self.shopify, operation, &file, at(created)).await;
        for chunk in 0..import.chunks {
            import.apply(chunk).await.unwrap();
        }
        assert_eq!(import.sums().await.rejected, 0, "{file}");
        import
    }

    /// Reads a file and sweeps with every scope, a fifth of each table at most. Returns how that stands.
    pub async fn import_and_sweep(&self, operation: &'static str, lines: &[Value], created: f64) -> Report {
        let import = self.read(operation, lines, created).await;
        self.decide(&import).await;
        self.sweep(&import).await;
        self.report(&import).await
    }

    /// Decides with every scope.
    pub async fn decide(&self, import: &Import) -> State {
        let all = scopes(&EVERY_SCOPE);
        self.decide_by(import, Some(&all), Ok(&all)).await
    }

    /// Decides with the scopes at the start and now.
    pub async fn decide_by(&self, import: &Import, at_start: Option<&[String]>, now: Result<&[String], &str>) -> State {
        let definition = import::find(import.operation).unwrap();
        let mut tx = self.store.begin().await.unwrap();
        let evidence = Evidence { at_start, now };
        let state = sweep::decide(&mut tx, &self.file(import), definition, &evidence, 20)
            .await
            .unwrap();
        commit(tx).await.unwrap();
        state
    }

    /// Sweeps to the end.
    pub async fn sweep(&self, import: &Import) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let outcome = sweep::run(&self.store, &self.file(import), deadline).await.unwrap();
        assert_eq!(outcome, Outcome::Done);
    }

    pub async fn confirm(&self, import: &Import, granted: &[String]) -> Confirmed {
        let definition = import::find(import.operation).unwrap();
        let mut tx = self.store.begin().await.unwrap();
        let confirmed = sweep::confirm(&mut tx, &self.file(import), definition, granted)
            .await
            .unwrap();
        commit(tx).await.unwrap();
        confirmed
    }

    pub async fn report(&self, import: &Import) -> Report {
        let mut tx = self.store.begin().await.unwrap();
        sync_sweep_reports::reports(&mut tx, import.job_id)
            .await
            .unwrap()
            .remove(0)
    }

    pub fn file<'i>(&self, import: &'i Import) -> File<'i> {
        File {
            job_id: import.job_id,
            operation: import.operation,
            shop_id: self.shop_id,
            created_at: import.created_at,
        }
    }
}

/// What was missing of the table at `place`, what became a tombstone and what was spared.
pub fn counts(report: &Report, place: usize) -> (i64, i64, i64) {
    let table = &report.tables[place];
    (table.missing, table.swept, table.spared)
}

/// A product with everything that hangs on it: its numbers begin with its own.
pub fn whole_product(id: i64) -> Vec<Value> {
    let mut product = node("Product", id, 1.0, json!({ "title": format!("product {id}") }));
    product["options"] = json!([{ "id": gid("ProductOption", id * 10) }]);
    let medium = json!({ "__typename": "MediaImage", "id": gid("MediaImage", id * 10) });
    vec![
        product,
        child(
            node("ProductVariant", id * 10, 1.0, json!({ "price": "1.00" })),
            "Product",
            id,
        ),
        child(
            node("ProductVariant", id * 10 + 1, 1.0, json!({ "price": "2.00" })),
            "Product",
            id,
        ),
        child(medium, "Product", id),
        child(metafield(id * 10), "Product", id),
    ]
}

pub fn metafield(id: i64) -> Value {
    node("Metafield", id, 1.0, json!({ "key": "k" }))
}

/// Products without anything.
pub fn bare_products(ids: impl Iterator<Item = i64>) -> Vec<Value> {
    ids.map(|id| node("Product", id, 1.0, json!({ "title": format!("product {id}") })))
        .collect()
}
