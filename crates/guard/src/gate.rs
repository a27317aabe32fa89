//! The gate in front of an API: who is it, may it, and not too often.

use std::{
    future::{Ready, ready},
    net::IpAddr,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::{EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::header::{CACHE_CONTROL, HeaderValue},
};
use paneld_auth::{Api, AuthError, Authenticator, NotChecked, Principal};
use paneld_domain::LimitGroup;
use paneld_ratelimit::{BucketKey, Limiter, Limits, Verdict};

use crate::{
    ApiError, TrustedProxies, VisitorAddress,
    credentials::{ACCEPTED_FORMS, GivenCredentials},
    limit_headers,
    slow_lane::SlowLane,
    visitors::Visitors,
};

/// What the gates of a server share.
#[derive(Debug)]
pub struct Guard {
    authenticator: Arc<Authenticator>,
    limiter: Arc<Limiter>,
    limits: Limits,
    proxies: TrustedProxies,
    visitors: Visitors,
    slow_lane: SlowLane,
}

impl Guard {
    /// A guard that knows these clients, limits and proxies, and believes these callers where
    /// their visitors are.
    pub fn new(
        authenticator: Arc<Authenticator>,
        limiter: Arc<Limiter>,
        limits: Limits,
        proxies: TrustedProxies,
        visitor_address: VisitorAddress,
    ) -> Arc<Self> {
        Arc::new(Self {
            authenticator,
            limiter,
            limits,
            proxies,
            visitors: Visitors::new(visitor_address),
            slow_lane: SlowLane::new(),
        })
    }

    /// The gate of an API: middleware for the scope or resource that serves it.
    pub fn gate(self: &Arc<Self>, api: Api) -> Gate {
        Gate {
            guard: Arc::clone(self),
            api,
        }
    }

    /// Authenticates a request, and takes a token for it: the decision order of
    /// `contract/auth-and-limits.md` §2.1.
    pub(crate) fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    pub(crate) fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn proxies(&self) -> &TrustedProxies {
        &self.proxies
    }

    pub(crate) fn visitors(&self) -> &Visitors {
        &self.visitors
    }

    pub(crate) fn slow_lane(&self) -> &SlowLane {
        &self.slow_lane
    }

    /// Who is at the other end, behind the proxies that are trusted.
    pub fn peer_address(&self, request: &HttpRequest) -> IpAddr {
        self.proxies.peer_address(request.head())
    }

    async fn admit(&self, api: Api, request: &ServiceRequest) -> Result<Admission, ApiError> {
        let peer = self.proxies.peer_address(request.head());
        let given = GivenCredentials::of(request.headers());
        let presented = given.presented();
        let check_slowly = async |check| {
            let admit = async || self.demand_failures_left(peer).await;
            self.slow_lane.run(check, admit).await
        };
        let authenticated = self
            .authenticator
            .authenticate(api, presented, peer, check_slowly);
        match authenticated.await {
            Ok(principal) => self.charge(api, principal).await,
            Err(AuthError::MalformedClientId) if given.lack_id() => {
                Err(self.refuse(api, AuthError::MissingClientId, peer).await)
            }
            Err(error) => Err(self.refuse(api, error, peer).await),
        }
    }

    async fn charge(&self, api: Api, principal: Principal) -> Result<Admission, ApiError> {
        let group = api.limit_group();
        let client = principal.client();
        let rate = self.limits.client(group, client.rate_limits.as_ref());
        let verdict = match rate {
            Some(rate) => {
                let key = BucketKey::client(group, client.id);
                let taken = self.limiter.take(key, rate, 1).await;
                taken.map_err(ApiError::unavailable)?
            }
            None => None,
        };
        Ok(Admission {
            principal,
            group,
            verdict,
        })
    }

    /// Demands that a failure from this address could be charged: nobody can guess on.
    async fn demand_failures_left(&self, peer: IpAddr) -> Result<(), NotChecked> {
        let Some(rate) = self.limits.auth_failures else {
            return Ok(());
        };
        let key = BucketKey::address(LimitGroup::AuthFailures, peer);
        let seen = self.limiter.peek(&[(key, rate)]).await;
        let seen = seen.map_err(|error| NotChecked::Unavailable(Box::new(error)))?;
        match seen.first().and_then(Verdict::token_in) {
            Some(retry_in) => Err(NotChecked::TooManyFailures { retry_in }),
            None => Ok(()),
        }
    }

    /// Turns a caller away. Failures are charged to the peer address; when its bucket is empty
    /// the answer is 429.
    async fn refuse(&self, api: Api, error: AuthError, peer: IpAddr) -> ApiError {
        if let AuthError::NotChecked(NotChecked::TooManyFailures { retry_in }) = error {
            return too_many_failures(retry_in);
        }
        let Some(refusal) = unauthorized(api, &error) else {
            return ApiError::unavailable(error);
        };
        metrics::counter!("paneld_auth_failures_total").increment(1);
        tracing::debug!(peer.address = %peer, reason = %error, "turned a caller away");
        let Some(rate) = self.limits.auth_failures else {
            return refusal;
        };
        let key = BucketKey::address(LimitGroup::AuthFailures, peer);
        let verdict = match self.limiter.take(key, rate, 1).await {
            Ok(verdict) => verdict,
            Err(error) => return ApiError::unavailable(error),
        };
        match verdict.and_then(|verdict| verdict.retry_in) {
            Some(retry_in) => too_many_failures(retry_in),
            None => refusal,
        }
    }
}

fn too_many_failures(retry_in: Duration) -> ApiError {
    rate_limited(LimitGroup::AuthFailures, retry_in)
        .with_code("too_many_failed_logins")
        .with_detail(
            "authorization",
            "has failed too often from your address: wait for Retry-After, then send the right ones",
        )
}

/// What somebody is told whose rate is used up.
pub(crate) fn rate_limited(group: LimitGroup, retry_in: Duration) -> ApiError {
    count_limited(group);
    ApiError::rate_limited(limit_headers::retry_after(retry_in))
}

pub(crate) fn count_limited(group: LimitGroup) {
    metrics::counter!("paneld_rate_limited_total", "group" => group.as_str()).increment(1);
}

/// Who was let in, and what its bucket said.
struct Admission {
    principal: Principal,
    group: LimitGroup,
    verdict: Option<Verdict>,
}

/// The 401 for a caller that is turned away; `None` when its credentials could not be checked,
/// for then they are not known to be wrong.
fn unauthorized(api: Api, error: &AuthError) -> Option<ApiError> {
    let (code, message) = match error {
        AuthError::MissingClientId => return Some(no_id(api, "missing_credentials")),
        AuthError::MalformedClientId => return Some(no_id(api, "malformed_client_id")),
        AuthError::InvalidCredentials { .. } => {
            ("invalid_credentials", "Invalid client credentials")
        }
        AuthError::Disabled => ("client_disabled", "Client is disabled"),
        AuthError::Expired => ("client_expired", "Client has expired"),
        AuthError::AddressNotAllowed => (
            "address_not_allowed",
            "Address is not allowed for this client",
        ),
        AuthError::InsufficientPermissions => ("insufficient_permissions", insufficient(api)),
        // Only Track tells of origins.
        AuthError::OriginNotAllowed => ("invalid_credentials", "Invalid client credentials"),
        AuthError::Unavailable(_) | AuthError::NotChecked(_) => return None,
    };
    Some(ApiError::unauthorized(code, message))
}

fn no_id(api: Api, code: &'static str) -> ApiError {
    let message = format!("{}: Client ID must be a valid UUIDv4", label(api));
    ApiError::unauthorized(code, message).with_detail("openpanel-client-id", ACCEPTED_FORMS)
}

/// How messages call an API.
fn label(api: Api) -> &'static str {
    match api {
        Api::Insights => "Insights",
        Api::Export => "Export",
        Api::Track => "Ingestion",
        Api::Import => "Import",
        Api::Manage | Api::Identity => "Manage",
    }
}

fn insufficient(api: Api) -> &'static str {
    match api {
        Api::Insights => "Insights: Client is not allowed to read insights",
        Api::Export => "Export: Client is not allowed to export",
        Api::Track => "Ingestion: Client is not allowed to track",
        Api::Import => "Import: Client is not allowed to import",
        Api::Manage | Api::Identity => "Manage: Only root clients are allowed to manage resources",
    }
}

/// Middleware that lets only authenticated callers within their rate through. Handlers behind
/// it take a [`Caller`](crate::Caller).
#[derive(Debug, Clone)]
pub struct Gate {
    guard: Arc<Guard>,
    api: Api,
}

impl<S, B> Transform<S, ServiceRequest> for Gate
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type InitError = ();
    type Transform = GateService<S>;
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(GateService {
            service: Rc::new(service),
            gate: Rc::new(self.clone()),
        }))
    }
}

/// A [`Gate`] at work.
#[derive(Debug)]
pub struct GateService<S> {
    service: Rc<S>,
    gate: Rc<Gate>,
}

impl<S, B> Service<ServiceRequest> for GateService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let service = Rc::clone(&self.service);
        let gate = Rc::clone(&self.gate);
        Box::pin(async move {
            let Admission {
                principal,
                group,
                verdict,
            } = match gate.guard.admit(gate.api, &request).await {
                Ok(admission) => admission,
                Err(error) => return Ok(request.error_response(error).map_into_right_body()),
            };
            let mut response = match verdict.and_then(|verdict| verdict.retry_in) {
                Some(wait) => {
                    let error = rate_limited(group, wait);
                    request.error_response(error).map_into_right_body()
                }
                None => {
                    request.extensions_mut().insert(principal);
                    service.call(request).await?.map_into_left_body()
                }
            };
            let headers = response.headers_mut();
            // Credentials in headers of our own do not stop shared caches, as Authorization does.
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            if let Some(verdict) = verdict {
                limit_headers::write(group, &verdict, headers);
            }
            Ok(response)
        })
    }
}
