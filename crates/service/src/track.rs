//! Taking what callers track.

use std::{borrow::Cow, sync::Arc};

use paneld_auth::{Authorized, Principal, Tracker, permission};
use paneld_domain::{Clock, Filter, InvalidValue, Project, ProjectId, Timestamp};
use paneld_ingest::{
    Arrived, DeviceState, Fingerprint, Ids, Ingest, Input, Rows, SpoolError, Target, Tracked,
    Visitor,
};
use paneld_repository::{Repository, Resource};

use crate::{NotRegistered, ServiceError, Standing, neighbours::Neighbours};

/// Who calls, and how.
#[derive(Debug)]
pub struct TrackCall<'a> {
    /// Who.
    pub tracker: &'a Tracker,
    /// The project that the caller names.
    pub project_id: Option<&'a str>,
    /// What the request tells of the visitor.
    pub visitor: Visitor,
    /// What tells the request from others; of browsers' requests only.
    pub fingerprint: Option<Fingerprint>,
    /// When it came.
    pub at: Timestamp,
}

/// What a caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrackAnswer {
    /// It is on disk.
    Taken {
        /// Who the visitor is.
        ids: Ids,
        /// Whose profile it is about.
        profile_id: Option<String>,
    },
    /// The visitor is a listed bot, and only that was noted.
    Bot {
        /// The bot's name.
        name: String,
        /// What kind of bot.
        kind: String,
    },
}

/// Why somebody who may track may not track this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrackRefusal {
    /// The project wants nothing from the address.
    #[error("Ingestion: IP address is blocked by project filter")]
    AddressBlocked,
    /// The project wants nothing of the profile.
    #[error("Ingestion: Profile id is blocked by project filter")]
    ProfileBlocked,
    /// Money is believed only of those who know the secret.
    #[error("Ingestion: Revenue tracking is not allowed without a client secret")]
    SecretRequired,
}

/// Takes what callers track.
#[derive(Debug, Clone)]
pub struct Track {
    ingest: Ingest,
    repository: Repository,
    standing: Standing,
    clock: Clock,
    neighbours: Arc<Neighbours>,
}

impl Track {
    /// The use cases on this pipeline, of a server that is registered so.
    pub fn new(ingest: Ingest, repository: Repository, standing: Standing, clock: Clock) -> Self {
        Self {
            ingest,
            repository,
            standing,
            clock,
            neighbours: Arc::default(),
        }
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether it makes a difference for what is tracked that its sender knows the secret: money
    /// and told addresses are believed, and bots taken for people.
    pub fn depends_on_secret(&self, tracked: &Tracked, user_agent: &str) -> bool {
        let tells_address = match &tracked.input {
            Input::Event(event) => event.address.is_some(),
            _ => false,
        };
        tells_address || tracked.input.tells_revenue() || self.ingest.bot(user_agent).is_some()
    }

    /// Takes what was tracked. What is answered is on disk.
    ///
    /// # Errors
    /// When the caller may not track this, when it could not be written, or when another server
    /// may have taken this one's place.
    pub async fn track(
        &self,
        call: TrackCall<'_>,
        tracked: Tracked,
    ) -> Result<TrackAnswer, ServiceError> {
        self.standing.demand()?;
        let principal = call.tracker.principal();
        let project = self.project(principal, call.project_id).await?;
        demand_wanted(&project, &call, &tracked.input)?;
        self.note_neighbours().await;
        let arrived = Arrived {
            target: Arc::new(target(&project)),
            visitor: call.visitor,
            at: call.at,
            fingerprint: call.fingerprint,
        };
        if !arrived.visitor.is_secret_authenticated
            && let Some(bot) = self.ingest.bot(&arrived.visitor.user_agent)
        {
            if let Input::Event(event) = tracked.input
                && !event.path.is_empty()
            {
                self.ingest.note_bot(&arrived, &bot, event.path).await?;
            }
            metrics::counter!("paneld_bot_requests_total").increment(1);
            return Ok(TrackAnswer::Bot {
                name: bot.name.clone(),
                kind: bot.kind.clone(),
            });
        }
        let profile_id = tracked.input.profile_id().map(str::to_owned);
        let ids = self.ingest.track(arrived, tracked).await?;
        Ok(TrackAnswer::Taken { ids, profile_id })
    }

    /// Which device and session the caller has.
    ///
    /// # Errors
    /// When the caller names no project, or none of its own.
    pub async fn device(&self, call: TrackCall<'_>) -> Result<DeviceState, ServiceError> {
        let principal = call.tracker.principal();
        let project = self.project(principal, call.project_id).await?;
        Ok(self.ingest.device(&target(&project), &call.visitor).await)
    }

    /// Takes events of the past.
    ///
    /// # Errors
    /// When the caller names no project, or none of its own, when they could not be written, or
    /// when another server may have taken this one's place.
    pub async fn import(
        &self,
        caller: &Authorized<permission::Import>,
        project_id: Option<&str>,
        rows: Rows,
        with_sessions: bool,
    ) -> Result<(), ServiceError> {
        self.standing.demand()?;
        let project = self.project(caller.principal(), project_id).await?;
        let now = self.clock.now();
        self.note_neighbours().await;
        let target = Arc::new(target(&project));
        let imported = self.ingest.import(target, rows, with_sessions, now);
        Ok(imported.await?)
    }

    async fn note_neighbours(&self) {
        let neighbours = &self.neighbours;
        neighbours
            .note(&self.ingest, &self.repository, &self.clock)
            .await;
    }

    /// The project of the caller, or the one it names: `docs/contract/auth-and-limits.md` §2.3.
    async fn project<'a>(
        &self,
        principal: &'a Principal,
        named: Option<&str>,
    ) -> Result<Cow<'a, Project>, ServiceError> {
        let own = principal.project();
        match (own, named) {
            (Some(own), None) => Ok(Cow::Borrowed(own)),
            (Some(own), Some(named)) if own.id.as_str() == named => Ok(Cow::Borrowed(own)),
            (_, Some(named))
                if principal.client().client_type == paneld_domain::ClientType::Root =>
            {
                let id = named.parse::<ProjectId>();
                let id = id.map_err(|_malformed| ServiceError::NotFound(Resource::Project))?;
                let organization = principal.organization().id.clone();
                let project = self.repository.get_project(organization, id, false).await?;
                Ok(Cow::Owned(project))
            }
            (Some(_), Some(_)) => Err(ServiceError::Forbidden(
                "You do not have access to this project",
            )),
            (None, _) => {
                let why = InvalidValue::new("is required for an organization-level client");
                Err(ServiceError::Invalid(vec![(vec!["projectId"], why)]))
            }
        }
    }
}

fn target(project: &Project) -> Target {
    let unwanted = project.filters.iter().filter_map(|filter| match filter {
        Filter::Event(name) => Some(name.to_string()),
        Filter::Ip(_) | Filter::ProfileId(_) => None,
    });
    Target {
        key: project.key,
        id: project.id.to_string(),
        organization: project.organization_id.clone(),
        unwanted: unwanted.collect(),
    }
}

/// Rows 5 and 6 of `docs/contract/auth-and-limits.md` §2.2.
fn demand_wanted(
    project: &Project,
    call: &TrackCall<'_>,
    input: &Input,
) -> Result<(), TrackRefusal> {
    let told = match input {
        Input::Event(event) => event.address.filter(|_| call.tracker.knows_secret()),
        _ => None,
    };
    let addresses = [
        Some(call.visitor.address),
        Some(call.tracker.principal().peer()),
        told,
    ];
    for filter in &project.filters {
        match filter {
            Filter::Ip(blocked) => {
                let mut addresses = addresses.iter().flatten();
                if addresses.any(|address| blocked.contains(*address)) {
                    return Err(TrackRefusal::AddressBlocked);
                }
            }
            Filter::ProfileId(blocked) if input.profile_id() == Some(blocked.as_str()) => {
                return Err(TrackRefusal::ProfileBlocked);
            }
            Filter::ProfileId(_) | Filter::Event(_) => {}
        }
    }
    if input.tells_revenue()
        && !call.tracker.knows_secret()
        && !project.allow_unsafe_revenue_tracking
    {
        return Err(TrackRefusal::SecretRequired);
    }
    Ok(())
}

impl From<NotRegistered> for ServiceError {
    fn from(error: NotRegistered) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

impl From<SpoolError> for ServiceError {
    fn from(error: SpoolError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}
