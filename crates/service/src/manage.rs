//! The Manage API's use cases: `docs/contract/manage.md`.

mod clients;
mod organization;
mod projects;
mod references;

use std::{sync::Arc, time::Duration};

use paneld_auth::{Authorized, PlainSecret, SecretHash, Stale, permission};
use paneld_domain::{ClientChanges, ClientId, ClientType, Clock, Limits, Name, NewClient};
use paneld_repository::{
    Act, Actor, NewCredentials, Outcome, Repository, RepositoryError, RootRule,
};

use crate::{Answer, Once, Revocations, ServiceError};

/// How long a deleted project can be restored.
pub(crate) const TIME_TO_RESTORE: Duration = Duration::from_secs(24 * 60 * 60);

/// Proof that the caller may manage its organization.
pub(crate) type Manager = Authorized<permission::Manage>;

/// Something that was made together with credentials.
#[derive(Debug, Clone)]
pub struct Created<T> {
    /// What was made: a client, a project, or a new secret.
    pub made: T,
    /// The id of the client whose secret it is.
    pub client_id: ClientId,
    /// The secret, shown this once.
    pub secret: Arc<PlainSecret>,
}

impl<T> Created<T> {
    /// Adds the credentials to what was made.
    fn with(
        client_id: ClientId,
        secret: &Arc<PlainSecret>,
    ) -> impl Fn(T) -> Self + Clone + Send + Sync + 'static {
        let secret = Arc::clone(secret);
        move |made| Self {
            made,
            client_id,
            secret: Arc::clone(&secret),
        }
    }
}

/// What the operator decides about the Manage API.
#[derive(Debug, Clone, Copy)]
pub struct ManageSettings {
    /// The rates that bound what clients may be given.
    pub limits: Limits,
    /// Whether root clients may be made through the API.
    pub allow_root_creation: bool,
}

/// Manages an organization's projects, clients and references on behalf of its root clients.
#[derive(Debug, Clone)]
pub struct Manage {
    repository: Repository,
    revocations: Revocations,
    clock: Clock,
    settings: ManageSettings,
}

impl Manage {
    /// The use cases on this catalog.
    pub fn new(
        repository: Repository,
        revocations: Revocations,
        clock: Clock,
        settings: ManageSettings,
    ) -> Self {
        Self {
            repository,
            revocations,
            clock,
            settings,
        }
    }

    fn at_work(&self, caller: &Manager) -> (Repository, Act) {
        (self.repository.clone(), act_of(caller, &self.clock))
    }

    /// Carries out a creation, at most once if that is asked for; `present` turns what the
    /// catalog made into what its owner gets.
    async fn create<M: Clone + Send + 'static, T: 'static, F>(
        &self,
        stale: Option<Stale>,
        once: Option<Once<T>>,
        present: impl Fn(M) -> T + Clone + Send + Sync + 'static,
        work: impl FnOnce(Option<paneld_repository::Once<M>>) -> F,
    ) -> Result<Answer<T>, ServiceError>
    where
        F: Future<Output = Result<Outcome<M>, RepositoryError>> + Send + 'static,
    {
        let seal = once.as_ref().map(|once| once.seal.clone());
        let once = once.map(|once| {
            let present = present.clone();
            once.in_catalog(move |made: &M| present(made.clone()))
        });
        let outcome = self.change(stale, work(once)).await?;
        Answer::of(outcome, seal.as_ref(), present)
    }

    /// Carries out a change and forgets what it made stale, both or neither: on a task of its
    /// own, for the caller may go away in between. What failed may have happened all the same.
    async fn change<T: Send + 'static>(
        &self,
        stale: Option<Stale>,
        work: impl Future<Output = Result<T, RepositoryError>> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let revocations = self.revocations.clone();
        let whole = tokio::spawn(async move {
            let result = work.await;
            if let Some(stale) = stale {
                revocations.forget(stale);
            }
            result
        });
        Ok(whole.await.map_err(ServiceError::internal)??)
    }
}

/// What is done now, for this caller.
pub(crate) fn act_of<P>(caller: &Authorized<P>, clock: &Clock) -> Act {
    let actor = Actor {
        client_id: caller.client_id(),
        peer_address: caller.principal().peer(),
        request_id: caller.request_id().to_owned(),
    };
    Act {
        at: clock.now(),
        by: Some(actor),
    }
}

fn root_rule(caller: &Manager) -> RootRule {
    RootRule::Enforced {
        peer: caller.principal().peer(),
    }
}

/// The client that a project is made with.
pub(crate) fn first_client() -> NewClient {
    NewClient {
        name: Name::stored("First client".to_owned()),
        client_type: ClientType::Write,
        project_id: None,
        settings: ClientChanges::default(),
    }
}

/// Fresh credentials, and the secret for the one who asked.
pub(crate) fn new_credentials() -> (Arc<PlainSecret>, NewCredentials) {
    let secret = Arc::new(PlainSecret::generate());
    let credentials = NewCredentials {
        id: ClientId::random(&mut rand::rng()),
        hash: SecretHash::of(&secret),
    };
    (secret, credentials)
}
