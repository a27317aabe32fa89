//! Credentials as requests carry them.

use actix_web::http::header::{self, HeaderMap, HeaderName};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use paneld_auth::Presented;
use paneld_domain::ClientId;
use zeroize::{Zeroize as _, Zeroizing};

/// Where SDKs put the id of a client, and its secret.
const CLIENT_ID: &str = "openpanel-client-id";
const CLIENT_SECRET: &str = "openpanel-client-secret";

/// The headers that credentials are in.
#[derive(Debug, Clone)]
pub(crate) struct CredentialHeaders {
    id: HeaderName,
    secret: HeaderName,
}

impl Default for CredentialHeaders {
    fn default() -> Self {
        Self {
            id: HeaderName::from_static(CLIENT_ID),
            secret: HeaderName::from_static(CLIENT_SECRET),
        }
    }
}

impl CredentialHeaders {
    pub(crate) fn new(id: HeaderName, secret: HeaderName) -> Self {
        Self { id, secret }
    }

    /// The name of the header that the id is in.
    pub(crate) fn id_name(&self) -> &str {
        self.id.as_str()
    }

    /// How credentials are given, for those who gave none.
    pub(crate) fn accepted_forms(&self) -> String {
        format!(
            "must be given without blanks, with {}; or both in one header, Authorization: Basic \
             base64(id:secret), or Authorization: Bearer base64(id:secret)",
            self.secret
        )
    }
}

/// The credentials of a request: those of the headers for them, else what `Authorization` holds.
pub(crate) struct GivenCredentials<'a> {
    headers: Option<Presented<'a>>,
    /// `id:secret`.
    authorization: Option<Zeroizing<String>>,
}

impl<'a> GivenCredentials<'a> {
    /// Reads them. One header for them is enough for both to win over `Authorization`.
    pub(crate) fn of(headers: &'a HeaderMap, names: &CredentialHeaders) -> Self {
        let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or(""));
        Self::found(headers, text(&names.id), text(&names.secret))
    }

    /// Whether a request has any, right or wrong.
    pub(crate) fn are_in(headers: &HeaderMap, names: &CredentialHeaders) -> bool {
        [&names.id, &names.secret, &header::AUTHORIZATION]
            .into_iter()
            .any(|name| headers.contains_key(name))
    }

    /// Whether they are what a browser sends again by itself, once somebody typed them into its
    /// dialog.
    pub(crate) fn are_ambient(headers: &HeaderMap, names: &CredentialHeaders) -> bool {
        let is_basic = |value: &header::HeaderValue| {
            let scheme = value.as_bytes().get(..6);
            scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic "))
        };
        !headers.contains_key(&names.id)
            && !headers.contains_key(&names.secret)
            && headers.get(header::AUTHORIZATION).is_some_and(is_basic)
    }

    fn found(headers: &'a HeaderMap, client_id: Option<&'a str>, secret: Option<&'a str>) -> Self {
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

#[cfg(feature = "tracking")]
impl<'a> GivenCredentials<'a> {
    /// Those of a caller of Track: each may be under the name that old SDKs use.
    pub(crate) fn of_tracker(headers: &'a HeaderMap) -> Self {
        static IDS: [HeaderName; 2] = [
            HeaderName::from_static(CLIENT_ID),
            HeaderName::from_static("mixan-client-id"),
        ];
        static SECRETS: [HeaderName; 2] = [
            HeaderName::from_static(CLIENT_SECRET),
            HeaderName::from_static("mixan-client-secret"),
        ];
        let text = |names: &[HeaderName; 2]| {
            let value = names.iter().find_map(|name| headers.get(name));
            value.map(|value| value.to_str().unwrap_or(""))
        };
        Self::found(headers, text(&IDS), text(&SECRETS))
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
