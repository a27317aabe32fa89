//! What is cached of clients and of sessions, and how much of it.

use std::{sync::Arc, time::Duration};

use paneld_domain::{ClientId, ClientType};

use crate::{
    Session, Share, StoreUnavailable, StoredSession, TokenHash,
    known::Known,
    lookup_cache::{LookedUp, Lookup},
};

/// How long clients that track may go on while the store cannot be reached (§2.4).
const LAST_KNOWN_TIME: Duration = Duration::from_secs(5 * 60);

/// A client: its project may have long lists of settings.
impl Lookup for Known {
    type Key = ClientId;
    const EXPECTED: usize = 16_384;
    const CACHE_BYTES: u64 = 32 * 1024 * 1024;
    const ENTRY_BYTES: u64 = 128;

    fn bytes(&self) -> u64 {
        self.credentials.size()
    }
}

/// A session, and who somebody is who has it, where that is known.
pub(super) enum CachedSession {
    Client(Session),
    Share(Box<Share>, Arc<Known>),
}

impl From<StoredSession> for CachedSession {
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

impl Lookup for CachedSession {
    type Key = TokenHash;
    const EXPECTED: usize = 16_384;
    const CACHE_BYTES: u64 = 16 * 1024 * 1024;
    const ENTRY_BYTES: u64 = 512;

    fn bytes(&self) -> u64 {
        match self {
            // Among the bytes of the entry.
            Self::Client(_) => 0,
            // The share, behind which stands a whole project, and what authentication makes of it.
            Self::Share(_, known) => 2 * known.credentials.size(),
        }
    }
}

impl LookedUp<Known> {
    /// What is known of a client that only tracks; while the store is away, what was known a
    /// few minutes ago will do.
    pub(super) fn for_tracking(
        self,
        now: Duration,
    ) -> Result<Option<Arc<Known>>, StoreUnavailable> {
        let is_recent = |since: Duration| now.saturating_sub(since) < LAST_KNOWN_TIME;
        match (self.outcome, self.last_known) {
            (Err(_), Some((known, since)))
                if is_recent(since)
                    && known.credentials.client.client_type == ClientType::Write =>
            {
                Ok(Some(known))
            }
            (outcome, _) => outcome,
        }
    }
}
