//! By what a request behind a gate proved who sends it, where that is a session.

use paneld_auth::Token;
use paneld_domain::ClientId;

/// By what a request behind a gate proved who sends it, where that is a session: found among its
/// extensions.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "idempotency"),
    expect(dead_code, reason = "only a seal is made of it")
)]
pub(crate) struct SessionProof {
    pub(crate) client_id: ClientId,
    pub(crate) token: Token,
}
