//! Servers that are more than one process, or speak TLS.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;

use crate::queue_support::{Server, free_port, raw};

/// A server that speaks TLS on its port.
pub struct TlsServer {
    pub server: Server,
    /// The certificate of the authority that signed the server's.
    pub trusted: PathBuf,
    /// The certificate of another authority.
    pub other: PathBuf,
    /// A port without TLS, for what looks behind the module under test.
    pub plain_port: u16,
}

pub fn tls_server() -> TlsServer {
    let authority = certificate_authority();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".into()])
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    let folder = std::env::temp_dir().join(format!("mercury-tls-{}", uuid::Uuid::new_v4().simple()));
    std::fs::create_dir(&folder).unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let certificate = write("server.pem", &certificate.pem());
    let key = write("server.key", &key.serialize_pem());
    let port = free_port();
    let plain_port = free_port();
    let (port_text, plain_text) = (port.to_string(), plain_port.to_string());
    let server = Server::start_on(
        port,
        &[
            "--port",
            &plain_text,
            "--tls-port",
            &port_text,
            "--tls-auth-clients",
            "no",
            "--tls-cert-file",
            &certificate,
            "--tls-key-file",
            &key,
        ],
    );
    // The server's own folder goes with it.
    let keep = |name: &str, text: String| {
        let path = server.folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let trusted = keep("ca.pem", authority.pem());
    let other = keep("other.pem", certificate_authority().pem());
    std::fs::remove_dir_all(folder).unwrap();
    TlsServer {
        server,
        trusted,
        other,
        plain_port,
    }
}

fn certificate_authority() -> rcgen::CertifiedIssuer<'static, rcgen::KeyPair> {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap()
}

/// A cluster of three masters, each with a third of the slots.
pub async fn cluster() -> Vec<Server> {
    let nodes: Vec<(Server, u16)> = (0..3).map(|_| node()).collect();
    for (n, (node, bus)) in nodes.iter().enumerate() {
        let mut connection = raw(&node.settings()).await;
        let (first, last) = (n * 16_384 / 3, (n + 1) * 16_384 / 3 - 1);
        command(
            &mut connection,
            &["ADDSLOTSRANGE", &first.to_string(), &last.to_string()],
        )
        .await;
        command(&mut connection, &["SET-CONFIG-EPOCH", &(n + 1).to_string()]).await;
        if n > 0 {
            let mut first = raw(&nodes[0].0.settings()).await;
            let (port, bus) = (node.port.to_string(), bus.to_string());
            command(&mut first, &["MEET", "127.0.0.1", &port, &bus]).await;
        }
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    for (node, _) in &nodes {
        let mut connection = raw(&node.settings()).await;
        loop {
            let info = command(&mut connection, &["INFO"]).await;
            if info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3") {
                break;
            }
            assert!(Instant::now() < deadline, "the cluster does not form: {info}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    nodes.into_iter().map(|(node, _)| node).collect()
}

/// One node that is not yet in a cluster, and the port of its bus.
fn node() -> (Server, u16) {
    let (port, bus) = (free_port(), free_port());
    let (port_text, bus_text) = (port.to_string(), bus.to_string());
    let arguments = [
        "--port",
        &port_text,
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        &bus_text,
        "--cluster-node-timeout",
        "2000",
    ];
    (Server::start_on(port, &arguments), bus)
}

/// Calls `CLUSTER …`.
pub async fn command(connection: &mut MultiplexedConnection, arguments: &[&str]) -> String {
    redis::cmd("CLUSTER")
        .arg(arguments)
        .query_async(connection)
        .await
        .unwrap()
}
