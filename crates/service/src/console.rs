//! Sessions of people in the console: `docs/decisions/0033-sessions.md`.

use std::time::Duration;

use paneld_auth::{Api, Authorized, Reach, Session, SignedIn, Stale, Token, TokenHash, permission};
use paneld_domain::{Clock, PageRequest, Project, Timestamp};
use paneld_repository::{ConsoleToken, NewConsoleToken, Repository, RepositoryError};

use crate::{Revocations, ServiceError};

/// How long somebody stays signed in.
pub(crate) const SESSION_TIME: Duration = Duration::from_hours(12);
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

/// What a session takes the place of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Before {
    /// The link that somebody signed in with, which is used up.
    pub link: Option<TokenHash>,
    /// The session that the browser had, which ends.
    pub session: Option<TokenHash>,
}

/// A session that has just begun.
#[derive(Debug)]
pub struct OpenSession {
    /// What proves it, shown this once.
    pub token: Token,
    /// How long browsers keep it.
    pub time: Duration,
    /// When it ends, if it has an end.
    pub expires_at: Option<Timestamp>,
}

/// The projects that somebody may look at.
#[derive(Debug)]
pub struct VisibleProjects {
    /// The newest of them, newest first.
    pub projects: Vec<Project>,
    /// Whether there are more behind these.
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

    /// Begins a session of somebody who signed in. Of a client's hundred the oldest ends. `None`
    /// when the link that they came with was used meanwhile.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn open_session(
        &self,
        signed_in: &SignedIn,
        before: Before,
    ) -> Result<Option<OpenSession>, ServiceError> {
        let (token, now) = (Token::generate(), self.clock.now());
        let expires_at = now + SESSION_TIME;
        let organization = signed_in.principal().organization().id.clone();
        let new = NewConsoleToken {
            kind: ConsoleToken::Session,
            token: token.hash(),
            session: signed_in.session_until(expires_at),
            by_link: before.link,
            instead_of: before.session,
        };
        let repository = self.repository.clone();
        let opened = self.ending(None, async move {
            let created = repository.create_console_token(organization, new, now);
            let ended = created.await?;
            Ok((ended.is_some(), ended.unwrap_or_default()))
        });
        let is_open = opened.await?;
        Ok(is_open.then_some(OpenSession {
            token,
            time: SESSION_TIME,
            expires_at: Some(expires_at),
        }))
    }

    /// What a token to sign in with stands for; `None` when there is none, or it was used.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn find_sign_in(&self, token: &Token) -> Result<Option<Session>, ServiceError> {
        Ok(self.repository.find_sign_in(token.hash()).await?)
    }

    /// Ends the session whose token has this hash.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn end_session(&self, token: TokenHash) -> Result<(), ServiceError> {
        let repository = self.repository.clone();
        let ended = self.ending(Some(token), async move {
            repository.end_session(token).await?;
            Ok(((), Vec::new()))
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
    pub(crate) async fn ending<T: Send + 'static>(
        &self,
        for_certain: Option<TokenHash>,
        work: impl Future<Output = Result<(T, Vec<TokenHash>), RepositoryError>> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let revocations = self.revocations.clone();
        let whole = tokio::spawn(async move {
            let result = work.await;
            let ended = result.as_ref().map_or(&[][..], |(_, ended)| ended);
            for token in for_certain.into_iter().chain(ended.iter().copied()) {
                revocations.forget(Stale::Session(token));
            }
            result
        });
        let (value, _) = whole.await.map_err(ServiceError::internal)??;
        Ok(value)
    }
}
