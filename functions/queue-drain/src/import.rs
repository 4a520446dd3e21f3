//! Starts the executions of an import: one for each bulk operation, named after both, so that starting twice is
//! starting once.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::DisplayErrorContext;
use serde_json::json;
use shared::message::Import;
use shared::store::{self, Store, sync_jobs};
use tokio::sync::OnceCell;

/// Why an import could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The function does not know the state machine.
    #[error("STATE_MACHINE_ARN is not set: expected the ARN of the state machine that runs imports")]
    NoStateMachine,
    /// Step Functions refused or did not answer.
    #[error("Step Functions did not start the execution: {0}")]
    StepFunctions(String),
    /// The import could not be marked as running.
    #[error("the import could not be recorded")]
    Store(#[source] store::Error),
}

/// Starts executions of the one state machine.
pub(crate) struct Executions {
    state_machine_arn: Option<String>,
    client: OnceCell<Client>,
}

impl Executions {
    pub fn new(state_machine_arn: Option<&str>) -> Self {
        Self {
            state_machine_arn: state_machine_arn.map(str::to_owned),
            client: OnceCell::new(),
        }
    }

    /// Starts what the import names. An import that has ended meanwhile is left alone, but for one that was to go on in
    /// another execution: that execution stops what still runs at Shopify.
    pub async fn start(&self, store: &Store, import: &Import) -> Result<(), Error> {
        let arn = self.state_machine_arn.as_deref().ok_or(Error::NoStateMachine)?;
        let mut tx = store.begin().await.map_err(Error::Store)?;
        let wanted = sync_jobs::start(&mut tx, import.job_id).await.map_err(Error::Store)?;
        store::commit(tx).await.map_err(Error::Store)?;
        if !wanted && import.part == 0 {
            tracing::info!(import.id = %import.job_id, "import has ended before it was started");
            return Ok(());
        }
        for operation in &import.operations {
            self.start_one(arn, import, operation).await?;
            tracing::info!(import.id = %import.job_id, shop.domain = %import.shop, operation, part = import.part, "execution started");
        }
        Ok(())
    }

    async fn start_one(&self, arn: &str, import: &Import, operation: &str) -> Result<(), Error> {
        let client = self
            .client
            .get_or_init(|| async {
                Client::new(&aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await)
            })
            .await;
        let name = match import.part {
            0 => format!("{}-{operation}", import.job_id),
            part => format!("{}-{operation}-{part}", import.job_id),
        };
        let input = json!({ "jobId": import.job_id, "operation": operation, "part": import.part });
        let started = client
            .start_execution()
            .state_machine_arn(arn)
            .name(name)
            .input(input.to_string())
            .send()
            .await;
        match started {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_execution_already_exists()) =>
            {
                Ok(())
            }
            Err(error) => Err(Error::StepFunctions(DisplayErrorContext(&error).to_string())),
        }
    }
}
