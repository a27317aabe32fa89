//! How a file is answered with.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, ACCEPT_ENCODING, HeaderValue, IF_NONE_MATCH},
};

use crate::asset::Asset;

/// Headers that a kind of files has, by name.
pub(crate) type Headers = &'static [(&'static str, &'static str)];

/// Answers with a file; with nothing but its headers where the browser knows it.
pub(crate) fn answer(request: &HttpRequest, asset: &Asset, headers: Headers) -> HttpResponse {
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
        .insert_header((header::VARY, "Accept-Encoding"));
    for (name, value) in headers {
        reply.insert_header((*name, *value));
    }
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
