//! From an id and a secret to a principal.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use paneld_domain::{Client, ClientId, Clock, CorsEntry, Filter, Organization, Project, Timestamp};
use quick_cache::{Weighter, sync::Cache};

use crate::{
    Stale,
    policy::{self, Api, Reach},
    secret::{SecretHash, is_well_formed},
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

/// All that is known of a client: what authentication needs, in one look-up.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The client.
    pub client: Client,
    /// Its organization.
    pub organization: Organization,
    /// The project it is bound to, deleted or not.
    pub project: Option<Project>,
    /// Its secrets: the present one, and for a grace the one it replaced.
    pub secrets: Vec<StoredSecret>,
}

impl Credentials {
    /// About how many bytes it takes.
    fn size(&self) -> u64 {
        const FIXED: usize = 1_024;
        const LIST_ENTRY: usize = 64;
        let texts = |cors: &[CorsEntry]| -> usize {
            let sizes = cors.iter().map(|entry| LIST_ENTRY + entry.as_str().len());
            sizes.sum()
        };
        let client = self.client.cors.as_deref().map_or(0, texts)
            + self.client.allowed_ips.len() * LIST_ENTRY;
        let project = self.project.as_ref().map_or(0, |project| {
            let filters = project.filters.iter().map(|filter| {
                LIST_ENTRY
                    + match filter {
                        Filter::Ip(ip) => ip.as_str().len(),
                        Filter::ProfileId(id) => id.as_str().len(),
                        Filter::Event(name) => name.as_str().len(),
                    }
            });
            texts(&project.cors) + filters.sum::<usize>()
        });
        (FIXED + client + project) as u64
    }
}

/// One secret of a client.
#[derive(Debug, Clone)]
pub struct StoredSecret {
    /// Its hash.
    pub hash: SecretHash,
    /// When it ends, for a secret that was replaced.
    pub expires_at: Option<Timestamp>,
}

/// Where credentials are looked up.
pub trait CredentialStore: Send + Sync {
    /// The credentials of a client, or `None` when there is no such client.
    fn find_credentials(&self, id: ClientId) -> LookupFuture<'_>;
}

/// What a look-up comes to.
pub type LookupFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Option<Credentials>, StoreUnavailable>> + Send + 'a>>;

/// The store could not be asked. Nobody's credentials are wrong because of that.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the credentials could not be looked up")]
pub struct StoreUnavailable(#[source] pub Arc<dyn std::error::Error + Send + Sync>);

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

#[derive(Debug)]
struct Known {
    credentials: Credentials,
    /// Whether this entry's use was noted: once per entry is once in [`CACHE_TIME`].
    use_noted: AtomicBool,
}

impl Known {
    fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            use_noted: AtomicBool::new(false),
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
    /// # Errors
    /// The first check of that order that fails.
    pub async fn authenticate(
        &self,
        api: Api,
        presented: Presented<'_>,
        peer: IpAddr,
    ) -> Result<Principal, AuthError> {
        let id = presented
            .client_id
            .and_then(|text| text.parse().ok())
            .ok_or(AuthError::MalformedClientId)?;
        let now = self.clock.now();
        let known = self.verify(id, presented.secret, now).await?;

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
        let credentials = &known.credentials;
        let matches = |stored: &StoredSecret| {
            let matches = stored.hash.matches(&presented);
            matches && stored.expires_at.is_none_or(|end| end > now)
        };
        let matched = credentials.secrets.iter().filter(|s| matches(s)).count() > 0;
        if secret.is_none() || !matched {
            return Err(invalid("the secret is missing, wrong or replaced"));
        }
        if credentials.project.as_ref().is_some_and(|p| !p.is_live()) {
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
        // Most requests only look: writing would make cores wait for each other.
        if known.use_noted.load(Ordering::Relaxed) || known.use_noted.swap(true, Ordering::Relaxed)
        {
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
