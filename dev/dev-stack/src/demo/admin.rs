//! The admin API as a client sees it: tRPC over HTTP.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::stack::Stack;

/// A client with the admin token.
#[derive(Debug)]
pub struct Admin {
    client: reqwest::Client,
    url: String,
    token: String,
}

impl Admin {
    /// The client of a running stack.
    pub fn of(stack: &Stack) -> Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(35))
            .build()?;
        let variable = |name| stack.variable(name).to_owned();
        Ok(Self {
            client,
            url: variable("ADMIN_URL"),
            token: variable("ADMIN_TOKEN"),
        })
    }

    /// Calls a query.
    pub async fn query(&self, procedure: &str, input: &Value) -> Result<Value> {
        let mut url = reqwest::Url::parse(&format!("{}/trpc/{procedure}", self.url))?;
        // A procedure without input takes none, not even null.
        if !input.is_null() {
            url.set_query(Some(&format!("input={}", encoded(&input.to_string()))));
        }
        self.send(procedure, self.client.get(url)).await
    }

    /// Calls a mutation.
    pub async fn mutate(&self, procedure: &str, input: &Value) -> Result<Value> {
        let call = self.client.post(format!("{}/trpc/{procedure}", self.url)).json(input);
        self.send(procedure, call).await
    }

    async fn send(&self, procedure: &str, call: reqwest::RequestBuilder) -> Result<Value> {
        let answer = call
            .bearer_auth(&self.token)
            .send()
            .await
            .with_context(|| format!("{procedure} got no answer"))?;
        let status = answer.status();
        let mut body: Value = answer
            .json()
            .await
            .with_context(|| format!("{procedure} answered {status} without JSON"))?;
        if !status.is_success() {
            let message = body["error"]["message"]
                .as_str()
                .or(body["message"].as_str())
                .unwrap_or("no message");
            bail!("{procedure} was refused ({status}): {message}");
        }
        Ok(body["result"]["data"].take())
    }
}

fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
