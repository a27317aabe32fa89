//! Slashes that base URLs leave behind: who is told `https://host/` and adds `/track` to it asks
//! for `//track`.

use actix_web::{
    dev::ServiceRequest,
    http::{Uri, uri::PathAndQuery},
};

/// Takes the slashes away that stand too many at the start of the path, or behind `/api`; in a
/// scope, behind its prefix. All others have a meaning.
pub(crate) fn merge_first(request: &mut ServiceRequest) {
    let path = request.match_info().unprocessed();
    if !(path.starts_with("//") || path.starts_with("/api//")) {
        return;
    }
    let prefix = request.uri().path().strip_suffix(path).unwrap_or_default();
    let Some(uri) = merged(request.uri(), prefix) else {
        return;
    };
    request.match_info_mut().get_mut().update(&uri);
    request.head_mut().uri = uri;
}

fn merged(uri: &Uri, prefix: &str) -> Option<Uri> {
    let rest = uri.path().strip_prefix(prefix)?.trim_start_matches('/');
    let path = match rest.strip_prefix("api/") {
        Some(rest) => format!("{prefix}/api/{}", rest.trim_start_matches('/')),
        None => format!("{prefix}/{rest}"),
    };
    let whole = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(whole.parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}
