//! A client as authentication remembers it.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use paneld_domain::{ClientId, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::{Credentials, PlainSecret, SecretHash, StoredSecret};

/// A client as the store knew it, and what was learned of it since.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) credentials: Credentials,
    /// Whether this entry's use was noted: once per entry is often enough.
    use_noted: AtomicBool,
    /// The fast hashes of secrets that a slow check found right.
    learned: Mutex<Vec<StoredSecret>>,
}

impl Known {
    pub(crate) fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            use_noted: AtomicBool::new(false),
            learned: Mutex::default(),
        }
    }

    /// Whether a secret of this fast hash is known to be the client's own at this time. Looks at
    /// all of them, so that the time it takes tells nothing.
    pub(crate) fn accepts(&self, presented: &SecretHash, now: Timestamp) -> bool {
        let matching = |secrets: &[StoredSecret]| {
            let matching = secrets.iter().filter(|secret| {
                let matches = secret.hash.matches(presented);
                matches && secret.works(now)
            });
            matching.count()
        };
        matching(&self.credentials.secrets) + matching(&self.learned()) > 0
    }

    /// Whether all secrets still work at this time that worked earlier, by what was known then.
    pub(crate) fn keeps_secrets_of(&self, earlier: &Self, at: Timestamp, now: Timestamp) -> bool {
        let still_works = |secret: &StoredSecret| self.accepts(&secret.hash, now);
        let secrets = &earlier.credentials.secrets;
        secrets
            .iter()
            .filter(|secret| secret.works(at))
            .all(still_works)
    }

    /// Whether there is a secret, at this time, that only a slow check can tell.
    fn has_slow_secret(&self, now: Timestamp) -> bool {
        let mut secrets = self.credentials.secrets.iter();
        secrets.any(|secret| secret.hash.is_slow() && secret.works(now))
    }

    /// Whether this is the first use that is noted.
    pub(crate) fn notes_use(&self) -> bool {
        // Most requests only look: writing would make cores wait for each other.
        !self.use_noted.load(Ordering::Relaxed) && !self.use_noted.swap(true, Ordering::Relaxed)
    }

    fn learned(&self) -> MutexGuard<'_, Vec<StoredSecret>> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A check of a secret against hashes that are slow: imported ones, and passwords'. It takes tens of milliseconds of a processor and
/// 16 MiB of memory.
#[derive(Debug)]
pub struct SlowCheck {
    known: Arc<Known>,
    secret: PlainSecret,
    now: Timestamp,
}

/// What a [`SlowCheck`] found: whether the secret is right.
#[derive(Debug)]
pub struct SlowVerdict {
    pub(crate) is_right: bool,
    /// The slow hash of the right secret, unless somebody has already found it.
    pub(crate) outdated: Option<SecretHash>,
}

impl SlowVerdict {
    /// That it is none of the client's.
    pub fn wrong() -> Self {
        Self {
            is_right: false,
            outdated: None,
        }
    }

    /// Whether the secret is one of the client's.
    pub fn is_right(&self) -> bool {
        self.is_right
    }
}

impl SlowCheck {
    /// The check, if there is anything to check.
    pub(crate) fn new(known: &Arc<Known>, secret: Option<&str>, now: Timestamp) -> Option<Self> {
        let secret = secret?.parse().ok()?;
        known.has_slow_secret(now).then(|| Self {
            known: Arc::clone(known),
            secret,
            now,
        })
    }

    /// The check of a secret of somebody who has slow ones alone.
    pub(crate) fn of(known: Arc<Known>, secret: PlainSecret, now: Timestamp) -> Self {
        Self { known, secret, now }
    }

    /// Whose secret it is to be.
    pub fn client_id(&self) -> ClientId {
        self.known.credentials.client.id
    }

    /// When it was asked for.
    pub fn asked_at(&self) -> Timestamp {
        self.now
    }

    /// What tells this check from all others, of other clients and secrets.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(self.client_id().as_uuid().as_bytes());
        hasher.update(self.secret.expose());
        hasher.finalize().into()
    }

    /// Does the check. Of many with the same secret the first does the work.
    pub fn run(self) -> SlowVerdict {
        let Self { known, secret, now } = self;
        let fast = SecretHash::of(&secret);
        if known.accepts(&fast, now) {
            return SlowVerdict {
                is_right: true,
                outdated: None,
            };
        }
        let mut secrets = known.credentials.secrets.iter();
        let right = secrets.find(|stored| {
            stored.hash.is_slow() && stored.works(now) && stored.hash.verifies(&secret)
        });
        if let Some(right) = right {
            known.learned().push(StoredSecret {
                hash: fast,
                expires_at: right.expires_at,
            });
        }
        SlowVerdict {
            is_right: right.is_some(),
            outdated: right.map(|right| right.hash.clone()),
        }
    }
}
