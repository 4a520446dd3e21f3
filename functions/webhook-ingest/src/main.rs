//! Cold start of the webhook function.

use lambda_http::{Error, run, service_fn};
use shared::{config, telemetry};
use webhook_ingest::{Context, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let context = Context::load(&config::Environment::load().await?)?;
    run(service_fn(|request| async {
        Ok::<_, Error>(handle(&context, request).await)
    }))
    .await
}
