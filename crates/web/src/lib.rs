//! What browsers load of a server, built into the binary: the console, which is the page that
//! people look at, and the scripts with which sites track.
//!
//! [`configure`] mounts the files of the page below `/console/`. The page asks the HTTP API for all
//! that it shows; this crate knows nothing of it. [`configure_tracker`] mounts the scripts.

mod answer;
mod asset;
mod tracker;

use std::{future::ready, rc::Rc};

use actix_web::{
    HttpRequest, HttpResponse, guard,
    http::{Method, header},
    web::{self, ServiceConfig},
};
use paneld_guard::ApiError;

pub use self::tracker::configure_tracker;
use crate::{
    answer::{Headers, answer},
    asset::{Asset, INDEX},
};

/// Nothing from elsewhere, nothing inline, and in nobody's frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self'; \
     script-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
     form-action 'self'; object-src 'none'";
/// What keeps the page to itself.
const PROTECTION: Headers = &[
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Mounts the page in an app or scope that is itself mounted at `prefix`, which is empty at the
/// root. What stands below `/console/` and is no file of the page has to be mounted before.
pub fn configure(config: &mut ServiceConfig, prefix: &str) {
    let home = format!("{prefix}/console/");
    let index = Rc::new(Asset::index(prefix));
    config
        .service(
            web::resource("/console")
                .route(reading().to(move || ready(redirect(&home))))
                .default_service(web::to(refuse)),
        )
        .service(
            web::resource("/console/{path:.*}")
                .route(reading().to(move |request, path: web::Path<String>| {
                    ready(serve(&request, &path, &index))
                }))
                .default_service(web::to(refuse)),
        );
}

fn reading() -> actix_web::Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

async fn refuse() -> Result<HttpResponse, ApiError> {
    Err(ApiError::method_not_allowed(&[Method::GET, Method::HEAD]))
}

fn redirect(home: &str) -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((header::LOCATION, home))
        .finish()
}

/// A file of the page, or for the address of a view the page itself: what it shows there, its
/// script decides.
fn serve(
    request: &HttpRequest,
    path: &str,
    index: &Option<Asset>,
) -> Result<HttpResponse, ApiError> {
    let is_view = path
        .rsplit('/')
        .next()
        .is_none_or(|last| !last.contains('.'));
    let found = if is_view || path == INDEX {
        index.clone()
    } else {
        Asset::find(path)
    };
    let asset = found.ok_or_else(|| ApiError::not_found("Route not found"))?;
    Ok(answer(request, &asset, PROTECTION))
}
