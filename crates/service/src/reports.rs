//! Answers about what was tracked, and raw events.

mod behaviour;
mod export;
mod figures;
mod glance;
mod people;

use std::{collections::HashMap, sync::Arc, time::Duration};

use paneld_analytics::{AnswerRoom, Shown, Window};
use paneld_auth::{Authorized, ProjectAccess, permission::Permission};
use paneld_domain::{
    ClientType, Clock, ErrorChain, Event, Profile, Project, ProjectKey, Timestamp, Zone,
};
use paneld_events::{Asker, EventStore, EventsError, Scope, Wide};
use paneld_repository::{Repository, Resource};
use tokio::sync::Mutex;

pub use self::export::ProfilesBeside;
pub use self::figures::Annotated;
pub use self::glance::{Glance, GlanceFigures};
pub use self::people::{GroupWithMembers, ProfileMetrics};
use crate::{AnswerBytes, CallerCompute, Compute, ServiceError, access::access};

/// Since when somebody must have done something to be there live.
const LIVE: chrono::TimeDelta = chrono::TimeDelta::minutes(5);
/// How old the numbers of events may be that projects are shown with.
const COUNTS_TIME: Duration = Duration::from_secs(30);

/// Answers questions about what was tracked.
#[derive(Debug, Clone)]
pub struct Reports {
    repository: Repository,
    events: EventStore,
    clock: Clock,
    compute: Compute,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    by_project: Arc<HashMap<ProjectKey, u64>>,
    counted_at: Option<Duration>,
}

/// A project that the caller may ask about: made from the proof of it alone.
#[derive(Debug, Clone)]
pub struct Subject {
    project: Project,
    zone: Zone,
    asker: Asker,
    is_shared: bool,
    compute: CallerCompute,
}

/// A profile, and what it did last.
#[derive(Debug, Clone)]
pub struct ProfileWithEvents {
    /// The profile, as far as an answer has room for it.
    pub profile: Shown<Profile>,
    /// The newest events of the profile, as far as the answer has room for them.
    pub events: Vec<Shown<Event>>,
}

impl Subject {
    fn new<P: Permission>(
        access: ProjectAccess<'_, P>,
        caller: &Authorized<P>,
        compute: &Compute,
    ) -> Self {
        Self {
            project: access.into_project(),
            zone: caller.principal().organization().zone,
            is_shared: caller.principal().client().client_type == ClientType::Share,
            asker: Asker::client(caller.organization_id(), caller.taker_of_turns()),
            compute: compute.of(caller),
        }
    }

    /// The project that the question is about.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// The zone of its days.
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// Whether it is asked about by somebody with a share link.
    pub fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Where the rest of a question is read and its answer made.
    pub fn compute(&self) -> CallerCompute {
        self.compute.clone()
    }

    /// The bytes of an answer made of these rows.
    ///
    /// # Errors
    /// When answers of this client or organization have all bytes that there are for them.
    pub fn answer<'a, T: Wide + 'a>(
        &self,
        rows: impl IntoIterator<Item = &'a T>,
    ) -> Result<AnswerBytes, ServiceError> {
        let mut answer = self.compute.answer();
        answer.read(rows.into_iter().map(Wide::bytes).sum())?;
        Ok(answer)
    }

    fn scope(&self) -> Scope {
        Scope {
            key: self.project.key,
            id: self.project.id.clone(),
        }
    }
}

impl Reports {
    /// The use cases on these stores. Answers are made in these turns, and have this room.
    pub fn new(repository: Repository, events: EventStore, clock: Clock, compute: Compute) -> Self {
        Self {
            repository,
            events,
            clock,
            compute,
            counts: Arc::default(),
        }
    }

    /// The event store, asked by whoever asks about this subject.
    fn store(&self, subject: &Subject) -> EventStore {
        self.events.asked_by(subject.asker.clone())
    }

    /// Where a caller's questions are read.
    pub fn compute<P: Permission>(&self, caller: &Authorized<P>) -> CallerCompute {
        self.compute.of(caller)
    }

    /// What time it is, by the server's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The project that the caller asks about, if it may: `docs/contract/auth-and-limits.md` §2.3.
    ///
    /// # Errors
    /// When it may not, or when there is none; or when the catalog cannot be asked.
    pub async fn subject<P: Permission>(
        &self,
        caller: &Authorized<P>,
        project_id: Option<&str>,
    ) -> Result<Subject, ServiceError> {
        let choice = caller.project(project_id);
        let access = access(choice, &self.repository, "is required").await?;
        Ok(Subject::new(access, caller, &self.compute))
    }

    /// How many people are there now.
    ///
    /// # Errors
    /// When the event store is away.
    pub async fn live_visitors(&self, subject: &Subject) -> Result<u64, ServiceError> {
        let window = Window::until_now(LIVE, self.clock.now());
        let store = self.store(subject);
        let count = store.count_visitors(subject.project.key, window);
        Ok(count.await?)
    }

    /// A profile, and its newest events.
    ///
    /// # Errors
    /// When there is no such profile, or a store is away.
    pub async fn profile(
        &self,
        subject: &Subject,
        id: &str,
        event_limit: u32,
    ) -> Result<ProfileWithEvents, ServiceError> {
        let project = subject.project.key;
        let profile = self.repository.get_profile(project, id).await?;
        let profile = profile.ok_or(ServiceError::NotFound(Resource::Profile))?;
        let store = self.store(subject);
        let events = store.profile_events(project, profile.id.clone(), event_limit);
        let mut room = AnswerRoom::default();
        Ok(ProfileWithEvents {
            profile: room.show(profile),
            events: events
                .await?
                .into_iter()
                .map(|event| room.show(event))
                .collect(),
        })
    }

    /// How many events each project has: at most a minute old, or what was known last.
    pub async fn event_counts(&self) -> Arc<HashMap<ProjectKey, u64>> {
        let mut counts = self.counts.lock().await;
        let now = self.clock.elapsed();
        let is_fresh = |at: Duration| now.saturating_sub(at) < COUNTS_TIME;
        if !counts.counted_at.is_some_and(is_fresh) {
            match self.events.count_events().await {
                Ok(by_project) => counts.by_project = Arc::new(by_project),
                Err(error) => {
                    let error = ErrorChain(&error);
                    tracing::debug!(%error, "events could not be counted");
                }
            }
            counts.counted_at = Some(now);
        }
        Arc::clone(&counts.by_project)
    }
}

impl From<EventsError> for ServiceError {
    fn from(error: EventsError) -> Self {
        match error {
            EventsError::TooSlow => Self::TooSlow,
            crowded @ EventsError::Crowded(_) => Self::Excess(crowded.to_string()),
            EventsError::TooLarge => Self::too_large(),
            away @ (EventsError::Away(_) | EventsError::NoRoom(_)) => {
                Self::Unavailable(Box::new(away))
            }
            rejected => Self::Internal(Box::new(rejected)),
        }
    }
}
