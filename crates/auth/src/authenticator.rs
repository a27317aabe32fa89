//! From an id and a secret to a principal.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use paneld_domain::{Client, ClientId, Clock, Organization, Project, Timestamp};
use quick_cache::{Weighter, sync::Cache};

use crate::{
    CredentialStore, SecretHash, SlowCheck, SlowVerdict, Stale, StoreUnavailable,
    known::Known,
    policy::{self, Api, Reach},
    secret::is_well_formed,
};

/// How long what the store said is believed (`contract/auth-and-limits.md` §2.4). A change made
/// by another process is noticed after this time at the latest.
const CACHE_TIME: Duration = Duration::from_secs(5);
/// How long a failed look-up answers for those that follow: they must not each wait for the
/// store's time limit in turn.
const FAILURE_TIME: Duration = Duration::from_secs(1);
/// About how many clients are expected to be in use at once.
const EXPECTED_CLIENTS: usize = 16_384;
/// The most bytes of clients that are remembered, by estimate.
const CACHE_BYTES: u64 = 32 * 1024 * 1024;
/// How many clients' last uses wait to be written. Beyond it uses are forgotten, not requests.
const MAX_NOTED_USES: usize = 65_536;

/// What a request says about its caller.
#[derive(Clone, Copy, Default)]
pub struct Presented<'a> {
    /// The client's id.
    pub client_id: Option<&'a str>,
    /// Its secret.
    pub secret: Option<&'a str>,
}

/// A client that has proven who it is, and where it calls from.
#[derive(Debug, Clone)]
pub struct Principal {
    known: Arc<Known>,
    peer: IpAddr,
}

impl Principal {
    /// The client.
    pub fn client(&self) -> &Client {
        &self.known.credentials.client
    }

    /// Its organization.
    pub fn organization(&self) -> &Organization {
        &self.known.credentials.organization
    }

    /// The project it is bound to.
    pub fn project(&self) -> Option<&Project> {
        self.known.credentials.project.as_ref()
    }

    /// The peer address it calls from.
    pub fn peer(&self) -> IpAddr {
        self.peer
    }
}

/// Why a caller was turned away. The reason of
/// [`InvalidCredentials`](Self::InvalidCredentials) is for the log alone; what comes behind it
/// is told only to callers whose secret is right.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// There is no id, or it is not a UUIDv4.
    #[error("the client id is missing or not a UUIDv4")]
    MalformedClientId,
    /// The id and secret do not go together.
    #[error("invalid client credentials: {reason}")]
    InvalidCredentials {
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
    /// A secret was not checked that only a slow check can tell.
    #[error(transparent)]
    NotChecked(#[from] NotChecked),
}

/// Why a slow check was not made.
#[derive(Debug, thiserror::Error)]
pub enum NotChecked {
    /// Too many from where the caller is have failed to authenticate.
    #[error("too many failed to authenticate")]
    TooManyFailures {
        /// Time until one may fail again.
        retry_in: Duration,
    },
    /// There is too much to do, or nobody can say whether too many failed.
    #[error("the secret could not be checked")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Authenticates clients, with a short cache in front of the store.
pub struct Authenticator {
    store: Arc<dyn CredentialStore>,
    clock: Clock,
    cache: Cache<ClientId, Cached, Weight>,
    uses: Mutex<HashMap<ClientId, Timestamp>>,
}

/// What a look-up came to, and when it began.
#[derive(Clone)]
struct Cached {
    outcome: Result<Option<Arc<Known>>, StoreUnavailable>,
    loaded_at: Duration,
}

impl Cached {
    fn is_fresh(&self, now: Duration) -> bool {
        let time = match self.outcome {
            Ok(_) => CACHE_TIME,
            Err(_) => FAILURE_TIME,
        };
        now.saturating_sub(self.loaded_at) < time
    }
}

/// Estimates how much memory an entry takes: projects may have long lists of settings.
#[derive(Clone)]
struct Weight;

impl Weighter<ClientId, Cached> for Weight {
    fn weight(&self, _: &ClientId, cached: &Cached) -> u64 {
        const ENTRY: u64 = 128;
        match &cached.outcome {
            Ok(Some(known)) => ENTRY + known.credentials.size(),
            Ok(None) | Err(_) => ENTRY,
        }
    }
}

impl Authenticator {
    /// An authenticator with an empty cache.
    pub fn new(store: Arc<dyn CredentialStore>, clock: Clock) -> Self {
        Self {
            store,
            clock,
            cache: Cache::with_weighter(EXPECTED_CLIENTS, CACHE_BYTES, Weight),
            uses: Mutex::default(),
        }
    }

    /// Who calls, if they may call this API at all: the decision order of
    /// `contract/auth-and-limits.md` §2.1.
    ///
    /// `check_slowly` runs a [`SlowCheck`], which only imported secrets need, and each of them
    /// once: where it holds nobody up, not too many at once, and not for those who guess.
    ///
    /// # Errors
    /// The first check of that order that fails.
    pub async fn authenticate(
        &self,
        api: Api,
        presented: Presented<'_>,
        peer: IpAddr,
        check_slowly: impl AsyncFnOnce(SlowCheck) -> Result<SlowVerdict, NotChecked>,
    ) -> Result<Principal, AuthError> {
        let id = presented
            .client_id
            .and_then(|text| text.parse().ok())
            .ok_or(AuthError::MalformedClientId)?;
        let now = self.clock.now();
        let known = self.verify(id, presented.secret, now, check_slowly).await?;

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
        if policy::reach(api, client.client_type) == Reach::Nothing {
            return Err(AuthError::InsufficientPermissions);
        }
        self.note_use(&known, now);
        Ok(Principal { known, peer })
    }

    /// Forgets what is stale, at once.
    pub fn forget(&self, stale: Stale) {
        match stale {
            Stale::Client(id) => self.evict(id),
            Stale::All => self.evict_all(),
        }
    }

    /// Forgets a client, at once: also a look-up of it that is under way.
    pub fn evict(&self, id: ClientId) {
        self.cache.remove(&id);
    }

    /// Forgets all clients, at once.
    pub fn evict_all(&self) {
        self.cache.clear();
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
    async fn verify(
        &self,
        id: ClientId,
        secret: Option<&str>,
        now: Timestamp,
        check_slowly: impl AsyncFnOnce(SlowCheck) -> Result<SlowVerdict, NotChecked>,
    ) -> Result<Arc<Known>, AuthError> {
        let invalid = |reason| AuthError::InvalidCredentials { reason };
        if secret.is_some_and(|text| !is_well_formed(text)) {
            return Err(invalid("the secret is malformed"));
        }
        let presented = SecretHash::digest(secret.unwrap_or_default());
        let Some(known) = self.find(id).await? else {
            // What comparing with a real hash costs.
            std::hint::black_box(presented.matches(&presented));
            return Err(invalid("there is no such client"));
        };
        let mut is_right = secret.is_some() && known.accepts(&presented, now);
        if !is_right && let Some(check) = SlowCheck::new(&known, secret, now) {
            let verdict = check_slowly(check).await?;
            if let Some(outdated) = verdict.outdated {
                self.store.replace_hash(id, outdated, presented).await;
            }
            is_right = verdict.is_right;
        }
        if !is_right {
            return Err(invalid("the secret is missing, wrong or replaced"));
        }
        let project = known.credentials.project.as_ref();
        if project.is_some_and(|project| !project.is_live()) {
            return Err(invalid("the client's project is deleted"));
        }
        Ok(known)
    }

    /// A client as the store knew it within [`CACHE_TIME`]. Callers that miss the cache at the
    /// same time share one look-up, and its failure. One that is evicted meanwhile is not
    /// cached: eviction takes its place in the cache away.
    async fn find(&self, id: ClientId) -> Result<Option<Arc<Known>>, StoreUnavailable> {
        let now = self.clock.elapsed();
        if let Some(cached) = self.cache.get(&id) {
            if cached.is_fresh(now) {
                return cached.outcome;
            }
            self.cache
                .remove_if(&id, |current| current.loaded_at == cached.loaded_at);
        }
        let load = async {
            let loaded_at = self.clock.elapsed();
            let found = self.store.find_credentials(id).await;
            let outcome = found.map(|found| found.map(Known::new).map(Arc::new));
            Ok::<_, Infallible>(Cached { outcome, loaded_at })
        };
        match self.cache.get_or_insert_async(&id, load).await {
            Ok(cached) => cached.outcome,
            Err(never) => match never {},
        }
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

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator")
            .field("cached", &self.cache.len())
            .finish_non_exhaustive()
    }
}
