//! How long what a store said is believed, of clients and of sessions.

use std::time::Duration;

/// How long what the store said is believed (`docs/contract/auth-and-limits.md` §2.4). A change
/// made by another process is noticed after this time at the latest.
pub(crate) const CACHE_TIME: Duration = Duration::from_secs(5);
/// How long a failed look-up answers for those that follow: they must not each wait for the
/// store's time limit in turn.
pub(crate) const FAILURE_TIME: Duration = Duration::from_secs(1);
