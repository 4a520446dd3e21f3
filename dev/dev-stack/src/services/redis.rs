//! The private Redis: append-only file, no eviction, as the queues need it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Durability;
use crate::home::Home;
use crate::ports;
use crate::process::{self, Process, Spec};

const PREFERRED_PORT: u16 = 6390;
/// A large append-only file takes its time to load.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A Redis server in the folder `redis` of an instance.
#[derive(Debug)]
pub struct Redis {
    process: Option<Process>,
    port: u16,
    data: PathBuf,
    pid_file: PathBuf,
    log: PathBuf,
    durability: Durability,
}

impl Redis {
    /// Starts the server and waits until it answers.
    pub(super) async fn start(home: &Home, durability: Durability, fresh: bool) -> Result<Self> {
        let data = home.folder("redis")?;
        let pid_file = home.dir.join("redis.pid");
        if let Some(pid) = fs::read_to_string(&pid_file)
            .ok()
            .and_then(|pid| pid.trim().parse().ok())
        {
            let ours = |command: &str, folder: &std::path::Path| command.contains("redis") && folder == data;
            process::stop_leftover(pid, Signal::TERM, ours).await;
        }
        if fresh {
            fs::remove_dir_all(&data)?;
            fs::create_dir_all(&data)?;
        }
        home.log_file("redis")?;
        let log = home.dir.join("logs/redis.log");
        let mut redis = Self {
            process: None,
            port: 0,
            data,
            pid_file,
            log,
            durability,
        };
        // Another program may take the port between the choice and the start.
        for preferred in [Some(PREFERRED_PORT), None, None] {
            redis.port = ports::free(preferred);
            if redis.resume().await.is_ok() {
                return Ok(redis);
            }
        }
        redis.resume().await?;
        Ok(redis)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts the server again on the port it had.
    pub async fn resume(&mut self) -> Result<()> {
        let log = fs::OpenOptions::new().append(true).create(true).open(&self.log)?;
        let mut spec = Spec::new(server()?, "TERM", None);
        let appendonly = if self.durability == Durability::Durable {
            "yes"
        } else {
            "no"
        };
        spec.command()
            .args([
                "--bind",
                "127.0.0.1",
                "--port",
                &self.port.to_string(),
                "--protected-mode",
                "yes",
            ])
            .args([
                "--appendonly",
                appendonly,
                "--save",
                "",
                "--maxmemory-policy",
                "noeviction",
            ])
            .args(["--daemonize", "no", "--loglevel", "notice"])
            .arg("--dir")
            .arg(&self.data)
            .stdout(log.try_clone()?)
            .stderr(log);
        let mut process = process::spawn(spec).await?;
        fs::write(&self.pid_file, process.id().unwrap_or_default().to_string())?;
        let ready = tokio::time::timeout(START_LIMIT, async {
            while !answers(self.port).await {
                if !process.is_running() {
                    bail!("redis-server ended at once; see {}", self.log.display());
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            // The one that answers must be ours, not the one that took the port a moment before.
            tokio::time::sleep(Duration::from_millis(20)).await;
            if process.is_running() {
                Ok(())
            } else {
                bail!("port {} is taken", self.port)
            }
        });
        ready
            .await
            .with_context(|| format!("redis-server does not answer; see {}", self.log.display()))??;
        self.process = Some(process);
        Ok(())
    }

    /// Forgets everything.
    pub async fn flush(&self) -> Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.write_all(b"FLUSHALL\r\n").await?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await?;
        anyhow::ensure!(&answer == b"+OK\r\n", "redis refuses to forget everything");
        Ok(())
    }

    /// Stops the server; with an append-only file nothing is lost.
    pub async fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop(Signal::TERM, Duration::from_secs(10)).await;
        }
        drop(fs::remove_file(&self.pid_file));
    }
}

fn server() -> Result<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = |name: &&str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    ["redis-server", "valkey-server"]
        .into_iter()
        .find(in_path)
        .context("no redis-server in PATH: run dev/setup")
}

async fn answers(port: u16) -> bool {
    let ping = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(b"PING\r\n").await?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).await?;
        std::io::Result::Ok(&answer == b"+PONG\r\n")
    };
    // "-LOADING …" is a no as well.
    matches!(tokio::time::timeout(Duration::from_secs(1), ping).await, Ok(Ok(true)))
}
