//! Admin GraphQL over HTTPS: one call, one answer, every failure told apart.
//!
//! With a [`Budget`] no call is sent before its points are taken, and every answer tells the budget what is left. A call
//! whose future is dropped settles nothing; whoever keeps the budget must outlive that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::budget::{Budget, Outcome, Priority, Told};
use super::pace::Pace;
use super::{Error, ShopDomain};

/// Above Shopify's own 10 s limit on a request, so that its answer arrives before we give up.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How the Admin API is reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where a store answers; the literal `{shop}` stands for its domain. `https://{shop}` but for local runs.
    pub admin_url: String,
    /// The version asked for, such as `2026-10`.
    pub api_version: String,
}

/// Calls the Admin API of any store. Cheap to clone; one per process.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    settings: Settings,
    pace: Pace,
}

/// What came over the wire.
struct Heard {
    status: StatusCode,
    headers: HeaderMap,
    answer: Result<Response, serde_json::Error>,
    /// How long it took.
    elapsed: Duration,
}

/// An answer and when it was true.
#[derive(Debug)]
pub struct Answer<T> {
    /// What was asked for.
    pub data: T,
    /// Shopify's clock: the state was read no earlier than this (the response's `Date`, less the time the call took
    /// and one second for the header's resolution).
    pub observed_at: DateTime<Utc>,
    /// Fields inside of it were refused: where it is null, that may mean nothing.
    pub refused: bool,
}

#[derive(Serialize)]
struct Request<'a, V> {
    query: &'a str,
    variables: V,
}

#[derive(Deserialize)]
struct Response {
    data: Option<Box<RawValue>>,
    #[serde(default)]
    errors: Vec<QueryError>,
    extensions: Option<Extensions>,
}

#[derive(Deserialize)]
struct QueryError {
    message: String,
    /// Where in the data; of a field that was refused, the data is null there.
    #[serde(default)]
    path: Vec<IgnoredAny>,
    extensions: Option<QueryErrorExtensions>,
}

impl QueryError {
    fn code(&self) -> &str {
        let code = self
            .extensions
            .as_ref()
            .and_then(|extensions| extensions.code.as_deref());
        code.unwrap_or_default()
    }

    /// A field inside of what was asked for, which this app or token may not see.
    fn is_refused_field(&self) -> bool {
        self.code() == "ACCESS_DENIED" && self.path.len() > 1
    }
}

#[derive(Deserialize)]
struct QueryErrorExtensions {
    code: Option<String>,
}

#[derive(Deserialize)]
struct Extensions {
    cost: Option<Cost>,
    #[serde(default)]
    search: Vec<Search>,
}

/// What Shopify understood of a filter.
#[derive(Deserialize)]
struct Search {
    #[serde(default)]
    warnings: Vec<SearchWarning>,
}

#[derive(Deserialize)]
struct SearchWarning {
    field: String,
    #[serde(default)]
    code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cost {
    requested_query_cost: Option<f64>,
    /// Null of a query that did not run.
    actual_query_cost: Option<f64>,
    throttle_status: Option<ThrottleStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThrottleStatus {
    maximum_available: f64,
    currently_available: f64,
    restore_rate: f64,
}

impl Client {
    /// Makes a client. Opens no connection.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let http = super::result_file::http_client(TIMEOUT)?;
        Ok(Self {
            http,
            settings,
            pace: Pace::default(),
        })
    }

    /// The same client, whose calls take their points from `budget`.
    #[must_use]
    pub fn with_budget(mut self, budget: Arc<dyn Budget>) -> Self {
        self.pace.set_budget(budget);
        self
    }

    /// The same client for calls that have time: they leave points to the others.
    #[must_use]
    pub fn background(&self) -> Self {
        let mut client = self.clone();
        client.pace.set_priority(Priority::Background);
        client
    }

    /// The settings this client was made with.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Sends `document` to `shop` and reads the whole answer. An answer with any entry in `errors` is an error, even
    /// beside data: a field that was refused must not be taken for a field that is null.
    pub(crate) async fn query<T: DeserializeOwned>(
        &self,
        shop: &ShopDomain,
        token: &str,
        document: &str,
        variables: impl Serialize,
    ) -> Result<Answer<T>, Error> {
        self.ask(shop, token, document, variables, false).await
    }

    /// The same, but fields that were refused are no error: the answer says that there were some.
    pub(crate) async fn query_what_is_allowed<T: DeserializeOwned>(
        &self,
        shop: &ShopDomain,
        token: &str,
        document: &str,
        variables: impl Serialize,
    ) -> Result<Answer<T>, Error> {
        self.ask(shop, token, document, variables, true).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        shop: &ShopDomain,
        token: &str,
        document: &str,
        variables: impl Serialize,
        may_refuse: bool,
    ) -> Result<Answer<T>, Error> {
        let reservation = self.pace.begin(shop, document).await?;
        let heard = self.post(shop, token, document, variables).await;
        let cost = heard.as_ref().ok().and_then(Heard::cost);
        if let Some(requested) = cost.and_then(|cost| cost.requested_query_cost) {
            self.pace.learn(document, requested);
        }
        self.pace.end(shop, reservation, outcome(&heard)).await;
        let Heard {
            status,
            headers,
            answer,
            elapsed,
        } = heard?;
        if status != StatusCode::OK {
            return Err(error_of_status(status, super::webhook::header(&headers, "retry-after")));
        }
        let answer = answer.map_err(|error| Error::Malformed { what: shape(&error) })?;
        let is_error = |error: &&QueryError| !(may_refuse && error.is_refused_field());
        if let Some(error) = answer.errors.iter().find(is_error) {
            return Err(error_of_query(error, answer.extensions.as_ref()));
        }
        // A filter that is not understood is left out, and everything is shown.
        let mut searches = answer.extensions.iter().flat_map(|extensions| &extensions.search);
        if let Some(warning) = searches.find_map(|search| search.warnings.first()) {
            return Err(Error::Refused {
                reason: format!("the filter `{}` was not understood ({})", warning.field, warning.code),
            });
        }
        let data = answer.data.ok_or_else(|| Error::Malformed {
            what: "no data".to_owned(),
        })?;
        let data = serde_json::from_str(data.get()).map_err(|error| Error::Malformed { what: shape(&error) })?;
        let date = super::webhook::header(&headers, DATE.as_str())
            .and_then(|text| DateTime::parse_from_rfc2822(text).ok())
            .ok_or_else(|| Error::Malformed {
                what: "no Date header".to_owned(),
            })?
            .with_timezone(&Utc);
        let elapsed = TimeDelta::from_std(elapsed).unwrap_or(TimeDelta::MAX);
        Ok(Answer {
            data,
            observed_at: date - elapsed - TimeDelta::seconds(1),
            refused: !answer.errors.is_empty(),
        })
    }

    async fn post(
        &self,
        shop: &ShopDomain,
        token: &str,
        document: &str,
        variables: impl Serialize,
    ) -> Result<Heard, Error> {
        let base = self.settings.admin_url.replace("{shop}", shop.as_str());
        let url = format!("{base}/admin/api/{}/graphql.json", self.settings.api_version);
        let started = Instant::now();
        let response = self
            .http
            .post(url)
            .header("X-Shopify-Access-Token", token)
            .json(&Request {
                query: document,
                variables,
            })
            .send()
            .await?;
        let status = response.status();
        let headers = response.headers().clone();
        if let Some(answered) = super::webhook::header(&headers, "x-shopify-api-version")
            && answered != self.settings.api_version
        {
            tracing::warn!(shop.domain = %shop, answered, asked = %self.settings.api_version, "Shopify answered with another API version");
        }
        let body = response.bytes().await?;
        Ok(Heard {
            status,
            headers,
            answer: serde_json::from_slice(&body),
            elapsed: started.elapsed(),
        })
    }
}

impl Heard {
    /// What the answer says of its cost, if it is one: also a refusal may.
    fn cost(&self) -> Option<&Cost> {
        self.answer.as_ref().ok()?.extensions.as_ref()?.cost.as_ref()
    }
}

impl Cost {
    /// What is left at the store. None if that is no sense.
    fn told(&self) -> Option<Told> {
        let status = self.throttle_status.as_ref()?;
        let told = Told {
            maximum: status.maximum_available,
            restore_rate: status.restore_rate,
            available: status.currently_available.max(0.0),
            spent: self.actual_query_cost.unwrap_or_default().max(0.0),
        };
        (told.maximum > 0.0 && told.restore_rate > 0.0).then_some(told)
    }
}

/// What a call cost, as far as that is known.
fn outcome(heard: &Result<Heard, Error>) -> Outcome {
    let heard = match heard {
        Ok(heard) => heard,
        Err(Error::Transport(error)) if error.is_connect() => return Outcome::NotRun,
        Err(_) => return Outcome::Unknown,
    };
    match heard.cost().and_then(Cost::told) {
        Some(told) => Outcome::Told(told),
        // A token that is not accepted, a store that is locked: nothing was asked of the store's data.
        None if matches!(heard.status.as_u16(), 401..=407 | 423 | 430) => Outcome::NotRun,
        None => Outcome::Unknown,
    }
}

/// Where a JSON error stands, without the values around it.
pub(crate) fn shape(error: &serde_json::Error) -> String {
    format!("line {} column {}", error.line(), error.column())
}

fn error_of_status(status: StatusCode, retry_after: Option<&str>) -> Error {
    match status.as_u16() {
        429 => {
            let seconds = retry_after.and_then(|text| text.parse::<f64>().ok()).unwrap_or(2.0);
            Error::Throttled {
                retry_after: Duration::from_secs_f64(seconds.clamp(1.0, 60.0)),
            }
        }
        401 => Error::Unauthorized { status: 401 },
        // 423 the store is locked, 430 a security pause: both pass.
        status @ (408 | 423 | 430 | 500..=599) => Error::Unavailable { status },
        status => Error::Refused {
            reason: format!("HTTP status {status}"),
        },
    }
}

fn error_of_query(error: &QueryError, extensions: Option<&Extensions>) -> Error {
    match error.code() {
        "THROTTLED" => Error::Throttled {
            retry_after: restored_after(extensions),
        },
        "INTERNAL_SERVER_ERROR" | "TIMEOUT" => Error::Unavailable { status: 200 },
        "MAX_COST_EXCEEDED" => Error::TooExpensive {
            reason: error.message.clone(),
        },
        "" => Error::Refused {
            reason: error.message.clone(),
        },
        code => Error::Refused {
            reason: format!("{code}: {}", error.message),
        },
    }
}

/// How long until the bucket holds what the query costs, at least a second.
fn restored_after(extensions: Option<&Extensions>) -> Duration {
    let seconds = extensions
        .and_then(|extensions| extensions.cost.as_ref())
        .and_then(|cost| {
            let status = cost.throttle_status.as_ref()?;
            Some((cost.requested_query_cost? - status.currently_available) / status.restore_rate)
        });
    Duration::from_secs_f64(
        seconds
            .filter(|seconds| seconds.is_finite())
            .unwrap_or(1.0)
            .clamp(1.0, 60.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_what_is_left_and_what_it_spent() {
        let cost = |text: &str| serde_json::from_str::<Cost>(text).unwrap().told();
        let status = r#""throttleStatus":{"maximumAvailable":2000.0,"currentlyAvailable":1991,"restoreRate":100.0}"#;
        let told = Told {
            maximum: 2_000.0,
            restore_rate: 100.0,
            available: 1_991.0,
            spent: 9.0,
        };
        let ran = format!(r#"{{"requestedQueryCost":13,"actualQueryCost":9,{status}}}"#);
        assert_eq!(cost(&ran), Some(told));
        let refused = format!(r#"{{"requestedQueryCost":13,"actualQueryCost":null,{status}}}"#);
        assert_eq!(cost(&refused), Some(Told { spent: 0.0, ..told }));
        assert_eq!(cost(r#"{"requestedQueryCost":13}"#), None);
        let nonsense = status.replace("100.0", "0");
        assert_eq!(cost(&format!("{{{nonsense}}}")), None);
    }

    #[test]
    fn a_throttled_query_waits_until_its_points_are_restored() {
        let response: Response = serde_json::from_str(
            r#"{"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}],
                "extensions":{"cost":{"requestedQueryCost":752,"actualQueryCost":null,
                "throttleStatus":{"maximumAvailable":1000.0,"currentlyAvailable":602,"restoreRate":50.0}}}}"#,
        )
        .unwrap();
        let error = error_of_query(&response.errors[0], response.extensions.as_ref());
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    }

    #[test]
    fn a_dead_token_is_told_apart_from_a_failing_store() {
        assert!(matches!(
            error_of_status(StatusCode::UNAUTHORIZED, None),
            Error::Unauthorized { .. }
        ));
        assert!(error_of_status(StatusCode::BAD_GATEWAY, None).is_transient());
        assert!(error_of_status(StatusCode::LOCKED, None).is_transient());
        assert!(!error_of_status(StatusCode::NOT_FOUND, None).is_transient());
        let throttled = error_of_status(StatusCode::TOO_MANY_REQUESTS, Some("4.0"));
        assert_eq!(throttled.retry_after(), Some(Duration::from_secs(4)));
    }
}
