//! Requests that come twice: because a browser sent them twice within an instant, or because a
//! caller repeats one that it gave an id.
//!
//! Whoever comes second waits until the first has its answer, and is given the same.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex as QuickMutex, PoisonError},
    time::Duration,
};

use paneld_domain::Clock;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex, MutexGuard};

use crate::{Ids, pipeline::spool::RequestKey};

/// How long two requests that look alike count as one.
const WINDOW: Duration = Duration::from_millis(100);
/// Locks are shared by those who happen to get the same one, whosever they are; so there are many.
const LOCKS: usize = 16_384;
/// Whoever imports may need every lock that an id of its project can have. So projects have
/// different ones: each one of so many sets.
const SETS: usize = 64;
const LOCKS_OF_A_SET: usize = 256;

/// What tells a request from others: a hash of its body, its visitor, its page and its project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// The fingerprint of a request with these parts.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        let half = digest.first_chunk().copied().unwrap_or_default();
        Self(u128::from_be_bytes(half))
    }
}

#[derive(Debug)]
pub(crate) struct Duplicates {
    hasher: RandomState,
    by_fingerprint: Vec<Mutex<()>>,
    by_id: Vec<Mutex<()>>,
    answers: QuickMutex<Answers>,
    clock: Clock,
}

/// What was answered lately, in two generations: the older one is dropped whole.
#[derive(Debug, Default)]
struct Answers {
    newer: HashMap<Fingerprint, (Duration, Ids)>,
    older: HashMap<Fingerprint, (Duration, Ids)>,
    since: Duration,
}

/// The right to answer a request of this fingerprint.
pub(crate) struct HeldFingerprint<'a> {
    duplicates: &'a Duplicates,
    fingerprint: Fingerprint,
    _lock: MutexGuard<'a, ()>,
}

impl Duplicates {
    pub(crate) fn new(clock: Clock) -> Self {
        let locks = |count| (0..count).map(|_| Mutex::new(())).collect();
        Self {
            hasher: RandomState::new(),
            by_fingerprint: locks(LOCKS),
            by_id: locks(SETS * LOCKS_OF_A_SET),
            answers: QuickMutex::default(),
            clock,
        }
    }

    /// Waits until nobody else answers a request of this fingerprint.
    pub(crate) async fn hold(&self, fingerprint: Fingerprint) -> HeldFingerprint<'_> {
        let index = self.index(&fingerprint, LOCKS);
        let lock = self.by_fingerprint[index].lock().await;
        HeldFingerprint {
            duplicates: self,
            fingerprint,
            _lock: lock,
        }
    }

    /// Waits until nobody else answers requests of these ids.
    pub(crate) async fn hold_ids(&self, seen: &[RequestKey]) -> Vec<MutexGuard<'_, ()>> {
        let indexes = seen.iter().map(|seen| {
            let set = self.index(&seen.project, SETS);
            set * LOCKS_OF_A_SET + self.index(&seen.id, LOCKS_OF_A_SET)
        });
        // Always in this order, so that two never wait for each other.
        let indexes = indexes.collect::<BTreeSet<_>>();
        let mut held = Vec::with_capacity(indexes.len());
        for index in indexes {
            held.push(self.by_id[index].lock().await);
        }
        held
    }

    /// A number below this one.
    fn index(&self, key: &impl std::hash::Hash, below: usize) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash do")]
        let hash = self.hasher.hash_one(key) as usize;
        hash % below
    }
}

impl HeldFingerprint<'_> {
    /// What the first one of an instant ago was told.
    pub(crate) fn first(&self) -> Option<Ids> {
        let now = self.duplicates.clock.elapsed();
        let answers = self.duplicates.answers.lock();
        let answers = answers.unwrap_or_else(PoisonError::into_inner);
        let known = answers.newer.get(&self.fingerprint);
        let (at, ids) = known.or_else(|| answers.older.get(&self.fingerprint))?;
        (now.saturating_sub(*at) < WINDOW).then(|| ids.clone())
    }

    /// Keeps what this one was told.
    pub(crate) fn remember(self, ids: Ids) {
        let now = self.duplicates.clock.elapsed();
        let answers = self.duplicates.answers.lock();
        let mut answers = answers.unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(answers.since) >= WINDOW {
            answers.older = std::mem::take(&mut answers.newer);
            answers.since = now;
        }
        answers.newer.insert(self.fingerprint, (now, ids));
    }
}
