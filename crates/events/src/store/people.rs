//! Profiles and groups, from the copies of them; and what single profiles did.

use paneld_analytics::{GroupsRequest, ProfilesRequest, Shown};
use paneld_domain::{Event, Group, Profile, ProjectKey, Session, Timestamp, Zone};

use super::{Engine, EventStore};
use crate::{EventsError, Members, ProfileNumbers, Scope};

impl EventStore {
    /// The devices on which the profile did something: so many at most, those it used last.
    pub async fn profile_devices(
        &self,
        project: ProjectKey,
        profile_id: String,
        most: usize,
    ) -> Result<Vec<String>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.profile_devices(project, profile_id, most).await,
            Engine::ClickHouse(store) => store.profile_devices(project, profile_id, most).await,
        }
    }

    /// The newest events that have the profile's id.
    pub async fn profile_events(
        &self,
        project: ProjectKey,
        profile_id: String,
        limit: u32,
    ) -> Result<Vec<Event>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.profile_events(project, profile_id, limit).await,
            Engine::ClickHouse(store) => store.profile_events(project, profile_id, limit).await,
        }
    }

    /// The newest sessions that have the profile's id.
    pub async fn profile_sessions(
        &self,
        project: ProjectKey,
        profile_id: String,
        limit: u32,
    ) -> Result<Vec<Session>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.profile_sessions(project, profile_id, limit).await,
            Engine::ClickHouse(store) => store.profile_sessions(project, profile_id, limit).await,
        }
    }

    /// The sessions of these devices that lasted into this time, of each device in the order of
    /// time.
    pub async fn device_sessions(
        &self,
        project: ProjectKey,
        devices: Vec<String>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Session>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.device_sessions(project, devices, from, to).await,
            Engine::ClickHouse(store) => store.device_sessions(project, devices, from, to).await,
        }
    }

    /// What can be counted of a profile; zeros when nothing is known of it. Days are those of the
    /// zone.
    pub async fn profile_numbers(
        &self,
        project: ProjectKey,
        profile_id: String,
        zone: Zone,
    ) -> Result<ProfileNumbers, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.profile_numbers(project, profile_id, zone).await,
            Engine::ClickHouse(store) => store.profile_numbers(project, profile_id, zone).await,
        }
    }

    /// Profiles, by the time when they were first seen, as far as an answer has room for them.
    pub async fn list_profiles(
        &self,
        scope: Scope,
        request: ProfilesRequest,
    ) -> Result<Vec<Shown<Profile>>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.list_profiles(scope, request).await,
            Engine::ClickHouse(store) => store.list_profiles(scope, request).await,
        }
    }

    /// The types of all groups, in their order.
    pub async fn list_group_types(&self, project: ProjectKey) -> Result<Vec<String>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.list_group_types(project).await,
            Engine::ClickHouse(store) => store.list_group_types(project).await,
        }
    }

    /// Groups, newest first, as far as an answer has room for them.
    pub async fn list_groups(
        &self,
        project: ProjectKey,
        request: GroupsRequest,
    ) -> Result<Vec<Shown<Group>>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.list_groups(project, request).await,
            Engine::ClickHouse(store) => store.list_groups(project, request).await,
        }
    }

    /// The profiles that belong to a group: how many, and the newest.
    pub async fn group_members(
        &self,
        project: ProjectKey,
        group_id: String,
        limit: u32,
    ) -> Result<Members, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.group_members(project, group_id, limit).await,
            Engine::ClickHouse(store) => store.group_members(project, group_id, limit).await,
        }
    }
}
