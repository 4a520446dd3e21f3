use std::{fmt, path::PathBuf, time::Duration};

/// Where Redis is and how to speak to it.
#[derive(Clone)]
pub struct Settings {
    /// Host name or address; with `cluster`, of any node or of the configuration endpoint.
    pub host: String,
    /// Port, usually 6379.
    pub port: u16,
    /// User of the access control list; `None` is Redis' default user.
    pub username: Option<String>,
    /// Password of that user. Never shown by `Debug`.
    pub password: Option<String>,
    /// Whether to speak TLS.
    pub tls: bool,
    /// Certificates, in PEM, to trust instead of those of the system. Only read with `tls`.
    pub ca_file: Option<PathBuf>,
    /// Whether the server is a cluster (ElastiCache Serverless always is).
    pub cluster: bool,
    /// How many replicas must have what was sent before a send succeeds; 0: none is asked.
    pub wait_replicas: usize,
    /// How long to wait for a connection, handshake included.
    pub connect_timeout: Duration,
    /// How long to wait for an answer.
    pub response_timeout: Duration,
}

impl Settings {
    /// One plain Redis without password or TLS.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            username: None,
            password: None,
            tls: false,
            ca_file: None,
            cluster: false,
            wait_replicas: 0,
            // Together well below the five seconds that a webhook's sender waits for its answer.
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(3),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("tls", &self.tls)
            .field("ca_file", &self.ca_file)
            .field("cluster", &self.cluster)
            .field("wait_replicas", &self.wait_replicas)
            .field("connect_timeout", &self.connect_timeout)
            .field("response_timeout", &self.response_timeout)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_password() {
        let mut settings = Settings::new("localhost", 6379);
        settings.password = Some("correct horse".into());
        let shown = format!("{settings:?}");
        assert!(!shown.contains("correct"), "{shown}");
        assert!(shown.contains("***"), "{shown}");
    }
}
