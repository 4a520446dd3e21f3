//! Where things lie: the checkout, the `.dev` folder of this machine, and the folder of one running instance.
//!
//! An instance (`up`, a demo, a test run) owns one folder and holds its lock for as long as it lives. The lock is the
//! kernel's, so a killed run leaves none behind. Nothing here starts or stops anything.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The root folder of the checkout: the one this program was built in or, if that is gone, the one it is called in.
pub fn root() -> Result<PathBuf> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    if is_root(&built) {
        return Ok(built.canonicalize()?);
    }
    let here = std::env::current_dir()?;
    let found = here.ancestors().find(|folder| is_root(folder));
    Ok(found.context("run this inside a checkout of Mercury")?.to_path_buf())
}

fn is_root(folder: &Path) -> bool {
    folder.join("dev/dev-stack/Cargo.toml").is_file() && folder.join("migrations").is_dir()
}

/// One running instance and its folder.
#[derive(Debug)]
pub struct Home {
    /// The checkout.
    pub root: PathBuf,
    /// Data, logs and secrets of this instance.
    pub dir: PathBuf,
    _lock: File,
}

impl Home {
    /// The instance of `make up`: `.dev` itself, where `.dev/env` and `.dev/logs` are looked for.
    pub fn up() -> Result<Self> {
        let root = root()?;
        let dir = root.join(".dev");
        match claim(&dir)? {
            Some(lock) => Ok(Self { root, dir, _lock: lock }),
            None => bail!("the stack of this checkout is already running; stop it first (its log is .dev/logs)"),
        }
    }

    /// The first free folder `.dev/<name>/<n>`, so that several demos or test runs can work side by side.
    pub fn numbered(name: &str) -> Result<Self> {
        let root = root()?;
        for number in 1..=64 {
            let dir = root.join(".dev").join(name).join(number.to_string());
            if let Some(lock) = claim(&dir)? {
                return Ok(Self { root, dir, _lock: lock });
            }
        }
        bail!("64 instances of {name} are running already")
    }

    /// A folder inside this instance, created if need be.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let dir = self.dir.join(name);
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        Ok(dir)
    }

    /// A new, empty log file; the one of the last run stays beside it as `<name>.log.1`.
    pub fn log_file(&self, name: &str) -> Result<File> {
        let path = self.folder("logs")?.join(format!("{name}.log"));
        if path.exists() {
            fs::rename(&path, path.with_extension("log.1"))?;
        }
        File::create(&path).with_context(|| format!("cannot create {}", path.display()))
    }

    /// A random secret of this instance, made at first use and the same ever after.
    pub fn secret(&self, name: &str) -> Result<String> {
        secret_in(&self.folder("secrets")?, name)
    }
}

/// A random secret in a file of this folder, made at first use and the same ever after.
pub fn secret_in(folder: &Path, name: &str) -> Result<String> {
    let path = folder.join(name);
    if let Ok(secret) = fs::read_to_string(&path)
        && secret.len() == 32
    {
        return Ok(secret);
    }
    let secret = uuid::Uuid::new_v4().simple().to_string();
    write_private(&path, &secret)?;
    Ok(secret)
}

/// Writes a file that only its owner can read, in one step.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&fresh, path).with_context(|| format!("cannot write {}", path.display()))
}

fn claim(dir: &Path) -> Result<Option<File>> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let lock = File::create(dir.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).context("cannot lock the instance folder"),
    }
}

/// The emulator of the Lambda runtime, a part of the SAM CLI that `dev/setup` installs.
pub fn runtime_emulator(root: &Path) -> Result<PathBuf> {
    let name = format!(
        "aws-lambda-rie-{}",
        if cfg!(target_arch = "aarch64") {
            "arm64"
        } else {
            "x86_64"
        }
    );
    let found = site_packages(root).map(|packages| packages.join("samcli/local/rapid").join(name));
    found
        .filter(|path| path.is_file())
        .context("no Lambda runtime emulator in .dev/venv: run dev/setup")
}

/// The Python of `dev/setup`, which has moto.
pub fn python(root: &Path) -> Result<PathBuf> {
    let moto = site_packages(root)
        .map(|packages| packages.join("moto"))
        .filter(|path| path.is_dir());
    moto.map(|_| root.join(".dev/venv/bin/python"))
        .context("no moto in .dev/venv: run dev/setup")
}

fn site_packages(root: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(root.join(".dev/venv/lib")).ok()?;
    let mut folders = versions.flatten().map(|entry| entry.path().join("site-packages"));
    folders.find(|path| path.is_dir())
}
