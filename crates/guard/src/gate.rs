//! The gate in front of an API: who is it, may it, and not too often.

use std::{
    future::{Ready, ready},
    pin::Pin,
    rc::Rc,
    sync::Arc,
};

use actix_web::{
    Error, HttpMessage,
    body::{EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::header::{CACHE_CONTROL, HeaderValue},
};
use paneld_auth::Api;
use paneld_domain::Rate;

use crate::{
    BodySender, Guard, guard::Admission, limit_headers, method::is_write, refusals::rate_limited,
    session_proof::SessionProof,
};

/// Middleware that lets only authenticated callers within their rate through. Handlers behind
/// it take a [`Caller`](crate::Caller).
#[derive(Debug, Clone)]
pub struct Gate {
    guard: Arc<Guard>,
    api: Api,
    /// That of the API's group.
    rate: Option<Rate>,
}

impl Guard {
    /// The gate of an API: middleware for the scope or resource that serves it. Each of its
    /// requests takes a token of the client's bucket in the API's limit group.
    pub fn gate(self: &Arc<Self>, api: Api) -> Gate {
        Gate::new(Arc::clone(self), api)
    }
}

impl Gate {
    fn new(guard: Arc<Guard>, api: Api) -> Self {
        let rate = guard.rates.group(api.limit_group());
        Self { guard, api, rate }
    }
}

impl<S, B> Transform<S, ServiceRequest> for Gate
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type InitError = ();
    type Transform = GateService<S>;
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(GateService {
            service: Rc::new(service),
            gate: Rc::new(self.clone()),
        }))
    }
}

/// A [`Gate`] at work in front of a service.
#[derive(Debug)]
pub struct GateService<S> {
    service: Rc<S>,
    gate: Rc<Gate>,
}

impl<S, B> Service<ServiceRequest> for GateService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let service = Rc::clone(&self.service);
        let gate = Rc::clone(&self.gate);
        Box::pin(async move {
            let admitted = gate.guard.admit(&gate.api, gate.rate, &request).await;
            let Admission {
                principal,
                group,
                verdict,
                session,
            } = match admitted {
                Ok(admission) => admission,
                Err(error) => return Ok(request.error_response(error).map_into_right_body()),
            };
            let mut response = match verdict.and_then(|verdict| verdict.retry_in) {
                Some(wait) => {
                    let error = rate_limited(group, wait);
                    request.error_response(error).map_into_right_body()
                }
                None => {
                    if is_write(request.method()) {
                        let sender = BodySender::client(&principal);
                        request.extensions_mut().insert(sender);
                    }
                    if let Some(token) = session {
                        let client_id = principal.client().id;
                        let proof = SessionProof { client_id, token };
                        request.extensions_mut().insert(proof);
                    }
                    request.extensions_mut().insert(principal);
                    service.call(request).await?.map_into_left_body()
                }
            };
            let headers = response.headers_mut();
            // Credentials in headers of our own do not stop shared caches, as Authorization does.
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            if let Some(verdict) = verdict {
                limit_headers::write(group, &verdict, headers);
            }
            Ok(response)
        })
    }
}
