//! What can go wrong in a use case.

use paneld_domain::Problem;
use paneld_repository::{RepositoryError, Resource};

#[cfg(feature = "events")]
use crate::TrackRefusal;

/// Why a use case was not carried out. Nothing of it was, then.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// There is no such thing for this caller.
    #[error("{0} not found")]
    NotFound(Resource),
    /// The values do not go together: each problem with the path of its field.
    #[error("the request does not make sense")]
    Invalid(Vec<Problem>),
    /// The question has no answer that could be given: each problem with the path of its
    /// parameter.
    #[error("the question makes no sense")]
    Question(Vec<Problem>),
    /// It goes against the state of things.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The operator switched it off.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The caller may track, but not this.
    #[cfg(feature = "events")]
    #[error(transparent)]
    Refused(#[from] TrackRefusal),
    /// The caller asks for too much, at once or in one answer: a sentence that says it. Trying
    /// again later may help.
    #[error("{0}")]
    Excess(String),
    /// It took more time or memory than one answer may.
    #[error("the answer takes too long")]
    TooSlow,
    /// A backing service is away. Trying again later may help.
    #[error("a backing service is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Anything else: a bug, or a damaged store.
    #[error("the use case failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A state of things that stands against a use case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The id is another client's.
    #[error("There is a client of this id already")]
    ClientExists,
    /// The organization would be left without a way in.
    #[error("The organization would be left without a usable root client")]
    LastRoot,
    /// The idempotency key belongs to another request.
    #[error("The idempotency key was used for another request, or with another secret")]
    KeyReused,
    /// The project has as many share links as one may have.
    #[error("A project has at most 100 share links: end one first")]
    TooManyShareLinks,
    /// The same request is being carried out at this moment.
    #[error("A request of the same idempotency key is still running")]
    Running,
}

impl ServiceError {
    pub(crate) fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }

    /// For an answer that would be larger than one may be.
    pub(crate) fn too_large() -> Self {
        let why = "makes an answer that is too large: ask for fewer rows, or for a stream";
        Self::Question(vec![Problem::at(["limit".into()], why)])
    }
}

impl From<RepositoryError> for ServiceError {
    fn from(error: RepositoryError) -> Self {
        match error {
            RepositoryError::NotFound(resource) => Self::NotFound(resource),
            // Only clients are made with an id that somebody chose.
            RepositoryError::AlreadyExists(_) => Self::Conflict(Conflict::ClientExists),
            RepositoryError::LastRoot => Self::Conflict(Conflict::LastRoot),
            RepositoryError::TooManyShareLinks => Self::Conflict(Conflict::TooManyShareLinks),
            RepositoryError::OthersShareLink => Self::Forbidden(
                "Manage: Share links of other clients can only be ended by root clients",
            ),
            RepositoryError::Running => Self::Conflict(Conflict::Running),
            RepositoryError::Invalid(problems) => {
                let problems = problems.into_iter();
                Self::Invalid(
                    problems
                        .map(|(field, why)| Problem::of(field, &why))
                        .collect(),
                )
            }
            // Only known where a catalog is opened, which no use case does.
            error @ RepositoryError::Unsuitable(_) => Self::internal(error),
            RepositoryError::Unavailable(source) => Self::Unavailable(source),
            RepositoryError::Internal(source) => Self::Internal(source),
        }
    }
}
