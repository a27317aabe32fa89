//! Whether a request comes from a page of this very server, or from one of somebody else's: what
//! browsers send by themselves, a cookie or what was typed into their dialog, proves nothing to
//! the second.

use actix_web::{
    HttpRequest,
    http::{
        header::{HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN},
        uri::Authority,
    },
};

use crate::{ApiError, Guard, public_url::plain_authority};

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Says of a connection, as its data
/// ([`on_connect`](actix_web::HttpServer::on_connect)), that it is encrypted, where actix does not
/// know that by itself.
#[derive(Debug, Clone, Copy)]
pub struct Encrypted;

impl Guard {
    /// Demands that no page of another origin had the request sent.
    ///
    /// # Errors
    /// 403 when one had.
    pub fn demand_own_origin(&self, request: &HttpRequest) -> Result<(), ApiError> {
        if !self.is_foreign(request) {
            return Ok(());
        }
        tracing::debug!("refused a request from a page of another origin");
        let refusal = ApiError::forbidden(
            "Requests from pages of another origin are refused: if this is your own, set public_url",
        );
        Err(refusal.with_code("foreign_origin"))
    }

    fn is_foreign(&self, request: &HttpRequest) -> bool {
        let headers = request.headers();
        // What the browser says of itself, and no page can change.
        let mut sites = headers.get_all(&SEC_FETCH_SITE);
        let mut origins = headers.get_all(ORIGIN);
        let is_own = |origin: &HeaderValue| {
            let origin = origin.to_str();
            origin.is_ok_and(|origin| self.is_own(origin, request))
        };
        sites.any(|site| site != "same-origin" && site != "none")
            || origins.any(|origin| !is_own(origin))
    }

    fn is_own(&self, origin: &str, request: &HttpRequest) -> bool {
        if self.is_public(origin) {
            return true;
        }
        let Some((scheme, authority)) = origin.split_once("://") else {
            return false;
        };
        if scheme != "https" && self.came_encrypted(request) {
            return false;
        }
        let asked_for = self.hosts(request).into_iter();
        let mut asked_for = asked_for.map(|host| plain_authority(host, scheme));
        asked_for.any(|host| host.eq_ignore_ascii_case(authority))
    }

    fn is_public(&self, origin: &str) -> bool {
        let public = self.public_url.as_ref();
        public.is_some_and(|url| url.origin().eq_ignore_ascii_case(origin))
    }

    /// The hosts, with ports, that the caller may have asked for.
    pub(crate) fn hosts<'a>(&self, request: &'a HttpRequest) -> Vec<&'a str> {
        let mut hosts = Vec::new();
        if self.is_behind_proxy(request) {
            hosts.extend(list(request.headers(), &FORWARDED_HOST));
        }
        // HTTP/2 says it in the address alone.
        let authority = || request.uri().authority().map(Authority::as_str);
        hosts.extend(text(request.headers(), &HOST).or_else(authority));
        hosts
    }

    /// Whether it is known that the caller's connection is encrypted: by this server, by a proxy
    /// that is trusted, or because that is how people reach the server.
    pub fn is_secure(&self, request: &HttpRequest) -> bool {
        // Browsers send such a cookie over encrypted connections alone.
        if self.came_encrypted(request) || self.has_secure_cookie(request) {
            return true;
        }
        if let Some(origin) = text(request.headers(), &ORIGIN) {
            return origin.starts_with("https://") && self.is_own(origin, request);
        }
        let mut hosts = self.hosts(request).into_iter();
        hosts.any(|host| self.is_public(&format!("https://{host}")))
    }

    fn came_encrypted(&self, request: &HttpRequest) -> bool {
        let by_proxy = || {
            let mut told = list(request.headers(), &FORWARDED_PROTO);
            told.any(|scheme| scheme.eq_ignore_ascii_case("https"))
        };
        request.app_config().secure()
            || request.conn_data::<Encrypted>().is_some()
            || self.is_behind_proxy(request) && by_proxy()
    }

    fn is_behind_proxy(&self, request: &HttpRequest) -> bool {
        let socket = request.peer_addr();
        socket.is_some_and(|socket| self.proxies.trusts(socket.ip().to_canonical()))
    }

    /// The address by which people reach what is mounted at `prefix`: the one that was configured,
    /// else the one that this caller asked for.
    pub fn public_url(&self, request: &HttpRequest, prefix: &str) -> String {
        if let Some(url) = &self.public_url {
            return url.to_string();
        }
        let scheme = if self.is_secure(request) {
            "https"
        } else {
            "http"
        };
        let host = self.hosts(request).into_iter().next().unwrap_or_default();
        format!("{scheme}://{host}{prefix}")
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// What several proxies, one behind the other, wrote into a header.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers
        .get_all(name)
        .filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}
