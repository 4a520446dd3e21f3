//! What each command does.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use dev_stack::binaries::Profile;
use dev_stack::chaos;
use dev_stack::demo;
use dev_stack::functions::PREFIX;
use dev_stack::home::{self, Home};
use dev_stack::moto::Moto;
use dev_stack::process::Signal;
use dev_stack::services::{Durability, Services};
use dev_stack::signals::Signals;
use dev_stack::stack::{Options, Stack};
use dev_stack::{env_file, migrations, shopify};

/// The database that tests find in `DATABASE_URL`; `sqlx::test` makes its own beside it.
const TEST_DATABASE: &str = "mercury";
/// Where the AWS SDK looks for SQS.
const SQS_VARIABLE: &str = "AWS_ENDPOINT_URL_SQS";
/// The port of the gateway for a moto that invokes no functions.
const NO_GATEWAY: u16 = 0;

/// `up`.
pub async fn up() -> Result<ExitCode> {
    let mut signals = Signals::new()?;
    let options = Options {
        echo: true,
        ..options(1_000, Profile::Debug)?
    };
    let home = Home::up()?;
    let stack = tokio::select! {
        stack = Stack::start(home, &options) => stack?,
        why = signals.next() => bail!("stopped during the start: {why}"),
    };
    if options.watch.is_none() {
        // Known to the mirror from the start, so that webhooks and imports work at once.
        demo::connect(&stack, &demo::Admin::of(&stack)?).await?;
    }
    println!();
    for name in ["ADMIN_URL", "WEBHOOK_URL", "INVOKE_URL", "FAKE_SHOPIFY_URL", "SHOP"] {
        println!("  {name:17} {}", stack.variable(name));
    }
    println!("\n  In another shell: set -a; . .dev/env; set +a");
    if options.watch.is_some() {
        println!("  The functions:    cargo lambda watch -A 127.0.0.1 --env-file .dev/env");
    }
    println!("  Ctrl-C stops everything and keeps the data.\n");
    let why = signals.next().await;
    eprintln!("dev-stack: {why}; stopping");
    stack.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// `demo`.
pub async fn demo() -> Result<ExitCode> {
    let mut signals = Signals::new()?;
    let options = Options {
        fresh: true,
        ..options(10_000, Profile::Release)?
    };
    let events = number("EVENTS", 500)?;
    let home = Home::numbered("demo")?;
    let equal = tokio::select! {
        equal = demo::run(home, &options, events) => equal?,
        why = signals.next() => bail!("the demo did not finish: {why}"),
    };
    Ok(if equal { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `chaos`.
pub async fn chaos() -> Result<ExitCode> {
    let mut signals = Signals::new()?;
    let options = Options {
        fresh: true,
        ..options(20_000, Profile::Release)?
    };
    let (first, seeds, events) = (number("SEED", 1)?, number("SEEDS", 10)?, number("EVENTS", 2_000)?);
    for seed in first..first + seeds {
        let survived = tokio::select! {
            survived = chaos::run(Home::numbered("chaos")?, &options, seed, events) => survived?,
            why = signals.next() => bail!("chaos did not finish: {why}"),
        };
        if !survived {
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `services -- CMD`.
pub async fn services(words: Vec<OsString>) -> Result<ExitCode> {
    let mut signals = Signals::new()?;
    let home = Home::numbered("test")?;
    // A benchmark must pay for what production pays for.
    let durable = std::env::var_os("DURABLE").is_some();
    let durability = if durable {
        Durability::Durable
    } else {
        Durability::Disposable
    };
    // The tests ask its SQS what ours should do. A benchmark shall have the machine to itself.
    let mut moto = if durable {
        None
    } else {
        Some(Moto::start(&home, NO_GATEWAY).await?)
    };
    let services = Services::start(&home, durability, true).await?;
    let mut environment = services.environment(TEST_DATABASE);
    if let Some(moto) = &mut moto {
        moto.ready().await?;
        environment.push((SQS_VARIABLE.to_owned(), format!("http://{}", moto.address)));
    }
    services.postgres.drop_database(TEST_DATABASE).await?;
    services.postgres.create_database(TEST_DATABASE).await?;
    // In our own process group, so that it reads the terminal and gets its Ctrl-C. It does not outlive us either: this
    // is the main thread, which lives as long as the process.
    let mut command = tokio::process::Command::new("setpriv");
    command
        .args(["--pdeathsig", "TERM", "--"])
        .args(&words)
        .envs(environment);
    let child = command
        .spawn()
        .with_context(|| format!("cannot run {}", words[0].to_string_lossy()));
    let status = match child {
        Ok(mut child) => loop {
            tokio::select! {
                status = child.wait() => break status.context("cannot wait for the command"),
                why = signals.next() => {
                    // The terminal has told it by itself.
                    if why != "interrupted" && let Some(pid) = child.id() {
                        dev_stack::process::send(pid, Signal::TERM);
                    }
                }
            }
        },
        Err(error) => Err(error),
    };
    services.stop().await;
    if let Some(mut moto) = moto {
        moto.stop().await;
    }
    let status = status?;
    // As a shell tells it.
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// `migrate`.
pub async fn migrate() -> Result<ExitCode> {
    let root = home::root()?;
    let url = match std::env::var("DATABASE_URL") {
        Ok(url) => url,
        Err(_) => variable("DATABASE_URL")?,
    };
    migrations::apply(&root, &url).await?;
    println!("the schema is up to date");
    Ok(ExitCode::SUCCESS)
}

/// `env`.
pub fn env() -> Result<ExitCode> {
    for (name, value) in env_file::read(&home::root()?.join(".dev"))? {
        println!("export {name}={value}");
    }
    Ok(ExitCode::SUCCESS)
}

/// `invoke FUNCTION EVENT`.
pub async fn invoke(function: &str, event: &str) -> Result<ExitCode> {
    let event = if event.trim_start().starts_with(['{', '[', '"']) {
        event.to_owned()
    } else {
        std::fs::read_to_string(event).with_context(|| format!("cannot read {event}"))?
    };
    let name = if function.starts_with(PREFIX) {
        function.to_owned()
    } else {
        format!("{PREFIX}{function}")
    };
    let url = format!("{}/2015-03-31/functions/{name}/invocations", variable("INVOKE_URL")?);
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(960))
        .build()?;
    let answer = client
        .post(url)
        .body(event)
        .send()
        .await
        .context("the stack does not answer: is it running?")?;
    let failed = !answer.status().is_success() || answer.headers().contains_key("x-amz-function-error");
    println!("{}", answer.text().await?);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn variable(name: &str) -> Result<String> {
    let known = env_file::read(&home::root()?.join(".dev"))?;
    let found = known.into_iter().find(|(known, _)| known == name);
    found
        .map(|(_, value)| value)
        .with_context(|| format!("{name} is not in .dev/env"))
}

/// What the environment asks for.
fn options(products: u64, profile: Profile) -> Result<Options> {
    let watch = match std::env::var("FUNCTIONS").ok().as_deref() {
        Some("none") => Some(std::env::var("WATCH_ADDRESS").unwrap_or_else(|_| "127.0.0.1:9000".to_owned())),
        Some("") | None => None,
        Some(other) => bail!("FUNCTIONS is {other:?}; expected none, or nothing"),
    };
    Ok(Options {
        profile: Profile::parse(std::env::var("PROFILE").ok().as_deref(), profile)?,
        watch,
        tick: Duration::from_secs(number("TICK", 2)?.max(1)),
        store: shopify::Options {
            products: number("PRODUCTS", products)?,
            seed: number("SEED", 1)?,
            ..Default::default()
        },
        ..Options::default()
    })
}

fn number(name: &str, default: u64) -> Result<u64> {
    match std::env::var(name).ok().filter(|value| !value.is_empty()) {
        None => Ok(default),
        Some(value) => value
            .parse()
            .with_context(|| format!("{name} is {value:?}; expected a whole number")),
    }
}
