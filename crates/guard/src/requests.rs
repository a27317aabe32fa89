//! What every request gets: an id, a place in the log, and errors in one form.

use std::{
    any::Any,
    future::{Ready, ready},
    panic::AssertUnwindSafe,
    pin::Pin,
    rc::Rc,
    sync::Arc,
};

use actix_web::{
    Error, HttpMessage,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::header::{self, HeaderName, HeaderValue},
};
use futures_util::FutureExt as _;
use paneld_domain::Clock;
use rand::RngExt as _;
use tracing::Instrument as _;

use crate::ApiError;

pub(crate) static REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// The id of a request: the caller's own `request-id`, or a fresh one. Handlers find it among
/// the request's extensions.
#[derive(Debug, Clone)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The id as text: 1 to 64 ASCII letters, digits, dots, hyphens and underscores.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(request: &ServiceRequest) -> Self {
        let given = request.headers().get(&REQUEST_ID);
        let given = given.and_then(|value| value.to_str().ok());
        match given.filter(|text| is_request_id(text)) {
            Some(text) => Self(text.into()),
            None => Self(format!("{:016x}", rand::rng().random::<u64>()).into()),
        }
    }
}

fn is_request_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// The outermost middleware: gives requests their ids, writes the log, and puts every error,
/// the framework's own and panics too, into the envelope.
#[derive(Debug, Clone)]
pub struct Requests {
    clock: Clock,
}

impl Requests {
    /// The middleware; the clock times requests for the log.
    pub fn new(clock: Clock) -> Self {
        Self { clock }
    }
}

impl<S, B> Transform<S, ServiceRequest> for Requests
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type InitError = ();
    type Transform = RequestsService<S>;
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(RequestsService {
            service: Rc::new(service),
            clock: self.clock.clone(),
        }))
    }
}

/// [`Requests`] at work.
#[derive(Debug)]
pub struct RequestsService<S> {
    service: Rc<S>,
    clock: Clock,
}

impl<S, B> Service<ServiceRequest> for RequestsService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let id = RequestId::of(&request);
        request.extensions_mut().insert(id.clone());
        let span = tracing::info_span!("request", request.id = id.as_str());
        let log = AccessLog::start(&self.clock, &request);
        let service = Rc::clone(&self.service);
        let work = async move {
            let called = AssertUnwindSafe(async { service.call(request).await });
            let response = match called.catch_unwind().await {
                Ok(result) => finish(result?, &id),
                // The panic took the request away, without which there is only an error.
                Err(panic) => {
                    let error = Error::from(panicked(panic.as_ref()).identified(&id));
                    report(&error);
                    return Err(error);
                }
            };
            log.write(&response);
            Ok(response)
        };
        Box::pin(work.instrument(span))
    }
}

/// Gives the reply its id, and an error its envelope.
fn finish<B: MessageBody>(
    response: ServiceResponse<B>,
    id: &RequestId,
) -> ServiceResponse<EitherBody<B>> {
    let status = response.status();
    let mut response = if status.is_client_error() || status.is_server_error() {
        if let Some(error) = response.response().error() {
            report(error);
        }
        let error = response.response().error();
        let body = match error.and_then(|error| error.as_error::<ApiError>()) {
            Some(error) => error.body(Some(id)),
            None => ApiError::from_status(status).body(Some(id)),
        };
        let mut response = response.map_body(|_, _| EitherBody::<B>::right(BoxBody::new(body)));
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        response
    } else {
        response.map_into_left_body()
    };
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID.clone(), value);
    }
    response
}

/// Writes our own failures to the log, once, with all that lies behind them. Callers' mistakes
/// are for the access log.
fn report(error: &Error) {
    let status = error.as_response_error().status_code();
    if !status.is_server_error() {
        return;
    }
    match error.as_error::<ApiError>() {
        Some(error) => {
            let error = error as &dyn std::error::Error;
            tracing::error!(status = status.as_u16(), error, "request failed");
        }
        None => tracing::error!(status = status.as_u16(), %error, "request failed"),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> ApiError {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    ApiError::internal(format!(
        "a handler panicked: {}",
        text.unwrap_or("no message")
    ))
}

/// The line of the access log: at level DEBUG, for a busy server has no use for one by default.
struct AccessLog {
    started: Option<(Clock, std::time::Duration, String)>,
}

impl AccessLog {
    fn start(clock: &Clock, request: &ServiceRequest) -> Self {
        let wanted = tracing::enabled!(tracing::Level::DEBUG);
        Self {
            // The query is left out: callers of Track put credentials there.
            started: wanted.then(|| {
                let line = format!("{} {}", request.method(), request.path());
                (clock.clone(), clock.elapsed(), line)
            }),
        }
    }

    fn write<B>(self, response: &ServiceResponse<B>) {
        if let Some((clock, started, line)) = self.started {
            let duration = clock.elapsed().saturating_sub(started);
            tracing::debug!(
                status = response.status().as_u16(),
                duration_ms = duration.as_secs_f64() * 1_000.0,
                "{line}"
            );
        }
    }
}
