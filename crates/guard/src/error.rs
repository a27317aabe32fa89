//! The one form of every error: `docs/contract/auth-and-limits.md` §3.

use std::{borrow::Cow, fmt};

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use paneld_domain::Problem;
use serde::Serialize;

use crate::request_id::{REQUEST_ID, RequestId};

/// An error as the caller gets it, and behind it what only the log gets.
#[derive(Debug)]
pub struct ApiError(Box<ErrorContent>);

#[derive(Debug)]
struct ErrorContent {
    status: StatusCode,
    message: Cow<'static, str>,
    code: Option<&'static str>,
    details: Vec<Problem>,
    headers: Vec<(HeaderName, HeaderValue)>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    is_told: bool,
    request_id: Option<RequestId>,
}

/// The JSON body of an error.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    /// The HTTP status.
    status: u16,
    /// The name of the status.
    error: &'static str,
    /// What is wrong, in a sentence.
    message: &'a str,
    /// A stable name for it, where programs need one.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// Every problem of the request, if it is the request's.
    #[serde(skip_serializing_if = "<[Problem]>::is_empty")]
    details: &'a [Problem],
    /// The id of the request, as in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl ApiError {
    fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(ErrorContent {
            status,
            message: message.into(),
            code: None,
            details: Vec::new(),
            headers: Vec::new(),
            source: None,
            is_told: false,
            request_id: None,
        }))
    }

    /// 400 for a body with these problems.
    pub fn invalid_body(details: Vec<Problem>) -> Self {
        Self::bad_request("Invalid request body", details)
    }

    /// 400 for query parameters with these problems.
    pub fn invalid_query(details: Vec<Problem>) -> Self {
        Self::bad_request("Invalid query parameters", details)
    }

    /// 400 for headers with these problems.
    pub fn invalid_headers(details: Vec<Problem>) -> Self {
        Self::bad_request("Invalid request headers", details)
    }

    fn bad_request(message: &'static str, details: Vec<Problem>) -> Self {
        let mut error = Self::new(StatusCode::BAD_REQUEST, message);
        error.0.details = details;
        error
    }

    /// 401, without a challenge: browsers would show a dialog, be it on somebody else's page.
    pub fn unauthorized(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(StatusCode::UNAUTHORIZED, message);
        error.0.code = Some(code);
        error
    }

    /// 403: the caller is known, and may not do this.
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 404: there is no such thing for this caller.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 405 on a path that knows these methods.
    pub fn method_not_allowed(allowed: &[Method]) -> Self {
        let names = allowed.iter().map(Method::as_str).collect::<Vec<_>>();
        let error = Self::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
        match HeaderValue::from_str(&names.join(", ")) {
            Ok(allow) => error.with_header(header::ALLOW, allow),
            Err(_not_a_header) => error,
        }
    }

    /// 408: the body did not come in time.
    pub fn timeout() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "The request body took too long",
        )
    }

    /// 409: it goes against the state of things.
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// 409, to be tried again in a second.
    pub fn busy(message: impl Into<Cow<'static, str>>) -> Self {
        Self::conflict(message).with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// 413 for a body over so many bytes.
    pub fn too_large(limit: usize) -> Self {
        let message = format!("The request body is larger than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// 415: the body is in a form that is not read.
    pub fn unsupported_media_type(message: &'static str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    }

    /// 429, to be tried again in so many seconds.
    pub fn rate_limited(retry_after: u64) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "You have exceeded the rate limit for this endpoint.",
        )
        .with_header(header::RETRY_AFTER, HeaderValue::from(retry_after))
    }

    /// 500. The source is for the log.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "Something went wrong on our side").caused_by(source)
    }

    /// 503, to be tried again in a second. The source is for the log.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "The service is temporarily unavailable")
            .caused_by(source)
            .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// 503, to be tried again in a second: too much at once. Callers bring it about, so it is not
    /// a failure for the log.
    pub fn crowded() -> Self {
        Self::crowded_for(1)
    }

    /// 503, to be tried again in so many seconds.
    pub(crate) fn crowded_for(retry_after: u64) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "The service is temporarily unavailable")
            .with_header(header::RETRY_AFTER, HeaderValue::from(retry_after))
            .told()
    }

    /// 503 for what has to do with events, on a server that keeps none. Whoever sent the request
    /// here may send it elsewhere.
    pub fn no_event_store() -> Self {
        let mut error = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "This server has no event store (events_url=off): call one that has",
        );
        error.0.code = Some("no_event_store");
        error
            .with_header(header::RETRY_AFTER, HeaderValue::from_static("60"))
            .told()
    }

    /// 503 for an answer that would take more time or memory than one may, to be tried again with
    /// a smaller question.
    pub fn too_slow() -> Self {
        Self::excess("The answer takes too long: ask for less, or later")
    }

    /// 503 for a caller that asks for more than its share, to be tried again in a second. Nothing
    /// failed, so it is not for the log.
    pub fn excess(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
            .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
            .told()
    }

    /// A stable name for it, if it has one.
    pub fn code(&self) -> Option<&'static str> {
        self.0.code
    }

    /// Every problem of the request, if it is the request's.
    pub fn details(&self) -> &[Problem] {
        &self.0.details
    }

    fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error, of which the log tells already, once for all requests that it befalls, or
    /// which callers bring about, however well we are.
    #[must_use]
    pub fn told(mut self) -> Self {
        self.0.is_told = true;
        self
    }

    /// Whether it is no failure for the log to tell of, or none any more.
    pub(crate) fn is_told(&self) -> bool {
        self.0.is_told
    }

    /// The error for a status that came from the framework itself.
    pub(crate) fn from_status(status: StatusCode) -> Self {
        let message = match status {
            StatusCode::NOT_FOUND => "Route not found",
            StatusCode::METHOD_NOT_ALLOWED => "Method not allowed",
            status => status.canonical_reason().unwrap_or("The request failed"),
        };
        Self::new(status, message)
    }

    /// The same error, with a stable name for it.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.0.code = Some(code);
        self
    }

    /// The same error, with more about one part of the request.
    #[must_use]
    pub fn with_detail(mut self, part: &str, message: impl Into<String>) -> Self {
        self.0.details.push(Problem::at([part.into()], message));
        self
    }

    /// The same error, whose reply also has this header.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// The same error, as the error of this request.
    pub(crate) fn identified(mut self, id: &RequestId) -> Self {
        self.0.request_id = Some(id.clone());
        self.with_header(REQUEST_ID.clone(), id.header())
    }

    /// The JSON body, with the request's id if it is known.
    pub(crate) fn body(&self, request_id: Option<&RequestId>) -> Vec<u8> {
        let parts = &self.0;
        let envelope = Envelope {
            status: parts.status.as_u16(),
            error: parts.status.canonical_reason().unwrap_or("Error"),
            message: &parts.message,
            code: parts.code,
            details: &parts.details,
            request_id: request_id.map(RequestId::as_str),
        };
        // Texts and numbers always serialize.
        serde_json::to_vec(&envelope).unwrap_or_default()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for ApiError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as _)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.0.status);
        for (name, value) in &self.0.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        response
            .content_type(header::ContentType::json())
            .body(self.body(self.0.request_id.as_ref()))
    }
}
