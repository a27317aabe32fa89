//! Making a guard.

use std::sync::Arc;

use actix_web::http::header::{HeaderName, HeaderValue};
use paneld_auth::{Authenticator, CredentialStore};
use paneld_domain::{Clock, LimitGroup, Limits, Rate, limit_group};
use paneld_fairness::Pool;
use paneld_ratelimit::Limiter;

use crate::{
    Guard, PublicUrl, TrustedProxies, credentials::CredentialHeaders, guard::LOOKUPS, rates::Rates,
    slow_lane::SlowLane,
};
#[cfg(feature = "tracking")]
use crate::{VisitorAddress, visitors::Visitors};

/// Makes a [`Guard`]. Only [`credentials`](Self::credentials) are needed; what else is not said
/// has usual values:
///
/// | What | Usual value |
/// | --- | --- |
/// | [`clock`](Self::clock) | the system's |
/// | [`limiter`](Self::limiter) | buckets in this process |
/// | [`limit`](Self::limit) | 100 requests in 10 seconds for each client and group; 30 failures in a minute for each address |
/// | [`trusted_proxies`](Self::trusted_proxies) | those on the same machine |
/// | [`credential_headers`](Self::credential_headers) | `openpanel-client-id` and `openpanel-client-secret` |
/// | [`realm`](Self::realm) | `paneld` |
/// | [`sessions`](Self::sessions) | no cookie counts |
/// | [`public_url`](Self::public_url) | whatever host callers ask for |
#[derive(Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct GuardBuilder {
    clients: Option<Clients>,
    clock: Clock,
    limiter: Option<Arc<Limiter>>,
    rates: Rates,
    proxies: TrustedProxies,
    headers: Option<(String, String)>,
    realm: String,
    has_sessions: bool,
    public_url: Option<PublicUrl>,
    #[cfg(feature = "tracking")]
    visitor_address: VisitorAddress,
}

/// Where clients are known.
enum Clients {
    Store(Arc<dyn CredentialStore>),
    Authenticator(Arc<Authenticator>),
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Store(_) => "Store",
            Self::Authenticator(_) => "Authenticator",
        })
    }
}

/// Why there is no guard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// Nothing says who the clients are.
    #[error(
        "a guard needs credentials: give its builder a store with `credentials(…)`, such as \
         `MemoryCredentials`, or an authenticator with `authenticator(…)`"
    )]
    NoCredentials,
    /// A header of credentials has a name that no header can have.
    #[error(
        "{0:?} is no name of a header: `credential_headers` needs two, such as `acme-client-id`"
    )]
    HeaderName(String),
    /// Both credentials would be in the same header.
    #[error("the id and the secret of a client need headers of their own, not both {0:?}")]
    SameHeader(String),
    /// The realm cannot be told to callers.
    #[error(
        "{0:?} is no realm: it must be visible ASCII and blanks, without quotes and backslashes"
    )]
    Realm(String),
}

impl Guard {
    /// A guard with the usual settings, which a store of credentials is still missing from.
    pub fn builder() -> GuardBuilder {
        GuardBuilder::default()
    }
}

impl Default for GuardBuilder {
    fn default() -> Self {
        Self {
            clients: None,
            clock: Clock::system(),
            limiter: None,
            rates: Rates::default(),
            proxies: TrustedProxies::loopback(),
            headers: None,
            realm: "paneld".to_owned(),
            has_sessions: false,
            public_url: None,
            #[cfg(feature = "tracking")]
            visitor_address: VisitorAddress::Any,
        }
    }
}

impl GuardBuilder {
    /// Where clients are looked up. The guard asks at most once in five seconds for each client.
    pub fn credentials(mut self, store: impl CredentialStore + 'static) -> Self {
        self.clients = Some(Clients::Store(Arc::new(store)));
        self
    }

    /// Who authenticates clients, where that is shared with others.
    pub fn authenticator(mut self, authenticator: Arc<Authenticator>) -> Self {
        self.clients = Some(Clients::Authenticator(authenticator));
        self
    }

    /// What time it is: for expiry, caches and limits.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Who counts requests, where that is shared with others.
    pub fn limiter(mut self, limiter: Arc<Limiter>) -> Self {
        self.limiter = Some(limiter);
        self
    }

    /// How often each client may call the APIs of a group; or with
    /// [`AUTH_FAILURES`](limit_group::AUTH_FAILURES) each address fail to authenticate.
    pub fn limit(mut self, group: LimitGroup, rate: Rate) -> Self {
        self.rates.set(group, Some(rate));
        self
    }

    /// Lets each client call the APIs of a group as often as it likes.
    pub fn unlimited(mut self, group: LimitGroup) -> Self {
        self.rates.set(group, None);
        self
    }

    /// The rates of all groups of `paneld` itself.
    pub fn limits(mut self, limits: &Limits) -> Self {
        for group in limit_group::ALL {
            self.rates.set(group, limits.group(group));
        }
        self
    }

    /// The proxies whose `X-Forwarded-For` and `Forwarded` are believed.
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// The headers in which callers send a client's id and its secret. `Authorization: Basic` and
    /// `Bearer` with `base64(id:secret)` are read in any case.
    pub fn credential_headers(mut self, id: &str, secret: &str) -> Self {
        self.headers = Some((id.to_owned(), secret.to_owned()));
        self
    }

    /// What browsers and `curl` call that for which they ask a name and a password.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = realm.into();
        self
    }

    /// Lets people in who signed in, by the cookie that their browser sends: the store of
    /// credentials has to know their sessions.
    pub fn sessions(mut self) -> Self {
        self.has_sessions = true;
        self
    }

    /// The address by which people reach the server, where that is another one than callers ask
    /// for: behind a proxy that changes the host, their own pages would be taken for foreign ones.
    pub fn public_url(mut self, url: PublicUrl) -> Self {
        self.public_url = Some(url);
        self
    }

    /// Whose word on a visitor's address counts.
    #[cfg(feature = "tracking")]
    pub fn visitor_address(mut self, believed: VisitorAddress) -> Self {
        self.visitor_address = believed;
        self
    }

    /// Makes the guard, which apps and gates share.
    ///
    /// # Errors
    /// When there are no credentials, or when the headers or the realm cannot be sent.
    pub fn build(self) -> Result<Arc<Guard>, GuardError> {
        let clock = self.clock;
        let authenticator = match self.clients.ok_or(GuardError::NoCredentials)? {
            Clients::Store(store) => Arc::new(Authenticator::new(store, clock.clone())),
            Clients::Authenticator(authenticator) => authenticator,
        };
        let headers = match self.headers {
            Some((id, secret)) => credential_headers(&id, &secret)?,
            None => CredentialHeaders::default(),
        };
        Ok(Arc::new(Guard {
            authenticator,
            limiter: self
                .limiter
                .unwrap_or_else(|| Arc::new(Limiter::new(clock))),
            rates: self.rates,
            proxies: self.proxies,
            headers,
            challenge: challenge(self.realm)?,
            has_sessions: self.has_sessions,
            public_url: self.public_url,
            #[cfg(feature = "tracking")]
            visitors: Visitors::new(self.visitor_address),
            slow_lane: SlowLane::new(),
            lookups: Pool::new(LOOKUPS),
        }))
    }
}

fn credential_headers(id: &str, secret: &str) -> Result<CredentialHeaders, GuardError> {
    let name = |text: &str| {
        let name = text.parse::<HeaderName>();
        name.map_err(|_not_a_name| GuardError::HeaderName(text.to_owned()))
    };
    let (id, secret) = (name(id)?, name(secret)?);
    if id == secret {
        return Err(GuardError::SameHeader(id.to_string()));
    }
    Ok(CredentialHeaders::new(id, secret))
}

fn challenge(realm: String) -> Result<HeaderValue, GuardError> {
    let is_plain = |b: u8| (b == b' ' || b.is_ascii_graphic()) && !matches!(b, b'"' | b'\\');
    let value = HeaderValue::from_str(&format!("Basic realm=\"{realm}\""));
    match value {
        Ok(value) if realm.bytes().all(is_plain) => Ok(value),
        _ => Err(GuardError::Realm(realm)),
    }
}

#[cfg(test)]
mod tests {
    use paneld_auth::MemoryCredentials;

    use super::*;

    #[test]
    fn what_is_missing_or_wrong_is_told() {
        let told = |builder: GuardBuilder| builder.build().unwrap_err().to_string();
        let missing = told(Guard::builder());
        assert!(missing.contains("`credentials(…)`"), "{missing}");
        let builder = || Guard::builder().credentials(MemoryCredentials::default());
        builder().build().unwrap();
        let wrong = told(builder().credential_headers("acme client", "acme-secret"));
        assert!(wrong.starts_with("\"acme client\" is no name"), "{wrong}");
        let same = told(builder().credential_headers("Acme-Key", "acme-key"));
        assert!(same.contains("not both \"acme-key\""), "{same}");
        for realm in ["a\"b", "a\\b", "a\nb", "é"] {
            let wrong = told(builder().realm(realm));
            assert!(wrong.contains("is no realm"), "{wrong}");
        }
    }
}
