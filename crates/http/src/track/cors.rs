//! Pages of any origin may call Track, and read its answers: which of them are believed, the
//! credentials decide. `docs/contract/track.md` §8.

use actix_web::{
    Error, HttpResponse,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
            ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, ORIGIN, VARY,
        },
    },
    middleware::Next,
};

/// For how many seconds browsers need not ask again: a week.
const MAX_AGE: &str = "604800";

/// Answers a browser's question whether it may call, and lets pages read all other answers.
pub(crate) async fn allow_any_origin<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let mut response = if is_preflight(&request) {
        let reply = preflight(&request);
        request.into_response(reply).map_into_right_body()
    } else {
        next.call(request).await?.map_into_left_body()
    };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.append(VARY, HeaderValue::from_static("Origin"));
    Ok(response)
}

fn is_preflight(request: &ServiceRequest) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight(request: &ServiceRequest) -> HttpResponse {
    let mut reply = HttpResponse::NoContent();
    reply.insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET,HEAD,POST"));
    reply.insert_header((ACCESS_CONTROL_MAX_AGE, MAX_AGE));
    if let Some(wanted) = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS) {
        reply.insert_header((ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone()));
        reply.append_header((VARY, "Access-Control-Request-Headers"));
    }
    reply.finish()
}
