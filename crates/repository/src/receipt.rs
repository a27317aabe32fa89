//! Units of work that are carried out at most once, and the sealed replies they leave.

use std::time::Duration;

use paneld_domain::ClientId;

use crate::RepositoryError;

/// How long a reply is kept (`docs/contract/manage.md` §7).
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// By what a kept reply is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplyKey {
    /// The client whose request it answers.
    pub client_id: ClientId,
    /// A digest of the client's id and its idempotency key.
    pub digest: [u8; 32],
}

/// Asks for a unit of work to be carried out at most once a day under its key.
pub struct Once<T> {
    /// The key under which the reply is kept.
    pub key: ReplyKey,
    /// Makes the sealed reply that is kept.
    pub seal: Seal<T>,
}

/// Makes a sealed reply from what a unit of work made.
pub type Seal<T> = Box<dyn FnOnce(&T) -> Result<Vec<u8>, SealError> + Send + Sync>;

/// Why a reply could not be sealed.
pub type SealError = Box<dyn std::error::Error + Send + Sync>;

impl<T> Once<T> {
    pub(crate) fn seal(self, made: &T) -> Result<Vec<u8>, RepositoryError> {
        (self.seal)(made).map_err(RepositoryError::Internal)
    }
}

impl<T> std::fmt::Debug for Once<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Once")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// What came of a unit of work that is carried out at most once.
#[derive(Debug)]
pub enum Outcome<T> {
    /// It was carried out now.
    Made(T),
    /// It was carried out before under this key, perhaps for another request: the sealed reply.
    Kept(Vec<u8>),
}

impl<T> Outcome<T> {
    /// What was made by a unit of work that was given no key, and so has kept nothing.
    ///
    /// # Errors
    /// When it was given one after all.
    pub fn made(self) -> Result<T, RepositoryError> {
        match self {
            Self::Made(made) => Ok(made),
            Self::Kept(_) => Err(RepositoryError::internal("it was carried out before")),
        }
    }
}
