//! A store of credentials in this process.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{PoisonError, RwLock},
};

use paneld_domain::{ClientId, ClientType, OrganizationId, Timestamp};
use rand::{rand_core::UnwrapErr, rngs::SysRng};

use crate::{CredentialStore, Credentials, LookupFuture, PlainSecret, SecretHash};

/// A [`CredentialStore`] in the memory of this process: for tests, and for hosts whose few clients
/// come from their own configuration. What is in it goes when the process ends.
///
/// An [`Authenticator`](crate::Authenticator) in front of it remembers a client for some seconds,
/// unless it is told to [forget](crate::Authenticator::forget) one that was changed or removed.
///
/// ```
/// use paneld_auth::MemoryCredentials;
/// use paneld_domain::{ClientType, Clock};
///
/// let store = MemoryCredentials::default();
/// let acme = "acme".parse().expect("an organization's id");
/// let (id, secret) = store.create(acme, ClientType::Read, Clock::system().now());
/// println!("{id}:{}", secret.expose());
/// ```
#[derive(Debug, Default)]
pub struct MemoryCredentials {
    clients: RwLock<HashMap<ClientId, Credentials>>,
}

impl MemoryCredentials {
    /// Makes a client of an organization, with a fresh id and secret, and returns both. The
    /// store has but the secret's hash: nobody can find it out later.
    ///
    /// # Panics
    /// When the operating system has no randomness to give.
    pub fn create(
        &self,
        organization: OrganizationId,
        client_type: ClientType,
        now: Timestamp,
    ) -> (ClientId, PlainSecret) {
        let id = ClientId::random(&mut UnwrapErr(SysRng));
        let secret = PlainSecret::generate();
        let hash = SecretHash::of(&secret);
        self.insert(Credentials::new(id, organization, client_type, hash, now));
        (id, secret)
    }

    /// Puts a client into the store, in the place of the one that had its id.
    pub fn insert(&self, credentials: Credentials) {
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        clients.insert(credentials.client.id, credentials);
    }

    /// Takes a client out of the store, if it is there.
    pub fn remove(&self, id: ClientId) -> Option<Credentials> {
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        clients.remove(&id)
    }
}

impl CredentialStore for MemoryCredentials {
    fn find_credentials(&self, id: ClientId) -> LookupFuture<'_> {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        let found = clients.get(&id).cloned();
        Box::pin(std::future::ready(Ok(found)))
    }

    fn replace_hash(
        &self,
        id: ClientId,
        outdated: SecretHash,
        hash: SecretHash,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        let secrets = clients.get_mut(&id).map(|found| &mut found.secrets);
        let mut secrets = secrets.into_iter().flatten();
        if let Some(secret) = secrets.find(|secret| secret.hash.matches(&outdated)) {
            secret.hash = hash;
        }
        Box::pin(std::future::ready(()))
    }
}
