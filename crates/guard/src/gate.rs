//! The gate in front of an API: who is it, may it, and not too often.

use std::{
    future::{Ready, ready},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::{EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::{
        Method,
        header::{ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL, HeaderValue, ORIGIN},
    },
};
use paneld_auth::{
    Api, AuthError, Authenticator, NotChecked, Presented, Principal, SlowCheck, SlowVerdict,
};
use paneld_domain::{LimitGroup, Rate};
use paneld_fairness::{Held, Pool, Share};
use paneld_ratelimit::{BucketKey, Limiter, Limits, Verdict};

use crate::{
    ApiError, BodySender, TrustedProxies, VisitorAddress,
    credentials::{ACCEPTED_FORMS, GivenCredentials, note_client},
    limit_headers,
    network::Network,
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
    /// Clients that are looked up which nobody knows yet, by the peers that name them.
    lookups: Arc<Pool<Network>>,
}

/// How many clients may be looked up at once of which nothing is known yet. Of those that one
/// peer names they are at most half, however many ids it makes up.
const LOOKUPS: u64 = 128;

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
            lookups: Pool::new(LOOKUPS),
        })
    }

    /// The gate of an API: middleware for the scope or resource that serves it.
    pub fn gate(self: &Arc<Self>, api: Api) -> Gate {
        Gate {
            guard: Arc::clone(self),
            api,
        }
    }

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

    /// Who is at the other end, behind the proxies that are trusted.
    pub fn peer_address(&self, request: &HttpRequest) -> IpAddr {
        self.proxies.peer_address(request.head())
    }

    /// Authenticates a request, and takes a token for it: the decision order of
    /// `docs/contract/auth-and-limits.md` §2.1.
    async fn admit(&self, api: Api, request: &ServiceRequest) -> Result<Admission, ApiError> {
        let peer = self.proxies.peer_address(request.head());
        let given = GivenCredentials::of(request.headers());
        let presented = given.presented();
        note_client(presented);
        let admit_lookup = || self.admit_lookup(peer);
        let check_slowly = async |check| self.check_slowly(check, peer).await;
        let authenticated =
            self.authenticator
                .authenticate(api, presented, peer, admit_lookup, check_slowly);
        let error = match authenticated.await {
            Ok(principal) => return self.charge(api, principal, request.peer_addr()).await,
            Err(AuthError::MalformedClientId) if given.lack_id() => AuthError::MissingClientId,
            Err(error) => error,
        };
        // Browsers ask by themselves, without credentials: nobody guesses anything there.
        if is_preflight(request, presented) {
            return Err(told(api, error));
        }
        Err(self.refuse(api, error, peer).await)
    }

    async fn charge(
        &self,
        api: Api,
        principal: Principal,
        from: Option<SocketAddr>,
    ) -> Result<Admission, ApiError> {
        let group = api.limit_group();
        let client = principal.client();
        let rate = self.limits.client(group, client.rate_limits.as_ref());
        let verdict = match rate {
            Some(rate) => {
                let key = BucketKey::client(group, client.id);
                let taken = self.limiter.take(key, rate, 1).await;
                let verdict = taken.map_err(ApiError::unavailable)?;
                match (verdict, from) {
                    (Some(verdict), Some(from)) => Some(self.limiter.spread(key, verdict, from)),
                    (verdict, _) => verdict,
                }
            }
            None => None,
        };
        Ok(Admission {
            principal,
            group,
            verdict,
        })
    }

    /// Lets a client be looked up that this peer names, as long as what is returned is held.
    pub(crate) fn admit_lookup(&self, peer: IpAddr) -> Result<Held<Network>, NotChecked> {
        let shares = vec![
            Share::new(Network::neighbourhood(peer), 1),
            Share::nested(Network::of(peer), 4),
        ];
        let mut held = self.lookups.hold(shares);
        if held.take(1) {
            Ok(held)
        } else {
            Err(NotChecked::Crowded)
        }
    }

    /// Checks a secret that takes long to check. Failures are charged to the caller's address as
    /// far as it calls for this client: nobody can guess on there, and what else fails at the
    /// same address keeps nobody from its first use of a secret.
    pub(crate) async fn check_slowly(
        &self,
        check: SlowCheck,
        peer: IpAddr,
    ) -> Result<SlowVerdict, NotChecked> {
        let key = BucketKey::visitor(LimitGroup::AuthFailures, check.client_id(), peer);
        let bucket = self.limits.auth_failures.map(|rate| (key, rate));
        let admit = async || self.demand_failures_left(bucket).await;
        let verdict = self.slow_lane.run(check, peer, admit).await?;
        if let Some((key, rate)) = bucket.filter(|_| !verdict.is_right()) {
            let taken = self.limiter.take(key, rate, 1).await;
            taken.map_err(|error| NotChecked::Unavailable(Box::new(error)))?;
        }
        Ok(verdict)
    }

    async fn demand_failures_left(
        &self,
        bucket: Option<(BucketKey, Rate)>,
    ) -> Result<(), NotChecked> {
        let Some(bucket) = bucket else {
            return Ok(());
        };
        let seen = self.limiter.peek(&[bucket]).await;
        let seen = seen.map_err(|error| NotChecked::Unavailable(Box::new(error)))?;
        match seen.first().and_then(Verdict::token_in) {
            Some(retry_in) => Err(NotChecked::TooManyFailures { retry_in }),
            None => Ok(()),
        }
    }

    /// Turns a caller away. Failures are charged to the peer address; when its bucket is empty
    /// the answer is 429.
    async fn refuse(&self, api: Api, error: AuthError, peer: IpAddr) -> ApiError {
        let is_failure = !matches!(error, AuthError::Unavailable(_) | AuthError::NotChecked(_));
        if is_failure {
            metrics::counter!("paneld_auth_failures_total").increment(1);
            tracing::debug!(peer.address = %peer, reason = %error, "turned a caller away");
        }
        let refusal = told(api, error);
        let Some(rate) = self.limits.auth_failures.filter(|_| is_failure) else {
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

/// Whether a browser asks whether its page may call.
fn is_preflight(request: &ServiceRequest, presented: Presented<'_>) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        && presented.client_id.is_none()
        && presented.secret.is_none()
}

fn has_body(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
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

/// What a caller is told that is turned away: 401, or 503 when its credentials could not be
/// checked, for then they are not known to be wrong.
fn told(api: Api, error: AuthError) -> ApiError {
    let (code, message) = match error {
        AuthError::MissingClientId => return no_id(api, "missing_credentials"),
        AuthError::MalformedClientId => return no_id(api, "malformed_client_id"),
        // Only Track tells of origins.
        AuthError::InvalidCredentials { .. } | AuthError::OriginNotAllowed { .. } => {
            ("invalid_credentials", "Invalid client credentials")
        }
        AuthError::Disabled => ("client_disabled", "Client is disabled"),
        AuthError::Expired => ("client_expired", "Client has expired"),
        AuthError::AddressNotAllowed => (
            "address_not_allowed",
            "Address is not allowed for this client",
        ),
        AuthError::InsufficientPermissions => ("insufficient_permissions", insufficient(api)),
        AuthError::NotChecked(NotChecked::TooManyFailures { retry_in }) => {
            return too_many_failures(retry_in);
        }
        AuthError::NotChecked(NotChecked::Crowded) => return ApiError::crowded(),
        AuthError::Unavailable(_) | AuthError::NotChecked(NotChecked::Unavailable(_)) => {
            return ApiError::unavailable(error);
        }
    };
    ApiError::unauthorized(code, message)
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
                    if has_body(request.method()) {
                        let sender = BodySender::client(&principal);
                        request.extensions_mut().insert(sender);
                    }
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

#[cfg(test)]
mod tests {
    use std::iter;

    use paneld_auth::{CredentialStore, LookupFuture, SecretHash};
    use paneld_domain::{ClientId, Clock};

    use super::*;

    #[derive(Debug)]
    struct Nobody;

    impl CredentialStore for Nobody {
        fn find_credentials(&self, _: ClientId) -> LookupFuture<'_> {
            Box::pin(ready(Ok(None)))
        }

        fn replace_hash(
            &self,
            _: ClientId,
            _: SecretHash,
            _: SecretHash,
        ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
            Box::pin(ready(()))
        }
    }

    #[test]
    fn a_peer_that_makes_up_ids_leaves_look_ups_to_others() {
        let clock = Clock::system();
        let guard = Guard::new(
            Arc::new(Authenticator::new(Arc::new(Nobody), clock.clone())),
            Arc::new(Limiter::new(clock)),
            Limits::default(),
            TrustedProxies::loopback(),
            VisitorAddress::Any,
        );
        let look_up_all = |peer: [u8; 4]| {
            let admit = || guard.admit_lookup(IpAddr::from(peer)).ok();
            iter::from_fn(admit).collect::<Vec<_>>()
        };
        let flood = look_up_all([203, 0, 113, 66]);
        assert!((32..=64).contains(&flood.len()), "{}", flood.len());
        assert!(look_up_all([203, 0, 113, 7]).len() > 1, "a neighbour");
        assert!(look_up_all([198, 51, 100, 7]).len() > 16, "another one");
        drop(flood);
        assert!(look_up_all([203, 0, 113, 66]).len() >= 32);
    }
}
