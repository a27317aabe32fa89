//! People who signed in: what their browser sends in the place of credentials, and what it does
//! not count for (`docs/decisions/0033-sessions.md`).

use std::time::Duration;

use actix_web::{
    HttpRequest,
    dev::ServiceRequest,
    http::header::{COOKIE, HeaderName, HeaderValue, REFERER, SET_COOKIE},
};
use paneld_auth::{Api, AuthError, Presented, Principal, Session, Share, SignedIn, Token};
use paneld_domain::{ClientType, LimitGroup, Problem, Rate, Timestamp, limit_group};
use paneld_ratelimit::{BucketKey, Verdict};

use crate::{
    ApiError, Guard,
    credentials::{GivenCredentials, note_client},
    guard::Admission,
    limit_headers,
    method::is_write,
    refusals::demand_token,
};

/// What a form cannot send, nor a page of another origin unless it is let.
static CONSOLE: HeaderName = HeaderName::from_static("x-paneld-console");
static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// What signing in costs of the bucket of the console: it is written down.
const SIGN_IN_COST: u32 = 10;

/// The pages that have sessions. Each has a cookie of its own: who opens a share link stays signed
/// in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionPage {
    Console,
    Share,
}

impl SessionPage {
    /// The page that says that it sends a request.
    fn telling(request: &HttpRequest) -> Option<Self> {
        match request.headers().get(&CONSOLE)?.as_bytes() {
            b"1" => Some(Self::Console),
            b"share" => Some(Self::Share),
            _ => None,
        }
    }

    /// The page that sends a request: the console, where none says so.
    fn of(request: &HttpRequest) -> Self {
        Self::telling(request).unwrap_or(Self::Console)
    }

    fn cookie(self) -> &'static str {
        match self {
            Self::Console => "paneld",
            Self::Share => "paneld-share",
        }
    }
}

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
    fn demand_console(&self, request: &HttpRequest) -> Result<(), ApiError> {
        self.demand_own_origin(request)?;
        if SessionPage::telling(request).is_some() {
            return Ok(());
        }
        let refusal = ApiError::forbidden("The header x-paneld-console: 1 is missing");
        Err(refusal.with_code("missing_console_header"))
    }

    /// Demands that the console's own page asks for a session, and that it would count.
    ///
    /// # Errors
    /// 403 when another page asks; 400 when the request carries credentials beside which no session
    /// counts: whoever signs in would be asked to do so again, for ever.
    pub fn demand_sign_in(&self, request: &HttpRequest) -> Result<(), ApiError> {
        self.demand_console(request)?;
        if !GivenCredentials::are_in(request.headers(), &self.headers) {
            return Ok(());
        }
        let problem = Problem::at(
            ["authorization".into()],
            "must not be there, and no other credentials: no session counts beside them. A proxy \
             that asks for a password must not pass it on",
        );
        Err(ApiError::invalid_headers(vec![problem]))
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

    /// Lets somebody sign in with what was kept of an earlier proof.
    ///
    /// # Errors
    /// As of [`sign_in`](Self::sign_in).
    pub async fn sign_in_again(
        &self,
        request: &HttpRequest,
        proof: Session,
    ) -> Result<SignedIn, ApiError> {
        let peer = self.peer_address(request);
        let admit_lookup = || self.admit_lookup(peer);
        let signed_in = self
            .authenticator
            .sign_in_again(proof, peer, admit_lookup)
            .await;
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
        demand_token(limit_group::CONSOLE, verdict)?;
        Ok(signed_in)
    }

    /// Turns somebody away whose token stands for nothing: a session, or a link, that there is
    /// not, or not any more.
    pub async fn refuse_token(&self, request: &HttpRequest) -> ApiError {
        let peer = self.peer_address(request);
        self.refuse(&Api::CONSOLE, AuthError::NoSuchSession, peer, false)
            .await
    }

    /// Lets somebody in who comes with a share link, and perhaps a password.
    ///
    /// # Errors
    /// 401 when the link shows nothing, or without the right password; 429 when it is too often;
    /// and 503 when that could not be found out.
    pub async fn open_share(
        &self,
        request: &HttpRequest,
        share: Share,
        password: Option<&str>,
    ) -> Result<Principal, ApiError> {
        let peer = self.peer_address(request);
        let api = &Api::CONSOLE;
        let has_password = share.password.is_some();
        let admit_lookup = || self.admit_lookup(peer);
        let opened = self.authenticator.open_share(share, peer, admit_lookup);
        let principal = match opened.await {
            Ok(principal) => principal,
            Err(error) => return Err(self.refuse(api, error, peer, false).await),
        };
        let rate = self.rates.group(limit_group::SHARE);
        let taken = self.take(bucket(&principal), rate, 1).await?;
        demand_token(limit_group::SHARE, taken)?;
        let password = match password {
            _ if !has_password => return Ok(principal),
            Some(password) => password,
            None => {
                let message = "This link needs a password";
                return Err(ApiError::unauthorized("password_required", message));
            }
        };
        let check = principal.check_password(password, self.authenticator.now());
        let error = match self.check_slowly(check, peer).await {
            Ok(verdict) if verdict.is_right() => return Ok(principal),
            Ok(_) => AuthError::InvalidCredentials {
                reason: "the password of a share link is wrong",
            },
            Err(not_checked) => not_checked.into(),
        };
        Err(self.refuse(api, error, peer, false).await)
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
        demand_token(admitted.group, admitted.verdict)?;
        Ok(admitted)
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
            Err(error) => {
                let is_over = matches!(
                    error,
                    AuthError::NoSuchSession | AuthError::SessionEnded { .. }
                );
                let refusal = self.refuse(api, error, peer, false).await;
                return Err(match is_over {
                    // The browser need not send it again.
                    true => refusal.with_header(SET_COOKIE, self.ended_cookie(request)?),
                    false => refusal,
                });
            }
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

    /// Lets a session in to an API. It is charged as one, and to its client too where that has a
    /// rate of its own, or the request is worth whole exports: nobody gets around either by
    /// signing in.
    pub(crate) async fn admit_session_to(
        &self,
        api: &Api,
        rate: Option<Rate>,
        token: Token,
        request: &ServiceRequest,
    ) -> Result<Admission, ApiError> {
        let session = self.admit_token(api, token, request.request()).await?;
        let mut admission = Admission {
            principal: session.principal,
            group: session.group,
            verdict: session.verdict,
            session: Some(session.token),
        };
        if admission.is_over_rate() {
            return Ok(admission);
        }
        let client = admission.principal.client();
        let group = api.limit_group();
        let is_bulk = [limit_group::EXPORT, limit_group::TRACK].contains(&group);
        let own = client.rate_limits.and_then(|own| own.get(group));
        let rate = own.or(rate.filter(|_| is_bulk));
        let from = request.peer_addr();
        let verdict = self.take_of_client(client, group, rate, from).await?;
        if verdict.is_some_and(|verdict| !verdict.is_allowed()) {
            (admission.group, admission.verdict) = (group, verdict);
        }
        Ok(admission)
    }

    /// The value of the cookie. On an encrypted connection only the name counts that nobody else
    /// can set: neither the next host, nor somebody on the way of a page that is not encrypted.
    fn cookie<'a>(&self, request: &'a HttpRequest) -> Option<&'a str> {
        match cookie_named(request, &self.cookie_name(request, true)) {
            None if !self.is_secure(request) => {
                cookie_named(request, &self.cookie_name(request, false))
            }
            found => found,
        }
    }

    /// Whether the request carries a cookie that is only sent over encrypted connections.
    pub(crate) fn has_secure_cookie(&self, request: &HttpRequest) -> bool {
        cookie_named(request, &self.cookie_name(request, true)).is_some()
    }

    /// The name of a page's cookie. Browsers take `__Host-` from encrypted pages of this very host
    /// alone. Cookies know no ports, but next to this server there may be another one.
    fn cookie_name(&self, request: &HttpRequest, is_secure: bool) -> String {
        let host = self.hosts(request).into_iter().next().unwrap_or_default();
        let port = host.rsplit_once(':').map(|(_, port)| port);
        let port = port.filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
        let (prefix, page) = (
            if is_secure { "__Host-" } else { "" },
            SessionPage::of(request).cookie(),
        );
        match port {
            Some(port) => format!("{prefix}{page}-{port}"),
            None => format!("{prefix}{page}"),
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
        let is_secure = self.is_secure(request);
        let name = self.cookie_name(request, is_secure);
        let secure = if is_secure { "; Secure" } else { "" };
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
        // Programs send the mode, too, but of no site.
        let is_fetch = || told(&SEC_FETCH_MODE).is_some_and(|mode| mode != "navigate");
        headers.contains_key(&CONSOLE)
            || headers.contains_key(&SEC_FETCH_SITE) && is_fetch()
            || told(&REFERER).is_some_and(|page| page.contains("/console/"))
            || self.cookie(request).is_some()
    }
}

fn cookie_named<'a>(request: &'a HttpRequest, wanted: &str) -> Option<&'a str> {
    let headers = request.headers().get_all(COOKIE);
    let pairs = headers.filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|value| value.split(';'));
    pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == wanted).then_some(value)
    })
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
