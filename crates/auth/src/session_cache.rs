//! The short memory of sessions.

use std::{sync::Arc, time::Duration};

use quick_cache::{Weighter, sync::Cache};

use crate::{
    CredentialStore, NotChecked, Session, Share, StoreUnavailable, StoredSession, TokenHash,
    cache_times::{CACHE_TIME, FAILURE_TIME},
    known::Known,
};

/// About how many sessions are expected to be in use at once.
const EXPECTED_SESSIONS: usize = 16_384;
/// The most bytes of sessions that are remembered, by estimate.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// A session as it is remembered.
pub(crate) enum Remembered {
    Client(Session),
    Share(Box<Share>, Arc<Known>),
}

impl From<StoredSession> for Remembered {
    fn from(stored: StoredSession) -> Self {
        match stored {
            StoredSession::Client(session) => Self::Client(session),
            StoredSession::Share(share) => {
                let known = Arc::new(Known::of_share((*share).clone()));
                Self::Share(share, known)
            }
        }
    }
}

/// The sessions that were looked up lately, and those that were not there.
pub(crate) struct SessionCache(Cache<TokenHash, LookedUp, Weight>);

#[derive(Clone)]
struct LookedUp {
    outcome: Result<Option<Arc<Remembered>>, StoreUnavailable>,
    at: Duration,
}

impl LookedUp {
    fn is_fresh(&self, now: Duration) -> bool {
        let time = match self.outcome {
            Ok(_) => CACHE_TIME,
            Err(_) => FAILURE_TIME,
        };
        now.saturating_sub(self.at) < time
    }
}

/// Estimates how much memory an entry takes: behind a link stands a whole project.
#[derive(Clone)]
struct Weight;

impl Weighter<TokenHash, LookedUp> for Weight {
    fn weight(&self, _: &TokenHash, looked_up: &LookedUp) -> u64 {
        const ENTRY: u64 = 512;
        let remembered = looked_up.outcome.as_ref().ok().and_then(Option::as_deref);
        ENTRY
            + match remembered {
                // The share, and what authentication makes of it.
                Some(Remembered::Share(_, known)) => 2 * known.credentials.size(),
                Some(Remembered::Client(_)) | None => 0,
            }
    }
}

impl SessionCache {
    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(EXPECTED_SESSIONS, CACHE_BYTES, Weight))
    }

    /// The session of this hash as the store knew it within five seconds. Callers that miss the
    /// memory at the same time share one look-up; one that is evicted meanwhile is not remembered.
    pub(crate) async fn find<L>(
        &self,
        hash: TokenHash,
        store: &dyn CredentialStore,
        now: Duration,
        admit_lookup: impl FnOnce() -> Result<L, NotChecked>,
    ) -> Result<Result<Option<Arc<Remembered>>, StoreUnavailable>, NotChecked> {
        let mut was_known = false;
        if let Some(known) = self.0.get(&hash) {
            if known.is_fresh(now) {
                return Ok(known.outcome);
            }
            was_known = matches!(known.outcome, Ok(Some(_)));
            self.0.remove_if(&hash, |current| current.at == known.at);
        }
        let look_up = async {
            let _admitted = match was_known {
                true => None,
                false => Some(admit_lookup()?),
            };
            let found = store.find_session(hash).await;
            let outcome = found.map(|found| found.map(Remembered::from).map(Arc::new));
            Ok(LookedUp { outcome, at: now })
        };
        let looked_up = self.0.get_or_insert_async(&hash, look_up).await?;
        Ok(looked_up.outcome)
    }

    pub(crate) fn evict(&self, hash: TokenHash) {
        self.0.remove(&hash);
    }

    pub(crate) fn evict_all(&self) {
        self.0.clear();
    }
}
