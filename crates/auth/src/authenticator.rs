//! From an id and a secret to a principal.

mod cached;
pub(crate) mod people;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use paneld_domain::{ClientId, ClientType, Clock, Timestamp};

use self::cached::CachedSession;
use crate::{
    Claim, CredentialStore, Credentials, NotChecked, Presented, Principal, SecretHash, SlowCheck,
    SlowVerdict, Stale, StoreUnavailable,
    known::Known,
    lookup_cache::{LookedUp, LookupCache},
    permission,
    policy::{Api, Reach},
    project::{ProjectChoice, ProjectDenied},
    secret::is_well_formed,
};

/// How many clients' last uses wait to be written. Beyond it uses are forgotten, not requests.
const MAX_NOTED_USES: usize = 65_536;

/// Somebody who may track: a client, or a page that calls for one.
#[derive(Debug, Clone)]
pub struct Tracker {
    principal: Principal,
    knows_secret: bool,
    has_unchecked_secret: bool,
}

impl Tracker {
    /// The client that it tracks for, and where it calls from.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Asks the policy about the project that it names; about its own, if it names none.
    ///
    /// # Errors
    /// When it may not track there.
    pub fn project(
        &self,
        named: Option<&str>,
    ) -> Result<ProjectChoice<'_, permission::Track>, ProjectDenied> {
        ProjectChoice::of(&self.principal, named)
    }

    /// Whether it knows the secret; else it only claims to come from an allowed page.
    pub fn knows_secret(&self) -> bool {
        self.knows_secret
    }

    /// Whether it has a secret that takes long to check, and was let in without: the page it
    /// claims to come from is enough.
    pub fn has_unchecked_secret(&self) -> bool {
        self.has_unchecked_secret
    }
}

/// Why a caller was turned away. The reason of
/// [`InvalidCredentials`](Self::InvalidCredentials) is for the log alone; what comes behind it
/// is told only to callers whose secret is right.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The request names no client.
    #[error("there is no client id")]
    MissingClientId,
    /// The client id is not a UUIDv4; or there is none, where nobody asked whether there is.
    #[error("the client id is missing or not a UUIDv4")]
    MalformedClientId,
    /// The id and secret do not go together.
    #[error("invalid client credentials: {reason}")]
    InvalidCredentials {
        /// What exactly is wrong, for the log.
        reason: &'static str,
    },
    /// The caller knows no secret, and its page is none of those that may send events.
    #[error("neither the origin nor the secret is right")]
    OriginNotAllowed {
        /// What it would have tracked for, if it were let in.
        claim: Claim,
    },
    /// There is no session, or link, of this token: it was guessed, or removed.
    #[error("there is no such session")]
    NoSuchSession,
    /// The session, or the link, counts no longer.
    #[error("the session has ended: {reason}")]
    SessionEnded {
        /// What exactly is wrong, for the log.
        reason: &'static str,
    },
    /// The client is switched off.
    #[error("the client is disabled")]
    Disabled,
    /// The client's time is over.
    #[error("the client has expired")]
    Expired,
    /// The peer address is not in the client's allow-list.
    #[error("the address is not allowed for this client")]
    AddressNotAllowed,
    /// The client's type may not call the API.
    #[error("the client's type is not allowed to call this API")]
    InsufficientPermissions,
    /// The store could not be asked.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
    /// The caller has too much to be looked up or checked.
    #[error(transparent)]
    NotChecked(#[from] NotChecked),
}

/// Authenticates clients, with a short cache in front of the store.
pub struct Authenticator {
    store: Arc<dyn CredentialStore>,
    clock: Clock,
    clients: LookupCache<Known>,
    sessions: LookupCache<CachedSession>,
    uses: Mutex<HashMap<ClientId, Timestamp>>,
}

impl Authenticator {
    /// An authenticator with an empty cache.
    pub fn new(store: Arc<dyn CredentialStore>, clock: Clock) -> Self {
        Self {
            store,
            clock,
            clients: LookupCache::new(),
            sessions: LookupCache::new(),
            uses: Mutex::default(),
        }
    }

    /// Who calls, if they may call this API at all: the decision order of
    /// `docs/contract/auth-and-limits.md` §2.1.
    ///
    /// `admit_lookup` is asked before the store is, for a client of which nothing is known yet, and
    /// gives what is held meanwhile: not too much of the same caller's may be looked up at once.
    /// `check_slowly` runs a [`SlowCheck`], which only imported secrets need, and each of them
    /// once: where it holds nobody up, not too many at once, and not for those who guess.
    ///
    /// # Errors
    /// The first check of that order that fails.
    pub async fn authenticate<L>(
        &self,
        api: &Api,
        presented: Presented<'_>,
        peer: IpAddr,
        admit_lookup: impl FnOnce() -> Result<L, NotChecked>,
        check_slowly: impl AsyncFnOnce(SlowCheck) -> Result<SlowVerdict, NotChecked>,
    ) -> Result<Principal, AuthError> {
        let now = self.clock.now();
        let verified = self.verify(presented, now, admit_lookup, check_slowly);
        self.admit(verified.await?, api, peer, now)
    }

    /// What stands against a client that has proven who it is, if anything does.
    fn admit(
        &self,
        known: Arc<Known>,
        api: &Api,
        peer: IpAddr,
        now: Timestamp,
    ) -> Result<Principal, AuthError> {
        let client = &known.credentials.client;
        if !client.enabled {
            return Err(AuthError::Disabled);
        }
        if client.is_expired(now) {
            return Err(AuthError::Expired);
        }
        if !client.allows(peer) {
            return Err(AuthError::AddressNotAllowed);
        }
        if api.access().of(client.client_type) == Reach::Nothing {
            return Err(AuthError::InsufficientPermissions);
        }
        self.note_use(&known, now);
        Ok(Principal { known, peer })
    }

    /// Who tracks, if they may: the decision order of `docs/contract/auth-and-limits.md` §2.2, up
    /// to what needs the body. Without a secret the page's `origin` must be one of those allowed.
    ///
    /// Where that is enough, a secret that takes long to check is left unchecked, for
    /// [`check_secret`](Self::check_secret) when something depends on it: whoever tracks from a
    /// page never waits for others' secrets.
    ///
    /// # Errors
    /// When they may not, or when it could not be found out.
    pub async fn authenticate_tracker<L>(
        &self,
        presented: Presented<'_>,
        origin: Option<&str>,
        peer: IpAddr,
        admit_lookup: impl FnOnce() -> Result<L, NotChecked>,
        check_slowly: impl AsyncFnOnce(SlowCheck) -> Result<SlowVerdict, NotChecked>,
    ) -> Result<Tracker, AuthError> {
        let given = presented.client_id.filter(|text| !text.is_empty());
        let id = given.ok_or(AuthError::MissingClientId)?;
        let id = id
            .parse()
            .map_err(|_not_a_uuid| AuthError::MalformedClientId)?;
        let now = self.clock.now();
        let invalid = |reason| AuthError::InvalidCredentials { reason };
        let found = self.find(id, admit_lookup).await?;
        let found = found.for_tracking(self.clock.elapsed())?;
        let Some(known) = found else {
            pretend_to_compare(presented.secret);
            return Err(invalid("there is no such client"));
        };
        let client = &known.credentials.client;
        if !client.is_usable(now) || Api::TRACK.access().of(client.client_type) == Reach::Nothing {
            return Err(invalid(
                "the client is disabled, expired, or of another type",
            ));
        }
        let project = known.credentials.project.as_ref();
        if project.is_some_and(|project| !project.is_live()) {
            return Err(invalid("the client's project is deleted"));
        }
        let secret = presented.secret.filter(|text| is_well_formed(text));
        let needs_no_secret = may_track_without_secret(&known, origin);
        let (knows_secret, has_unchecked_secret) = match self.compare(&known, secret, now) {
            Compared::Right => (true, false),
            Compared::Wrong => (false, false),
            Compared::Unknown(_) if needs_no_secret => (false, true),
            Compared::Unknown(check) => {
                let check = self.check(check, secret, check_slowly);
                (check.await?, false)
            }
        };
        // Who does not know the secret is not told that the address is what is wrong.
        if !(knows_secret || needs_no_secret && client.allows(peer)) {
            let claim = Claim::of(&known);
            return Err(AuthError::OriginNotAllowed { claim });
        }
        if !client.allows(peer) {
            return Err(AuthError::AddressNotAllowed);
        }
        self.note_use(&known, now);
        Ok(Tracker {
            principal: Principal { known, peer },
            knows_secret,
            has_unchecked_secret,
        })
    }

    /// Finds out whether a tracker knows the secret, if that was left open.
    ///
    /// # Errors
    /// When it could not be found out.
    pub async fn check_secret(
        &self,
        tracker: &mut Tracker,
        secret: Option<&str>,
        check_slowly: impl AsyncFnOnce(SlowCheck) -> Result<SlowVerdict, NotChecked>,
    ) -> Result<(), NotChecked> {
        if tracker.has_unchecked_secret {
            let known = &tracker.principal.known;
            let checked = self.is_right(known, secret, self.clock.now(), check_slowly);
            tracker.knows_secret = checked.await?;
            tracker.has_unchecked_secret = false;
        }
        Ok(())
    }

    /// The time of the clock that sessions, secrets and clients expire by.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Forgets what is stale, at once.
    pub fn forget(&self, stale: Stale) {
        match stale {
            Stale::Client(id) => self.evict(id),
            Stale::Session(token) => self.sessions.evict(token),
            Stale::All => self.evict_all(),
        }
    }

    /// Forgets a client, at once: also a look-up of it that is under way.
    pub fn evict(&self, id: ClientId) {
        self.clients.evict(id);
    }

    /// Forgets all clients and sessions, at once.
    pub fn evict_all(&self) {
        self.clients.evict_all();
        self.sessions.evict_all();
    }

    /// The last uses noted since they were taken the last time.
    pub fn take_uses(&self) -> HashMap<ClientId, Timestamp> {
        std::mem::take(&mut self.uses.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts uses back that could not be written down; later ones that came meanwhile stay.
    pub fn put_back_uses(&self, uses: HashMap<ClientId, Timestamp>) {
        let mut noted = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, used_at) in uses {
            noted.entry(id).or_insert(used_at);
        }
    }

    /// The client, if the secret is its own. An unknown id, a wrong secret and a missing one do
    /// the same work, so that their times tell nothing.
    async fn verify<L>(
        &self,
        presented: Presented<'_>,
        now: Timestamp,
        admit_lookup: impl FnOnce() -> Result<L, NotChecked>,
        check_slowly: impl AsyncFnOnce(SlowCheck) -> Result<SlowVerdict, NotChecked>,
    ) -> Result<Arc<Known>, AuthError> {
        let Presented { client_id, secret } = presented;
        let id = client_id
            .and_then(|text| text.parse().ok())
            .ok_or(AuthError::MalformedClientId)?;
        let invalid = |reason| AuthError::InvalidCredentials { reason };
        if secret.is_some_and(|text| !is_well_formed(text)) {
            return Err(invalid("the secret is malformed"));
        }
        let Some(known) = self.find(id, admit_lookup).await?.outcome? else {
            pretend_to_compare(secret);
            return Err(invalid("there is no such client"));
        };
        if !self.is_right(&known, secret, now, check_slowly).await? {
            return Err(invalid("the secret is missing, wrong or replaced"));
        }
        demand_live_project(&known)?;
        Ok(known)
    }

    /// Whether the secret is one of the client's.
    async fn is_right(
        &self,
        known: &Arc<Known>,
        secret: Option<&str>,
        now: Timestamp,
        check_slowly: impl AsyncFnOnce(SlowCheck) -> Result<SlowVerdict, NotChecked>,
    ) -> Result<bool, NotChecked> {
        match self.compare(known, secret, now) {
            Compared::Right => Ok(true),
            Compared::Wrong => Ok(false),
            Compared::Unknown(check) => self.check(check, secret, check_slowly).await,
        }
    }

    /// What can be said at once.
    fn compare(&self, known: &Arc<Known>, secret: Option<&str>, now: Timestamp) -> Compared {
        let presented = SecretHash::digest(secret.unwrap_or_default());
        if secret.is_some() && known.accepts(&presented, now) {
            return Compared::Right;
        }
        SlowCheck::new(known, secret, now).map_or(Compared::Wrong, Compared::Unknown)
    }

    async fn check(
        &self,
        check: SlowCheck,
        secret: Option<&str>,
        check_slowly: impl AsyncFnOnce(SlowCheck) -> Result<SlowVerdict, NotChecked>,
    ) -> Result<bool, NotChecked> {
        let id = check.client_id();
        let verdict = check_slowly(check).await?;
        if let Some(outdated) = verdict.outdated {
            let hash = SecretHash::digest(secret.unwrap_or_default());
            self.store.replace_hash(id, outdated, hash).await;
        }
        Ok(verdict.is_right)
    }

    /// A client, as the cache or the store knows it.
    async fn find<L>(
        &self,
        id: ClientId,
        admit_lookup: impl FnOnce() -> Result<L, NotChecked>,
    ) -> Result<LookedUp<Known>, NotChecked> {
        let look_up = async { Ok(self.store.find_credentials(id).await?.map(Known::new)) };
        self.clients
            .find(id, &self.clock, admit_lookup, look_up)
            .await
    }

    fn note_use(&self, known: &Known, now: Timestamp) {
        if !known.notes_use() {
            return;
        }
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() < MAX_NOTED_USES {
            uses.insert(known.credentials.client.id, now);
        }
    }
}

/// Whether a secret is one of a client's.
enum Compared {
    Right,
    Wrong,
    /// Only a slow check can tell.
    Unknown(SlowCheck),
}

/// A client of a deleted project is as good as none.
fn demand_live_project(known: &Known) -> Result<(), AuthError> {
    let project = known.credentials.project.as_ref();
    if project.is_none_or(|project| project.is_live()) {
        return Ok(());
    }
    Err(AuthError::InvalidCredentials {
        reason: "the client's project is deleted",
    })
}

/// Whether anyone may track for this client, or anyone from this page.
fn may_track_without_secret(known: &Known, origin: Option<&str>) -> bool {
    let Credentials {
        client, project, ..
    } = &known.credentials;
    if client.client_type != ClientType::Write {
        return false;
    }
    let of_project = project.as_ref().map(|project| project.cors.as_slice());
    let entries = client.cors.as_deref().or(of_project).unwrap_or_default();
    let is_allowed = |origin| entries.iter().any(|entry| entry.matches(origin));
    client.ignore_cors_and_secret || origin.is_some_and(is_allowed)
}

/// What comparing with a real hash costs.
fn pretend_to_compare(secret: Option<&str>) {
    let presented = SecretHash::digest(secret.unwrap_or_default());
    std::hint::black_box(presented.matches(&presented));
}

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator")
            .field("cached", &self.clients.len())
            .finish_non_exhaustive()
    }
}
