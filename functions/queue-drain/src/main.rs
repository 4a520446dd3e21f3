//! Cold start of the drain function: one binary, seven functions.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use queue_drain::{Context, Event, handle};
use shared::{config, telemetry};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let context = Context::load(&config::Environment::load().await?)?;
    run(service_fn(|event: LambdaEvent<Event>| handle(&context, event))).await
}
