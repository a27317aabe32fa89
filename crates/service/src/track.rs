//! Taking what callers track.

use std::{sync::Arc, time::Duration};

use paneld_auth::{
    Authorized, ProjectAccess, ProjectChoice, ProjectDenied, Tracker,
    permission::{self, Permission},
};
use paneld_domain::{
    Clock, ErrorChain, Filter, OrganizationId, Project, ProjectId, ProjectKey, Session, Timestamp,
};
use paneld_events::EventStore;
use paneld_fairness::{Crowded, Turn, Turns};
use paneld_ingest::{
    Arrived, DeviceState, Diagnostic, Fingerprint, Ids, ImportRows, Ingest, Input, Noted, Outcome,
    SpoolError, Target, Tracked, Visitor, Visits,
};
use paneld_repository::Repository;
use tokio::sync::Mutex;

use crate::{
    NotRegistered, Pipeline, ServiceError, Standing, TrackRefusal, access::access, circle::Circle,
    manage::Manager, neighbours::Neighbours,
};

/// How many imports are worked on at once, and how many of one organization.
const IMPORTS: [usize; 2] = [3, 2];
/// How long an import waits for its turn.
const IMPORT_PATIENCE: Duration = Duration::from_secs(30);

/// Who tracks, and what its request tells beside its body.
#[derive(Debug)]
pub struct TrackCall<'a> {
    /// The caller that was let in.
    pub tracker: &'a Tracker,
    /// The project that the caller names.
    pub project_id: Option<&'a str>,
    /// What the request tells of the visitor.
    pub visitor: Visitor,
    /// What tells the request from others; of browsers' requests only.
    pub fingerprint: Option<Fingerprint>,
    /// When the request came to the server.
    pub at: Timestamp,
}

/// What a caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrackAnswer {
    /// It is on disk, and will be applied.
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

/// Takes what callers track, and tells them who they are.
#[derive(Debug, Clone)]
pub struct Track {
    ingest: Ingest,
    repository: Repository,
    standing: Standing,
    clock: Clock,
    neighbours: Arc<Neighbours>,
    store: EventStore,
    /// Held by who imports rows that are sorted into sessions, by project.
    sorting: Arc<[Mutex<()>; SORTING]>,
    imports: Arc<Turns<Circle>>,
}

/// How long the sessions of before are waited for that imported rows may go on with.
const KNOWN_WITHIN: Duration = Duration::from_secs(5);
/// More than import at once: projects that share a lock seldom wait for each other.
const SORTING: usize = 64;

/// A caller's turn at importing, until this is dropped.
#[derive(Debug)]
pub struct ImportTurn(#[expect(dead_code, reason = "it is there to be dropped")] Turn<Circle>);

impl Track {
    /// The use cases on this pipeline, of a server that is registered so.
    pub fn new(
        pipeline: Pipeline,
        repository: Repository,
        standing: Standing,
        clock: Clock,
    ) -> Self {
        let [all, of_one] = IMPORTS;
        Self {
            ingest: pipeline.ingest,
            store: pipeline.store,
            repository,
            standing,
            clock,
            neighbours: Arc::default(),
            sorting: Arc::new(std::array::from_fn(|_| Mutex::default())),
            imports: Arc::new(Turns::new(all, of_one)),
        }
    }

    /// What time it is, by the server's clock.
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
        let access = self.access(call.tracker.project(call.project_id)).await?;
        let project = access.project();
        if let Err(refusal) = demand_wanted(project, &call, &tracked.input) {
            let diagnostic = refused(&call, &tracked.input, refusal);
            self.note(&project.organization_id, project.key, diagnostic);
            return Err(refusal.into());
        }
        self.note_neighbours().await;
        let arrived = Arrived {
            target: Arc::new(target(project)),
            client: call.tracker.principal().client().id,
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

    /// Notes that something is wrong with a request for this project, for those who ask.
    pub fn note(&self, owner: &OrganizationId, project: ProjectKey, diagnostic: Diagnostic) {
        let now = self.clock.now();
        self.ingest.note(owner, project, now, diagnostic);
    }

    /// What was wrong with the requests for a project lately, the latest first.
    ///
    /// # Errors
    /// When there is no such project, or the catalog is away.
    pub async fn diagnostics(
        &self,
        caller: &Manager,
        project: ProjectId,
    ) -> Result<Vec<Noted>, ServiceError> {
        let organization = caller.organization_id().clone();
        let found = self.repository.get_project(organization, project, false);
        let Project {
            organization_id,
            key,
            ..
        } = found.await?;
        Ok(self.ingest.noted(&organization_id, key))
    }

    /// Which device and session the caller has.
    ///
    /// # Errors
    /// When the caller names no project, or none of its own.
    pub async fn device(&self, call: TrackCall<'_>) -> Result<DeviceState, ServiceError> {
        let access = self.access(call.tracker.project(call.project_id)).await?;
        let target = target(access.project());
        Ok(self.ingest.device(&target, &call.visitor).await)
    }

    /// Waits until it is the caller's turn to import: rows are read in it, too, for there they
    /// take several times as much memory as their text.
    ///
    /// # Errors
    /// When too many imports wait.
    pub async fn import_turn(
        &self,
        caller: &Authorized<permission::Import>,
    ) -> Result<ImportTurn, ServiceError> {
        let who = Circle::both_of(caller);
        let turn = self.imports.take(0, who, IMPORT_PATIENCE).await;
        turn.map(ImportTurn).map_err(|Crowded| {
            let why = "Too many imports of this client or organization wait for their turn: send \
                       this one again in a moment";
            ServiceError::Excess(why.to_owned())
        })
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
        rows: ImportRows,
        with_sessions: bool,
        turn: ImportTurn,
    ) -> Result<(), ServiceError> {
        self.standing.demand()?;
        let access = self.access(caller.project(project_id)).await?;
        let project = access.project();
        let now = self.clock.now();
        self.note_neighbours().await;
        let target = Arc::new(target(project));
        if !with_sessions {
            return Ok(self.ingest.import(target, rows, None, now, turn).await?);
        }
        // One after the other: each may go on with the sessions of the one before.
        let place = project.key.0.unsigned_abs() as usize % SORTING;
        let _sorting = self.sorting[place].lock().await;
        let known = self.known_sessions(project.key, rows.visits()).await;
        Ok(self
            .ingest
            .import(target, rows, Some(known), now, turn)
            .await?)
    }

    /// The sessions that there are of these visits. None while the event store is away, or too far
    /// behind: rows are taken then, too, and what goes on begins anew.
    async fn known_sessions(&self, project: ProjectKey, visits: Option<Visits>) -> Vec<Session> {
        let Some(Visits { devices, from, to }) = visits else {
            return Vec::new();
        };
        let known = async {
            self.ingest.reach_events().await;
            let sessions = self.store.device_sessions(project, devices, from, to);
            sessions
                .await
                .map_err(|error| ErrorChain(&error).to_string())
        };
        let known = match tokio::time::timeout(KNOWN_WITHIN, known).await {
            Ok(known) => known,
            Err(_) => Err("the event store is behind".to_owned()),
        };
        known.unwrap_or_else(|error| {
            tracing::warn!(error, "imported rows do not go on with sessions of before");
            Vec::new()
        })
    }

    async fn note_neighbours(&self) {
        let neighbours = &self.neighbours;
        neighbours
            .note(&self.ingest, &self.repository, &self.clock)
            .await;
    }

    async fn access<'a, P: Permission>(
        &self,
        choice: Result<ProjectChoice<'a, P>, ProjectDenied>,
    ) -> Result<ProjectAccess<'a, P>, ServiceError> {
        let unnamed = "is required for an organization-level client";
        access(choice, &self.repository, unnamed).await
    }
}

fn refused(call: &TrackCall<'_>, input: &Input, refusal: TrackRefusal) -> Diagnostic {
    let event = match input {
        Input::Event(event) => Some(event.name.clone()),
        _ => None,
    };
    Diagnostic {
        outcome: Outcome::Refused,
        client: call.tracker.principal().client().id,
        event,
        code: Some(refusal.code()),
        message: refusal.to_string(),
        problems: Vec::new(),
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
