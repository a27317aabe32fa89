//! People who signed in: what their browser sends in the place of credentials, and what it does
//! not count for (`docs/decisions/0033-sessions.md`).

use std::time::Duration;

use actix_web::{
    HttpRequest,
    http::header::{COOKIE, HeaderName, HeaderValue, REFERER},
};
use paneld_auth::{
    Api, AuthError, Presented, Principal, Session, Share, SignedIn, SlowVerdict, Token,
};
use paneld_domain::{ClientType, LimitGroup, Timestamp, limit_group};
use paneld_ratelimit::{BucketKey, Verdict};

use crate::{
    ApiError, Guard,
    credentials::{GivenCredentials, note_client},
    limit_headers,
    method::is_write,
    refusals::rate_limited,
};

/// What a form cannot send, nor a page of another origin unless it is let.
static CONSOLE: HeaderName = HeaderName::from_static("x-paneld-console");
static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// Browsers take a cookie of this name from encrypted pages of this very host alone.
const SECURE_COOKIE: &str = "__Host-paneld";
const COOKIE_NAME: &str = "paneld";
/// What signing in costs of the bucket of the console: it is written down.
const SIGN_IN_COST: u32 = 10;

/// Somebody with a session, and what is left of its rate.
#[derive(Debug)]
pub struct AdmittedSession {
    /// The client that signed in.
    pub principal: Principal,
    /// When the session ends, if that is known.
    pub expires_at: Option<Timestamp>,
    /// What the session is found by.
    pub token: Token,
    pub(crate) group: LimitGroup,
    pub(crate) verdict: Option<Verdict>,
}

impl AdmittedSession {
    /// Writes what is left of the rate to a reply.
    pub fn tell(&self, response: &mut actix_web::HttpResponse) {
        if let Some(verdict) = &self.verdict {
            limit_headers::write(self.group, verdict, response.headers_mut());
        }
    }
}

impl Guard {
    /// Demands that a request was sent by a script of the console's own page.
    ///
    /// # Errors
    /// 403 when it was not.
    pub fn demand_console(&self, request: &HttpRequest) -> Result<(), ApiError> {
        self.demand_own_origin(request)?;
        if request.headers().contains_key(&CONSOLE) {
            return Ok(());
        }
        let refusal = ApiError::forbidden("The header x-paneld-console: 1 is missing");
        Err(refusal.with_code("missing_console_header"))
    }

    /// Lets somebody sign in with a client's id and secret.
    ///
    /// # Errors
    /// 401 when they may not, 429 when it is too often, and 503 when it could not be found out.
    pub async fn sign_in(
        &self,
        request: &HttpRequest,
        presented: Presented<'_>,
    ) -> Result<SignedIn, ApiError> {
        note_client(presented);
        let peer = self.peer_address(request);
        let admit_lookup = || self.admit_lookup(peer);
        let check_slowly = async |check| self.check_slowly(check, peer).await;
        let signed_in = self
            .authenticator
            .sign_in(presented, peer, admit_lookup, check_slowly);
        self.charge_sign_in(request, signed_in.await).await
    }

    /// Lets somebody sign in with what was kept of an earlier proof; `None` stands for one that
    /// nothing was kept of.
    ///
    /// # Errors
    /// As of [`sign_in`](Self::sign_in).
    pub async fn sign_in_again(
        &self,
        request: &HttpRequest,
        proof: Option<Session>,
    ) -> Result<SignedIn, ApiError> {
        let peer = self.peer_address(request);
        let signed_in = match proof {
            Some(proof) => {
                let admit_lookup = || self.admit_lookup(peer);
                let authenticator = &self.authenticator;
                authenticator.sign_in_again(proof, peer, admit_lookup).await
            }
            None => Err(AuthError::SessionEnded {
                reason: "there is no such token",
            }),
        };
        self.charge_sign_in(request, signed_in).await
    }

    async fn charge_sign_in(
        &self,
        request: &HttpRequest,
        signed_in: Result<SignedIn, AuthError>,
    ) -> Result<SignedIn, ApiError> {
        let signed_in = match signed_in {
            Ok(signed_in) => signed_in,
            Err(error) => {
                let peer = self.peer_address(request);
                return Err(self.refuse(&Api::CONSOLE, error, peer, false).await);
            }
        };
        let rate = self.rates.group(limit_group::CONSOLE);
        let cost = rate.map_or(0, |rate| SIGN_IN_COST.min(rate.limit()));
        let key = bucket(signed_in.principal());
        let verdict = self.take(key, rate, cost).await?;
        match verdict.and_then(|verdict| verdict.retry_in) {
            Some(wait) => Err(rate_limited(limit_group::CONSOLE, wait)),
            None => Ok(signed_in),
        }
    }

    /// Lets somebody in who comes with a share link, and perhaps a password; `None` stands for a
    /// link that there is not.
    ///
    /// # Errors
    /// 401 when the link shows nothing, or without the right password; 429 when it is too often;
    /// and 503 when that could not be found out.
    pub async fn open_share(
        &self,
        request: &HttpRequest,
        share: Option<Share>,
        password: Option<&str>,
    ) -> Result<Principal, ApiError> {
        let peer = self.peer_address(request);
        let api = &Api::CONSOLE;
        let opened = match &share {
            Some(share) => self.authenticator.open_share(share, peer),
            None => Err(AuthError::SessionEnded {
                reason: "there is no such link",
            }),
        };
        let (principal, share) = match (opened, share) {
            (Ok(principal), Some(share)) => (principal, share),
            (Err(error), _) => return Err(self.refuse(api, error, peer, false).await),
            (Ok(_), None) => return Err(ApiError::internal("a link that is not there opened")),
        };
        let rate = self.rates.group(limit_group::SHARE);
        let taken = self.take(bucket(&principal), rate, 1).await?;
        if let Some(wait) = taken.and_then(|verdict| verdict.retry_in) {
            return Err(rate_limited(limit_group::SHARE, wait));
        }
        let now = self.authenticator.now();
        let Some(check) = share.check_password(password.unwrap_or_default(), now) else {
            return Ok(principal);
        };
        if password.is_none() {
            let message = "This link needs a password";
            return Err(ApiError::unauthorized("password_required", message));
        }
        let checked = self.check_slowly(check, peer).await;
        let is_right = checked.as_ref().is_ok_and(SlowVerdict::is_right);
        let wrong = || AuthError::InvalidCredentials {
            reason: "the password of a share link is wrong",
        };
        match checked {
            Ok(_) if is_right => Ok(principal),
            Ok(_) => Err(self.refuse(api, wrong(), peer, false).await),
            Err(error) => Err(self.refuse(api, error.into(), peer, false).await),
        }
    }

    /// Lets a stranger's token be looked up, as long as what is returned is held.
    ///
    /// # Errors
    /// 503 when too many wait to be looked up.
    pub fn admit_stranger(&self, request: &HttpRequest) -> Result<impl Sized + use<>, ApiError> {
        let admitted = self.admit_lookup(self.peer_address(request));
        admitted.map_err(|_crowded| ApiError::crowded())
    }

    /// Lets somebody in whose browser sends the cookie of a session, and charges them.
    ///
    /// # Errors
    /// 401 when there is none that counts, 403 when a page of another origin had it sent, 429 when
    /// it is too often, and 503 when it could not be found out.
    pub async fn admit_session(&self, request: &HttpRequest) -> Result<AdmittedSession, ApiError> {
        let admitted = match self.session_token(request) {
            Some(token) => self.admit_token(&Api::CONSOLE, token, request).await?,
            None => {
                let refusal = ApiError::unauthorized("no_session", "You are not signed in");
                return Err(refusal);
            }
        };
        match admitted.verdict.and_then(|verdict| verdict.retry_in) {
            Some(wait) => Err(rate_limited(admitted.group, wait)),
            None => Ok(admitted),
        }
    }

    /// The token of a session that a request carries in the place of credentials, whatever it is
    /// worth.
    pub fn session_token(&self, request: &HttpRequest) -> Option<Token> {
        if !self.has_sessions || GivenCredentials::are_in(request.headers(), &self.headers) {
            return None;
        }
        self.cookie(request)?.parse().ok()
    }

    /// Lets a session in that may call an API, and takes a token for it: the bucket may be empty.
    pub(crate) async fn admit_token(
        &self,
        api: &Api,
        token: Token,
        request: &HttpRequest,
    ) -> Result<AdmittedSession, ApiError> {
        self.demand_own_origin(request)?;
        if is_write(request.method()) {
            self.demand_console(request)?;
        }
        let peer = self.peer_address(request);
        let admit_lookup = || self.admit_lookup(peer);
        let authenticated =
            self.authenticator
                .authenticate_session(api, token.hash(), peer, admit_lookup);
        let (principal, expires_at) = match authenticated.await {
            Ok(found) => found,
            Err(error) => return Err(self.refuse(api, error, peer, false).await),
        };
        let key = bucket(&principal);
        let group = key.group();
        let verdict = self.take(key, self.rates.group(group), 1).await?;
        Ok(AdmittedSession {
            principal,
            expires_at,
            token,
            group,
            verdict,
        })
    }

    /// The value of the cookie. On an encrypted connection only the name counts that nobody else
    /// can set: neither the next host, nor somebody on the way of a page that is not encrypted.
    fn cookie<'a>(&self, request: &'a HttpRequest) -> Option<&'a str> {
        let named = |wanted: &str| {
            let headers = request.headers().get_all(COOKIE);
            let pairs = headers.filter_map(|value| value.to_str().ok());
            let mut pairs = pairs.flat_map(|value| value.split(';'));
            pairs.find_map(|pair| {
                let (name, value) = pair.trim().split_once('=')?;
                (name == wanted).then_some(value)
            })
        };
        match named(SECURE_COOKIE) {
            None if !self.is_secure(request) => named(COOKIE_NAME),
            found => found,
        }
    }

    /// The cookie of a session that has begun.
    ///
    /// # Errors
    /// When it cannot be sent, which never happens.
    pub fn session_cookie(
        &self,
        request: &HttpRequest,
        token: &Token,
        time: Duration,
    ) -> Result<HeaderValue, ApiError> {
        self.cookie_of(request, token.expose(), time)
    }

    /// The cookie that takes the place of one whose session has ended.
    ///
    /// # Errors
    /// When it cannot be sent, which never happens.
    pub fn ended_cookie(&self, request: &HttpRequest) -> Result<HeaderValue, ApiError> {
        self.cookie_of(request, "", Duration::ZERO)
    }

    fn cookie_of(
        &self,
        request: &HttpRequest,
        value: &str,
        time: Duration,
    ) -> Result<HeaderValue, ApiError> {
        let (name, secure) = if self.is_secure(request) {
            (SECURE_COOKIE, "; Secure")
        } else {
            (COOKIE_NAME, "")
        };
        let seconds = time.as_secs();
        let cookie =
            format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
        HeaderValue::from_str(&cookie).map_err(ApiError::internal)
    }

    /// Whether a script of the console sends a request, or of any page: whoever is told then how
    /// to authenticate opens a dialog that nobody asked for.
    pub(crate) fn is_of_script(&self, request: &HttpRequest) -> bool {
        if !self.has_sessions {
            return false;
        }
        let headers = request.headers();
        let told = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        headers.contains_key(&CONSOLE)
            || told(&SEC_FETCH_MODE).is_some_and(|mode| mode != "navigate")
            || told(&REFERER).is_some_and(|page| page.contains("/console/"))
            || self.cookie(request).is_some()
    }
}

/// What people do in the console has a bucket of its own: looking at charts takes nothing from
/// the programs of the same client. Of those who have a link none takes anything from the others.
fn bucket(principal: &Principal) -> BucketKey {
    let client = principal.client();
    match client.client_type {
        ClientType::Share => {
            BucketKey::address_with(limit_group::SHARE, client.id, principal.peer())
        }
        ClientType::Read | ClientType::Write | ClientType::Root => {
            BucketKey::id(limit_group::CONSOLE, client.id)
        }
    }
}
