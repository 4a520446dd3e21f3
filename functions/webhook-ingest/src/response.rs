//! The status codes that Shopify understands.

use lambda_http::{Body, Response};
use shared::shopify::webhook::Refusal;

/// What the sender is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is safe with us, also if it came before.
    Accepted,
    /// It is not Shopify's, or its headers are unusable.
    Refused(Refusal),
    /// It could not be kept: Shopify sends it again, eight times in four hours.
    Unavailable,
}

impl Answer {
    fn status(self) -> u16 {
        match self {
            Self::Accepted => 200,
            Self::Refused(refusal) if refusal.is_unauthenticated() => 401,
            Self::Refused(_) => 400,
            Self::Unavailable => 503,
        }
    }

    pub fn into_response(self) -> Response<Body> {
        let text = match self {
            Self::Accepted => "accepted".to_owned(),
            Self::Refused(refusal) => refusal.to_string(),
            Self::Unavailable => "try again".to_owned(),
        };
        Response::builder()
            .status(self.status())
            .header("content-type", "text/plain; charset=utf-8")
            .body(Body::Text(text))
            .expect("a status and a text are a response")
    }
}
