//! Rows a second of an import, side by side with what one would write by hand. README.md says what is compared.

mod mercury;
mod prototype;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fake_shopify::{BulkConfig, Config, Server};
use shared::shopify::{BulkOperation, BulkStatus, Client, Settings, ShopDomain};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

const SHOP: &str = "bench.myshopify.com";
const TOKEN: &str = "shpat_bench";

/// Seconds that one case took, first load and second.
#[derive(Debug, Clone, Copy)]
struct Times {
    first: f64,
    again: f64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let products = number("PRODUCTS", 10_000)?;
    let rounds = number("ROUNDS", 3)?;
    let url = variable("DATABASE_URL").context("DATABASE_URL is not set: run this through `dev-stack services --`")?;
    let pool = PgPoolOptions::new().max_connections(2).connect(&url).await?;
    shared::store::MIGRATOR.run(&pool).await?;
    prototype::create_tables(&pool).await?;

    let bulk = BulkConfig {
        start_delay: Duration::ZERO,
        objects_per_second: 1e9,
        ..BulkConfig::default()
    };
    let config = Config {
        shop: SHOP.to_owned(),
        token: TOKEN.to_owned(),
        products,
        bulk,
        ..Config::default()
    };
    let server = Server::start(config).await?;
    let client = Client::new(Settings {
        admin_url: server.admin_url(),
        api_version: "2026-10".to_owned(),
    })?;
    let operation = file(&client).await?;
    let lines = operation.object_count.unwrap_or_default();
    println!(
        "{lines} lines, {:.1} MB",
        operation.file_size.unwrap_or_default() as f64 / 1e6
    );

    let (mut by_hand, mut ours) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        // Each goes first in every other round.
        let mercury_first = round % 2 == 0;
        for mercury in [mercury_first, !mercury_first] {
            let times = if mercury {
                mercury::run(&pool, &client, &operation).await?
            } else {
                prototype::run(&pool, &operation).await?
            };
            let case = if mercury { "mercury" } else { "prototype" };
            println!("round {round} {case:9} {}", told(lines, times));
            if mercury { ours.push(times) } else { by_hand.push(times) }
        }
    }
    let (by_hand, ours) = (median(&by_hand), median(&ours));
    println!("median  prototype {}", told(lines, by_hand));
    println!("median  mercury   {}", told(lines, ours));
    println!(
        "ratio   mercury / prototype, rows/s: {:.2} first load, {:.2} again",
        by_hand.first / ours.first,
        by_hand.again / ours.again
    );
    Ok(())
}

/// A finished bulk operation over the store's products.
async fn file(client: &Client) -> Result<BulkOperation> {
    let shop = ShopDomain::parse(SHOP)?;
    let mut operation = client
        .run_bulk_query(&shop, TOKEN, "bench", shared::import::OPERATIONS[0].query)
        .await?;
    while operation.status != BulkStatus::Completed {
        tokio::time::sleep(Duration::from_millis(200)).await;
        operation = client
            .bulk_operation(&shop, TOKEN, &operation.id)
            .await?
            .context("the operation is gone")?;
    }
    Ok(operation)
}

/// The rows that a case has left, to see that it did the whole job.
async fn count(pool: &PgPool, tables: &[&'static str]) -> Result<i64> {
    let mut rows = 0;
    for table in tables {
        // One of the benchmark's own constants.
        let sql = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        rows += sqlx::query_scalar::<_, i64>(sql).fetch_one(pool).await?;
    }
    Ok(rows)
}

async fn ensure_rows(pool: &PgPool, tables: &[&'static str], operation: &BulkOperation) -> Result<()> {
    let rows = count(pool, tables).await?;
    ensure!(
        Some(rows) == operation.object_count,
        "{rows} rows of {:?} lines",
        operation.object_count
    );
    Ok(())
}

fn told(lines: i64, times: Times) -> String {
    let rate = |seconds: f64| lines as f64 / seconds;
    format!(
        "{:6.2} s {:8.0} rows/s   again {:6.2} s {:8.0} rows/s",
        times.first,
        rate(times.first),
        times.again,
        rate(times.again)
    )
}

fn median(times: &[Times]) -> Times {
    let middle = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Times {
        first: middle(times.iter().map(|times| times.first).collect()),
        again: middle(times.iter().map(|times| times.again).collect()),
    }
}

fn number(name: &str, default: usize) -> Result<usize> {
    variable(name).map_or(Ok(default), |text| {
        text.parse().with_context(|| format!("{name} must be a whole number"))
    })
}

#[expect(clippy::disallowed_methods, reason = "a benchmark is configured by its environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
