//! People: who signs in to the console, who comes back with the cookie of a session or a share
//! link, and who stays for long (`docs/decisions/0033-sessions.md`).

use std::{net::IpAddr, sync::Arc};

use paneld_domain::Timestamp;

use super::{AuthError, Authenticator, cached::CachedSession, demand_live_project};
use crate::{
    NotChecked, Presented, Principal, SecretHash, Session, Share, SlowCheck, SlowVerdict,
    TokenHash,
    known::Known,
    policy::{Api, Reach},
};

/// Somebody who may have a session of the console: the policy was asked, and a secret of the
/// client is known. There is no other way to get one than [`Authenticator::sign_in`] and
/// [`Authenticator::sign_in_again`].
#[derive(Debug)]
pub struct SignedIn {
    principal: Principal,
    secret: SecretHash,
}

impl SignedIn {
    /// The client, and where it calls from.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// A session that ends at this time.
    pub fn session_until(&self, expires_at: Timestamp) -> Session {
        Session {
            client_id: self.principal.client().id,
            secret: self.secret.clone(),
            expires_at,
        }
    }
}

impl Authenticator {
    /// Who signs in to the console, if they may.
    ///
    /// # Errors
    /// As of [`authenticate`](Self::authenticate).
    pub async fn sign_in<L>(
        &self,
        presented: Presented<'_>,
        peer: IpAddr,
        admit_lookup: impl FnOnce() -> Result<L, NotChecked>,
        check_slowly: impl AsyncFnOnce(SlowCheck) -> Result<SlowVerdict, NotChecked>,
    ) -> Result<SignedIn, AuthError> {
        let api = &Api::CONSOLE;
        let authenticated = self.authenticate(api, presented, peer, admit_lookup, check_slowly);
        Ok(SignedIn {
            principal: authenticated.await?,
            secret: SecretHash::digest(presented.secret.unwrap_or_default()),
        })
    }

    /// Who signs in to the console with what was kept of an earlier proof, if they may.
    ///
    /// # Errors
    /// When it counts no longer, and whatever stands against its client now.
    pub async fn sign_in_again<L>(
        &self,
        proof: Session,
        peer: IpAddr,
        admit_lookup: impl FnOnce() -> Result<L, NotChecked>,
    ) -> Result<SignedIn, AuthError> {
        let principal = self.resume(&Api::CONSOLE, &proof, peer, admit_lookup);
        Ok(SignedIn {
            principal: principal.await?,
            secret: proof.secret,
        })
    }

    /// Who somebody is who came with a share link, and with its password where it has one.
    ///
    /// # Errors
    /// When the link shows nothing any more.
    pub async fn open_share<L>(
        &self,
        share: Share,
        peer: IpAddr,
        admit_lookup: impl FnOnce() -> Result<L, NotChecked>,
    ) -> Result<Principal, AuthError> {
        self.demand_open(&share, admit_lookup).await?;
        let known = Arc::new(Known::of_share(share));
        Ok(Principal { known, peer })
    }

    /// Who calls with the token of this hash, if the session is not over and they may call this
    /// API at all; and when it ends, if that is known.
    ///
    /// # Errors
    /// When there is no such session, and whatever stands against its client now.
    pub async fn authenticate_session<L>(
        &self,
        api: &Api,
        token: TokenHash,
        peer: IpAddr,
        admit_lookup: impl Fn() -> Result<L, NotChecked>,
    ) -> Result<(Principal, Option<Timestamp>), AuthError> {
        let look_up = async {
            let found = self.store.find_session(token).await?;
            Ok(found.map(CachedSession::from))
        };
        let found = self
            .sessions
            .find(token, &self.clock, &admit_lookup, look_up);
        let session = found.await?.outcome?.ok_or(AuthError::NoSuchSession)?;
        match &*session {
            CachedSession::Client(session) => {
                let principal = self.resume(api, session, peer, admit_lookup).await?;
                Ok((principal, Some(session.expires_at)))
            }
            CachedSession::Share(share, known) => {
                self.demand_open(share, admit_lookup).await?;
                let client = &known.credentials.client;
                if api.access().of(client.client_type) == Reach::Nothing {
                    return Err(AuthError::InsufficientPermissions);
                }
                let known = Arc::clone(known);
                Ok((Principal { known, peer }, client.expires_at))
            }
        }
    }

    /// Who somebody is now who was let in at an earlier time, if they still may call this API at
    /// all. Where one of several secrets is over, it may have been theirs.
    ///
    /// # Errors
    /// When a secret of the client was replaced, and whatever stands against it now.
    pub async fn readmit<L>(
        &self,
        api: &Api,
        earlier: &Principal,
        at: Timestamp,
        admit_lookup: impl FnOnce() -> Result<L, NotChecked>,
    ) -> Result<Principal, AuthError> {
        let invalid = |reason| AuthError::InvalidCredentials { reason };
        let now = self.clock.now();
        let found = self.find(earlier.client().id, admit_lookup).await?;
        let known = found.outcome?.ok_or(invalid("the client is deleted"))?;
        if !known.keeps_secrets_of(&earlier.known, at, now) {
            return Err(invalid("a secret of the client was replaced"));
        }
        demand_live_project(&known)?;
        self.admit(known, api, earlier.peer, now)
    }

    /// Who somebody is who has this session, if they may call this API at all.
    async fn resume<L>(
        &self,
        api: &Api,
        session: &Session,
        peer: IpAddr,
        admit_lookup: impl FnOnce() -> Result<L, NotChecked>,
    ) -> Result<Principal, AuthError> {
        let ended = |reason| AuthError::SessionEnded { reason };
        let now = self.clock.now();
        if session.expires_at <= now {
            return Err(ended("its time is over"));
        }
        let found = self.find(session.client_id, admit_lookup).await?.outcome?;
        let known = found.ok_or(ended("its client is deleted"))?;
        if !known.accepts(&session.secret, now) {
            return Err(ended("the secret of its client was replaced"));
        }
        demand_live_project(&known)?;
        self.admit(known, api, peer, now)
    }

    /// What stands against a share link, if anything does. It is worth what the client is that
    /// made it.
    async fn demand_open<L>(
        &self,
        share: &Share,
        admit_lookup: impl FnOnce() -> Result<L, NotChecked>,
    ) -> Result<(), AuthError> {
        let ended = |reason| Err(AuthError::SessionEnded { reason });
        let now = self.clock.now();
        if share.link.is_expired(now) {
            return ended("the time of the link is over");
        }
        if !share.project.is_live() {
            return ended("the project is deleted");
        }
        let maker = self
            .find(share.link.created_by, admit_lookup)
            .await?
            .outcome?;
        match maker {
            Some(maker) if maker.credentials.client.is_usable(now) => Ok(()),
            _ => ended("the client that made the link is deleted, disabled or expired"),
        }
    }
}
