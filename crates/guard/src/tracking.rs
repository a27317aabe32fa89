//! The gate in front of Track, whose callers may carry their credentials in the body, or come
//! from a page: `docs/contract/auth-and-limits.md` §2.2 and §4.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, http::header};
use paneld_auth::{AuthError, Claim, NotChecked, Presented, Tracker};
use paneld_domain::{ClientId, Rate, limit_group};
use paneld_ratelimit::{BucketKey, Verdict};

use crate::{
    ApiError, Guard,
    credentials::{GivenCredentials, note_client},
    limit_headers,
    refusals::{count_limited, rate_limited},
};

/// Somebody who may track, and what is left of its rate.
#[derive(Debug)]
pub struct AdmittedTracker {
    /// The client that it tracks for, and whether it knows the secret.
    pub tracker: Tracker,
    /// Where its visitor is, as far as its word counts.
    pub visitor: IpAddr,
    verdict: Option<Verdict>,
}

impl AdmittedTracker {
    /// Writes what is left of the rate to a reply.
    pub fn tell(&self, response: &mut HttpResponse) {
        if let Some(verdict) = &self.verdict {
            limit_headers::write(limit_group::TRACK, verdict, response.headers_mut());
        }
    }
}

/// What the headers of a request to Track tell of who sends it, read once.
pub struct TrackerHeaders<'a> {
    given: GivenCredentials<'a>,
    origin: Option<&'a str>,
    peer: IpAddr,
    /// Where the visitor is, if the caller says so.
    told: Option<IpAddr>,
}

impl TrackerHeaders<'_> {
    /// Whether they name the client; else the body has to.
    pub fn name_client(&self) -> bool {
        self.given.presented().client_id.is_some()
    }

    /// Whether they have a secret; else the body may have it.
    pub fn present_secret(&self) -> bool {
        self.given.presented().secret.is_some()
    }

    /// The peer address of the request.
    pub fn peer(&self) -> IpAddr {
        self.peer
    }
}

impl Guard {
    /// Reads the headers of a request to Track. `told` is where the visitor is, if the caller says
    /// so.
    pub fn tracker_headers<'a>(
        &self,
        request: &'a HttpRequest,
        told: Option<IpAddr>,
    ) -> TrackerHeaders<'a> {
        let headers = request.headers();
        let origin = headers.get(header::ORIGIN);
        TrackerHeaders {
            given: GivenCredentials::of_tracker(headers),
            origin: origin.and_then(|origin| origin.to_str().ok()),
            peer: self.peer_address(request),
            told,
        }
    }

    /// Lets somebody in who may track, and charges them. What headers do not tell, the body may.
    ///
    /// # Errors
    /// 401 for those who may not; 429 for those within whose rate it is not; 503 when it could
    /// not be found out.
    pub async fn admit_tracker(
        &self,
        headers: &TrackerHeaders<'_>,
        in_body: Presented<'_>,
    ) -> Result<AdmittedTracker, Refused> {
        let TrackerHeaders {
            given,
            origin,
            peer,
            told,
        } = headers;
        let (origin, peer, told) = (*origin, *peer, *told);
        let given = given.presented();
        let presented = Presented {
            client_id: given.client_id.or(in_body.client_id),
            secret: given.secret.or(in_body.secret),
        };
        note_client(presented);
        let admit_lookup = || self.admit_lookup(peer);
        let check_slowly = async |check| self.check_slowly(check, peer).await;
        let authenticator = &self.authenticator;
        let authenticated =
            authenticator.authenticate_tracker(presented, origin, peer, admit_lookup, check_slowly);
        let mut tracker = match authenticated.await {
            Ok(tracker) => tracker,
            Err(error) => return Err(turn_away(error, peer, origin)),
        };
        if told.is_some_and(|told| told != peer) {
            // Who knows the secret may tell any number of visitors.
            self.check_open_secret(&mut tracker, presented.secret, peer)
                .await?;
        }
        let visitor = self.find_visitor(&tracker, peer, told).await?;
        let verdict = self.charge_tracker(&tracker, visitor).await?;
        let admitted = AdmittedTracker {
            tracker,
            visitor,
            verdict,
        };
        match verdict.and_then(|verdict| verdict.retry_in) {
            Some(wait) => Err(Refused {
                error: rate_limited(limit_group::TRACK, wait),
                admitted: Some(admitted),
                claim: None,
            }),
            None => Ok(admitted),
        }
    }

    /// Checks the secret in the headers of a tracker's request that had no need of it before,
    /// because its origin was enough: what it tracks is believed only with the secret.
    ///
    /// # Errors
    /// 503 when it could not be checked.
    pub async fn check_secret(
        &self,
        headers: &TrackerHeaders<'_>,
        admitted: &mut AdmittedTracker,
    ) -> Result<(), ApiError> {
        let secret = headers.given.presented().secret;
        self.check_open_secret(&mut admitted.tracker, secret, headers.peer)
            .await
    }

    async fn check_open_secret(
        &self,
        tracker: &mut Tracker,
        secret: Option<&str>,
        peer: IpAddr,
    ) -> Result<(), ApiError> {
        let check_slowly = async |check| self.check_slowly(check, peer).await;
        let authenticator = &self.authenticator;
        let checked = authenticator.check_secret(tracker, secret, check_slowly);
        let refused = |error: NotChecked| refuse(error.into(), peer, None);
        checked.await.map_err(refused)
    }

    /// Where the visitor of a caller is. The caller is at `peer`, and may have told another
    /// address.
    ///
    /// A caller who does not know the secret may tell only so many new addresses. Beyond that,
    /// the visitor is where the caller is.
    ///
    /// # Errors
    /// 503 when the limiter cannot be asked.
    async fn find_visitor(
        &self,
        tracker: &Tracker,
        peer: IpAddr,
        told: Option<IpAddr>,
    ) -> Result<IpAddr, ApiError> {
        let told = told.unwrap_or(peer);
        if tracker.knows_secret() {
            return Ok(told);
        }
        let visitors = &self.visitors;
        let is_trusted = self.proxies.trusts(peer);
        visitors.note_peer(peer, told != peer && !is_trusted);
        if told == peer || !visitors.believe(is_trusted) {
            return Ok(peer);
        }
        let client = tracker.principal().client().id;
        let visitor = BucketKey::address_with(limit_group::TRACK_VISITOR, client, told);
        if visitors.knows(visitor) {
            return Ok(told);
        }
        let group = limit_group::NEW_VISITORS;
        let total = self.track_rate(tracker);
        let rate = self.rates.group(group);
        let rate = rate.map(|rate| not_below(rate, total));
        let key = BucketKey::address_with(group, client, peer);
        let taken = self.take(key, rate, 1).await?;
        if taken.is_some_and(|verdict| verdict.retry_in.is_some()) {
            count_limited(group);
            return Ok(peer);
        }
        visitors.note(visitor);
        Ok(told)
    }

    /// Who knows the secret has a bucket of its own, which nobody else can drain: ids are public,
    /// and origins can be claimed by anyone.
    async fn charge_tracker(
        &self,
        tracker: &Tracker,
        visitor: IpAddr,
    ) -> Result<Option<Verdict>, ApiError> {
        let client = tracker.principal().client();
        let rate = self.track_rate(tracker);
        if tracker.knows_secret() {
            let key = BucketKey::id(limit_group::TRACK, client.id);
            return self.take(key, rate, 1).await;
        }
        let group = limit_group::TRACK_VISITOR;
        let key = BucketKey::address_with(group, client.id, visitor);
        let own = self.take(key, self.rates.group(group), 1).await?;
        if own.is_some_and(|own| own.retry_in.is_some()) {
            return Ok(own);
        }
        let key = strangers(client.id);
        let all = self.take(key, rate, 1).await?;
        let tighter = [own, all].into_iter().flatten();
        Ok(tighter.min_by_key(|verdict| (verdict.retry_in.is_none(), verdict.remaining)))
    }

    /// How often a client may send events: as often without its secret as with it.
    fn track_rate(&self, tracker: &Tracker) -> Option<Rate> {
        let own = tracker.principal().client().rate_limits.as_ref();
        self.rates.client(limit_group::TRACK, own)
    }
}

/// The rate, but with a burst of at least as many as the client may send at once: a site may have
/// all of its visitors behind one peer, and be visited by all of them for the first time.
fn not_below(rate: Rate, total: Option<Rate>) -> Rate {
    let burst = total.map_or(0, Rate::limit).max(rate.limit());
    Rate::new(burst, rate.window_seconds()).unwrap_or(rate)
}

/// The bucket of all who call for a client without its secret.
fn strangers(client: ClientId) -> BucketKey {
    // No client has this id: the version of it would be another.
    BucketKey::id(limit_group::TRACK, !u128::from(client))
}

impl std::fmt::Debug for TrackerHeaders<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrackerHeaders")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// Why somebody was not let in; and who, when that is known.
#[derive(Debug)]
pub struct Refused {
    /// What the caller is told.
    pub error: ApiError,
    /// Whose rate is used up.
    pub admitted: Option<AdmittedTracker>,
    /// Whom the caller claims to be, where only its origin or secret is wrong.
    pub claim: Option<Claim>,
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self {
            error,
            admitted: None,
            claim: None,
        }
    }
}

fn turn_away(error: AuthError, peer: IpAddr, origin: Option<&str>) -> Refused {
    let claim = match &error {
        AuthError::OriginNotAllowed { claim } => Some(claim.clone()),
        _ => None,
    };
    Refused {
        error: refuse(error, peer, origin),
        admitted: None,
        claim,
    }
}

fn refuse(error: AuthError, peer: IpAddr, origin: Option<&str>) -> ApiError {
    let (code, message) = match &error {
        AuthError::MissingClientId => ("missing_client_id", "Ingestion: Missing client id"),
        AuthError::MalformedClientId => (
            "malformed_client_id",
            "Ingestion: Client ID must be a valid UUIDv4",
        ),
        AuthError::OriginNotAllowed { .. } => {
            ("invalid_credentials", "Ingestion: Invalid cors or secret")
        }
        AuthError::AddressNotAllowed => (
            "address_not_allowed",
            "Address is not allowed for this client",
        ),
        AuthError::InvalidCredentials { .. }
        | AuthError::NoSuchSession
        | AuthError::SessionEnded { .. }
        | AuthError::Disabled
        | AuthError::Expired
        | AuthError::InsufficientPermissions => {
            ("invalid_credentials", "Invalid client credentials")
        }
        // SDKs stop at a 401, and give up at many a 429: this is neither's fault.
        AuthError::NotChecked(NotChecked::TooManyFailures { retry_in }) => {
            return ApiError::crowded_for(limit_headers::retry_after(*retry_in));
        }
        AuthError::NotChecked(NotChecked::Crowded) => return ApiError::crowded(),
        AuthError::Unavailable(_) | AuthError::NotChecked(NotChecked::Unavailable(_)) => {
            return ApiError::unavailable(error);
        }
    };
    metrics::counter!("paneld_auth_failures_total").increment(1);
    tracing::debug!(peer.address = %peer, reason = %error, "turned a tracker away");
    let refusal = ApiError::unauthorized(code, message);
    match error {
        AuthError::MissingClientId => {
            let forms = "is missing; the header may also be Authorization: Basic \
                         base64(id:secret), or the body may have clientId";
            refusal.with_detail("openpanel-client-id", forms)
        }
        AuthError::OriginNotAllowed { .. } => refusal.with_detail("origin", not_allowed(origin)),
        _ => refusal,
    }
}

/// Which origin was refused, and what lets it in.
fn not_allowed(origin: Option<&str>) -> String {
    const LONGEST: usize = 200;
    let remedy = "add it to cors of the client or of its project, or send the client's secret";
    match origin {
        Some(origin) => {
            let shown = &origin[..origin.floor_char_boundary(LONGEST)];
            format!("{shown:?} is not allowed: {remedy}")
        }
        None => {
            format!("is missing, and so is the right secret; browsers send their origin: {remedy}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_never_below_what_the_client_may_send() {
        let rate = |limit, window| Rate::new(limit, window).unwrap();
        let own = rate(10_000, 100);
        assert_eq!(not_below(own, None), own);
        assert_eq!(not_below(own, Some(rate(50, 10))), own);
        assert_eq!(not_below(own, Some(rate(50_000, 10))), rate(50_000, 100));
    }
}
