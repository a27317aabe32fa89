//! Lists of events and sessions, what is in them, and how much there is.

use std::collections::{HashMap, HashSet};

use paneld_analytics::{EventsRequest, SessionsRequest, Window};
use paneld_domain::{Event, ProjectKey, Session};

use super::{Engine, EventStore};
use crate::{EventsError, Scope};

impl EventStore {
    /// How many people, known or not, did something in a window.
    pub async fn count_visitors(
        &self,
        project: ProjectKey,
        window: Window,
    ) -> Result<u64, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.count_visitors(project, window).await,
            Engine::ClickHouse(store) => store.count_visitors(project, window).await,
        }
    }

    /// How many events each project has; those that have none are left out.
    pub async fn count_events(&self) -> Result<HashMap<ProjectKey, u64>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.count_events().await,
            Engine::ClickHouse(store) => store.count_events().await,
        }
    }

    /// The projects of which there is anything: events, sessions, recordings, or copies of people.
    pub async fn list_projects(&self) -> Result<HashSet<ProjectKey>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.list_projects().await,
            Engine::ClickHouse(store) => store.list_projects().await,
        }
    }

    /// Events, newest first.
    pub async fn find_events(
        &self,
        scope: Scope,
        request: EventsRequest,
    ) -> Result<Vec<Event>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.find_events(scope, request).await,
            Engine::ClickHouse(store) => store.find_events(scope, request).await,
        }
    }

    /// Sessions, newest first.
    pub async fn find_sessions(
        &self,
        scope: Scope,
        request: SessionsRequest,
    ) -> Result<Vec<Session>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.find_sessions(scope, request).await,
            Engine::ClickHouse(store) => store.find_sessions(scope, request).await,
        }
    }

    /// The names of events, the most frequent first.
    pub async fn event_names(
        &self,
        project: ProjectKey,
        limit: u32,
    ) -> Result<Vec<String>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.event_names(project, limit).await,
            Engine::ClickHouse(store) => store.event_names(project, limit).await,
        }
    }

    /// The keys of properties with the names of the events that have them; of one event, if it
    /// is given. In the order of the keys.
    pub async fn property_keys(
        &self,
        project: ProjectKey,
        event: Option<String>,
        limit: u32,
    ) -> Result<Vec<(String, String)>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.property_keys(project, event, limit).await,
            Engine::ClickHouse(store) => store.property_keys(project, event, limit).await,
        }
    }

    /// What a property of events of this name was, the latest first. Empty texts are left out.
    pub async fn property_values(
        &self,
        project: ProjectKey,
        event: String,
        key: String,
        limit: u32,
    ) -> Result<Vec<String>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.property_values(project, event, key, limit).await,
            Engine::ClickHouse(store) => store.property_values(project, event, key, limit).await,
        }
    }
}
