//! The functions under a Lambda runtime: for each a pool of execution environments, as many as may run at once.
//!
//! An environment is one runtime emulator (AWS's own, from the SAM CLI) with one process of the function. It is
//! started when it is first needed, kept warm, used by one invocation at a time and replaced when it or its process
//! died. With [`Backend::Watch`] the functions run elsewhere, under `cargo lambda watch`.

mod environment;
mod log;
mod outcome;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::functions::Function;
use crate::home::Home;
use crate::process::{self, Signal, children_of};
use environment::Environment;
use log::Log;
pub use outcome::Outcome;

/// How long a call waits for a free environment before it is refused, as AWS's own client would give up.
pub const THROTTLE_LIMIT: Duration = Duration::from_secs(30);

/// Three seconds for what is in use to end.
const STOP_TRIES: usize = 150;

/// Who runs the functions.
#[derive(Debug, Clone)]
pub enum Backend {
    /// We do: programs in this folder, each under the emulator.
    Emulated {
        /// The emulator's program.
        emulator: PathBuf,
        /// Where the functions' programs are.
        binaries: PathBuf,
    },
    /// `cargo lambda watch` does, at this address (`host:port`).
    Watch(String),
}

/// All functions, ready to be invoked.
#[derive(Debug)]
pub struct Runtime {
    pools: HashMap<String, Arc<Pool>>,
}

#[derive(Debug)]
struct Pool {
    function: Function,
    backend: Backend,
    /// What every function has in its environment, and this one alone.
    variables: Vec<(String, String)>,
    log: Log,
    free: Arc<Semaphore>,
    /// The one used last is used first, as AWS does.
    warm: Mutex<Vec<Environment>>,
    /// The emulators of all environments, in use or not.
    emulators: Mutex<BTreeSet<u32>>,
    client: reqwest::Client,
}

/// A place in a function's pool: the right to make one invocation.
#[derive(Debug)]
pub struct Slot {
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Runtime {
    /// Prepares the pools; starts no process yet. With `echo`, what the functions print is shown on the terminal too.
    pub fn new(
        home: &Home,
        functions: Vec<Function>,
        backend: &Backend,
        common: &[(String, String)],
        echo: bool,
    ) -> Result<Self> {
        let mut pools = HashMap::new();
        // The real limit of an invocation is the function's own.
        let client = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()?;
        for function in functions {
            let own = function
                .environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()));
            let pool = Pool {
                variables: common.iter().cloned().chain(own).collect(),
                log: Log::new(home.log_file(&function.name)?, &function.name, echo),
                free: Arc::new(Semaphore::new(function.concurrency)),
                warm: Mutex::default(),
                emulators: Mutex::default(),
                client: client.clone(),
                backend: backend.clone(),
                function,
            };
            pools.insert(pool.function.full_name(), Arc::new(pool));
        }
        Ok(Self { pools })
    }

    /// What is known about a function, by its full name.
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.pools.get(name).map(|pool| &pool.function)
    }

    /// A place for one invocation; none if all are taken for the whole of `patience`, or the function is unknown.
    pub async fn slot(&self, name: &str, patience: Duration) -> Option<Slot> {
        let pool = self.pools.get(name)?;
        let permit = tokio::time::timeout(patience, pool.free.clone().acquire_owned())
            .await
            .ok()?
            .ok()?;
        Some(Slot {
            pool: pool.clone(),
            _permit: permit,
        })
    }

    /// The processes of a function, whether in use or not: of each environment the emulator and the function's own.
    pub fn processes(&self, name: &str) -> Vec<(u32, Vec<u32>)> {
        let Some(pool) = self.pools.get(name) else {
            return Vec::new();
        };
        let emulators = lock(&pool.emulators).clone();
        emulators.into_iter().map(|pid| (pid, children_of(pid))).collect()
    }

    /// Stops all processes. What runs is cut off, as a redelivery must expect anyway.
    pub async fn stop(&self) {
        futures_util::future::join_all(self.pools.values().map(|pool| pool.stop())).await;
    }
}

impl Pool {
    async fn start(&self, emulator: &Path, program: &Path) -> Result<Environment> {
        let started = Environment::start(emulator, program, &self.function, &self.variables, &self.log).await?;
        lock(&self.emulators).extend(started.pid);
        Ok(started)
    }

    async fn stop(&self) {
        self.free.close();
        let environments = std::mem::take(&mut *lock(&self.warm));
        for environment in environments {
            self.end(environment).await;
        }
        // The others belong to invocations, which end with them. An emulator that is told to end kills its function.
        for pid in lock(&self.emulators).clone() {
            process::send(pid, Signal::TERM);
        }
        for _ in 0..STOP_TRIES {
            if lock(&self.emulators).is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        eprintln!(
            "dev-stack: {} does not stop and is left to the end of this process",
            self.function.name
        );
    }

    async fn end(&self, mut environment: Environment) {
        environment.stop().await;
        if let Some(pid) = environment.pid {
            lock(&self.emulators).remove(&pid);
        }
    }
}

/// Nothing that holds one of these locks can panic halfway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    /// Runs the function once. The call goes on to its end even if the caller stops waiting for it, since an
    /// environment in use must never be given to somebody else.
    pub async fn invoke(self, payload: Bytes) -> Result<Outcome> {
        let call = tokio::spawn(async move {
            match &self.pool.backend {
                Backend::Watch(address) => self.watched(address, payload).await,
                Backend::Emulated { emulator, binaries } => {
                    let program = binaries.join(self.pool.function.binary);
                    self.emulated(emulator, &program, payload).await
                }
            }
        });
        call.await.context("the invocation was cut off")?
    }

    async fn emulated(&self, emulator: &Path, program: &Path, payload: Bytes) -> Result<Outcome> {
        let pool = &self.pool;
        let mut environment = loop {
            let warm = lock(&pool.warm).pop();
            let Some(mut environment) = warm else {
                break pool.start(emulator, program).await?;
            };
            if environment.is_healthy() {
                break environment;
            }
            // Died while nobody used it.
            pool.end(environment).await;
        };
        let outcome = environment.invoke(&pool.client, pool.function.timeout, payload).await;
        if outcome.leaves_environment_usable() {
            lock(&pool.warm).push(environment);
        } else {
            pool.end(environment).await;
        }
        Ok(outcome)
    }

    /// Under `cargo lambda watch` one program serves all drains, and every failure is a plain 500.
    async fn watched(&self, address: &str, payload: Bytes) -> Result<Outcome> {
        let binary = self.pool.function.binary;
        let url = format!("http://{address}/2015-03-31/functions/{binary}/invocations");
        let request = self
            .pool
            .client
            .post(url)
            .body(payload)
            .timeout(self.pool.function.timeout);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_timeout() => return Ok(Outcome::timed_out(self.pool.function.timeout)),
            Err(_) => anyhow::bail!("nobody runs the functions at {address}: start `cargo lambda watch` there"),
        };
        let failed = !response.status().is_success();
        let body = response.bytes().await?;
        Ok(if failed {
            Outcome::Failed(body)
        } else {
            Outcome::of_response(body)
        })
    }
}
