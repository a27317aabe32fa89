//! Slashes that base URLs leave behind: who is told `https://host/` and adds `/track` to it asks
//! for `//track`.

use actix_web::{
    dev::ServiceRequest,
    http::{Uri, uri::PathAndQuery},
};

/// Takes the slashes away that stand too many at the start of the path, or behind `/api`. All
/// others have a meaning.
pub(crate) fn merge_first(request: &mut ServiceRequest) {
    let path = request.path();
    if !(path.starts_with("//") || path.starts_with("/api//")) {
        return;
    }
    let Some(uri) = merged(request.uri()) else {
        return;
    };
    request.match_info_mut().get_mut().update(&uri);
    request.head_mut().uri = uri;
}

fn merged(uri: &Uri) -> Option<Uri> {
    let rest = uri.path().trim_start_matches('/');
    let path = match rest.strip_prefix("api/") {
        Some(rest) => format!("/api/{}", rest.trim_start_matches('/')),
        None => format!("/{rest}"),
    };
    let whole = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(whole.parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}
