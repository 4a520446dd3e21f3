//! Postgres: rows in, rows out.
//!
//! Knows no wire shape of Shopify and no Redis. Every statement is idempotent and monotonic, touches its rows in the
//! order of their keys, and runs inside an explicit transaction as an unnamed statement, so that it works behind RDS
//! Proxy and PgBouncer in transaction pooling.

pub mod admin_audit;
mod batch;
pub mod credentials;
pub mod data_requests;
pub mod differences;
pub mod drift;
pub mod erasure;
mod error;
pub mod member_sets;
pub mod mentions;
pub mod orders;
pub mod ownerless;
pub mod part_differences;
pub mod partitions;
pub mod pending_fetches;
pub mod redaction_sweeps;
pub mod redactions;
pub mod rejected_lines;
pub mod retention;
mod row;
pub mod shops;
mod statements;
pub mod sync_chunks;
pub mod sync_jobs;
pub mod sync_operations;
pub mod sync_seen;
pub mod sync_sweep_reports;
pub mod sync_sweeps;
mod table;
pub mod tables;
mod text;
mod transaction;
mod upsert;
mod version;
pub mod walks;
pub mod webhook_logs;
pub mod webhook_rejections;

use std::str::FromStr;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

pub use batch::{Batch, Change, Deletion, Fate, Tie, Written};
pub use error::Error;
pub use member_sets::MemberSet;
pub use row::Row;
pub use table::{Column, Owner, Table};
pub use tables::{AnyRow, tables};
pub use text::strip_nul;
pub use transaction::Transaction;
pub use version::{Key, Source, Verdicts, Version, newest};

/// The schema. Applied by a deploy step over a direct connection, never at cold start.
pub static MIGRATOR: Migrator = sqlx::migrate!("../migrations");

/// Where Postgres is.
#[derive(Clone)]
pub struct Settings {
    /// A Postgres URL. Holds a password and is never shown.
    pub url: String,
    /// Connections that one process may hold: one for each worker.
    pub max_connections: u32,
}

/// The database. Cheap to clone; opens its first connection at the first use.
#[derive(Debug, Clone)]
pub struct Store(PgPool);

impl Store {
    /// Reads the settings. Touches no network.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let options = PgConnectOptions::from_str(&settings.url)
            .map_err(Error::from)?
            .application_name("mercury")
            // Poolers refuse start-up parameters that they do not know.
            .extra_float_digits(None)
            .statement_cache_capacity(0);
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections.max(1))
            .acquire_timeout(Duration::from_secs(5))
            .connect_lazy_with(options);
        Ok(Self(pool))
    }

    /// A store on a pool made elsewhere, for tests.
    pub fn from_pool(pool: PgPool) -> Self {
        Self(pool)
    }

    /// Starts a transaction. Dropped without a commit, it is rolled back.
    pub async fn begin(&self) -> Result<Transaction, Error> {
        Transaction::begin(&self.0).await
    }
}

/// Commits. Until this returns, nothing that the transaction did has happened.
pub async fn commit(tx: Transaction) -> Result<(), Error> {
    tx.commit().await
}
