//! Child processes that never outlive us.
//!
//! The kernel sends each child a signal when its parent dies (`setpriv --pdeathsig`), even if the parent was killed.
//! It counts the death of the *thread* that forked as the parent's death, so all children are forked by one thread
//! that lives as long as the process. Children stand in a process group of their own: Ctrl-C reaches only us, and we
//! stop them in order.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rustix::process::{Pid, kill_process, test_kill_process};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

pub use rustix::process::Signal;

/// A command that is started through [`spawn`].
#[derive(Debug)]
pub struct Spec {
    command: Command,
    program: String,
}

/// Whom a child runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// The user's number.
    pub uid: u32,
    /// The number of the user's own group.
    pub gid: u32,
}

impl Spec {
    /// A command whose process gets `signal` when we die. `user` is set only if we may change to it.
    pub fn new(program: impl AsRef<OsStr>, signal: &str, user: Option<User>) -> Self {
        let mut command = Command::new("setpriv");
        if let Some(user) = user {
            command
                .arg(format!("--reuid={}", user.uid))
                .arg(format!("--regid={}", user.gid))
                .arg("--clear-groups");
        }
        command.args(["--pdeathsig", signal, "--"]).arg(program.as_ref());
        command.stdin(Stdio::null()).process_group(0).kill_on_drop(true);
        let program = Path::new(program.as_ref())
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Self { command, program }
    }

    /// The command itself: arguments, environment, where the output goes.
    pub fn command(&mut self) -> &mut Command {
        &mut self.command
    }
}

/// A running child.
#[derive(Debug)]
pub struct Process {
    child: Child,
    program: String,
}

/// Starts a command on the thread that forks.
pub async fn spawn(spec: Spec) -> Result<Process> {
    type Request = (Command, tokio::runtime::Handle, oneshot::Sender<std::io::Result<Child>>);
    static FORKER: OnceLock<mpsc::Sender<Request>> = OnceLock::new();
    let forker = FORKER.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<Request>();
        std::thread::spawn(move || {
            for (mut command, runtime, answer) in receiver {
                let _inside = runtime.enter();
                // Nobody waits for the answer any more: the child is killed as it is dropped.
                drop(answer.send(command.spawn()));
            }
        });
        sender
    });
    let Spec { command, program } = spec;
    let (answer, child) = oneshot::channel();
    forker
        .send((command, tokio::runtime::Handle::current(), answer))
        .map_err(|_| anyhow!("the forking thread is gone"))?;
    let child = child.await.context("the forking thread is gone")?;
    Ok(Process {
        child: child.with_context(|| format!("cannot start {program} (through setpriv)"))?,
        program,
    })
}

impl Process {
    /// The process id; none once it has ended.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// The tokio child, to take its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for its end.
    pub async fn wait(&mut self) -> Result<ExitStatus> {
        self.child
            .wait()
            .await
            .with_context(|| format!("cannot wait for {}", self.program))
    }

    /// Sends a signal; a process that has ended gets none.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = self.child.id() {
            send(pid, signal);
        }
    }

    /// Asks it to end with `signal` and kills it if it has not ended within `grace`.
    pub async fn stop(&mut self, signal: Signal, grace: Duration) {
        self.signal(signal);
        if tokio::time::timeout(grace, self.child.wait()).await.is_err() {
            eprintln!(
                "dev-stack: {} did not stop within {} s and is killed",
                self.program,
                grace.as_secs()
            );
            // Fails only if it ended meanwhile.
            drop(self.child.kill().await);
        }
    }
}

/// Ends a process of ours that an earlier run left behind, if `pid` is still that process: `is_ours` looks at its
/// command line and working folder, since the number may belong to somebody else by now.
pub async fn stop_leftover(pid: u32, signal: Signal, is_ours: impl Fn(&str, &Path) -> bool) {
    let about = |name: &str| Path::new("/proc").join(pid.to_string()).join(name);
    let Ok(command_line) = fs::read(about("cmdline")) else {
        return;
    };
    let folder = fs::read_link(about("cwd")).unwrap_or_default();
    if !is_ours(&String::from_utf8_lossy(&command_line), &folder) {
        return;
    }
    eprintln!("dev-stack: stopping process {pid}, left behind by an earlier run");
    for (signal, tries) in [(signal, 100), (Signal::KILL, 50)] {
        send(pid, signal);
        for _ in 0..tries {
            if !exists(pid) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Sends a signal; a process that has ended gets none.
pub fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // Fails only if it ended meanwhile.
        let _ = kill_process(pid, signal);
    }
}

fn exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid).is_ok())
}

/// The living processes that `pid` started.
pub fn children_of(pid: u32) -> Vec<u32> {
    let Ok(all) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let ids = all
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|child| parent_of(*child) == Some(pid)).collect()
}

/// The parent of a living process; none of one that has ended, even if nobody has taken notice of it yet.
pub fn parent_of(pid: u32) -> Option<u32> {
    let about = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may hold anything, blanks and brackets included.
    let mut fields = about.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z" && state != "X").then_some(parent)
}
