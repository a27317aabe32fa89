//! How long a task takes.

use std::time::Instant;

/// This moment.
#[expect(
    clippy::disallowed_methods,
    reason = "the server's clock is not for developer tasks"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
