//! What the gates of a server share: who is let in, and how often.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use actix_web::{
    HttpRequest,
    dev::ServiceRequest,
    http::{
        Method,
        header::{ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, ORIGIN},
    },
};
use paneld_auth::{
    Api, AuthError, Authenticator, NotChecked, Presented, Principal, SlowCheck, SlowVerdict, Token,
};
use paneld_domain::{Client, LimitGroup, Rate, limit_group};
use paneld_fairness::{Held, Pool, Share};
use paneld_ratelimit::{BucketKey, Limiter, Verdict};

#[cfg(feature = "tracking")]
use crate::visitors::Visitors;
use crate::{
    ApiError, PublicUrl, TrustedProxies,
    credentials::{CredentialHeaders, GivenCredentials, note_client},
    limit_by::take_token,
    method::is_write,
    network::Network,
    rates::Rates,
    refusals::{demand_token, told, too_many_failures},
    slow_lane::SlowLane,
};

/// What the gates of a server share: its clients, limits and proxies. [`Guard::builder`] makes one.
#[derive(Debug)]
pub struct Guard {
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) rates: Rates,
    pub(crate) proxies: TrustedProxies,
    pub(crate) headers: CredentialHeaders,
    /// The value of `WWW-Authenticate`.
    pub(crate) challenge: HeaderValue,
    /// Whether the cookies of people who signed in count.
    pub(crate) has_sessions: bool,
    pub(crate) public_url: Option<PublicUrl>,
    #[cfg(feature = "tracking")]
    pub(crate) visitors: Visitors,
    pub(crate) slow_lane: SlowLane,
    /// Clients that are looked up which nobody knows yet, by the peers that name them.
    pub(crate) lookups: Arc<Pool<Network>>,
}

/// How many clients may be looked up at once of which nothing is known yet. Of those that one
/// peer names they are at most half, however many ids it makes up.
pub(crate) const LOOKUPS: u64 = 128;

/// Who was let in, and what its bucket said.
pub(crate) struct Admission {
    pub(crate) principal: Principal,
    /// Whose buckets the request was charged to.
    pub(crate) group: LimitGroup,
    pub(crate) verdict: Option<Verdict>,
    /// What a session is found by, where that is how the caller proved itself.
    pub(crate) session: Option<Token>,
}

impl Admission {
    /// Whether the bucket had no token left.
    pub(crate) fn is_over_rate(&self) -> bool {
        self.verdict.is_some_and(|verdict| !verdict.is_allowed())
    }
}

impl Guard {
    /// Who authenticates clients; to be told of clients that were changed.
    pub fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// Who is at the other end, behind the proxies that are trusted.
    pub fn peer_address(&self, request: &HttpRequest) -> IpAddr {
        self.proxies.peer_address(request.head())
    }

    /// Charges a caller that was let in for more than one request.
    ///
    /// # Errors
    /// 429 when it is not within its rate, and 503 when the limiter cannot be asked.
    pub async fn charge_more(
        &self,
        api: &Api,
        principal: &Principal,
        cost: u32,
    ) -> Result<(), ApiError> {
        let client = principal.client();
        let group = api.limit_group();
        let rate = self.rates.client(group, client.rate_limits.as_ref());
        let taken = self.take(BucketKey::id(group, client.id), rate, cost);
        demand_token(group, taken.await?)
    }

    /// Takes tokens from a bucket; `None` where it has no rate, or nothing is to be taken.
    pub(crate) async fn take(
        &self,
        key: BucketKey,
        rate: Option<Rate>,
        cost: u32,
    ) -> Result<Option<Verdict>, ApiError> {
        let Some(rate) = rate.filter(|_| cost > 0) else {
            return Ok(None);
        };
        let taken = self.limiter.check(key, rate, cost).await;
        taken.map_err(ApiError::unavailable)
    }

    /// Authenticates a request, and takes a token for it: the decision order of
    /// `docs/contract/auth-and-limits.md` §2.1. `rate` is the one of the API's group.
    pub(crate) async fn admit(
        &self,
        api: &Api,
        rate: Option<Rate>,
        request: &ServiceRequest,
    ) -> Result<Admission, ApiError> {
        let peer = self.proxies.peer_address(request.head());
        let headers = request.headers();
        let is_ambient = GivenCredentials::are_ambient(headers, &self.headers);
        if is_ambient && is_write(request.method()) {
            self.demand_own_origin(request.request())?;
        }
        if let Some(token) = self.session_token(request.request()) {
            return self.admit_session_to(api, rate, token, request).await;
        }
        let given = GivenCredentials::of(headers, &self.headers);
        let presented = given.presented();
        note_client(presented);
        let admit_lookup = || self.admit_lookup(peer);
        let check_slowly = async |check| self.check_slowly(check, peer).await;
        let authenticated =
            self.authenticator
                .authenticate(api, presented, peer, admit_lookup, check_slowly);
        let error = match authenticated.await {
            Ok(principal) => return self.charge(api, rate, principal, request.peer_addr()).await,
            Err(AuthError::MalformedClientId) if given.lack_id() => AuthError::MissingClientId,
            Err(error) => error,
        };
        let is_challenged = !self.is_of_script(request.request());
        // Browsers ask by themselves, without credentials: nobody guesses anything there.
        if is_preflight(request, presented) {
            return Err(self.told(api, error, is_challenged));
        }
        Err(self.refuse(api, error, peer, is_challenged).await)
    }

    async fn charge(
        &self,
        api: &Api,
        rate: Option<Rate>,
        principal: Principal,
        from: Option<SocketAddr>,
    ) -> Result<Admission, ApiError> {
        let client = principal.client();
        let group = api.limit_group();
        let own = client.rate_limits.and_then(|own| own.get(group));
        let verdict = self.take_of_client(client, group, own.or(rate), from);
        let verdict = verdict.await?;
        Ok(Admission {
            principal,
            group,
            verdict,
            session: None,
        })
    }

    pub(crate) async fn take_of_client(
        &self,
        client: &Client,
        group: LimitGroup,
        rate: Option<Rate>,
        from: Option<SocketAddr>,
    ) -> Result<Option<Verdict>, ApiError> {
        let Some(rate) = rate else {
            return Ok(None);
        };
        take_token(&self.limiter, BucketKey::id(group, client.id), rate, from).await
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
        let group = limit_group::AUTH_FAILURES;
        let key = BucketKey::address_with(group, check.client_id(), peer);
        let bucket = self.rates.group(group).map(|rate| (key, rate));
        let admit = async || self.demand_failures_left(bucket).await;
        let verdict = self.slow_lane.run(check, peer, admit).await?;
        if let Some((key, rate)) = bucket.filter(|_| !verdict.is_right()) {
            let taken = self.limiter.check(key, rate, 1).await;
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

    fn told(&self, api: &Api, error: AuthError, is_challenged: bool) -> ApiError {
        let challenge = Some(&self.challenge).filter(|_| is_challenged);
        told(api, error, &self.headers, challenge)
    }

    /// Turns a caller away. Failures are charged to the peer address; when its bucket is empty
    /// the answer is 429.
    pub(crate) async fn refuse(
        &self,
        api: &Api,
        error: AuthError,
        peer: IpAddr,
        is_challenged: bool,
    ) -> ApiError {
        // A page that still has the cookie of a session that has ended guesses nothing.
        let is_failure = !matches!(
            error,
            AuthError::Unavailable(_) | AuthError::NotChecked(_) | AuthError::SessionEnded { .. }
        );
        if is_failure {
            metrics::counter!("paneld_auth_failures_total").increment(1);
            tracing::debug!(peer.address = %peer, reason = %error, "turned a caller away");
        }
        let refusal = self.told(api, error, is_challenged);
        let group = limit_group::AUTH_FAILURES;
        let Some(rate) = self.rates.group(group).filter(|_| is_failure) else {
            return refusal;
        };
        let key = BucketKey::address(group, peer);
        let verdict = match self.limiter.check(key, rate, 1).await {
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

#[cfg(test)]
mod tests {
    use std::iter;

    use paneld_auth::MemoryCredentials;

    use super::*;

    #[test]
    fn a_peer_that_makes_up_ids_leaves_look_ups_to_others() {
        let guard = Guard::builder().credentials(MemoryCredentials::default());
        let guard = guard.build().unwrap();
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
