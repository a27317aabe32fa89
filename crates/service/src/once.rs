//! Creations that are carried out at most once.

use paneld_auth::ReplySeal;
use paneld_repository as repository;

use crate::{Conflict, ServiceError};

/// Asks for a creation to be carried out at most once a day, and for its reply to be kept.
#[derive(Debug)]
pub struct Once<T> {
    /// Seals the reply, so that only who sent the request can open it.
    pub seal: ReplySeal,
    /// Writes the reply to what was made.
    pub render: fn(T) -> Result<Vec<u8>, repository::SealError>,
}

/// What came of a creation.
#[derive(Debug)]
pub enum Answer<T> {
    /// It was made now, by this request.
    New(T),
    /// The same request was carried out before: the reply that it got.
    Replayed(Vec<u8>),
}

impl<T: 'static> Once<T> {
    /// The same for the catalog, which knows what it makes in another form.
    pub(crate) fn in_catalog<M>(
        self,
        present: impl FnOnce(&M) -> T + Send + Sync + 'static,
    ) -> repository::Once<M> {
        let Self { seal, render } = self;
        repository::Once {
            key: repository::ReplyKey {
                client_id: seal.client_id(),
                digest: seal.key_digest(),
            },
            seal: Box::new(move |made| Ok(seal.seal(&render(present(made))?))),
        }
    }
}

impl<T> Answer<T> {
    /// Opens a kept reply, or presents what was made.
    pub(crate) fn of<M>(
        outcome: repository::Outcome<M>,
        seal: Option<&ReplySeal>,
        present: impl FnOnce(M) -> T,
    ) -> Result<Self, ServiceError> {
        match outcome {
            repository::Outcome::Made(made) => Ok(Self::New(present(made))),
            repository::Outcome::Kept(sealed) => seal
                .and_then(|seal| seal.open(&sealed))
                .map(Self::Replayed)
                .ok_or(ServiceError::Conflict(Conflict::KeyReused)),
        }
    }
}
