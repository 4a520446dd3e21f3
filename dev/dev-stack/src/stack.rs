//! The whole of Mercury, running.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::binaries::{self, Profile};
use crate::functions::{self, Function};
use crate::gateway::{Gateway, Listeners};
use crate::home::{self, Home};
use crate::moto::Moto;
use crate::runtime::{Backend, Runtime};
use crate::schedule::Schedule;
use crate::services::{Durability, Services};
use crate::shopify::{self, FakeShopify};
use crate::state_machine::StateMachine;
use crate::{env_file, migrations};

/// The one database of a stack.
const DATABASE: &str = "mercury";

/// How a stack shall be.
#[derive(Debug, Clone)]
pub struct Options {
    /// What its data is worth.
    pub durability: Durability,
    /// Starts with an empty database and an empty Redis, whatever an earlier run left.
    pub fresh: bool,
    /// How the functions are compiled.
    pub profile: Profile,
    /// `host:port` of a `cargo lambda watch` that runs the functions in our place.
    pub watch: Option<String>,
    /// How often the drains are invoked.
    pub tick: Duration,
    /// How long a failed asynchronous invocation waits for its two repetitions.
    pub retries: [Duration; 2],
    /// What the fake store is.
    pub store: shopify::Options,
    /// Shows on the terminal what the functions print and how the start gets on.
    pub echo: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Durable,
            fresh: false,
            profile: Profile::Debug,
            watch: None,
            tick: Duration::from_secs(2),
            // As AWS does.
            retries: [Duration::from_secs(60), Duration::from_secs(120)],
            store: shopify::Options::default(),
            echo: false,
        }
    }
}

/// A running stack. It is stopped by [`Stack::stop`]; a dropped one takes its processes with it at once.
#[derive(Debug)]
pub struct Stack {
    /// Its folder.
    pub home: Home,
    /// Postgres and Redis.
    pub services: Services,
    /// The store that is mirrored.
    pub shopify: FakeShopify,
    /// The functions.
    pub runtime: Arc<Runtime>,
    /// What stands in front of them.
    pub gateway: Gateway,
    /// The import's state machine.
    pub state_machine: StateMachine,
    /// What `.dev/env` says.
    pub environment: Vec<(String, String)>,
    moto: Moto,
    schedule: Schedule,
}

impl Stack {
    /// Starts everything in the folder of `home` and returns when all of it answers.
    pub async fn start(home: Home, options: &Options) -> Result<Self> {
        Self::start_with(home, options, functions::all()).await
    }

    /// The same with functions of other limits, for tests.
    pub async fn start_with(home: Home, options: &Options, functions: Vec<Function>) -> Result<Self> {
        let begin = Instant::now();
        let step = |text: &str| {
            if options.echo {
                eprintln!("dev-stack: {:6.2} s  {text}", begin.elapsed().as_secs_f64());
            }
        };
        let emulator = home::runtime_emulator(&home.root)?;
        let listeners = Listeners::bind().await?;
        let mut moto = Moto::start(&home, listeners.aws_port()).await?;
        let services = async {
            let services = Services::start(&home, options.durability, options.fresh).await?;
            step("Postgres and Redis answer");
            if options.fresh {
                services.postgres.drop_database(DATABASE).await?;
            }
            services.postgres.create_database(DATABASE).await?;
            migrations::apply(&home.root, &services.postgres.url(DATABASE)).await?;
            step("the schema is up to date");
            anyhow::Ok(services)
        };
        let backend = async {
            match &options.watch {
                Some(address) => anyhow::Ok(Backend::Watch(address.clone())),
                None => {
                    let binaries = binaries::build(&home.root, options.profile).await?;
                    step("the functions are built");
                    Ok(Backend::Emulated { emulator, binaries })
                }
            }
        };
        let state_machine = async {
            moto.ready().await?;
            let machine = StateMachine::create(&home.root, &format!("http://{}", moto.address)).await?;
            step("the state machine is deployed");
            anyhow::Ok(machine)
        };
        let (services, backend, state_machine) = tokio::try_join!(services, backend, state_machine)?;
        let webhook_url = format!("{}/webhooks", listeners.http_url());
        let shopify = FakeShopify::start(&home, &options.store, &webhook_url).await?;
        let environment = environment(&home, &services, &listeners, &shopify, &state_machine)?;
        let runtime = Arc::new(Runtime::new(&home, functions, &backend, &environment, options.echo)?);
        let gateway = Gateway::start(listeners, runtime.clone(), moto.address.clone(), options.retries)?;
        let schedule = Schedule::start(&gateway.invoker, options.tick);
        env_file::write(&home.dir, &environment)?;
        step("everything runs");
        Ok(Self {
            home,
            services,
            shopify,
            runtime,
            gateway,
            state_machine,
            environment,
            moto,
            schedule,
        })
    }

    /// A value of `.dev/env`.
    pub fn variable(&self, name: &str) -> &str {
        self.environment
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }

    /// The URL of the mirror.
    pub fn database_url(&self) -> String {
        self.services.postgres.url(DATABASE)
    }

    /// Stops everything, outside in; what Postgres and Redis hold is kept.
    pub async fn stop(mut self) {
        self.schedule.stop();
        self.gateway.stop();
        drop(self.shopify);
        tokio::join!(self.runtime.stop(), self.moto.stop());
        self.services.stop().await;
        // What it says is true no more. There is none if somebody removed it.
        drop(std::fs::remove_file(env_file::path(&self.home.dir)));
    }
}

/// What the functions, and `.dev/env`, have in common.
fn environment(
    home: &Home,
    services: &Services,
    listeners: &Listeners,
    shopify: &FakeShopify,
    state_machine: &StateMachine,
) -> Result<Vec<(String, String)>> {
    let http = listeners.http_url();
    let admin_token = home.secret("admin-token").context("no admin token")?;
    let own = [
        ("WEBHOOK_URL", format!("{http}/webhooks")),
        ("ADMIN_URL", http),
        ("ADMIN_TOKEN", admin_token),
        ("INVOKE_URL", listeners.aws_url()),
        ("FAKE_SHOPIFY_URL", shopify.url()),
        ("SHOP", shopify.shop().to_owned()),
        ("SHOP_ACCESS_TOKEN", shopify.access_token().to_owned()),
        ("SHOPIFY_ADMIN_URL", shopify.admin_url()),
        ("SHOPIFY_WEBHOOK_SECRET", shopify.webhook_secret().to_owned()),
        ("STATE_MACHINE_ARN", state_machine.arn.clone()),
        ("AWS_ENDPOINT_URL", listeners.aws_url()),
        ("AWS_REGION", "eu-west-1".to_owned()),
        // No key of anybody's: the local services check none.
        ("AWS_ACCESS_KEY_ID", "local".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ("AWS_SESSION_TOKEN", "local".to_owned()),
        (
            "RUST_LOG",
            std::env::var("RUST_LOG")
                .ok()
                .filter(|level| !level.is_empty())
                .unwrap_or_else(|| "info".into()),
        ),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value));
    Ok(services.environment(DATABASE).into_iter().chain(own).collect())
}
