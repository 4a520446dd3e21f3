//! The connection: lazy, shared by clones, replaced when it breaks.
//!
//! - Constructing a [`Redis`] touches no network, and needs no runtime.
//! - Whoever calls while a connection is being made waits for that one attempt and shares its outcome.
//! - A call that finds the connection dropped (a Lambda environment wakes up long after the server closed an idle
//!   connection; a failover turned the server into a replica) makes a new one and is repeated once. Every script may be
//!   repeated: see its crash story. A transaction is not.
//! - A call that times out is not repeated, so its caller can still answer in time, but the next call gets a new
//!   connection: a peer that vanished without a word is never asked twice.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, IntoConnectionInfo, Pipeline, RedisError,
    RedisResult, ServerErrorKind, TlsCertificates, Value,
    aio::MultiplexedConnection,
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr},
};
use tokio::{sync::OnceCell, time::timeout};

use super::{Error, Settings, error::is_dropped};

/// How long replicas have to say that they have a write.
const WAIT: Duration = Duration::from_secs(1);
/// How long a clock that was asked is trusted to go like this machine's.
const CLOCK_KNOWN_FOR: Duration = Duration::from_secs(60);

/// A handle on Redis; cloning it is cheap and shares the connection.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    address: String,
    settings: Settings,
    endpoint: Endpoint,
    /// How far the server's clock is ahead of this machine's in ms, and when it was asked.
    ahead: Mutex<Option<(i64, Instant)>>,
    /// Set once: with the connection, or with the reason why there is none. A broken one is replaced by an empty cell.
    current: Mutex<Cell>,
}

/// What is sent at once.
#[derive(Clone, Copy)]
pub(super) enum Request<'a> {
    Command(&'a Cmd),
    /// Applied whole or not at all, and never repeated by itself.
    Transaction(&'a Pipeline),
}

type Cell = Arc<OnceCell<RedisResult<Link>>>;

#[expect(clippy::large_enum_variant, reason = "there is one for each process")]
enum Endpoint {
    Single(Client),
    Cluster(ClusterClient),
}

#[derive(Clone)]
enum Link {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Redis {
    /// Prepares to connect. The first call connects.
    ///
    /// # Errors
    /// If the settings contradict themselves, or `ca_file` cannot be read.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        Ok(Self(Arc::new(Inner {
            address: format!("{}:{}", settings.host, settings.port),
            endpoint: Endpoint::new(settings)?,
            settings: settings.clone(),
            ahead: Mutex::default(),
            current: Mutex::default(),
        })))
    }

    /// Asks Redis whether it is there.
    pub async fn ping(&self) -> Result<(), Error> {
        self.query(&redis::cmd("PING")).await?;
        Ok(())
    }

    /// Whether there is more than one master. A cluster's client repeats by itself what it sent over a dropped connection.
    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.0.endpoint, Endpoint::Cluster(_))
    }

    /// Sends one command and returns its answer, over a new connection if the present one proves to be dropped.
    pub(super) async fn query(&self, command: &Cmd) -> RedisResult<Value> {
        Ok(self.query_over_link(Request::Command(command)).await?.0)
    }

    /// Sends what writes to `key`, and waits until as many replicas have the write as the settings ask for.
    pub(super) async fn write(&self, request: Request<'_>, key: &str) -> Result<Value, Error> {
        let wanted = self.0.settings.wait_replicas;
        let (answer, link) = self.query_over_link(request).await?;
        if wanted == 0 {
            return Ok(answer);
        }
        // Over the same connection: Redis asks the replicas about the last write of this one.
        let wait = redis::cmd("WAIT").arg(wanted).arg(WAIT.as_millis() as u64).to_owned();
        let acknowledged: usize = match link {
            Link::Single(mut link) => wait.query_async(&mut link).await?,
            Link::Cluster(mut link) => {
                let owner = Route::with_key(key, SlotAddr::Master);
                let node = RoutingInfo::SingleNode(SingleNodeRoutingInfo::SpecificNode(owner));
                redis::from_redis_value(link.route_command(wait, node).await?).map_err(RedisError::from)?
            }
        };
        if acknowledged < wanted {
            return Err(Error::NotReplicated { acknowledged, wanted });
        }
        Ok(answer)
    }

    /// The server's clock, in ms since 1970: asked for once in a while, and in between told by this machine's.
    pub(super) async fn now(&self) -> Result<u64, Error> {
        let here = || {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_millis() as i64
        };
        let known = *self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = match known.filter(|(_, asked)| asked.elapsed() < CLOCK_KNOWN_FOR) {
            Some((ahead, _)) => ahead,
            None => {
                let answer = self.query(&redis::cmd("TIME")).await?;
                let (seconds, micros): (i64, i64) = redis::from_redis_value(answer).map_err(RedisError::from)?;
                let ahead = seconds * 1_000 + micros / 1_000 - here();
                *self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some((ahead, Instant::now()));
                ahead
            }
        };
        Ok((here() + ahead).max(0) as u64)
    }

    async fn query_over_link(&self, request: Request<'_>) -> RedisResult<(Value, Link)> {
        let cell = self.current();
        let used_before = cell.initialized();
        match self.attempt(&cell, request).await {
            Err(error) if used_before && is_dropped(&error) && matches!(request, Request::Command(_)) => {
                tracing::info!(redis.address = %self.0.address, error = %error, "connection to redis dropped, connecting again");
                self.attempt(&self.current(), request).await
            }
            outcome => outcome,
        }
    }

    /// One attempt over one connection, which is given up if it is the cause of the failure.
    async fn attempt(&self, cell: &Cell, request: Request<'_>) -> RedisResult<(Value, Link)> {
        let mut link = match cell.get_or_init(|| self.connect()).await.clone() {
            Ok(link) => link,
            Err(error) => {
                self.give_up(cell);
                return Err(error);
            }
        };
        let outcome = match (&mut link, request) {
            (Link::Single(link), Request::Command(command)) => command.query_async(link).await,
            (Link::Cluster(link), Request::Command(command)) => command.query_async(link).await,
            (Link::Single(link), Request::Transaction(commands)) => commands.query_async(link).await,
            (Link::Cluster(link), Request::Transaction(commands)) => commands.query_async(link).await,
        };
        let outcome = outcome.map_err(cause);
        if let Err(error) = &outcome
            && (is_dropped(error) || error.is_io_error() || error.kind() == ErrorKind::Parse)
        {
            self.give_up(cell);
        }
        outcome.map(|answer| (answer, link))
    }

    async fn connect(&self) -> RedisResult<Link> {
        let Settings {
            connect_timeout,
            response_timeout,
            ..
        } = self.0.settings;
        match &self.0.endpoint {
            Endpoint::Single(client) => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(connect_timeout))
                    .set_response_timeout(Some(response_timeout));
                let connecting = client.get_multiplexed_async_connection_with_config(&config);
                Ok(Link::Single(
                    timeout(connect_timeout, connecting).await.map_err(timed_out)??,
                ))
            }
            // Finding the nodes takes more than one connection, each with its own timeout.
            Endpoint::Cluster(client) => {
                let connecting = Box::pin(client.get_async_connection());
                Ok(Link::Cluster(
                    timeout(response_timeout, connecting).await.map_err(timed_out)??,
                ))
            }
        }
    }

    fn current(&self) -> Cell {
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Empties the place of this connection, unless another task has done so already.
    fn give_up(&self, cell: &Cell) {
        let mut current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, cell) {
            *current = Cell::default();
        }
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redis").field(&self.0.address).finish()
    }
}

impl Endpoint {
    fn new(settings: &Settings) -> Result<Self, Error> {
        let Settings { host, port, .. } = settings;
        let address = if settings.tls {
            ConnectionAddr::TcpTls {
                host: host.clone(),
                port: *port,
                insecure: false,
                tls_params: None,
            }
        } else {
            ConnectionAddr::Tcp(host.clone(), *port)
        };
        let mut info = address.into_connection_info()?;
        // Naming the library is one more command that a restricted user may not be allowed.
        let mut user = info.redis_settings().clone().set_skip_set_lib_name();
        if let Some(username) = &settings.username {
            user = user.set_username(username);
        }
        if let Some(password) = &settings.password {
            user = user.set_password(password);
        }
        info = info.set_redis_settings(user);

        let certificates = match &settings.ca_file {
            Some(path) if settings.tls => {
                let root_cert = std::fs::read(path).map_err(|_| Error::Invalid {
                    argument: "ca_file",
                    expected: "a readable file of certificates in PEM",
                })?;
                Some(TlsCertificates {
                    client_tls: None,
                    root_cert: Some(root_cert),
                })
            }
            _ => None,
        };
        if !settings.cluster {
            return Ok(Self::Single(match certificates {
                Some(certificates) => Client::build_with_tls(info, certificates)?,
                None => Client::open(info)?,
            }));
        }
        // A call waits at most response_timeout in all, whatever it is retried for.
        let mut builder = ClusterClient::builder([info])
            .connection_timeout(settings.connect_timeout)
            .response_timeout(settings.response_timeout)
            .overall_response_timeout(Some(settings.response_timeout))
            .retries(4)
            .min_retry_wait(20)
            .max_retry_wait(500);
        if let Some(certificates) = certificates {
            builder = builder.certs(certificates);
        }
        Ok(Self::Cluster(builder.build()?))
    }
}

/// Why a transaction was not carried out: what was said of its first command that was refused.
fn cause(error: RedisError) -> RedisError {
    if error.kind() != ErrorKind::Server(ServerErrorKind::ExecAbort) {
        return error;
    }
    match error.clone().into_server_errors().as_deref() {
        Some([(_, first), ..]) => first.clone().into(),
        _ => error,
    }
}

fn timed_out(_: tokio::time::error::Elapsed) -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}
