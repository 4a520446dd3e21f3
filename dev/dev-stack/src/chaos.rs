//! The main job while everything breaks: an import and live webhooks, with functions killed, Redis restarted and wiped,
//! Postgres away and downloads cut. Then one reconcile, and the proof that mirror and store are equal.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use fake_shopify::Fault;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rustix::process::Signal;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::demo::proof::{self, Verdict};
use crate::demo::{self, Admin};
use crate::functions::{PREFIX, QUEUES};
use crate::gateway::Invoker;
use crate::home::Home;
use crate::process::send;
use crate::runtime::Runtime;
use crate::services::Services;
use crate::shopify::{self, FakeShopify};
use crate::stack::{Options, Stack};

/// Changes of the store in a second.
const PER_SECOND: f64 = 40.0;
/// Nothing that is waited for takes longer, on a busy machine: of 20,000 products the points for one comparison of all ids take
/// fourteen minutes.
const LIMIT: Duration = Duration::from_secs(40 * 60);

/// What breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mischief {
    KillFunctions,
    RestartRedis,
    WipeRedis,
    StopPostgres,
    CutDownload,
}

/// How often each thing breaks; when, and in which order, follows from the seed.
const MISCHIEF: [(Mischief, usize); 5] = [
    (Mischief::KillFunctions, 6),
    (Mischief::RestartRedis, 1),
    (Mischief::WipeRedis, 1),
    (Mischief::StopPostgres, 1),
    (Mischief::CutDownload, 3),
];

/// Runs the job once and says whether the mirror is equal, and nothing was said to be complete that is not.
pub async fn run(home: Home, options: &Options, seed: u64, events: u64) -> Result<bool> {
    let options = Options {
        store: shopify::Options {
            seed,
            ..options.store.clone()
        },
        ..options.clone()
    };
    say(
        seed,
        &format!("a fresh stack for a store of {} products", options.store.products),
    );
    let begin = Instant::now();
    let mut stack = Stack::start(home, &options).await?;
    let survived = job(&mut stack, seed, events).await;
    stack.stop().await;
    if matches!(survived, Ok(true)) {
        let seconds = begin.elapsed().as_secs_f64();
        say(seed, &format!("survived in {seconds:.0} s: mirror and store are equal"));
    }
    survived
}

async fn job(stack: &mut Stack, seed: u64, events: u64) -> Result<bool> {
    let admin = Admin::of(stack)?;
    demo::connect(stack, &admin).await?;
    let shop = stack.shopify.shop().to_owned();
    let answer = admin.mutate("shopify.bulkImport", &json!({ "shop": shop })).await?;
    let job = answer["jobId"].as_str().context("bulkImport gave no jobId")?.to_owned();
    let Stack {
        services,
        shopify,
        runtime,
        ..
    } = &mut *stack;
    let ((taken, given_up, dropped), (), status) = tokio::try_join!(
        shopify.bad_traffic(events, PER_SECOND, seed),
        break_things(services, shopify, runtime, seed),
        follow(&admin, &job),
    )?;
    say(
        seed,
        &format!("{taken} deliveries were taken, {given_up} given up, {dropped} never sent"),
    );
    say(seed, &format!("the import ended as {status}"));

    let mut mirror = PgConnection::connect(&stack.database_url()).await?;
    until("the queues are empty", async || Ok(waiting(&admin).await? == 0)).await?;
    let lost = differing(stack, &mut mirror).await?;
    say(
        seed,
        &format!("before the reconcile {} tables differ: {}", lost.len(), lost.join(", ")),
    );
    reconcile(&stack.gateway.invoker, &shop).await?;
    until("everything is compared and fetched", async || {
        let open: i64 = sqlx::query_scalar(
            "select (select count(*) from walks where status = 'running') + (select count(*) from pending_fetches)",
        )
        .fetch_one(&mut mirror)
        .await?;
        Ok(open == 0 && waiting(&admin).await? == 0)
    })
    .await?;
    let overrun: i64 = sqlx::query_scalar("select count(*) from walks where status <> 'completed'")
        .fetch_one(&mut mirror)
        .await?;
    if overrun > 0 {
        bail!("{overrun} lists could not be compared");
    }
    for verdict in proof::compare(&stack.shopify, &mut mirror).await? {
        if !verdict.equal() {
            println!("{verdict}");
        }
    }
    let wrong: i64 = sqlx::query_scalar(WRONGLY_COMPLETED).fetch_one(&mut mirror).await?;
    if wrong > 0 {
        say(seed, &format!("{wrong} OPERATIONS SAY COMPLETED AND ARE NOT"));
    }
    Ok(differing(stack, &mut mirror).await?.is_empty() && wrong == 0 && status == "completed")
}

/// Operations that say `completed` without every line and byte that Shopify counted.
const WRONGLY_COMPLETED: &str = "select count(*) from sync_operations o left join lateral (
        select coalesce(sum(lines), 0) as lines, coalesce(sum(root_lines), 0) as root_lines,
               coalesce(sum(bytes), 0) as bytes, coalesce(bool_and(done), true) as done
        from sync_chunks c where c.job_id = o.job_id and c.operation = o.operation
    ) c on true
    where o.status = 'completed' and not (c.done and c.lines = o.object_count and c.root_lines = o.root_object_count
        and c.bytes = coalesce(o.file_size, 0))";

async fn break_things(services: &mut Services, shopify: &FakeShopify, runtime: &Runtime, seed: u64) -> Result<()> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut mischief: Vec<Mischief> = MISCHIEF
        .iter()
        .flat_map(|(mischief, times)| std::iter::repeat_n(*mischief, *times))
        .collect();
    mischief.shuffle(&mut random);
    for mischief in mischief {
        tokio::time::sleep(Duration::from_millis(random.random_range(200..4_000))).await;
        let told = match mischief {
            Mischief::KillFunctions => {
                let killed = kill(runtime, &mut random);
                format!("{killed} processes of functions are killed")
            }
            Mischief::RestartRedis => {
                services.redis.stop().await;
                tokio::time::sleep(Duration::from_millis(random.random_range(100..3_000))).await;
                services.redis.resume().await?;
                "Redis was restarted".to_owned()
            }
            Mischief::WipeRedis => {
                services.redis.flush().await?;
                "Redis has forgotten everything".to_owned()
            }
            Mischief::StopPostgres => {
                services.postgres.stop().await;
                tokio::time::sleep(Duration::from_secs(10)).await;
                services.postgres.resume().await?;
                "Postgres was away for ten seconds".to_owned()
            }
            Mischief::CutDownload => {
                let after = random.random_range(0..2_000_000);
                let cut = Fault::Truncate { after };
                shopify
                    .server()
                    .fault("bulk_result", cut, 2)
                    .map_err(anyhow::Error::msg)?;
                format!("two downloads break off after {after} bytes")
            }
        };
        say(seed, &told);
    }
    Ok(())
}

/// Kills the drains and the import function, each with an even chance.
fn kill(runtime: &Runtime, random: &mut SmallRng) -> usize {
    let drains = QUEUES.map(|queue| format!("{PREFIX}drain-{queue}"));
    let mut killed = 0;
    for name in drains.iter().chain([&format!("{PREFIX}bulk-import")]) {
        if random.random_bool(0.5) {
            continue;
        }
        for (_, function) in runtime.processes(name) {
            killed += function.len();
            function.into_iter().for_each(|pid| send(pid, Signal::KILL));
        }
    }
    killed
}

/// Waits for the end of the import, however often nobody answers.
async fn follow(admin: &Admin, job: &str) -> Result<String> {
    let mut status = String::new();
    until("the import ends", async || {
        if let Ok(state) = admin.query("sync.job", &json!({ "jobId": job })).await {
            status = state["status"].as_str().unwrap_or_default().to_owned();
        }
        Ok(!matches!(status.as_str(), "" | "queued" | "running"))
    })
    .await?;
    Ok(status)
}

/// Messages in all queues, whatever their state.
async fn waiting(admin: &Admin) -> Result<u64> {
    let listed = admin.query("queue.list", &Value::Null).await?;
    let queues = listed.as_array().context("queue.list lists no queues")?;
    let count = |queue: &Value| ["visible", "inFlight", "delayed"].map(|state| queue[state].as_u64().unwrap_or(0));
    Ok(queues.iter().flat_map(count).sum())
}

async fn reconcile(invoker: &Invoker, shop: &str) -> Result<()> {
    let event = Bytes::from(json!({ "shop": shop, "all": true }).to_string());
    match invoker.tick(&format!("{PREFIX}reconcile"), event).await {
        None => Ok(()),
        Some(error) => bail!("the reconcile failed: {error}"),
    }
}

async fn differing(stack: &Stack, mirror: &mut PgConnection) -> Result<Vec<&'static str>> {
    let verdicts = proof::compare(&stack.shopify, mirror).await?;
    let different = verdicts.iter().filter(|verdict| !verdict.equal());
    Ok(different.map(Verdict::table).collect())
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let begin = Instant::now();
    while !is_so().await? {
        if begin.elapsed() > LIMIT {
            bail!("after {} minutes it is not so that {what}", LIMIT.as_secs() / 60);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}

fn say(seed: u64, text: &str) {
    println!("chaos {seed}: {text}");
}
