//! Servers that are there and of no use.

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server that keeps nobody's promise. It ends with this value.
#[derive(Debug)]
pub struct Useless {
    port: u16,
    task: JoinHandle<()>,
}

impl Useless {
    /// Ends every connection at once, as a database that shuts down. A port that nobody listens on is something else:
    /// the pool tries it again for as long as it may.
    pub async fn closing() -> Self {
        Self::start(false).await
    }

    /// Takes every connection and never answers.
    pub async fn silent() -> Self {
        Self::start(true).await
    }

    async fn start(keeps: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("a bound port").port();
        let task = tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((connection, _)) = listener.accept().await {
                if keeps {
                    kept.push(connection);
                }
            }
        });
        Self { port, task }
    }

    /// The port, as an environment variable holds it.
    pub fn port(&self) -> String {
        self.port.to_string()
    }

    /// As a Postgres, with a password that no log may show.
    pub fn database_url(&self) -> String {
        format!("postgres://mercury:pa55word@127.0.0.1:{}/mercury", self.port)
    }
}

impl Drop for Useless {
    fn drop(&mut self) {
        self.task.abort();
    }
}
