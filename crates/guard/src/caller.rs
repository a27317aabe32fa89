//! The proof of authorization, as an extractor.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use paneld_auth::{Authorized, Principal, permission::Permission};

use crate::{ApiError, RequestId};

/// A caller who may do what `P` stands for. A handler that takes one cannot be reached without,
/// and the use case it calls demands the proof inside.
///
/// A handler takes one, once. Without a [`Gate`](crate::Gate) around the handler and
/// [`Requests`](crate::Requests) around the app there is nobody to be authorized, and every
/// request is refused.
#[derive(Debug)]
pub struct Caller<P>(pub Authorized<P>);

impl<P: Permission> FromRequest for Caller<P> {
    type Error = ApiError;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // Taken, not cloned: a count that all workers share is slow to change.
        let principal = request.extensions_mut().remove::<Principal>();
        let request_id = request.extensions().get::<RequestId>().cloned();
        let authorized = principal
            .zip(request_id)
            .ok_or_else(|| ApiError::internal("a handler was mounted without a gate"))
            .and_then(|(principal, request_id)| {
                Authorized::check(principal, request_id.as_str()).map_err(ApiError::internal)
            });
        ready(authorized.map(Self))
    }
}
