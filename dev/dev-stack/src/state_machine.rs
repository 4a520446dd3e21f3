//! The state machine of an import, made from the very file that is deployed.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::functions::PREFIX;

/// The deployed definition, seen from the root of the checkout.
const DEFINITION: &str = "functions/bulk-import/state-machine.asl.yaml";

/// A state machine in the local Step Functions.
#[derive(Debug, Clone)]
pub struct StateMachine {
    client: reqwest::Client,
    endpoint: String,
    /// `STATE_MACHINE_ARN`.
    pub arn: String,
}

/// What became of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
    pub status: String,
    /// The error's name if it failed.
    pub error: Option<String>,
    /// The cause if it failed.
    pub cause: Option<String>,
}

impl StateMachine {
    /// Creates the machine at the AWS endpoint from the deployed definition.
    pub async fn create(root: &Path, endpoint: &str) -> Result<Self> {
        Self::create_from(&Self::deployed(root)?, endpoint, &format!("{PREFIX}bulk-import")).await
    }

    /// The deployed definition, in JSON.
    pub fn deployed(root: &Path) -> Result<Value> {
        let yaml = fs::read_to_string(root.join(DEFINITION)).with_context(|| format!("cannot read {DEFINITION}"))?;
        definition(&yaml, PREFIX)
    }

    /// Creates a machine from a definition in JSON.
    pub async fn create_from(definition: &Value, endpoint: &str, name: &str) -> Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()?;
        let mut machine = Self {
            client,
            endpoint: endpoint.to_owned(),
            arn: String::new(),
        };
        let request = json!({
            "name": name,
            "definition": definition.to_string(),
            "roleArn": "arn:aws:iam::012345678912:role/local",
        });
        let answer = machine.call("CreateStateMachine", &request).await?;
        machine.arn = answer["stateMachineArn"]
            .as_str()
            .context("no ARN for the state machine")?
            .to_owned();
        Ok(machine)
    }

    /// Starts an execution and returns its ARN.
    pub async fn start(&self, name: &str, input: &Value) -> Result<String> {
        let request = json!({ "stateMachineArn": self.arn, "name": name, "input": input.to_string() });
        let answer = self.call("StartExecution", &request).await?;
        Ok(answer["executionArn"]
            .as_str()
            .context("no ARN for the execution")?
            .to_owned())
    }

    /// How an execution stands.
    pub async fn describe(&self, execution: &str) -> Result<Execution> {
        let answer = self
            .call("DescribeExecution", &json!({ "executionArn": execution }))
            .await?;
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        Ok(Execution {
            status: text("status").context("no status")?,
            error: text("error"),
            cause: text("cause"),
        })
    }

    /// The ARNs of all executions.
    pub async fn executions(&self) -> Result<Vec<String>> {
        let answer = self
            .call("ListExecutions", &json!({ "stateMachineArn": self.arn }))
            .await?;
        let all = answer["executions"].as_array().into_iter().flatten();
        Ok(all
            .filter_map(|one| one["executionArn"].as_str().map(str::to_owned))
            .collect())
    }

    async fn call(&self, action: &str, request: &Value) -> Result<Value> {
        // Not signed: the local services read from it only which service is meant.
        let credential = "AWS4-HMAC-SHA256 Credential=local/20260101/eu-west-1/states/aws4_request, \
                          SignedHeaders=host, Signature=0";
        let call = self.client.post(&self.endpoint).header("authorization", credential);
        let call = call.header("x-amz-target", format!("AWSStepFunctions.{action}"));
        let call = call
            .header("content-type", "application/x-amz-json-1.0")
            .body(request.to_string());
        let answer = call
            .send()
            .await
            .with_context(|| format!("{action} did not reach Step Functions"))?;
        let status = answer.status();
        let body: Value = serde_json::from_str(&answer.text().await?).unwrap_or_default();
        if !status.is_success() {
            bail!("{action} was refused: {} {}", body["__type"], body["message"]);
        }
        Ok(body)
    }
}

/// What SAM does with the file: substitutes `${FunctionPrefix}` and turns YAML into JSON.
pub fn definition(yaml: &str, prefix: &str) -> Result<Value> {
    serde_saphyr::from_str(&yaml.replace("${FunctionPrefix}", prefix)).context("the definition is not valid YAML")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deployed_definition_has_no_hole_left() {
        let yaml = fs::read_to_string(crate::home::root().unwrap().join(DEFINITION)).unwrap();
        let machine = definition(&yaml, "mercury-").unwrap();
        assert!(!machine.to_string().contains("${"));
        assert_eq!(
            machine["States"]["Start"]["Parameters"]["FunctionName"],
            "mercury-bulk-import"
        );
    }
}
