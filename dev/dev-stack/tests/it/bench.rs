//! The runtime and the gateways with the probe as their only functions.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dev_stack::functions::{Function, PREFIX};
use dev_stack::gateway::{Gateway, Listeners};
use dev_stack::home::{self, Home};
use dev_stack::moto::Moto;
use dev_stack::runtime::{Backend, Runtime};
use reqwest::Response;
use serde_json::Value;

pub struct Bench {
    pub home: Home,
    pub http_url: String,
    pub aws_url: String,
    pub runtime: Arc<Runtime>,
    pub client: reqwest::Client,
    gateway: Gateway,
    moto: Option<Moto>,
}

/// A probe of this name, with two seconds to live and `concurrency` places.
pub fn probe(name: &'static str, concurrency: usize) -> Function {
    Function {
        name: name.to_owned(),
        binary: "lambda-probe",
        queue: None,
        timeout: Duration::from_secs(2),
        memory: 256,
        concurrency,
        environment: vec![("COLOR", "green".to_owned())],
    }
}

impl Bench {
    pub async fn start(functions: Vec<Function>) -> Self {
        Self::start_with(functions, false).await
    }

    pub async fn start_with(functions: Vec<Function>, with_moto: bool) -> Self {
        let home = Home::numbered("bench").unwrap();
        let binaries = Path::new(env!("CARGO_BIN_EXE_lambda-probe"))
            .parent()
            .unwrap()
            .to_path_buf();
        let backend = Backend::Emulated {
            emulator: home::runtime_emulator(&home.root).unwrap(),
            binaries,
        };
        let listeners = Listeners::bind().await.unwrap();
        let (http_url, aws_url) = (listeners.http_url(), listeners.aws_url());
        let mut moto = None;
        if with_moto {
            moto.insert(Moto::start(&home, listeners.aws_port()).await.unwrap())
                .ready()
                .await
                .unwrap();
        }
        let address = moto
            .as_ref()
            .map_or("127.0.0.1:1".to_owned(), |moto: &Moto| moto.address.clone());
        let runtime = Arc::new(Runtime::new(&home, functions, &backend, &[], false).unwrap());
        let retries = [Duration::from_millis(50); 2];
        let gateway = Gateway::start(listeners, runtime.clone(), address, retries).unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            home,
            http_url,
            aws_url,
            runtime,
            client,
            gateway,
            moto,
        }
    }

    pub async fn stop(mut self) {
        self.gateway.stop();
        self.runtime.stop().await;
        if let Some(moto) = &mut self.moto {
            moto.stop().await;
        }
    }

    /// A call of the Invoke API.
    pub async fn invoke_as(&self, kind: &str, name: &str, event: &Value) -> Response {
        let url = format!("{}/2015-03-31/functions/{PREFIX}{name}/invocations", self.aws_url);
        let call = self
            .client
            .post(url)
            .header("X-Amz-Invocation-Type", kind)
            .body(event.to_string());
        call.send().await.unwrap()
    }

    /// A synchronous call: the function error, if any, and the answer.
    pub async fn invoke(&self, name: &str, event: &Value) -> (Option<String>, Value) {
        let response = self.invoke_as("RequestResponse", name, event).await;
        assert_eq!(response.status(), 200);
        let error = response
            .headers()
            .get("x-amz-function-error")
            .map(|value| value.to_str().unwrap().to_owned());
        (error, response.json().await.unwrap())
    }
}

/// Waits until something holds, and fails if it does not within ten seconds.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("did not happen: {what}");
}
