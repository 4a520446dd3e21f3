//! Reads the file that a bulk operation leaves behind: JSONL at a signed URL.
//!
//! No access token is ever sent there, no redirect followed, no host asked but Shopify's storage. The URL is a secret
//! and appears in no error.

use std::time::Duration;

use bytes::{Buf, Bytes};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, ETAG, RANGE};
use reqwest::{Response, StatusCode, Url, redirect};

use super::{Client, Error};

/// Where Shopify puts bulk results.
const STORAGE_HOST: &str = "storage.googleapis.com";
/// No byte for this long means that the connection is dead.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How much is asked for at once beyond a chunk's end, to complete its last line.
const OVERHANG: u64 = 256 << 10;

pub(super) fn http_client(timeout: Duration) -> Result<reqwest::Client, Error> {
    let client = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(5))
        .timeout(timeout)
        .redirect(redirect::Policy::none())
        .user_agent("mercury")
        .build()?;
    Ok(client)
}

/// Opens bulk results. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ResultFiles {
    http: reqwest::Client,
    /// The host of a local stand-in, if the Admin API is one.
    local_host: Option<(String, u16)>,
}

/// What the host says about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Its length in bytes, if the host tells.
    pub size: Option<u64>,
    /// Names this very version of the file.
    pub etag: Option<String>,
    /// Whether parts of it can be asked for.
    pub ranges: bool,
}

impl ResultFiles {
    /// Makes a reader for the results of the stores that `client` talks to.
    pub fn new(client: &Client) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(READ_TIMEOUT)
            .redirect(redirect::Policy::none())
            .user_agent("mercury")
            .build()?;
        let local_host = Url::parse(&client.settings().admin_url.replace("{shop}", "shop"))
            .ok()
            .filter(|url| url.scheme() == "http")
            .and_then(|url| Some((url.host_str()?.to_owned(), url.port_or_known_default()?)));
        Ok(Self { http, local_host })
    }

    /// Asks for the first byte, to learn the file's size and whether ranges are honoured.
    pub async fn probe(&self, url: &str) -> Result<Probe, Error> {
        let response = self.get(url, Some((0, 0))).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let (_, _, size) = content_range(&response)?;
                Ok(Probe {
                    size,
                    etag: etag(&response),
                    ranges: true,
                })
            }
            // A range that starts at the end of the file: it is empty.
            StatusCode::RANGE_NOT_SATISFIABLE => Ok(Probe {
                size: Some(0),
                etag: None,
                ranges: true,
            }),
            _ => Ok(Probe {
                size: response.content_length(),
                etag: etag(&response),
                ranges: false,
            }),
        }
    }

    /// Reads the file from the byte `from`, in one go up to `end` and then a little at a time.
    pub fn read(&self, url: &str, probe: Probe, from: u64, end: u64) -> RangeReader {
        RangeReader {
            files: self.clone(),
            url: url.to_owned(),
            probe,
            position: from,
            end,
            response: None,
            skip: 0,
            owed: None,
            at_end: false,
        }
    }

    async fn get(&self, url: &str, range: Option<(u64, u64)>) -> Result<Response, Error> {
        let url = Url::parse(url).map_err(|_| Error::ForeignHost)?;
        if !self.is_allowed(&url) {
            return Err(Error::ForeignHost);
        }
        let mut request = self.http.get(url).header(ACCEPT_ENCODING, "identity");
        if let Some((first, last)) = range {
            request = request.header(RANGE, format!("bytes={first}-{last}"));
        }
        let response = request.send().await?;
        match response.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => Ok(response),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => Err(Error::Unavailable {
                status: status.as_u16(),
            }),
            status => Err(Error::ResultGone {
                status: status.as_u16(),
            }),
        }
    }

    fn is_allowed(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        let local = self
            .local_host
            .as_ref()
            .is_some_and(|(name, port)| name == host && url.port_or_known_default() == Some(*port));
        local || (url.scheme() == "https" && host == STORAGE_HOST)
    }
}

/// Reads one file from a place on. Gives consecutive bytes; each request's answer is checked against what was asked.
#[derive(Debug)]
pub struct RangeReader {
    files: ResultFiles,
    url: String,
    probe: Probe,
    /// The next byte to give out.
    position: u64,
    end: u64,
    response: Option<Response>,
    /// Bytes of the open answer that lie before `position`: the host gives only whole files.
    skip: u64,
    /// How many bytes the open answer still owes, if it said.
    owed: Option<u64>,
    /// Nothing follows what was given out.
    at_end: bool,
}

impl RangeReader {
    /// The next bytes, or nothing at the end of the file.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if self.response.is_none() {
                self.at_end |= self.probe.size.is_some_and(|size| self.position >= size);
                if !self.at_end {
                    self.request().await?;
                }
            }
            let Some(response) = &mut self.response else {
                return Ok(None);
            };
            let Some(mut bytes) = response.chunk().await? else {
                if let Some(missing) = self.owed.filter(|owed| *owed > 0) {
                    return Err(Error::ResultBroken {
                        what: format!("{missing} bytes are missing"),
                    });
                }
                self.response = None;
                self.at_end |= !self.probe.ranges;
                continue;
            };
            self.owed = self.owed.map(|owed| owed.saturating_sub(bytes.len() as u64));
            let skipped = self.skip.min(bytes.len() as u64);
            self.skip -= skipped;
            bytes.advance(skipped as usize);
            if !bytes.is_empty() {
                self.position += bytes.len() as u64;
                return Ok(Some(bytes));
            }
        }
    }

    /// Opens the next answer; leaves none open at the end of the file.
    async fn request(&mut self) -> Result<(), Error> {
        let last = if self.position < self.end {
            self.end - 1
        } else {
            self.position + OVERHANG - 1
        };
        let range = self.probe.ranges.then_some((self.position, last));
        let response = self.files.get(&self.url, range).await?;
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            self.at_end = true;
            return Ok(());
        }
        if etag(&response) != self.probe.etag {
            return Err(Error::ResultBroken {
                what: "its ETag changed".to_owned(),
            });
        }
        if response.status() == StatusCode::PARTIAL_CONTENT {
            let (first, last, size) = content_range(&response)?;
            if first != self.position || size != self.probe.size {
                return Err(Error::ResultBroken {
                    what: "another range than asked for".to_owned(),
                });
            }
            self.owed = Some(last + 1 - first);
        } else {
            self.skip = self.position;
            self.owed = response.content_length();
        }
        self.response = Some(response);
        Ok(())
    }
}

fn etag(response: &Response) -> Option<String> {
    super::webhook::header(response.headers(), ETAG.as_str()).map(str::to_owned)
}

/// `bytes 0-99/1234` → (0, 99, Some(1234)).
fn content_range(response: &Response) -> Result<(u64, u64, Option<u64>), Error> {
    super::webhook::header(response.headers(), CONTENT_RANGE.as_str())
        .and_then(parse_content_range)
        .ok_or_else(|| Error::ResultBroken {
            what: "no usable Content-Range".to_owned(),
        })
}

fn parse_content_range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    if first > last {
        None
    } else {
        Some((first, last, size.parse().ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    fn files(admin_url: &str) -> ResultFiles {
        let settings = Settings {
            admin_url: admin_url.to_owned(),
            api_version: "2026-10".to_owned(),
        };
        ResultFiles::new(&Client::new(settings).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn no_host_but_the_storage_of_shopify_is_asked() {
        let files = files("https://{shop}");
        for url in [
            "https://evil.example/x",
            "http://storage.googleapis.com/x",
            "https://storage.googleapis.com.evil.example/x",
            "http://169.254.169.254/latest/meta-data",
            "file:///etc/passwd",
        ] {
            assert!(matches!(files.probe(url).await, Err(Error::ForeignHost)), "{url}");
        }
    }

    #[test]
    fn a_local_stand_in_is_allowed_on_its_own_port_only() {
        let files = files("http://127.0.0.1:9393/{shop}");
        assert!(files.is_allowed(&"http://127.0.0.1:9393/bulk/1.jsonl".parse().unwrap()));
        assert!(!files.is_allowed(&"http://127.0.0.1:6379/".parse().unwrap()));
    }

    #[test]
    fn a_content_range_is_read_whole_or_not_at_all() {
        assert_eq!(parse_content_range("bytes 0-99/1234"), Some((0, 99, Some(1234))));
        assert_eq!(parse_content_range("bytes 0-99/*"), Some((0, 99, None)));
        for text in ["bytes */1234", "bytes 9-0/10", "lines 0-1/2", "bytes 0-1"] {
            assert_eq!(parse_content_range(text), None, "{text}");
        }
    }
}
