//! The schema: the files of `migrations/`, applied in their order.

use std::path::Path;

use anyhow::{Context, Result};
use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection};

/// Brings a database up to date. Safe to repeat.
pub async fn apply(root: &Path, database_url: &str) -> Result<()> {
    let migrator = Migrator::new(root.join("migrations"))
        .await
        .context("cannot read the migrations")?;
    let mut connection = PgConnection::connect(database_url)
        .await
        .context("cannot reach the database")?;
    migrator.run(&mut connection).await.context("a migration failed")?;
    connection.close().await?;
    Ok(())
}
