//! From an accepted request to a record in the spool.

mod backup;
mod devices;
mod erasure;
mod events;
mod inner;
mod people;
mod track;
mod upkeep;

use std::{
    path::PathBuf,
    sync::{Arc, RwLock, atomic::AtomicI64},
};

use paneld_domain::{BotVisit, ClientId, Clock, OrganizationId, ProjectKey, Timestamp};
use paneld_enrich::{Agents, Bot, Bots, Networks, Places};
use uuid::Uuid;

pub use self::{
    backup::SpoolSnapshot,
    devices::{DeviceState, Found},
    erasure::NotDoneYet,
};
pub(crate) use self::{
    events::{keep, open, tell},
    inner::Inner,
};
use crate::{
    Diagnostic, Ids, Noted, Salts, Target, Tracked, Visitor,
    pipeline::{
        diagnostics::Diagnostics,
        duplicates::{Duplicates, Fingerprint},
        progress::Progress,
        record::{Change, Record},
        removals::Removals,
        sessions::LiveSessions,
        spool::{Account, Append, Spool, SpoolError},
        to_the_end::to_the_end,
        watched::{StoredEvents, Watched},
    },
    request::text::{LONGEST_OF_EVENT, cut},
};

/// What the pipeline is made with.
#[derive(Debug, Clone)]
pub struct IngestSettings {
    /// The file of the spool.
    pub spool: PathBuf,
    /// How many bytes may wait to be applied before no more is taken.
    pub spool_limit: u64,
    /// How many live sessions there may be, of 4 KiB on average. Beyond, some are ended early.
    pub sessions_limit: usize,
    /// The file that knows where addresses are.
    pub places: Option<PathBuf>,
    /// The file that knows of which networks addresses are.
    pub networks: Option<PathBuf>,
}

/// Takes what callers track. Clones are the same pipeline.
#[derive(Debug, Clone)]
pub struct Ingest(Arc<Inner>);

/// Why the pipeline cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The spool cannot be opened.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// A file that knows something of addresses cannot be read.
    #[error(transparent)]
    Database(#[from] paneld_enrich::DatabaseError),
}

/// A request that was let in.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The project for which the request is tracked.
    pub target: Arc<Target>,
    /// The client that sent the request.
    pub client: ClientId,
    /// The visitor whose device sent the request.
    pub visitor: Visitor,
    /// The time at which the request arrived.
    pub at: Timestamp,
    /// What tells it from others that look alike; only of those a browser may send twice.
    pub fingerprint: Option<Fingerprint>,
}

impl Ingest {
    /// Opens the spool, with the sessions that were live when it was written last.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn open(
        settings: &IngestSettings,
        salts: Salts,
        clock: Clock,
    ) -> Result<Self, IngestError> {
        let places = match &settings.places {
            Some(path) => Places::open(path)?,
            None => Places::none(),
        };
        let networks = match &settings.networks {
            Some(path) => Networks::open(path)?,
            None => Networks::none(),
        };
        // A new spool in the place of a lost one must not be taken for it.
        let behind = clock.now().timestamp_micros().unsigned_abs();
        let spool = Spool::open(&settings.spool, settings.spool_limit, behind)?;
        let live = spool.live()?.into_iter();
        let live = live
            .map(|(device, live)| (device, live.bounded()))
            .collect();
        let (limit, crowded_at) = (settings.sessions_limit, spool.crowded_at()?);
        let live = LiveSessions::new(live, limit, crowded_at, |project| spool.owner(project));
        Ok(Self(Arc::new(Inner {
            spool,
            removals: Removals::default(),
            live,
            swept_at: AtomicI64::new(0),
            duplicates: Duplicates::new(clock.clone()),
            salts: RwLock::new(Arc::new(salts)),
            agents: Agents::new(),
            bots: Bots::new(),
            places,
            networks,
            diagnostics: Diagnostics::default(),
            clock,
            progress: Progress::default(),
            watched: Watched::default(),
        })))
    }

    /// The id of the spool, which stays the same as long as its file does.
    pub fn spool_id(&self) -> &str {
        self.0.spool.id()
    }

    /// The id of the spool, and behind it those of the spools that it was restored from.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn spool_ids(&self) -> Result<Vec<String>, SpoolError> {
        let ancestors = self.0.spool.ancestors()?.into_iter();
        let ancestors = ancestors.map(|(id, _last)| id);
        Ok([self.spool_id().to_owned()]
            .into_iter()
            .chain(ancestors)
            .collect())
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.0
    }

    /// Takes what was tracked. What is returned is on disk.
    ///
    /// # Errors
    /// When it could not be written; then nothing of it is kept.
    pub async fn track(&self, arrived: Arrived, tracked: Tracked) -> Result<Ids, SpoolError> {
        let inner = Arc::clone(&self.0);
        // The caller may go away in the middle.
        to_the_end(async move { inner.track(arrived, tracked).await }).await
    }

    /// Which device and session the caller has, without tracking anything.
    pub async fn device(&self, target: &Target, visitor: &Visitor) -> DeviceState {
        self.0.device(target, visitor).await
    }

    /// Notes that something is wrong with a request of this project, for those who ask.
    pub fn note(
        &self,
        organization: &OrganizationId,
        project: ProjectKey,
        at: Timestamp,
        diagnostic: Diagnostic,
    ) {
        let diagnostics = &self.0.diagnostics;
        diagnostics.note(organization, project, at, diagnostic);
    }

    /// What was noted of a project since the start, the latest first, as far as it is kept.
    pub fn noted(&self, organization: &OrganizationId, project: ProjectKey) -> Vec<Noted> {
        self.0.diagnostics.of(organization, project)
    }

    /// Begins to keep what is stored of a project, for whoever watches it.
    pub fn watch(&self, project: ProjectKey) {
        self.0.watched.begin(project);
    }

    /// Forgets what was kept of a project that nobody watches any more.
    pub fn unwatch(&self, project: ProjectKey) {
        self.0.watched.end(project);
    }

    /// What was stored of a watched project since it was taken the last time. Whoever asks the
    /// event store then finds it there.
    pub fn take_stored(&self, project: ProjectKey) -> StoredEvents {
        self.0.watched.take(project)
    }

    /// The listed bot of this user agent.
    pub fn bot(&self, user_agent: &str) -> Option<Arc<Bot>> {
        self.0.bots.find(user_agent)
    }

    /// Notes that a listed bot asked for a page.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn note_bot(
        &self,
        arrived: &Arrived,
        bot: &Bot,
        mut path: String,
    ) -> Result<(), SpoolError> {
        cut(&mut path, LONGEST_OF_EVENT);
        let visit = BotVisit {
            id: Uuid::new_v4(),
            name: bot.name.clone(),
            kind: bot.kind.clone(),
            path,
            created_at: arrived.at,
        };
        let record = Record::new(arrived.target.key, arrived.at, vec![Change::Bot(visit)]);
        let append = Append::new(Account::Of(Arc::clone(&arrived.target)), record);
        self.0.spool.append(&append).await?;
        Ok(())
    }
}
