//! The local AWS services (Step Functions, Secrets Manager, SQS): moto, a Python program installed by `dev/setup`.

use std::time::Duration;

use anyhow::{Result, bail};
use rustix::process::Signal;

use crate::home::{self, Home};
use crate::ports;
use crate::process::{self, Process, Spec};

/// A running moto. What it holds is lost when it stops.
#[derive(Debug)]
pub struct Moto {
    process: Process,
    /// Where it listens (`host:port`).
    pub address: String,
}

impl Moto {
    /// Starts it; its interpreter of state machines invokes functions at `gateway_port`. Does not wait for it to
    /// answer: it takes a second or two in which other things can start.
    pub async fn start(home: &Home, gateway_port: u16) -> Result<Self> {
        let port = ports::free(None);
        let log = home.log_file("moto")?;
        let mut spec = Spec::new(home::python(&home.root)?, "KILL", None);
        spec.command()
            .arg(home.root.join("dev/moto_server.py"))
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .env("MOTO_PORT", gateway_port.to_string())
            .env("PYTHONUNBUFFERED", "1")
            .envs([("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")])
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(Self {
            process: process::spawn(spec).await?,
            address: format!("127.0.0.1:{port}"),
        })
    }

    /// Waits until it answers.
    pub async fn ready(&mut self) -> Result<()> {
        // Python compiles its modules at the first start.
        for _ in 0..1200 {
            if !self.process.is_running() {
                bail!("moto ended at once; see logs/moto.log");
            }
            if tokio::net::TcpStream::connect(&self.address).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("moto does not answer; see logs/moto.log")
    }

    /// Stops it.
    pub async fn stop(&mut self) {
        self.process.stop(Signal::TERM, Duration::from_secs(2)).await;
    }
}
