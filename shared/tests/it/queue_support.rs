//! Queues of a test's own on the common Redis, and servers of a test's own for what would disturb others.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use shared::queue::{Message, Policy, Queue, ReceiptHandle, Redis, Settings};
use uuid::Uuid;

/// The moment at which virtual time starts.
pub const T0: u64 = 1_700_000_000_000;

pub const NO_WAIT: Duration = Duration::ZERO;

pub fn settings() -> Settings {
    let read = |name| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make test`"));
    let port = read("REDIS_PORT").parse().expect("REDIS_PORT is a port");
    let mut settings = Settings::new(read("REDIS_HOST"), port);
    settings.username = std::env::var("REDIS_USERNAME").ok();
    settings.password = std::env::var("REDIS_PASSWORD").ok();
    settings.cluster = std::env::var("REDIS_CLUSTER").is_ok_and(|value| value == "true");
    settings.ca_file = std::env::var_os("REDIS_TLS_CA_FILE").map(PathBuf::from);
    settings.tls = settings.ca_file.is_some();
    settings
}

/// Every server behind these settings, without TLS: each node of a cluster.
fn servers(settings: &Settings) -> Vec<Settings> {
    match std::env::var("QUEUE_RAW_PORTS") {
        Ok(ports) if settings.cluster || settings.tls => ports
            .split(',')
            .map(|port| Settings::new("127.0.0.1", port.parse().expect("a port is a number")))
            .collect(),
        _ => vec![settings.clone()],
    }
}

/// A queue that no other test uses.
pub fn queue(policy: Policy) -> Queue {
    queue_on(&settings(), policy)
}

pub fn queue_on(settings: &Settings, policy: Policy) -> Queue {
    let redis = Redis::new(settings).unwrap();
    Queue::new(redis, &format!("test-{}", Uuid::new_v4().simple()), policy).unwrap()
}

/// A queue whose timeout is 30 s and whose messages die after three receives.
pub fn small_queue() -> Queue {
    let visibility_timeout = Duration::from_secs(30);
    queue(Policy {
        visibility_timeout,
        max_receive_count: 3,
        ..Policy::default()
    })
}

pub fn bodies(messages: &[Message]) -> Vec<String> {
    messages
        .iter()
        .map(|message| String::from_utf8_lossy(&message.body).into_owned())
        .collect()
}

pub fn receipts(messages: &[Message]) -> Vec<ReceiptHandle> {
    messages.iter().map(|message| message.receipt).collect()
}

/// A connection that bypasses the module under test.
pub async fn raw(settings: &Settings) -> redis::aio::MultiplexedConnection {
    let user = redis::RedisConnectionInfo::default();
    let user = match (&settings.username, &settings.password) {
        (Some(name), Some(password)) => user.set_username(name).set_password(password),
        (None, Some(password)) => user.set_password(password),
        _ => user,
    };
    let info = redis::IntoConnectionInfo::into_connection_info((settings.host.as_str(), settings.port)).unwrap();
    let client = redis::Client::open(info.set_redis_settings(user)).unwrap();
    client
        .get_multiplexed_async_connection()
        .await
        .unwrap_or_else(|_| panic!("no redis at {}:{}: run `make test`", settings.host, settings.port))
}

/// Every key of this queue, whatever it is called.
pub async fn keys_of(settings: &Settings, queue: &Queue) -> Vec<String> {
    let mut keys = Vec::new();
    for server in servers(settings) {
        let mut connection = raw(&server).await;
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor)
                .arg("MATCH")
                .arg(format!("*{}*", queue.name()))
                .arg("COUNT")
                .arg(10_000);
            let (next, mut found): (u64, Vec<String>) = scan.query_async(&mut connection).await.unwrap();
            keys.append(&mut found);
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
    }
    keys.sort();
    keys
}

/// A connection to the server that holds this key.
pub async fn raw_for(settings: &Settings, key: &str) -> redis::aio::MultiplexedConnection {
    for server in servers(settings) {
        let mut connection = raw(&server).await;
        let asked: redis::RedisResult<bool> = redis::cmd("EXISTS").arg(key).query_async(&mut connection).await;
        if asked.is_ok() {
            return connection;
        }
    }
    panic!("no server holds {key}")
}

/// A `redis-server` of the test's own, gone when dropped.
pub struct Server {
    child: Child,
    pub folder: PathBuf,
    pub port: u16,
}

impl Server {
    pub fn start(arguments: &[&str]) -> Self {
        let port = free_port();
        Self::start_on(port, &[&["--port", &port.to_string()], arguments].concat())
    }

    /// The arguments say how to listen on the port.
    pub fn start_on(port: u16, arguments: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("mercury-redis-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&folder).unwrap();
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
            .arg(&folder)
            .args(arguments)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is on the PATH: `make test` installs it");
        let server = Self { child, folder, port };
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "redis-server does not listen on {port}");
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }

    pub fn settings(&self) -> Settings {
        Settings::new("127.0.0.1", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped = self.child.wait();
        let _leftovers = std::fs::remove_dir_all(&self.folder);
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
