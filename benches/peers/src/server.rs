//! What Redis says of itself.

use std::time::Duration;

use anyhow::{Context, Result};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client};

/// Flushing some hundred megabytes takes its time.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

const CLIENTS_KNOWN: Duration = Duration::from_millis(1_500);

/// The server under test, asked over a connection of its own.
#[derive(Debug)]
pub struct Server(MultiplexedConnection);

/// A connection that waits long enough.
pub async fn connect(host: &str, port: u16) -> Result<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(ANSWER_LIMIT));
    let client = Client::open((host, port))?;
    Ok(client.get_multiplexed_async_connection_with_config(&config).await?)
}

impl Server {
    /// Connects.
    pub async fn connect(host: &str, port: u16) -> Result<Self> {
        Ok(Self(connect(host, port).await?))
    }

    /// Empties the server, at once and not in the background.
    pub async fn flush(&mut self) -> Result<()> {
        Ok(redis::cmd("FLUSHALL").arg("SYNC").exec_async(&mut self.0).await?)
    }

    /// Its process.
    pub async fn process(&mut self) -> Result<u32> {
        Ok(field(&self.info().await?, "process_id")? as u32)
    }

    /// The seconds of CPU that the server has used.
    pub async fn cpu(&mut self) -> Result<f64> {
        let info = self.info().await?;
        Ok(field(&info, "used_cpu_user")? + field(&info, "used_cpu_sys")?)
    }

    /// The bytes in use, without the buffers of connections.
    pub async fn memory(&mut self) -> Result<f64> {
        // Redis looks at idle connections once a second, and only then knows how large their buffers are.
        tokio::time::sleep(CLIENTS_KNOWN).await;
        let info = self.info().await?;
        Ok(field(&info, "used_memory")? - field(&info, "mem_clients_normal")?)
    }

    /// Starts an append-only file, or gives it up.
    pub async fn append_only(&mut self, on: bool) -> Result<()> {
        let value = if on { "yes" } else { "no" };
        // It is not to be rewritten while it is measured.
        for (setting, value) in [("auto-aof-rewrite-percentage", "0"), ("appendonly", value)] {
            redis::cmd("CONFIG")
                .arg("SET")
                .arg(setting)
                .arg(value)
                .exec_async(&mut self.0)
                .await?;
        }
        while is_rewriting(&self.info().await?)? {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// The bytes of the append-only file, with those that wait for the disk.
    pub async fn append_only_size(&mut self) -> Result<f64> {
        let info = self.info().await?;
        Ok(field(&info, "aof_current_size")? + field(&info, "aof_buffer_length")?)
    }

    async fn info(&mut self) -> Result<String> {
        Ok(redis::cmd("INFO").arg("everything").query_async(&mut self.0).await?)
    }
}

fn is_rewriting(info: &str) -> Result<bool> {
    Ok(field(info, "aof_rewrite_in_progress")? + field(info, "aof_rewrite_scheduled")? > 0.0)
}

fn field(info: &str, name: &str) -> Result<f64> {
    let mut lines = info.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines
        .find(|(field, _)| *field == name)
        .with_context(|| format!("Redis does not tell {name}"))?;
    Ok(value.parse()?)
}
