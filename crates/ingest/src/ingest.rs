//! From an accepted request to a record in the spool.

mod devices;
mod erasure;
mod events;
mod upkeep;

use self::devices::Device;
pub use self::erasure::NotDoneYet;
pub(crate) use self::events::{keep, open, tell};

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, RwLock, atomic::AtomicI64},
};

use paneld_domain::{
    BotVisit, ClientId, Clock, Identity, OrganizationId, PeopleChange, ProfileChange,
    ProfileChangeKind, ProjectKey, ReplayChunk, Timestamp,
};
use paneld_enrich::{Agents, Bot, Bots, Networks, Places};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Diagnostic, Identified, Input, Noted, Recording, Salt, Target, Tracked, Visitor,
    diagnostics::Diagnostics,
    duplicates::{Duplicates, Fingerprint},
    progress::Progress,
    record::{Change, Record},
    removals::Removals,
    sessions::{DeviceKey, Held, Live, LiveChange, LiveSessions},
    spool::{Account, Append, Seen, Spool, SpoolError},
    text::{LONGEST_ADDRESS, cut},
    visitor::Known,
};

/// What a caller is told: who the visitor is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ids {
    /// The device.
    pub device_id: String,
    /// The session.
    pub session_id: String,
}

/// Which session a device has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceState {
    /// The device, and its session; empty when it has none.
    pub ids: Ids,
    /// Since when the device is known by this id.
    pub found: Found,
}

/// Under which salt a session was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// That of today.
    Current,
    /// That of yesterday: the visit goes on over midnight.
    Previous,
    /// There is none.
    Nothing,
}

/// The secrets of device ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salts {
    /// That of today.
    pub current: Salt,
    /// That of yesterday.
    pub previous: Salt,
}

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

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) spool: Spool,
    pub(crate) live: LiveSessions,
    /// When idle sessions were last looked for, in milliseconds since 1970.
    swept_at: AtomicI64,
    /// What is to be removed behind what is not applied yet.
    pub(crate) removals: Removals,
    duplicates: Duplicates,
    salts: RwLock<Arc<Salts>>,
    agents: Agents,
    bots: Bots,
    places: Places,
    networks: Networks,
    diagnostics: Diagnostics,
    clock: Clock,
    pub(crate) progress: Progress,
}

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
    /// For which project.
    pub target: Arc<Target>,
    /// By which client.
    pub client: ClientId,
    /// Who sends it.
    pub visitor: Visitor,
    /// When it came.
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
        })))
    }

    /// The id of the spool, which stays the same as long as its file does.
    pub fn spool_id(&self) -> &str {
        self.0.spool.id()
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
        // The caller may go away in the middle; what was begun is brought to an end. In a box, for
        // it is some thousand bytes long and would be moved several times.
        let work = Box::pin(async move { inner.track(arrived, tracked).await });
        tokio::spawn(work)
            .await
            .map_err(|_stopped| SpoolError::Closed)?
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
        cut(&mut path, LONGEST_ADDRESS);
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

impl Inner {
    async fn track(&self, arrived: Arrived, tracked: Tracked) -> Result<Ids, SpoolError> {
        let duplicate = match arrived
            .fingerprint
            .filter(|_| tracked.input.may_be_duplicate())
        {
            Some(fingerprint) => Some(self.duplicates.hold(fingerprint).await),
            None => None,
        };
        if let Some(first) = duplicate.as_ref().and_then(|held| held.first()) {
            return Ok(first);
        }
        let seen = tracked.id.map(|id| Seen {
            project: arrived.target.key,
            id,
            at: arrived.at.timestamp_millis(),
        });
        let once = self.hold_ids(seen.as_slice()).await;
        if let Some(seen) = seen
            && let Some(first) = self.spool.seen(seen).await?
        {
            return Ok(first);
        }
        let ids = self.take(&arrived, tracked, seen).await?;
        drop(once);
        if let Some(held) = duplicate {
            held.remember(ids.clone());
        }
        Ok(ids)
    }

    async fn take(
        &self,
        arrived: &Arrived,
        tracked: Tracked,
        seen: Option<Seen>,
    ) -> Result<Ids, SpoolError> {
        let Arrived {
            target,
            visitor,
            at,
            ..
        } = arrived;
        let event = match tracked.input {
            Input::Event(event) => return self.take_event(arrived, *event, tracked.id, seen).await,
            other => other,
        };
        let (device, held) = self.hold(target, Device::of(visitor), None, *at).await;
        let ids = device.ids(target, &held, *at);
        let mut live = Vec::new();
        let changes = match event {
            Input::Event(_) => Vec::new(),
            Input::Identify(identified) => {
                vec![Change::People(self.identified(*identified, visitor))]
            }
            Input::Add {
                profile_id,
                property,
                by,
            } => vec![of_profile(
                profile_id,
                ProfileChangeKind::Added { property, by },
            )],
            // Anybody could say so who knows a client's id; what is there is changed by nobody else
            // than who knows the secret.
            Input::Alias { profile_id, alias } if visitor.is_secret_authenticated => {
                vec![Change::People(PeopleChange::Alias { alias, profile_id })]
            }
            Input::Alias { profile_id, alias } => {
                let claim = PeopleChange::ClaimAlias { alias, profile_id };
                vec![Change::People(claim)]
            }
            Input::Group {
                id,
                kind,
                name,
                properties,
            } => vec![Change::People(PeopleChange::Group {
                id,
                kind,
                name,
                properties,
            })],
            Input::AssignGroups {
                profile_id: Some(profile_id),
                groups,
            } => vec![of_profile(profile_id, ProfileChangeKind::Joined { groups })],
            // An anonymous visitor is what its sessions tell; a server is no visitor.
            Input::AssignGroups {
                profile_id: None,
                groups,
            } => match held.get(&device.key) {
                Some(present) if !self.agents.read(&visitor.user_agent).is_server() => {
                    let mut changed = present.clone();
                    changed.join(groups);
                    live.push((device.key, Some(changed)));
                    Vec::new()
                }
                _ => Vec::new(),
            },
            Input::Replay(recording) => vec![Change::Replay(Box::new(chunk(*recording, &ids)))],
        };
        let record = Record::new(target.key, *at, changes);
        let account = Account::Of(Arc::clone(target));
        let append = Append::with_live(account, record, live).with_seen(seen, &ids);
        self.write(held, append).await?;
        Ok(ids)
    }

    /// Writes, and then makes the changes of sessions that go with it. Sessions for which there
    /// is no room any more are ended with it. Returns the position of the last record.
    async fn write(&self, mut held: Held<'_>, mut append: Append) -> Result<u64, SpoolError> {
        if append.is_empty() {
            return Ok(self.spool.last());
        }
        append.grown = held.growth(&append.live);
        let early = held.in_the_way_of(&append.live);
        append.end_early(early);
        let position = self.spool.append(&append).await?;
        held.put(append.live, append.account.organization());
        if let Some(at) = append.crowded_at {
            held.note_crowded(at);
        }
        Ok(position)
    }

    pub(crate) async fn hold_ids(&self, seen: &[Seen]) -> Vec<tokio::sync::MutexGuard<'_, ()>> {
        self.duplicates.hold_ids(seen).await
    }

    fn known(&self, visitor: &Visitor, address: std::net::IpAddr) -> Known {
        Known {
            agent: self.agents.read(&visitor.user_agent),
            place: self.places.find(address),
            network: self.networks.find(address),
        }
    }

    fn identified(&self, identified: Identified, visitor: &Visitor) -> PeopleChange {
        let known = self.known(visitor, visitor.address);
        identify(identified, &known)
    }
}

impl Append {
    /// A record, unless it changes nothing.
    fn new(account: Account, record: Record) -> Self {
        Self::with_live(account, record, Vec::new())
    }

    /// A record with what it changes of live sessions, unless it changes nothing.
    fn with_live(account: Account, record: Record, live: Vec<LiveChange<Live>>) -> Self {
        let changes = !(record.changes.is_empty() && live.is_empty());
        Self {
            account,
            records: changes.then_some(record).into_iter().collect(),
            live,
            grown: HashMap::new(),
            seen: Vec::new(),
            crowded_at: None,
        }
    }

    /// Ends sessions before their time, ahead of what this does.
    fn end_early(&mut self, sessions: Vec<(DeviceKey, Live)>) {
        let (Some(last), false) = (self.records.last(), sessions.is_empty()) else {
            return;
        };
        let at = last.at;
        self.crowded_at = Some(at.timestamp_millis());
        let mut ends = Vec::with_capacity(sessions.len());
        for (device, live) in sessions {
            metrics::counter!("paneld_sessions_ended_early_total").increment(1);
            let mut changes = Vec::new();
            if !live.is_ended {
                changes.push(Change::Event(Box::new(live.end())));
                changes.extend(events::last_seen(&live));
            }
            changes.push(Change::Session(Box::new(live.session)));
            ends.push(Record::new(device.project(), at, changes));
            self.live.push((device, None));
        }
        self.records.splice(0..0, ends);
    }

    fn with_seen(self, seen: Option<Seen>, ids: &Ids) -> Self {
        let seen = seen.map(|seen| (seen, ids.clone()));
        Self {
            seen: seen.into_iter().collect(),
            ..self
        }
    }

    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.seen.is_empty()
    }
}

/// What is told of a profile, with what is known of the visitor beside.
fn identify(identified: Identified, known: &Known) -> PeopleChange {
    let agent = paneld_enrich::overridden(&known.agent, &identified.identity.properties);
    PeopleChange::Profile(ProfileChange {
        profile_id: identified.profile_id,
        kind: ProfileChangeKind::Identified(Box::new(Identity {
            place: known.place.clone(),
            agent,
            ..identified.identity
        })),
    })
}

fn of_profile(profile_id: String, kind: ProfileChangeKind) -> Change {
    Change::People(PeopleChange::Profile(ProfileChange { profile_id, kind }))
}

fn chunk(recording: Recording, ids: &Ids) -> ReplayChunk {
    ReplayChunk {
        session_id: recording
            .session_id
            .unwrap_or_else(|| ids.session_id.clone()),
        index: recording.index,
        events_count: recording.events_count,
        is_full_snapshot: recording.is_full_snapshot,
        started_at: recording.started_at,
        ended_at: recording.ended_at,
        payload: recording.payload,
    }
}
