//! Sessions of people in the console: `docs/decisions/0033-sessions.md`.

use std::time::Duration;

use paneld_auth::{Api, Authorized, Reach, Session, SignedIn, Stale, Token, TokenHash, permission};
use paneld_domain::{Clock, PageRequest, Project, Timestamp};
use paneld_repository::{ConsoleToken, Repository, RepositoryError};

use crate::{Revocations, ServiceError};

/// How long somebody stays signed in.
const SESSION_TIME: Duration = Duration::from_hours(12);
/// How long a link to sign in with can be used.
pub const SIGN_IN_TIME: Duration = Duration::from_mins(15);
/// So many projects are told of at once, the newest.
const MOST_PROJECTS: u32 = 200;

/// Lets people into the console, and out again.
#[derive(Debug, Clone)]
pub struct Console {
    pub(crate) repository: Repository,
    revocations: Revocations,
    pub(crate) clock: Clock,
}

/// A session that has just begun.
#[derive(Debug)]
pub struct OpenSession {
    /// What proves it, shown this once.
    pub token: Token,
    /// How long browsers keep it.
    pub time: Duration,
}

/// The projects that somebody may look at.
#[derive(Debug)]
pub struct VisibleProjects {
    /// The newest of them, newest first.
    pub projects: Vec<Project>,
    /// Whether there are more.
    pub has_more: bool,
}

impl Console {
    /// The use cases on this catalog.
    pub fn new(repository: Repository, revocations: Revocations, clock: Clock) -> Self {
        Self {
            repository,
            revocations,
            clock,
        }
    }

    /// Begins a session of somebody who signed in. Of a client's hundred the oldest ends.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn open_session(&self, signed_in: &SignedIn) -> Result<OpenSession, ServiceError> {
        let (token, now) = (Token::generate(), self.clock.now());
        let organization = signed_in.principal().organization().id.clone();
        let session = signed_in.session_until(now + SESSION_TIME);
        let (repository, hash) = (self.repository.clone(), token.hash());
        let opened = self.ending(None, async move {
            let kind = ConsoleToken::Session;
            repository
                .create_console_token(organization, kind, hash, session, now)
                .await
        });
        opened.await?;
        Ok(self.session_of(token))
    }

    /// What a token to sign in with stands for; `None` when there is none, or it was used.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn redeem(&self, token: &Token) -> Result<Option<Session>, ServiceError> {
        Ok(self.repository.redeem_sign_in(token.hash()).await?)
    }

    /// When a session ends at the latest that a browser begins now, if its own end is this.
    pub fn end_of_session(&self, own: Option<Timestamp>) -> Timestamp {
        let latest = self.clock.now() + SESSION_TIME;
        own.map_or(latest, |own| own.min(latest))
    }

    pub(crate) fn session_of(&self, token: Token) -> OpenSession {
        OpenSession {
            token,
            time: SESSION_TIME,
        }
    }

    /// Ends the session whose token has this hash.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn end_session(&self, token: TokenHash) -> Result<(), ServiceError> {
        let repository = self.repository.clone();
        let ended = self.ending(Some(token), async move {
            repository.end_session(token).await?;
            Ok(Vec::new())
        });
        ended.await
    }

    /// The projects that the caller may look at.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_projects(
        &self,
        caller: &Authorized<permission::Console>,
    ) -> Result<VisibleProjects, ServiceError> {
        let principal = caller.principal();
        let reach = Api::CONSOLE.access().of(principal.client().client_type);
        if reach != Reach::Organization {
            return Ok(VisibleProjects {
                projects: principal.project().cloned().into_iter().collect(),
                has_more: false,
            });
        }
        let page = PageRequest {
            limit: Some(MOST_PROJECTS),
            after: None,
        };
        let organization = caller.organization_id().clone();
        let listed = self.repository.list_projects(organization, false, page);
        let listed = listed.await?;
        Ok(VisibleProjects {
            projects: listed.items,
            has_more: listed.next.is_some(),
        })
    }

    /// Carries out what ends sessions, and makes all forget those that ended, both or neither: on
    /// a task of its own, for the caller may go away in between. What failed may have happened
    /// all the same.
    pub(crate) async fn ending(
        &self,
        for_certain: Option<TokenHash>,
        work: impl Future<Output = Result<Vec<TokenHash>, RepositoryError>> + Send + 'static,
    ) -> Result<(), ServiceError> {
        let revocations = self.revocations.clone();
        let whole = tokio::spawn(async move {
            let result = work.await;
            let ended = result.as_deref().unwrap_or_default().iter().copied();
            for token in for_certain.into_iter().chain(ended) {
                revocations.forget(Stale::Session(token));
            }
            result
        });
        whole.await.map_err(ServiceError::internal)??;
        Ok(())
    }
}
