//! The console: the page that people look at, built into the binary.
//!
//! [`configure`] mounts its files below `/console/`. The page asks the HTTP API for all that it
//! shows; this crate knows nothing of it.

mod asset;

use std::{future::ready, rc::Rc};

use actix_web::{
    HttpRequest, HttpResponse, guard,
    http::{
        Method,
        header::{self, ACCEPT_ENCODING, HeaderValue, IF_NONE_MATCH},
    },
    web::{self, ServiceConfig},
};
use paneld_guard::ApiError;

use crate::asset::{Asset, INDEX};

/// Nothing from elsewhere, nothing inline, and in nobody's frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self'; \
     script-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
     form-action 'self'; object-src 'none'";

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
    Ok(answer(request, &asset))
}

fn answer(request: &HttpRequest, asset: &Asset) -> HttpResponse {
    let compressed = asset.compressed.as_ref().filter(|_| takes_gzip(request));
    let tag = match compressed {
        Some(_) => format!("\"{}-gz\"", asset.digest),
        None => format!("\"{}\"", asset.digest),
    };
    let is_known = request.headers().get(IF_NONE_MATCH).is_some_and(|known| {
        let known = known.to_str().unwrap_or_default().split(',');
        known
            .map(str::trim)
            .any(|known| known.trim_start_matches("W/") == tag)
    });
    let mut reply = if is_known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    reply
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, asset.caching))
        .insert_header((header::VARY, "Accept-Encoding"))
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .insert_header(("cross-origin-opener-policy", "same-origin"))
        .insert_header(("cross-origin-resource-policy", "same-origin"));
    if is_known {
        return reply.finish();
    }
    reply.content_type(asset.content_type.as_str());
    match compressed {
        Some(compressed) => reply
            .insert_header((header::CONTENT_ENCODING, HeaderValue::from_static("gzip")))
            .body(compressed.clone()),
        None => reply.body(asset.content.clone()),
    }
}

fn takes_gzip(request: &HttpRequest) -> bool {
    let values = request.headers().get_all(ACCEPT_ENCODING);
    let values = values.filter_map(|value| value.to_str().ok());
    let mut codings = values.flat_map(|value| value.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().trim_start_matches("q=");
        let is_refused = weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0);
        name.trim().eq_ignore_ascii_case("gzip") && !is_refused
    })
}
