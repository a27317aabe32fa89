//! Copies of what the catalog keeps of people and groups, for reports that join them. They have a
//! position in the spool of their own, so that events never wait for the catalog.

use paneld_domain::ProjectKey;

use super::{Engine, EventStore};
use crate::{
    EventsError, PeopleCopies, PeopleRows, clickhouse::ClickHouseCopies, duckdb::DuckDbStore,
};

impl EventStore {
    /// The position in the spool up to which people were copied; 0 when they never were.
    pub async fn copied_position(&self) -> Result<u64, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.copied_position().await,
            Engine::ClickHouse(store) => store.copied_position().await,
        }
    }

    /// Puts people in the place of their earlier copies, whole or not at all. What was copied up to
    /// a position is not copied again.
    pub async fn copy_people(&self, copies: PeopleCopies) -> Result<(), EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.copy_people(copies).await,
            Engine::ClickHouse(store) => store.copy_people(copies).await,
        }
    }

    /// Begins to copy everybody anew.
    pub async fn begin_new_copies(&self) -> Result<NewCopies, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => {
                store.begin_new_copies().await?;
                Ok(NewCopies(Begun::DuckDb(store.clone())))
            }
            Engine::ClickHouse(store) => Ok(NewCopies(Begun::ClickHouse(
                store.begin_new_copies().await?,
            ))),
        }
    }
}

/// Copies that take the place of earlier ones. Whoever is left out of them is there until
/// [`Self::finish`]. Those that are begun while others are not finished take their place.
pub struct NewCopies(Begun);

/// Where they are kept until then.
enum Begun {
    DuckDb(DuckDbStore),
    ClickHouse(ClickHouseCopies),
}

impl NewCopies {
    /// Adds some.
    pub async fn add(&self, rows: PeopleRows) -> Result<(), EventsError> {
        match &self.0 {
            Begun::DuckDb(store) => store.add_new_copies(rows).await,
            Begun::ClickHouse(copies) => copies.add(rows).await,
        }
    }

    /// Puts them in the place of all old ones, or of those of one project. With a position, that
    /// is how far people are copied then.
    ///
    /// # Errors
    /// Also when the store was away in between, and has forgotten what was begun.
    pub async fn finish(
        self,
        project: Option<ProjectKey>,
        position: Option<u64>,
    ) -> Result<(), EventsError> {
        match self.0 {
            Begun::DuckDb(store) => store.finish_new_copies(project, position).await,
            Begun::ClickHouse(copies) => copies.finish(project, position).await,
        }
    }
}

impl std::fmt::Debug for NewCopies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewCopies").finish_non_exhaustive()
    }
}
