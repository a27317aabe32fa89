//! Why a sink did not take something.

use paneld_events::EventsError;
use paneld_repository::RepositoryError;

/// Why a sink did not take a batch.
pub(super) enum Refusal {
    /// It is away, and the same batch can be tried again.
    Away(Box<dyn std::error::Error + Send + Sync>),
    /// It will never take it.
    Rejected(Box<dyn std::error::Error + Send + Sync>),
    /// It has no room for it in memory, and may have room for less.
    NoRoom(Box<dyn std::error::Error + Send + Sync>),
}

impl Refusal {
    pub(super) fn into_cause(self) -> Box<dyn std::error::Error + Send + Sync> {
        match self {
            Self::Away(cause) | Self::Rejected(cause) | Self::NoRoom(cause) => cause,
        }
    }
}

pub(super) fn of_store(error: EventsError) -> Refusal {
    match error {
        rejected @ EventsError::Rejected(_) => Refusal::Rejected(Box::new(rejected)),
        no_room @ EventsError::NoRoom(_) => Refusal::NoRoom(Box::new(no_room)),
        away => Refusal::Away(Box::new(away)),
    }
}

pub(super) fn of_catalog(error: RepositoryError) -> Refusal {
    match error {
        away @ RepositoryError::Unavailable(_) => Refusal::Away(Box::new(away)),
        rejected => Refusal::Rejected(Box::new(rejected)),
    }
}
