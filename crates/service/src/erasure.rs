//! Forgetting somebody: `docs/contract/manage.md` §8.2.

use std::{collections::HashSet, time::Duration};

use paneld_domain::{Clock, ProjectId};
use paneld_events::{Asker, Erased, EventStore};
use paneld_ingest::{Ingest, NotDoneYet};
use paneld_repository::{Repository, Resource};

use crate::{
    ServiceError,
    manage::{Manager, act_of},
};

/// How long to wait until what was accepted before is applied, and until the erasure is.
const PATIENCE: Duration = Duration::from_secs(10);

/// On how many devices live sessions of nobody are looked for: those that were used last. What is
/// stored of nobody is removed on however many.
const MOST_DEVICES: usize = 100_000;

/// What was removed with a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErasedProfile {
    /// How many profiles: none for somebody of whom there were events only.
    pub profiles: u64,
    /// How many events were removed.
    pub events: u64,
    /// How many sessions were removed.
    pub sessions: u64,
}

/// Forgets people, on behalf of the root clients of their projects' organization.
#[derive(Debug, Clone)]
pub struct Erasure {
    repository: Repository,
    ingest: Ingest,
    events: EventStore,
    clock: Clock,
}

impl Erasure {
    /// The use case on these stores.
    pub fn new(repository: Repository, ingest: Ingest, events: EventStore, clock: Clock) -> Self {
        Self {
            repository,
            ingest,
            events,
            clock,
        }
    }

    /// Removes a profile, its events, sessions and recordings, and those of nobody on the devices
    /// it used: behind everything that was accepted before. Returns when it is done.
    ///
    /// # Errors
    /// When there is no such project or profile, or when a store is away. What was begun when a
    /// store went away is done when it is back.
    pub async fn erase_profile(
        &self,
        caller: &Manager,
        project: ProjectId,
        profile_id: &str,
    ) -> Result<ErasedProfile, ServiceError> {
        let organization = caller.organization_id().clone();
        let get = self
            .repository
            .get_project(organization.clone(), project.clone(), false);
        let key = get.await?.key;
        // Whoever was identified a moment ago is known only then. However far the event store is
        // with what came before, it is removed behind that.
        self.ingest.settle_people(PATIENCE).await?;
        let ids = self.repository.list_profile_ids(key, profile_id).await?;
        let found = self.repository.list_profiles_by_ids(key, ids.clone());
        let mut profiles = found.await?.into_values().collect::<Vec<_>>();
        // Not that which a claimed alias names.
        profiles.retain(|profile| ids.contains(&profile.id));
        profiles.dedup_by(|one, other| one.id == other.id);
        if profiles.is_empty() {
            // Whoever only did something is known to the event store alone.
            self.ingest.settle(PATIENCE).await?;
        }
        let asker = Asker::client(caller.organization_id(), caller.client_id());
        let events = self.events.asked_by(asker);
        let mut devices = HashSet::new();
        let mut did_something = false;
        for id in &ids {
            let most = MOST_DEVICES - devices.len();
            devices.extend(events.profile_devices(key, id.clone(), most).await?);
            let newest = events.profile_events(key, id.clone(), 1).await?;
            did_something |= !newest.is_empty();
        }
        if profiles.is_empty() && !did_something {
            return Err(ServiceError::NotFound(Resource::Profile));
        }
        let act = act_of(caller, &self.clock);
        let id = ids.first().cloned().unwrap_or_default();
        let noted = self.repository.note_erasure(organization, project, id, act);
        noted.await?;
        let position = self.ingest.erase_profile(key, ids, devices).await?;
        let erased = self.ingest.erased(position, PATIENCE).await?;
        let Erased { events, sessions } = erased.ok_or(NotDoneYet)?;
        Ok(ErasedProfile {
            profiles: profiles.len() as u64,
            events,
            sessions,
        })
    }
}

impl From<NotDoneYet> for ServiceError {
    fn from(error: NotDoneYet) -> Self {
        Self::Unavailable(Box::new(error))
    }
}
