//! Cold start of the reconcile function.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use reconcile::{Context, Event, handle};
use shared::{config, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let context = Context::load(&config::Environment::load().await?)?;
    run(service_fn(|event: LambdaEvent<Event>| handle(&context, event.payload))).await
}
