//! The private Postgres: a cluster made by `initdb` at first use, reached over loopback with a password.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Signal, geteuid};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::Durability;
use crate::home::{self, Home};
use crate::ports;
use crate::process::{self, Process, Spec, User};

const PREFERRED_PORT: u16 = 5490;
/// After a crash of the machine the server first replays its log.
const START_LIMIT: Duration = Duration::from_secs(60);
/// The superuser of the cluster: migrations create a role.
const USER: &str = "mercury";

/// A Postgres server in the folder `postgres` of an instance.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Process>,
    port: u16,
    password: String,
    binaries: PathBuf,
    data: PathBuf,
    user: Option<User>,
    durability: Durability,
    log: PathBuf,
}

impl Postgres {
    /// Starts the server, making its cluster first if there is none, and waits until it answers.
    pub(super) async fn start(home: &Home, durability: Durability) -> Result<Self> {
        let user = other_user()?;
        let data = data_folder(home, user)?;
        stop_leftover(&data).await;
        // Beside the data, which may lie outside the instance and outlive it.
        let password = home::secret_in(data.parent().unwrap_or(&home.dir), "password")?;
        let binaries = binaries(&data)?;
        home.log_file("postgres")?;
        let log = home.dir.join("logs/postgres.log");
        if !data.join("PG_VERSION").exists() {
            create_cluster(&binaries, &data, &password, user, &log).await?;
        }
        // Another program may take the port between the choice and the start.
        for preferred in [Some(PREFERRED_PORT), None, None] {
            let mut postgres = Self {
                process: None,
                port: ports::free(preferred),
                password: password.clone(),
                binaries: binaries.clone(),
                data: data.clone(),
                user,
                durability,
                log: log.clone(),
            };
            if postgres.launch().await? {
                return Ok(postgres);
            }
        }
        bail!("postgres ended at once; see {}", log.display())
    }

    /// Whether the server came up; `false` if it ended again.
    async fn launch(&mut self) -> Result<bool> {
        let output = fs::OpenOptions::new().append(true).open(&self.log)?;
        let mut spec = Spec::new(self.binaries.join("postgres"), "INT", self.user);
        // A failed statement is told without its text and its rows: they hold the goods of a shop.
        let settings = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=300",
            "log_error_verbosity=terse",
            "log_min_error_statement=panic",
        ];
        let fast = [
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "autovacuum_naptime=10s",
        ];
        let chosen: &[&str] = if self.durability == Durability::Disposable {
            &fast
        } else {
            &[]
        };
        for setting in settings.iter().chain(chosen) {
            spec.command().args(["-c", setting]);
        }
        spec.command()
            .arg("-p")
            .arg(self.port.to_string())
            .arg("-D")
            .arg(&self.data)
            .current_dir("/");
        spec.command()
            .env_clear()
            .env("LC_ALL", "C.UTF-8")
            .stdout(output.try_clone()?)
            .stderr(output);
        let mut process = process::spawn(spec).await?;
        let up = tokio::time::timeout(START_LIMIT, async {
            loop {
                if !process.is_running() {
                    return false;
                }
                if PgConnection::connect(&self.url("postgres")).await.is_ok() {
                    return true;
                }
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        });
        let up = up
            .await
            .with_context(|| format!("postgres does not answer; see {}", self.log.display()))?;
        self.process = Some(process);
        Ok(up)
    }

    /// The URL of a database of this server.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// Makes a database unless it is there.
    pub async fn create_database(&self, name: &str) -> Result<()> {
        let mut server = PgConnection::connect(&self.url("postgres")).await?;
        let known: Option<i32> = sqlx::query_scalar("select 1 from pg_database where datname = $1")
            .bind(name)
            .fetch_optional(&mut server)
            .await?;
        if known.is_none() {
            // An identifier of ours, never input; a statement cannot carry it as a parameter.
            server
                .execute(AssertSqlSafe(format!("create database \"{name}\"")))
                .await?;
        }
        Ok(())
    }

    /// Removes a database, whoever is connected to it.
    pub async fn drop_database(&self, name: &str) -> Result<()> {
        let mut server = PgConnection::connect(&self.url("postgres")).await?;
        server
            .execute(AssertSqlSafe(format!(
                "drop database if exists \"{name}\" with (force)"
            )))
            .await?;
        Ok(())
    }

    /// Starts the server again on the port it had.
    pub async fn resume(&mut self) -> Result<()> {
        if self.launch().await? {
            return Ok(());
        }
        bail!("postgres ended at once; see {}", self.log.display())
    }

    /// Stops the server at once but cleanly (Postgres' "fast" shutdown).
    pub async fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop(Signal::INT, Duration::from_secs(20)).await;
        }
    }
}

async fn stop_leftover(data: &Path) {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else {
        return;
    };
    if let Some(pid) = text.lines().next().and_then(|pid| pid.trim().parse().ok()) {
        let ours = |command: &str, folder: &Path| command.contains("postgres") && folder == data;
        process::stop_leftover(pid, Signal::INT, ours).await;
    }
}

async fn create_cluster(binaries: &Path, data: &Path, password: &str, user: Option<User>, log: &Path) -> Result<()> {
    // Made beside its place and then moved there, so that a killed run leaves no half cluster.
    let fresh = data.with_extension("new");
    drop(fs::remove_dir_all(&fresh));
    let password_file = data.with_extension("pwfile");
    home::write_private(&password_file, password)?;
    if let Some(user) = user {
        chown(&password_file, Some(user.uid), Some(user.gid))?;
    }
    let output = fs::OpenOptions::new().append(true).open(log)?;
    let mut spec = Spec::new(binaries.join("initdb"), "KILL", user);
    spec.command()
        .args([
            "--username",
            USER,
            "--auth",
            "scram-sha-256",
            "--encoding",
            "UTF8",
            "--locale",
            "C.UTF-8",
            "--no-sync",
        ])
        .arg(format!("--pwfile={}", password_file.display()))
        .arg("-D")
        .arg(&fresh)
        .current_dir("/")
        .stdout(output.try_clone()?)
        .stderr(output);
    let status = process::spawn(spec).await?.wait().await?;
    fs::remove_file(&password_file)?;
    if !status.success() {
        bail!("initdb failed; see {}", log.display());
    }
    drop(fs::remove_dir_all(data));
    fs::rename(&fresh, data).context("cannot move the new cluster into its place")
}

/// Postgres refuses to run as root: its own user then, or nobody.
fn other_user() -> Result<Option<User>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let find = |name: &str| {
        let fields: Vec<&str> = users
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find(|f| f[0] == name)?;
        Some(User {
            uid: fields.get(2)?.parse().ok()?,
            gid: fields.get(3)?.parse().ok()?,
        })
    };
    let user = find("postgres").or_else(|| find("nobody"));
    user.map(Some)
        .context("Postgres does not run as root, and there is neither a user postgres nor nobody")
}

/// `postgres/data` in the instance. If that user may not walk there (a checkout in the home of root), a folder of the same
/// name under the machine's temporary folder.
fn data_folder(home: &Home, user: Option<User>) -> Result<PathBuf> {
    let Some(user) = user else {
        return Ok(home.folder("postgres")?.join("data"));
    };
    let mut dir = home.dir.join("postgres");
    if !walkable(&home.dir) {
        let name = home.dir.to_string_lossy().replace('/', "-");
        dir = Path::new("/var/tmp").join(format!("mercury{name}"));
        eprintln!(
            "dev-stack: the user of Postgres may not enter {}, its data is in {}",
            home.dir.display(),
            dir.display()
        );
    }
    fs::create_dir_all(&dir)?;
    chown(&dir, Some(user.uid), Some(user.gid))?;
    Ok(dir.join("data"))
}

/// Whether everybody may pass through this folder and all above it.
fn walkable(dir: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    dir.ancestors()
        .all(|dir| fs::metadata(dir).is_ok_and(|about| about.permissions().mode() & 0o001 != 0))
}

/// The folder of the server programs: of the version that made the cluster, else of the newest.
fn binaries(data: &Path) -> Result<PathBuf> {
    let mut installed: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder)| folder.join("initdb").is_file() && folder.join("postgres").is_file())
        .collect();
    installed.sort();
    if let Ok(version) = fs::read_to_string(data.join("PG_VERSION")) {
        let version: u32 = version.trim().parse().unwrap_or_default();
        if let Some((_, folder)) = installed.iter().find(|(installed, _)| *installed == version) {
            return Ok(folder.clone());
        }
        if !installed.is_empty() {
            bail!(
                "{} was made by Postgres {version}, which is not installed: remove that folder",
                data.display()
            );
        }
    }
    if let Some((_, folder)) = installed.pop() {
        return Ok(folder);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).find(|f| f.join("initdb").is_file() && f.join("postgres").is_file());
    found.context("no Postgres server programs (initdb, postgres): run dev/setup")
}
