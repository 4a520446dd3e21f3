//! A Postgres and a Redis of our own: own data folder, own ports, loopback only. The ones of the machine's user are
//! never looked at.

mod postgres;
mod redis;

use anyhow::Result;

pub use postgres::Postgres;
pub use redis::Redis;

use crate::home::Home;

/// What the data is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Kept over restarts and crashes, as in production.
    Durable,
    /// Of a test: faster, lost with a crash of the machine; Redis keeps nothing on disk.
    Disposable,
}

/// The two services, running.
#[derive(Debug)]
pub struct Services {
    /// The private Postgres.
    pub postgres: Postgres,
    /// The private Redis.
    pub redis: Redis,
}

impl Services {
    /// Starts both and waits until they answer. `fresh` empties Redis first.
    pub async fn start(home: &Home, durability: Durability, fresh: bool) -> Result<Self> {
        let (postgres, redis) = tokio::join!(Postgres::start(home, durability), Redis::start(home, durability, fresh));
        Ok(Self {
            postgres: postgres?,
            redis: redis?,
        })
    }

    /// The variables under which programs of ours look for them.
    pub fn environment(&self, database: &str) -> Vec<(String, String)> {
        vec![
            ("DATABASE_URL".to_owned(), self.postgres.url(database)),
            ("REDIS_HOST".to_owned(), "127.0.0.1".to_owned()),
            ("REDIS_PORT".to_owned(), self.redis.port().to_string()),
        ]
    }

    /// Stops both, keeping what they hold.
    pub async fn stop(mut self) {
        tokio::join!(self.postgres.stop(), self.redis.stop());
    }
}
