//! The ids of requests.

use actix_web::{
    dev::ServiceRequest,
    http::header::{HeaderName, HeaderValue},
    web::Bytes,
};
use rand::RngExt as _;

pub(crate) static REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// The id of a request: the caller's own `request-id`, or a fresh one. Handlers find it among
/// the request's extensions.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The id as text: 1 to 64 ASCII letters, digits, dots, hyphens and underscores.
    pub fn as_str(&self) -> &str {
        // Made of ASCII below, so it always is text.
        self.0.to_str().unwrap_or_default()
    }

    pub(crate) fn of(request: &ServiceRequest) -> Self {
        let given = request.headers().get(&REQUEST_ID);
        match given.filter(|value| is_request_id(value.as_bytes())) {
            Some(value) => Self(value.clone()),
            None => Self::fresh(),
        }
    }

    fn fresh() -> Self {
        let text = format!("{:016x}", rand::rng().random::<u64>());
        HeaderValue::from_maybe_shared(Bytes::from(text))
            .map_or_else(|_not_a_header| Self(HeaderValue::from_static("-")), Self)
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

fn is_request_id(text: &[u8]) -> bool {
    (1..=64).contains(&text.len())
        && text
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}
