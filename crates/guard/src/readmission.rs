//! Callers whose reply goes on for long, and who may be turned away meanwhile.

use std::{marker::PhantomData, sync::Arc};

use actix_web::{HttpMessage as _, HttpRequest};
use paneld_auth::{AuthError, Authorized, Principal, TokenHash, permission::Permission};
use paneld_domain::Timestamp;

use crate::{Caller, Guard, session_proof::SessionProof};

/// How a caller was let in, to be asked again while its reply goes on.
#[derive(Debug)]
pub struct Readmission<P> {
    guard: Arc<Guard>,
    principal: Principal,
    request_id: Arc<str>,
    admitted_at: Timestamp,
    /// What a session is found by, where that is how the caller proved itself.
    session: Option<TokenHash>,
    permission: PhantomData<fn() -> P>,
}

impl Guard {
    /// How the caller of a request was let in.
    pub fn readmission<P: Permission>(
        self: &Arc<Self>,
        request: &HttpRequest,
        caller: &Caller<P>,
    ) -> Readmission<P> {
        let extensions = request.extensions();
        let session = extensions.get::<SessionProof>();
        Readmission {
            guard: Arc::clone(self),
            principal: caller.0.principal().clone(),
            request_id: caller.0.request_id().into(),
            admitted_at: self.authenticator.now(),
            session: session.map(|proof| proof.token.hash()),
            permission: PhantomData,
        }
    }
}

impl<P: Permission> Readmission<P> {
    /// Lets the caller in again, without charging it, if nothing stands against that now: its
    /// session goes on, and its client, the secret and the address still count.
    pub async fn readmit(&self) -> Option<Authorized<P>> {
        match self.find_out().await {
            Ok(principal) => Authorized::check(principal, &self.request_id).ok(),
            Err(error) => {
                tracing::debug!(reason = %error, "ended the reply to a caller");
                None
            }
        }
    }

    async fn find_out(&self) -> Result<Principal, AuthError> {
        let (api, peer) = (&P::API, self.principal.peer());
        let authenticator = &self.guard.authenticator;
        let admit_lookup = || self.guard.admit_lookup(peer);
        let Some(session) = &self.session else {
            let readmitted =
                authenticator.readmit(api, &self.principal, self.admitted_at, admit_lookup);
            return readmitted.await;
        };
        let found = authenticator.authenticate_session(api, *session, peer, admit_lookup);
        Ok(found.await?.0)
    }
}
