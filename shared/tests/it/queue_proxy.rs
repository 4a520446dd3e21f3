//! A stretch of network that breaks on demand: before a request reaches Redis, or after Redis has done what it says and
//! before anybody learns of it.

use std::sync::{Arc, Mutex};

use shared::queue::Settings;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Where the connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The request never arrives.
    Request,
    /// The request is carried out, and the answer never arrives.
    Answer,
}

/// Which calls of scripts, and which transactions, are cut.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub cut: Cut,
    /// How many go through before.
    pub after: usize,
    /// How many are cut one after the other; the client repeats the first by itself.
    pub times: usize,
}

/// A way to Redis through which calls go until they are cut. Gone with the runtime.
pub struct Proxy {
    pub settings: Settings,
    plan: Arc<Mutex<Option<Plan>>>,
    gate: watch::Sender<bool>,
}

impl Proxy {
    pub async fn start(settings: &Settings) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let plan = Arc::default();
        let (server, plans) = ((settings.host.clone(), settings.port), Arc::clone(&plan));
        let (gate, gates) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(relay(client, server, Arc::clone(&plans), gates.clone()));
            }
        });
        let settings = Settings {
            host: "127.0.0.1".into(),
            port,
            ..settings.clone()
        };
        Self { settings, plan, gate }
    }

    pub fn break_by(&self, plan: Plan) {
        *self.plan.lock().unwrap() = Some(plan);
    }

    /// Holds what is sent from now on back, until it is opened.
    pub fn shut(&self) {
        self.gate.send_replace(false);
    }

    /// Lets everything through, also what was held back.
    pub fn open(&self) {
        self.gate.send_replace(true);
    }

    /// Breaks no more. Says how many cuts of the plan are left.
    pub fn mend(&self) -> usize {
        self.plan.lock().unwrap().take().map_or(0, |plan| plan.times)
    }
}

async fn relay(
    mut client: TcpStream,
    mut server: TcpStream,
    plan: Arc<Mutex<Option<Plan>>>,
    mut gate: watch::Receiver<bool>,
) {
    let (mut request, mut answer) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut is_answer_lost = false;
    loop {
        tokio::select! {
            read = client.read(&mut request) => {
                let Ok(size @ 1..) = read else { return };
                match cut(&plan, &request[..size]) {
                    Some(Cut::Request) => return,
                    Some(Cut::Answer) => is_answer_lost = true,
                    None => {}
                }
                if gate.wait_for(|is_open| *is_open).await.is_err() { return }
                if server.write_all(&request[..size]).await.is_err() { return }
            }
            read = server.read(&mut answer) => {
                let Ok(size @ 1..) = read else { return };
                // A script that is not known yet was not carried out: its text follows.
                if is_answer_lost && !answer.starts_with(b"-NOSCRIPT") { return }
                if client.write_all(&answer[..size]).await.is_err() { return }
            }
        }
    }
}

/// What is to happen to this request.
fn cut(plan: &Mutex<Option<Plan>>, request: &[u8]) -> Option<Cut> {
    let is_call = request.windows(4).any(|word| word == b"EVAL" || word == b"MULT");
    let mut plan = plan.lock().unwrap();
    let plan = plan.as_mut().filter(|plan| is_call && plan.times > 0)?;
    if plan.after > 0 {
        plan.after -= 1;
        return None;
    }
    plan.times -= 1;
    Some(plan.cut)
}
