//! Rows a second of an import, side by side with what one would take or write instead. README.md says what is compared.

mod cases;
mod mercury;
mod prototype;

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use cases::{Case, Outcome};
use fake_shopify::{BulkConfig, Config, Server};
use shared::shopify::{BulkOperation, BulkStatus, Client, Settings, ShopDomain};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

const SHOP: &str = "bench.myshopify.com";
const TOKEN: &str = "shpat_bench";

/// The case that this process is, and what it needs.
const CASE: &str = "BENCH_CASE";
const ADMIN_URL: &str = "ADMIN_URL";
const OPERATION: &str = "OPERATION";
const DATABASE_URL: &str = "DATABASE_URL";

/// Every case's own, empty when it starts.
const DATABASE: &str = "import_bench";

#[tokio::main]
async fn main() -> Result<()> {
    match variable(CASE) {
        Some(case) => run_case(&case).await,
        None => compare().await,
    }
}

/// Runs every case in turn, and prints rates and ratios.
async fn compare() -> Result<()> {
    let products = number("PRODUCTS", 10_000)?;
    let rounds = number("ROUNDS", 3)?;
    let wanted = variable("CASES").unwrap_or_else(|| "prototype mercury".to_owned());
    let mut cases: Vec<Case> = wanted.split_whitespace().map(Case::named).collect::<Result<_>>()?;
    let server_url = database_url()?;
    let (server_url, _) = server_url.rsplit_once('/').context("DATABASE_URL names no database")?;

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
    let operation = file(&client(&server.admin_url())?).await?;
    let lines = operation.object_count.unwrap_or_default();
    let megabytes = operation.file_size.unwrap_or_default() as f64 / 1e6;
    println!("{lines} lines, {megabytes:.1} MB");

    let environment = [
        (ADMIN_URL, server.admin_url()),
        (OPERATION, operation.id.clone()),
        ("FILE_URL", operation.url.clone().context("the store has nothing")?),
        (DATABASE_URL, format!("{server_url}/{DATABASE}")),
    ];
    for round in 1..=rounds {
        for case in &mut cases {
            empty_database().await?;
            let outcome = case.run(&environment).await?;
            ensure!(
                outcome.rows >= lines,
                "{}: {} rows of {lines} lines",
                case.name,
                outcome.rows
            );
            println!("round {round} {}", told(&case.name, lines, &outcome));
            case.outcomes.push(outcome);
        }
        // Each goes first in every other round.
        cases.reverse();
    }
    cases.sort_by_key(|case| wanted.find(&case.name));
    summary(lines, &cases);
    Ok(())
}

fn summary(lines: i64, cases: &[Case]) {
    for case in cases {
        println!("median  {}", told(&case.name, lines, &case.median()));
    }
    let Some(mercury) = cases.iter().find(|case| case.name == "mercury").map(Case::median) else {
        return;
    };
    for case in cases.iter().filter(|case| case.name != "mercury") {
        let other = case.median();
        let rows = |outcome: &Outcome| outcome.rows as f64 / outcome.first;
        println!(
            "mercury / {}: {:.2} lines/s, {:.2} rows/s, {:.2} lines/s again, {:.2} of its memory",
            case.name,
            other.first / mercury.first,
            rows(&mercury) / rows(&other),
            other.again / mercury.again,
            mercury.peak_kb as f64 / other.peak_kb as f64,
        );
    }
}

fn told(name: &str, lines: i64, outcome: &Outcome) -> String {
    let Outcome {
        first,
        again,
        rows,
        peak_kb,
    } = *outcome;
    let rate = |count: i64, seconds: f64| count as f64 / seconds;
    format!(
        "{name:9} {first:7.2} s {:8.0} lines/s {:8.0} rows/s   again {again:7.2} s {:8.0} lines/s   {:4} MB at most",
        rate(lines, first),
        rate(rows, first),
        rate(lines, again),
        peak_kb / 1_000,
    )
}

/// Makes the next case's database, and takes the last one's away, whose vacuum would go on beside the next case.
async fn empty_database() -> Result<()> {
    let pool = pool().await?;
    for sql in [
        format!("drop database if exists {DATABASE} with (force)"),
        format!("create database {DATABASE}"),
        "checkpoint".to_owned(),
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await?;
    }
    Ok(())
}

/// Is one case, and prints what came of it.
async fn run_case(case: &str) -> Result<()> {
    let need = |name: &str| variable(name).with_context(|| format!("{name} is not set"));
    let client = client(&need(ADMIN_URL)?)?;
    let operation = operation(&client, &need(OPERATION)?).await?;
    let pool = pool().await?;
    let outcome = match case {
        "prototype" => prototype::run(&pool, &operation).await?,
        "mercury" => mercury::run(&pool, &client, &operation).await?,
        other => bail!("no such case: {other}"),
    };
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

async fn pool() -> Result<PgPool> {
    Ok(PgPoolOptions::new()
        .max_connections(2)
        .connect(&database_url()?)
        .await?)
}

fn database_url() -> Result<String> {
    variable(DATABASE_URL).context("DATABASE_URL is not set: run this through `dev-stack services --`")
}

fn client(admin_url: &str) -> Result<Client> {
    Ok(Client::new(Settings {
        admin_url: admin_url.to_owned(),
        api_version: "2026-10".to_owned(),
    })?)
}

/// A finished bulk operation over the store's products.
async fn file(client: &Client) -> Result<BulkOperation> {
    let shop = ShopDomain::parse(SHOP)?;
    let mut operation = client
        .run_bulk_query(&shop, TOKEN, "bench", shared::import::OPERATIONS[0].query)
        .await?;
    while operation.status != BulkStatus::Completed {
        tokio::time::sleep(Duration::from_millis(200)).await;
        operation = self::operation(client, &operation.id).await?;
    }
    Ok(operation)
}

async fn operation(client: &Client, id: &str) -> Result<BulkOperation> {
    let operation = client.bulk_operation(&ShopDomain::parse(SHOP)?, TOKEN, id).await?;
    operation.context("the operation is gone")
}

/// The rows that a case has left.
async fn count(pool: &PgPool, tables: &[&'static str]) -> Result<i64> {
    let mut rows = 0;
    for table in tables {
        // One of the benchmark's own constants.
        let sql = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        rows += sqlx::query_scalar::<_, i64>(sql).fetch_one(pool).await?;
    }
    Ok(rows)
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
