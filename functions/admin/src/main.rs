//! Cold start of the admin function.

use admin::{Context, handle};
use lambda_http::{Error, run, service_fn};
use shared::{config, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let context = Context::load(&config::Environment::load().await?)?;
    run(service_fn(|request| async {
        Ok::<_, Error>(handle(&context, request).await)
    }))
    .await
}
