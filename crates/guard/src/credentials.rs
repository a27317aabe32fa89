//! Credentials as requests carry them.

use actix_web::http::header::{self, HeaderMap, HeaderName};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use paneld_auth::Presented;
use paneld_domain::ClientId;
use zeroize::{Zeroize as _, Zeroizing};

static CLIENT_ID: HeaderName = HeaderName::from_static("openpanel-client-id");
static CLIENT_SECRET: HeaderName = HeaderName::from_static("openpanel-client-secret");
static OLD_CLIENT_ID: HeaderName = HeaderName::from_static("mixan-client-id");
static OLD_CLIENT_SECRET: HeaderName = HeaderName::from_static("mixan-client-secret");

/// How credentials are given, for those who gave none.
pub(crate) const ACCEPTED_FORMS: &str = "must be given without blanks, with \
    openpanel-client-secret; or both in one header, Authorization: Basic base64(id:secret), or \
    Authorization: Bearer base64(id:secret)";

/// The credentials of a request: its `openpanel-*` headers, else what `Authorization` holds.
pub(crate) struct GivenCredentials<'a> {
    headers: Option<Presented<'a>>,
    /// `id:secret`.
    authorization: Option<Zeroizing<String>>,
}

impl<'a> GivenCredentials<'a> {
    /// Reads them. One `openpanel-*` header is enough for both to win.
    pub(crate) fn of(headers: &'a HeaderMap) -> Self {
        let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or(""));
        let (client_id, secret) = (text(&CLIENT_ID), text(&CLIENT_SECRET));
        if client_id.is_some() || secret.is_some() {
            return Self {
                headers: Some(Presented { client_id, secret }),
                authorization: None,
            };
        }
        Self {
            headers: None,
            authorization: headers
                .get(header::AUTHORIZATION)
                .and_then(decode_authorization),
        }
    }

    /// Those of a caller of Track: each may be under the name that old SDKs use.
    pub(crate) fn of_tracker(headers: &'a HeaderMap) -> Self {
        let text = |names: [&HeaderName; 2]| {
            let value = names.into_iter().find_map(|name| headers.get(name));
            value.map(|value| value.to_str().unwrap_or(""))
        };
        let client_id = text([&CLIENT_ID, &OLD_CLIENT_ID]);
        let secret = text([&CLIENT_SECRET, &OLD_CLIENT_SECRET]);
        if client_id.is_none() && secret.is_none() {
            return Self::of(headers);
        }
        Self {
            headers: Some(Presented { client_id, secret }),
            authorization: None,
        }
    }

    /// Whether there is no id, or none in a form that is read: it has blanks around it.
    pub(crate) fn lack_id(&self) -> bool {
        let id = self.presented().client_id.unwrap_or_default();
        id.is_empty() || id.trim() != id
    }

    pub(crate) fn presented(&self) -> Presented<'_> {
        if let Some(presented) = self.headers {
            return presented;
        }
        let pair = self.authorization.as_ref().map(|pair| pair.as_str());
        match pair.map(|pair| pair.split_once(':').unwrap_or((pair, ""))) {
            Some((client_id, "")) => Presented {
                client_id: Some(client_id),
                secret: None,
            },
            Some((client_id, secret)) => Presented {
                client_id: Some(client_id),
                secret: Some(secret),
            },
            None => Presented::default(),
        }
    }
}

/// Puts the client's id that a request presents, right or wrong, onto all that is logged of it,
/// where somebody reads of each request. What is no id may be a secret in the wrong place.
pub(crate) fn note_client(presented: Presented<'_>) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let id = presented.client_id.map(|id| id.trim().parse::<ClientId>());
    if let Some(Ok(id)) = id {
        let span = tracing::Span::current();
        span.record("client.id", tracing::field::display(id));
    }
}

/// `Basic` and `Bearer` both hold `base64(id:secret)`.
fn decode_authorization(value: &header::HeaderValue) -> Option<Zeroizing<String>> {
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("basic") || scheme.eq_ignore_ascii_case("bearer");
    let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| known)?;
    match String::from_utf8(decoded) {
        Ok(pair) => Some(pair.into()),
        Err(not_text) => {
            not_text.into_bytes().zeroize();
            None
        }
    }
}
