//! One way to call the server.

use std::rc::Rc;

use actix_web::{
    FromRequest, Handler, HttpResponse, Responder,
    body::BoxBody,
    dev::ServiceRequest,
    guard,
    http::Method,
    middleware::{Next, from_fn},
    web,
};
use paneld_guard::ApiError;
use utoipa::openapi::HttpMethod;

use crate::{
    ignored::{self, Known, Style},
    openapi::{Description, Documentation},
};

/// One way to call the server: method and path come from the handler's documentation, so that
/// the two cannot differ.
pub struct Endpoint {
    method: Method,
    path: String,
    route: actix_web::Route,
    describe: fn() -> Description,
    style: Option<Style>,
}

impl Endpoint {
    pub(crate) fn new<P, F, Args>(_documentation: P, handler: F) -> Self
    where
        P: Documentation,
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let method = match P::methods().as_slice() {
            [HttpMethod::Get] => Method::GET,
            [HttpMethod::Post] => Method::POST,
            [HttpMethod::Put] => Method::PUT,
            [HttpMethod::Patch] => Method::PATCH,
            [HttpMethod::Delete] => Method::DELETE,
            _ => unreachable!("{} is documented with no method, or several", P::path()),
        };
        Self {
            route: route_for(&method).to(handler),
            path: P::path(),
            method,
            describe: Description::of::<P>,
            style: None,
        }
    }

    /// The same; and if it is read, its replies name the query parameters that nothing reads.
    pub(crate) fn telling_ignored(self, style: Style) -> Self {
        let style = Some(style).filter(|_| self.method == Method::GET);
        Self { style, ..self }
    }

    /// The same on a server without events, which cannot serve it.
    pub(crate) fn refused(self) -> Self {
        Self {
            route: route_for(&self.method).to(no_event_store),
            ..self
        }
    }

    /// The HTTP method of the route.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The same, as the document has it.
    pub(crate) fn documented_method(&self) -> HttpMethod {
        match self.method {
            Method::POST => HttpMethod::Post,
            Method::PUT => HttpMethod::Put,
            Method::PATCH => HttpMethod::Patch,
            Method::DELETE => HttpMethod::Delete,
            _ => HttpMethod::Get,
        }
    }

    /// The path of the route, with parameters in braces.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What its handler says of itself.
    pub(crate) fn describe(&self) -> Description {
        (self.describe)()
    }

    /// Whether its replies name the query parameters that nothing reads.
    pub(crate) fn tells_ignored(&self) -> bool {
        self.style.is_some()
    }

    /// The route, as actix takes it.
    pub(crate) fn into_route(self) -> actix_web::Route {
        let Some(style) = self.style else {
            return self.route;
        };
        let known = Rc::new(Known::new(style, self.describe));
        let telling = from_fn(move |request: ServiceRequest, next: Next<BoxBody>| {
            let known = Rc::clone(&known);
            async move { ignored::tell(&known, request, next).await }
        });
        self.route.wrap(telling)
    }
}

/// GET answers HEAD too (RFC 9110, section 9.3.2).
pub(crate) fn route_for(method: &Method) -> actix_web::Route {
    if method == Method::GET {
        web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
    } else {
        web::method(method.clone())
    }
}

async fn no_event_store() -> Result<HttpResponse, ApiError> {
    Err(ApiError::no_event_store())
}
