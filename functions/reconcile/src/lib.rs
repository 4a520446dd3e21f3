//! Has every store compared with its mirror, now and then, and keeps house.
//!
//! This function only begins walks, sends again what got lost, asks for imports, makes subscriptions that are missing, and
//! removes what is old: what is compared, fetched and written happens in the drains. It may run twice at once or be killed
//! anywhere: what it begins stands in Postgres, and the next run sends the messages that this one did not.

mod carriers;
mod retention;
mod subscriptions;
mod walks;

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use lambda_runtime::Error as LambdaError;
use serde::{Deserialize, Serialize};
use shared::config::{self, Environment};
use shared::message::QueueName;
use shared::mirror;
use shared::policies::Policies;
use shared::queue::{self, Queue, Redis};
use shared::shopify::{self, Client};
use shared::store::{self, Store, shops};
use shared::telemetry::Chain;
use shared::throttle::Throttle;

/// What the schedule sends, and whoever wants it to be done now.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Event {
    /// One store; all of them if none is named.
    #[serde(default)]
    pub shop: Option<String>,
    /// Compare every id, whenever that was done last.
    #[serde(default)]
    pub all: bool,
}

/// What one process holds.
pub struct Context {
    redis: Redis,
    policies: Policies,
    store: Store,
    /// How long after one comparison of all ids the next one is due.
    compare_all_every: Duration,
    client: Client,
    /// Where missing subscriptions are to lead; none: they are declared in the app's configuration.
    subscription_url: Option<String>,
    /// How long deliveries are kept in the log.
    log_days: u64,
}

/// What was done.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Stores that are mirrored.
    pub shops: usize,
    /// Messages sent that carry a walk.
    pub walks: usize,
    /// Imports asked for, because too much differs for single fetches.
    pub imports: usize,
    /// Operations of imports that nobody carried any more, and that are started again.
    pub revived: usize,
    /// Subscriptions that were missing and are made.
    pub subscribed: usize,
    /// Stores that could not be taken care of: the log says why.
    pub failed: usize,
}

/// Why one store could not be taken care of.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("postgres did not do as asked")]
    Store(#[from] store::Error),
    #[error("its lists could not be compared")]
    Mirror(#[from] mirror::Error),
    #[error("redis did not do as asked")]
    Queue(#[from] queue::Error),
    #[error("Shopify could not be asked")]
    Shopify(#[from] shopify::Error),
    #[error("its name is not one of a store")]
    Domain,
}

impl Context {
    /// Reads the configuration. Touches no network.
    pub fn load(environment: &Environment) -> Result<Self, LambdaError> {
        let hours: u64 = environment.parsed("COMPARE_ALL_HOURS", "whole hours above 0, such as 24", 24)?;
        if hours == 0 {
            return Err(config::Error::Malformed {
                name: "COMPARE_ALL_HOURS",
                expected: "whole hours above 0, such as 24",
            }
            .into());
        }
        let subscription_url = environment.optional("SUBSCRIPTION_URL").map(str::to_owned);
        if subscription_url
            .as_deref()
            .is_some_and(|url| !url.starts_with("https://"))
        {
            return Err(config::Error::Malformed {
                name: "SUBSCRIPTION_URL",
                expected: "the https address of /webhooks, or nothing if shopify.app.toml declares the subscriptions",
            }
            .into());
        }
        let log_days: u64 = environment.parsed("WEBHOOK_LOG_DAYS", "whole days above 0, such as 30", 30)?;
        if log_days == 0 {
            return Err(config::Error::Malformed {
                name: "WEBHOOK_LOG_DAYS",
                expected: "whole days above 0, such as 30",
            }
            .into());
        }
        let redis = Redis::new(&environment.redis()?)?;
        let budget = Arc::new(Throttle::new(redis.clone()));
        Ok(Self {
            // Nobody waits for a reconcile; webhooks' fetches go first.
            client: Client::new(environment.shopify()?)?.with_budget(budget).background(),
            subscription_url,
            log_days,
            redis,
            policies: Policies::load(environment)?,
            store: Store::new(&environment.postgres()?)?,
            compare_all_every: Duration::from_secs(hours * 3_600),
        })
    }

    fn queue(&self, name: QueueName) -> Result<Queue, queue::Error> {
        Queue::new(self.redis.clone(), name.as_str(), self.policies.of(name).policy)
    }
}

/// Takes care of the stores that the event means. One that cannot be taken care of does not keep the others from it.
pub async fn handle(context: &Context, event: Event) -> Result<Report, LambdaError> {
    let mut tx = context.store.begin().await?;
    let shops = shops::mirrored(&mut tx, event.shop.as_deref()).await?;
    drop(tx);
    if let (Some(shop), []) = (&event.shop, &shops[..]) {
        return Err(format!("{shop} is not mirrored: add it with shops.add").into());
    }
    let mut report = Report {
        shops: shops.len(),
        ..Report::default()
    };
    for shop in shops {
        let walked = walks::begin(context, &shop, event.all, &mut report).await;
        let revived = carriers::revive(context, &shop, &mut report).await;
        let restored = subscriptions::restore(context, &shop, &mut report).await;
        for error in [walked, revived, restored].into_iter().filter_map(Result::err) {
            tracing::error!(shop.domain = shop.domain, error = %Chain(&error), "store not reconciled");
            report.failed += 1;
        }
    }
    if let Err(error) = retention::apply(context, Utc::now()).await {
        tracing::warn!(error = %Chain(&error), "old rows are removed another time");
    }
    tracing::info!(
        shops = report.shops,
        walks = report.walks,
        imports = report.imports,
        revived = report.revived,
        subscribed = report.subscribed,
        failed = report.failed,
        "stores reconciled"
    );
    Ok(report)
}
