//! A stand-in for Shopify that says what a test wants it to say, at the moment that the test wants: files of bulk
//! operations, and resources by their global ids. `fake-shopify` is a store; this is a puppet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared::shopify::{Client, Gid, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Default)]
struct Script {
    files: HashMap<String, String>,
    nodes: HashMap<String, Value>,
    now: DateTime<Utc>,
}

pub struct StandIn {
    pub client: Client,
    url: String,
    script: Arc<Mutex<Script>>,
}

impl StandIn {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let script = Arc::<Mutex<Script>>::default();
        let shared = Arc::clone(&script);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&shared)));
            }
        });
        let settings = Settings {
            admin_url: format!("{url}/{{shop}}"),
            api_version: "2026-10".to_owned(),
        };
        let client = Client::new(settings).unwrap();
        Self { client, url, script }
    }

    /// Offers a file and returns its URL.
    pub fn offer(&self, text: String) -> String {
        let mut script = self.script.lock().unwrap();
        let path = format!("/{}.jsonl", script.files.len());
        script.files.insert(path.clone(), text);
        format!("{}{path}", self.url)
    }

    /// What a fetch of `gid` will answer; null until it is told.
    pub fn tell(&self, gid: &str, node: Value) {
        self.script.lock().unwrap().nodes.insert(gid.to_owned(), node);
    }

    /// What its clock shows.
    pub fn set_clock(&self, now: DateTime<Utc>) {
        self.script.lock().unwrap().now = now;
    }
}

async fn answer(mut stream: TcpStream, script: Arc<Mutex<Script>>) {
    let mut request = Vec::new();
    let (head, length) = loop {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
        let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&request[..end]).into_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let value = value.trim().parse::<usize>().ok()?;
            name.eq_ignore_ascii_case("content-length").then_some(value)
        });
        break (head, end + 4 + length.unwrap_or(0));
    };
    while request.len() < length {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let answer = script.lock().unwrap().answer(&head, &request[..length]);
    // Whoever asked may be gone; then nobody misses the answer.
    let _ = stream.write_all(answer.as_bytes()).await;
}

impl Script {
    fn answer(&mut self, head: &str, request: &[u8]) -> String {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let body = if head.starts_with("GET") {
            match self.files.get(path) {
                Some(text) => text.clone(),
                None => return "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
            }
        } else {
            let start = head.len() + 4;
            let query: Value = serde_json::from_slice(&request[start..]).expect("a query");
            let gid = query["variables"]["id"].as_str().expect("an id");
            let kind = Gid::parse(gid).expect("a global id").kind().to_owned();
            let field = format!("{}{}", kind[..1].to_lowercase(), &kind[1..]);
            let node = self.nodes.get(gid).cloned().unwrap_or_default();
            json!({ "data": { field: node } }).to_string()
        };
        format!(
            "HTTP/1.1 200 OK\r\ndate: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.now.to_rfc2822(),
            body.len(),
        )
    }
}
