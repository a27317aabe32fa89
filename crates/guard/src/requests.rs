//! What every request gets: an id, a place in the log, and errors in one form.

use std::{
    any::Any,
    future::{Ready, ready},
    panic::AssertUnwindSafe,
    pin::Pin,
    rc::Rc,
    time::Duration,
};

use actix_web::{
    Error, HttpMessage,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderValue},
    },
};
use futures_util::FutureExt as _;
use paneld_domain::{Clock, ErrorChain};
use tracing::Instrument as _;

use crate::{ApiError, RequestId, measured::RouteGroup, request_id::REQUEST_ID, slashes};

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

/// [`Requests`] at work around a service.
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

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        slashes::merge_first(&mut request);
        let id = RequestId::of(&request);
        request.extensions_mut().insert(id.clone());
        let (client_id, id_text) = (tracing::field::Empty, id.as_str());
        let span = tracing::info_span!("request", request.id = id_text, client.id = client_id);
        let account = Account::open(&self.clock, &request);
        let service = Rc::clone(&self.service);
        let work = async move {
            let called = AssertUnwindSafe(async { service.call(request).await });
            let response = match called.catch_unwind().await {
                Ok(Ok(response)) => Ok(finish(response, &id)),
                Ok(Err(error)) => Err(error),
                // The panic took the request away, without which there is only an error.
                Err(panic) => Err(panicked(panic.as_ref()).identified(&id).into()),
            };
            let status = match &response {
                Ok(response) => response.status(),
                Err(error) => {
                    report(error);
                    error.as_response_error().status_code()
                }
            };
            account.close(status);
            response
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
    let failed = status.is_client_error() || status.is_server_error();
    let mut response = if failed && !has_body_of_its_own(&response) {
        if let Some(error) = response.response().error() {
            report(error);
        }
        let error = response.response().error();
        let body = match error.and_then(|error| error.as_error::<ApiError>()) {
            Some(error) => error.body(Some(id)),
            None => ApiError::from_status(status).body(Some(id)),
        };
        let mut response = response.map_body(|_, _| EitherBody::<B>::right(BoxBody::new(body)));
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    } else {
        response.map_into_left_body()
    };
    mark(response.headers_mut(), id);
    response
}

/// The headers of every reply.
fn mark(headers: &mut HeaderMap, id: &RequestId) {
    headers.insert(REQUEST_ID.clone(), id.header());
    // What we say is what we call it: no browser is to find a page or a script in it.
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
}

/// Whether a handler said in JSON of its own what is the matter, as readiness does.
fn has_body_of_its_own<B>(response: &ServiceResponse<B>) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let is_json = content_type.is_some_and(|value| value.as_bytes() == b"application/json");
    response.response().error().is_none() && is_json
}

/// Writes our own failures to the log, once, with all that lies behind them. Callers' mistakes
/// are for the access log, and so is what has no cause but the configuration.
fn report(error: &Error) {
    let status = error.as_response_error().status_code().as_u16();
    match error.as_error::<ApiError>() {
        _ if status < 500 => {}
        Some(error) if error.is_told() => {
            tracing::debug!(status, error = %ErrorChain(error), "request refused");
        }
        Some(error) => tracing::error!(status, error = %ErrorChain(error), "request failed"),
        None => tracing::error!(status, %error, "request failed"),
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

/// A request's line in the access log, and its place in the metrics.
struct Account {
    clock: Clock,
    started: Duration,
    group: RouteGroup,
    /// At level DEBUG only: a busy server has no use for a line each.
    line: Option<String>,
}

impl Account {
    fn open(clock: &Clock, request: &ServiceRequest) -> Self {
        // The query is left out: callers of Track put credentials there.
        let line = || format!("{} {}", request.method(), request.path());
        Self {
            clock: clock.clone(),
            started: clock.elapsed(),
            // Below the prefix of a scope, if it is one that is wrapped.
            group: RouteGroup::of(request.match_info().unprocessed()),
            line: tracing::enabled!(tracing::Level::DEBUG).then(line),
        }
    }

    fn close(self, status: StatusCode) {
        let seconds = self
            .clock
            .elapsed()
            .saturating_sub(self.started)
            .as_secs_f64();
        self.group.count(status, seconds);
        if let Some(line) = self.line {
            let duration_ms = seconds * 1_000.0;
            tracing::debug!(status = status.as_u16(), duration_ms, "{line}");
        }
    }
}
