//! What stands in front of the functions: the HTTP API for the world outside, and AWS's endpoint for code of ours.
//!
//! Both are plain HTTP on loopback. Nothing here knows what a function does or reads a payload further than AWS would.

mod event;
mod http_api;
mod invoke;
mod moto;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use invoke::{Invoker, Refusal};

use crate::ports;
use crate::runtime::Runtime;

const PREFERRED_HTTP_PORT: u16 = 8787;
const PREFERRED_AWS_PORT: u16 = 4566;

/// The two listeners, before anybody answers on them. Their ports go into the functions' environment, so they are
/// bound before there is a function to forward to.
#[derive(Debug)]
pub struct Listeners {
    http: TcpListener,
    aws: TcpListener,
}

impl Listeners {
    /// Takes the two ports.
    pub async fn bind() -> Result<Self> {
        Ok(Self {
            http: listen(PREFERRED_HTTP_PORT).await?,
            aws: listen(PREFERRED_AWS_PORT).await?,
        })
    }

    /// The base URL of the HTTP API.
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", port(&self.http))
    }

    /// The URL of the AWS endpoint (`AWS_ENDPOINT_URL`).
    pub fn aws_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.aws_port())
    }

    /// The port of the AWS endpoint.
    pub fn aws_port(&self) -> u16 {
        port(&self.aws)
    }
}

/// Both servers, answering.
#[derive(Debug)]
pub struct Gateway {
    /// Invokes functions as AWS's own services do.
    pub invoker: Invoker,
    servers: [JoinHandle<()>; 2],
}

impl Gateway {
    /// Starts to answer. Calls that are not for Lambda go on to moto, at `moto` (`host:port`).
    pub fn start(listeners: Listeners, runtime: Arc<Runtime>, moto: String, retries: [Duration; 2]) -> Result<Self> {
        let invoker = Invoker::new(runtime, retries);
        let http = http_api::routes(invoker.clone());
        let aws = invoke::routes(invoker.clone()).fallback_service(moto::routes(moto)?);
        Ok(Self {
            invoker,
            servers: [serve(listeners.http, http), serve(listeners.aws, aws)],
        })
    }

    /// Takes no more calls.
    pub fn stop(&self) {
        for server in &self.servers {
            server.abort();
        }
        self.invoker.stop();
    }
}

fn serve(listener: TcpListener, routes: Router) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            eprintln!("dev-stack: a gateway ended: {error}");
        }
    })
}

async fn listen(preferred: u16) -> Result<TcpListener> {
    for preferred in [Some(preferred), None, None, None] {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, ports::free(preferred))).await {
            return Ok(listener);
        }
    }
    TcpListener::bind((Ipv4Addr::LOCALHOST, ports::free(None)))
        .await
        .context("no free port for the gateway")
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().map(|address| address.port()).unwrap_or_default()
}
