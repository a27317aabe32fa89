//! A short cache of what the store was asked: of clients, and of sessions.

use std::{hash::Hash, sync::Arc, time::Duration};

use paneld_domain::Clock;
use quick_cache::{Weighter, sync::Cache};

use crate::{NotChecked, StoreUnavailable};

/// How long an answer of the store is believed (`docs/contract/auth-and-limits.md` §2.4). A change
/// made by another process is noticed after this time at the latest.
const CACHE_TIME: Duration = Duration::from_secs(5);
/// How long a failed look-up answers for those that follow: they must not each wait for the
/// store's time limit in turn.
const FAILURE_TIME: Duration = Duration::from_secs(1);

/// A value that is cached.
pub(crate) trait Lookup {
    /// The key by which the store finds it.
    type Key: Hash + Eq + Copy;
    /// About how many are expected to be in use at once.
    const EXPECTED: usize;
    /// The most bytes of them that are cached, by estimate.
    const CACHE_BYTES: u64;
    /// The bytes that an entry takes without its value, by estimate.
    const ENTRY_BYTES: u64;

    /// The bytes that the value itself takes, by estimate.
    fn bytes(&self) -> u64;
}

/// The values that were looked up lately, and the keys without one.
pub(crate) struct LookupCache<V: Lookup>(Cache<V::Key, LookedUp<V>, ByBytes>);

/// What a look-up came to, and when it began.
pub(crate) struct LookedUp<V> {
    pub(crate) outcome: Result<Option<Arc<V>>, StoreUnavailable>,
    at: Duration,
    /// The value before the store could not be reached any more, and when it was looked up.
    pub(crate) last_known: Option<(Arc<V>, Duration)>,
}

impl<V> Clone for LookedUp<V> {
    fn clone(&self) -> Self {
        Self {
            outcome: self.outcome.clone(),
            at: self.at,
            last_known: self.last_known.clone(),
        }
    }
}

impl<V> LookedUp<V> {
    fn is_fresh(&self, now: Duration) -> bool {
        let time = match self.outcome {
            Ok(_) => CACHE_TIME,
            Err(_) => FAILURE_TIME,
        };
        now.saturating_sub(self.at) < time
    }

    fn into_last_known(self) -> Option<(Arc<V>, Duration)> {
        match self.outcome {
            Ok(found) => found.map(|value| (value, self.at)),
            Err(_) => self.last_known,
        }
    }
}

#[derive(Clone)]
struct ByBytes;

impl<V: Lookup> Weighter<V::Key, LookedUp<V>> for ByBytes {
    fn weight(&self, _: &V::Key, looked_up: &LookedUp<V>) -> u64 {
        let last_known = looked_up.last_known.as_ref().map(|(value, _)| value);
        let found = looked_up.outcome.as_ref().ok().and_then(Option::as_ref);
        let values = [found, last_known].into_iter().flatten();
        V::ENTRY_BYTES + values.map(|value| value.bytes()).sum::<u64>()
    }
}

impl<V: Lookup> LookupCache<V> {
    pub(crate) fn new() -> Self {
        let cache = Cache::with_weighter(V::EXPECTED, V::CACHE_BYTES, ByBytes);
        Self(cache)
    }

    /// The value of this key as the store knew it within [`CACHE_TIME`]. Callers that miss the
    /// cache at the same time share one look-up, and its failure. One that is evicted meanwhile is
    /// not cached: eviction takes its place in the cache away.
    ///
    /// `admit` is asked first whether the store may be, and gives what is held meanwhile. Only what
    /// was there before is looked up again without it.
    pub(crate) async fn find<L>(
        &self,
        key: V::Key,
        clock: &Clock,
        admit: impl FnOnce() -> Result<L, NotChecked>,
        look_up: impl Future<Output = Result<Option<V>, StoreUnavailable>>,
    ) -> Result<LookedUp<V>, NotChecked> {
        let mut last_known = None;
        if let Some(cached) = self.0.get(&key) {
            if cached.is_fresh(clock.elapsed()) {
                return Ok(cached);
            }
            self.0.remove_if(&key, |current| current.at == cached.at);
            last_known = cached.into_last_known();
        }
        let load = async {
            let _admitted = match &last_known {
                Some(_) => None,
                None => Some(admit()?),
            };
            let at = clock.elapsed();
            let outcome = look_up.await.map(|found| found.map(Arc::new));
            Ok(LookedUp {
                last_known: last_known.filter(|_| outcome.is_err()),
                outcome,
                at,
            })
        };
        self.0.get_or_insert_async(&key, load).await
    }

    /// Forgets a value, at once: also a look-up of it that is under way.
    pub(crate) fn evict(&self, key: V::Key) {
        self.0.remove(&key);
    }

    /// Forgets all values, at once.
    pub(crate) fn evict_all(&self) {
        self.0.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
