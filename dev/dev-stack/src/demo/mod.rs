//! The main job, from an empty database to the proof: import a store, deliver webhooks, compare.

mod admin;
mod progress;
pub mod proof;
mod tables;
mod timings;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;
use sqlx::{Connection, PgConnection};

pub use admin::Admin;
use proof::Verdict;

use crate::home::Home;
use crate::stack::{Options, Stack};

/// No import of a demo takes longer, on whatever machine.
const IMPORT_LIMIT: Duration = Duration::from_secs(30 * 60);
/// What a busy store does; faster, and the latency would tell of the burst, not of a webhook.
const PER_SECOND: f64 = 50.0;
/// Nor do its webhooks.
const WEBHOOK_LIMIT: Duration = Duration::from_secs(10 * 60);

/// Runs the whole job and says whether everything was as it must be.
pub async fn run(home: Home, options: &Options, events: u64) -> Result<bool> {
    say(&format!(
        "a fresh stack for a store of {} products",
        options.store.products
    ));
    let begin = Instant::now();
    let stack = Stack::start(home, options).await?;
    say(&format!(
        "the stack runs after {:.1} s; its logs are in {}",
        begin.elapsed().as_secs_f64(),
        {
            let logs = stack.home.dir.join("logs");
            logs.strip_prefix(&stack.home.root)
                .unwrap_or(&logs)
                .display()
                .to_string()
        }
    ));
    let equal = job(&stack, events).await;
    stack.stop().await;
    if matches!(equal, Ok(true)) {
        say(&format!(
            "done in {:.1} s: mirror and store are equal",
            begin.elapsed().as_secs_f64()
        ));
    }
    equal
}

async fn job(stack: &Stack, events: u64) -> Result<bool> {
    let admin = Admin::of(stack)?;
    let mut mirror = PgConnection::connect(&stack.database_url()).await?;

    let job = import(stack, &admin).await?;
    fetches(&mut mirror).await?;
    let mut equal = compare(stack, &mut mirror, "after the import").await?;
    timings::import(&mut mirror, &job).await?;
    timings::memory(stack, "product-sync");

    if events > 0 {
        deliver(stack, &mut mirror, events).await?;
        equal &= compare(stack, &mut mirror, "after the webhooks").await?;
        timings::webhooks(&mut mirror).await?;
    }
    equal &= plant(stack, &mut mirror).await?;
    Ok(equal)
}

/// Makes the store known to the mirror.
pub async fn connect(stack: &Stack, admin: &Admin) -> Result<()> {
    let input = json!({ "shop": stack.shopify.shop(), "accessToken": stack.shopify.access_token() });
    admin.mutate("shops.add", &input).await?;
    Ok(())
}

/// Adds the shop and imports it; returns the job's id when it is completed.
pub async fn import(stack: &Stack, admin: &Admin) -> Result<String> {
    let shop = stack.shopify.shop();
    connect(stack, admin).await?;
    let answer = admin.mutate("shopify.bulkImport", &json!({ "shop": shop })).await?;
    let job = answer["jobId"].as_str().context("bulkImport gave no jobId")?.to_owned();
    say(&format!("import {job} is under way"));
    let mut line = progress::Line::new();
    let begin = Instant::now();
    loop {
        let state = admin.query("sync.job", &json!({ "jobId": job })).await?;
        line.show(&progress::describe(&state));
        match state["status"].as_str().unwrap_or_default() {
            "completed" => break,
            "queued" | "running" => {}
            other => {
                line.end();
                bail!(
                    "the import ended as {other}: {}",
                    state["error"].as_str().unwrap_or("no reason given")
                );
            }
        }
        if begin.elapsed() > IMPORT_LIMIT {
            line.end();
            bail!(
                "the import has not finished after {} minutes",
                IMPORT_LIMIT.as_secs() / 60
            );
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    line.end();
    Ok(job)
}

/// Waits for what could not be told in a file or a body and is fetched one by one.
pub async fn fetches(mirror: &mut PgConnection) -> Result<()> {
    let mut line = progress::Line::new();
    let begin = Instant::now();
    let mut most = 0;
    loop {
        let wanted = wanted(mirror).await?;
        most = most.max(wanted);
        if most > 0 {
            line.show(&format!(
                "fetching  {}",
                progress::bar(most - wanted, most, "resources", "")
            ));
        }
        if wanted == 0 {
            break;
        }
        if begin.elapsed() > WEBHOOK_LIMIT {
            line.end();
            bail!("{wanted} fetches are still wanted after {} s", WEBHOOK_LIMIT.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    line.end();
    Ok(())
}

async fn wanted(mirror: &mut PgConnection) -> Result<u64> {
    let wanted: i64 = sqlx::query_scalar("select count(*) from pending_fetches")
        .fetch_one(mirror)
        .await?;
    Ok(u64::try_from(wanted)?)
}

/// Lets the store change and waits until each delivery has a row that tells its end.
pub async fn deliver(stack: &Stack, mirror: &mut PgConnection, events: u64) -> Result<()> {
    say(&format!(
        "{events} changes in the store; their webhooks come duplicated and out of order, some are deletions"
    ));
    let sent = stack.shopify.traffic(events, Some(PER_SECOND)).await?;
    let mut line = progress::Line::new();
    let begin = Instant::now();
    loop {
        let done: i64 = sqlx::query_scalar(
            "select count(distinct webhook_id) from webhook_logs \
             where webhook_id = any($1) and status not in ('received', 'retrying')",
        )
        .bind(&sent.ids)
        .fetch_one(&mut *mirror)
        .await?;
        let wanted = wanted(mirror).await?;
        let done = usize::try_from(done)?;
        let fetches = if wanted > 0 {
            format!(", {wanted} fetches to come")
        } else {
            String::new()
        };
        line.show(&progress::bar(
            done as u64,
            sent.ids.len() as u64,
            "deliveries",
            &fetches,
        ));
        if done >= sent.ids.len() && wanted == 0 {
            break;
        }
        if begin.elapsed() > WEBHOOK_LIMIT {
            line.end();
            bail!(
                "{done} of {} deliveries have a log row and {wanted} fetches are wanted after {} s",
                sent.ids.len(),
                WEBHOOK_LIMIT.as_secs()
            );
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    line.end();
    say(&format!(
        "{} deliveries taken: {} of them twice, {} after a later one of the same product, {} deletions; \
         each of the {} has a row in webhook_logs",
        sent.deliveries,
        sent.duplicates,
        sent.reordered,
        sent.deletes,
        sent.ids.len()
    ));
    Ok(())
}

async fn compare(stack: &Stack, mirror: &mut PgConnection, when: &str) -> Result<bool> {
    let verdicts = proof::compare(&stack.shopify, mirror).await?;
    say(&format!("store and mirror {when}:"));
    for verdict in &verdicts {
        println!("{verdict}");
    }
    // Two empty stores prove nothing.
    Ok(verdicts.iter().all(Verdict::equal) && verdicts.iter().any(|verdict| verdict.rows() > 0))
}

/// Shows that the comparison would have seen a difference: makes one, looks, and takes it back.
async fn plant(stack: &Stack, mirror: &mut PgConnection) -> Result<bool> {
    say("a difference is planted: the title of one product in the mirror");
    let planted: Option<(i64, Option<String>)> = sqlx::query_as(
        "update products set title = 'planted' from (select shop_id, id, title from products where deleted_at is null \
         order by id limit 1) as old where products.shop_id = old.shop_id and products.id = old.id \
         returning old.id, old.title",
    )
    .fetch_optional(&mut *mirror)
    .await?;
    let Some((id, title)) = planted else {
        bail!("there is no product to plant a difference in")
    };
    let caught = !compare(stack, mirror, "with the planted difference").await?;
    sqlx::query("update products set title = $2 where id = $1")
        .bind(id)
        .bind(title)
        .execute(&mut *mirror)
        .await?;
    say(if caught {
        "the difference was caught; it is taken back"
    } else {
        "THE DIFFERENCE WAS NOT CAUGHT"
    });
    Ok(compare(stack, mirror, "at the end").await? && caught)
}

fn say(text: &str) {
    println!("demo: {text}");
}
