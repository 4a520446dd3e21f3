//! The functions' programs, built by cargo.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Result, bail};
use tokio::process::Command;

/// How the programs are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Quick to build.
    #[default]
    Debug,
    /// As deployed.
    Release,
}

impl Profile {
    /// What `PROFILE=` says; `default` if it says nothing.
    pub fn parse(value: Option<&str>, default: Self) -> Result<Self> {
        match value {
            None | Some("") => Ok(default),
            Some("debug" | "dev") => Ok(Self::Debug),
            Some("release") => Ok(Self::Release),
            Some(other) => bail!("PROFILE is {other:?}; expected debug or release"),
        }
    }
}

/// Builds the programs of the default members (what is deployed) and returns the folder that holds them. Cargo's own
/// progress is shown if there is anything to build.
pub async fn build(root: &Path, profile: Profile) -> Result<PathBuf> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(root)
        .args(["build", "--bins", "--locked"])
        .stdin(Stdio::null());
    if profile == Profile::Release {
        command.arg("--release");
    }
    // The build checks queries against `.sqlx`, whatever database this process works with.
    command.env_remove("DATABASE_URL").env("SQLX_OFFLINE", "true");
    // Set by cargo for this program, and not true for another build.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR")
        {
            command.env_remove(name);
        }
    }
    if !command.status().await?.success() {
        bail!("the functions do not build");
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    Ok(target.join(if profile == Profile::Release {
        "release"
    } else {
        "debug"
    }))
}
