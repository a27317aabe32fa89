//! The spool: what was accepted and is not applied everywhere yet, on the local disk.
//!
//! It is a file of a transactional store. One thread writes: it takes what has come in since its
//! last commit, commits it at once, and only then do the replies leave. Records have what they
//! change of live sessions with them, and the ids of recent events are in the same transaction,
//! so that a restart finds them as they were told.

mod backlog;
mod compaction;
mod fault;
mod frames;
mod outage;
mod replies;
mod reserve;
mod seen;
mod stretch;
mod tables;
mod tail;
mod transaction;
mod writer;

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread::JoinHandle,
};

use paneld_domain::{OrganizationId, ProjectKey, Timestamp};
use tokio::{sync::watch, task::spawn_blocking};
use uuid::Uuid;

use self::{
    backlog::Backlog,
    fault::Fault,
    frames::{Frames, NOBODY},
    replies::Waiter,
    seen::SeenLimits,
    tables::Tables,
    writer::{Command, Entry, Writer},
};
pub(crate) use self::{frames::LiveTold, stretch::Stretch};
use crate::{
    Ids, Target,
    record::Record,
    sessions::{DeviceKey, Growth, Kept, Live, LiveChange, Told},
};

/// Why the spool could not take or give something.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SpoolError {
    /// So much is waiting to be applied that no more is taken of this project, or of anybody.
    #[error("{bytes} bytes wait to be applied, and the caller's part of them is too large")]
    Full {
        /// How much is waiting in all.
        bytes: u64,
    },
    /// The disk is full, or broken. It is tried again each second.
    #[error("the spool cannot be used")]
    Broken(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The server is going down.
    #[error("the spool is closed")]
    Closed,
}

impl SpoolError {
    fn broken(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Broken(Arc::new(error))
    }
}

/// In whose part of the spool something goes.
#[derive(Debug, Clone)]
pub(crate) enum Account {
    /// That of a project which is tracked for.
    Of(Arc<Target>),
    /// That of a project of which only the key is known.
    Project(ProjectKey),
    /// Nobody's: what makes room, and is asked for seldom, goes ahead of what is tracked.
    Upkeep,
}

impl Account {
    pub(crate) fn organization(&self) -> Option<&OrganizationId> {
        match self {
            Self::Of(target) => Some(&target.organization),
            Self::Project(_) | Self::Upkeep => None,
        }
    }
}

/// What is written in one transaction, or not at all.
#[derive(Debug)]
pub(crate) struct Append {
    /// Whose it is.
    pub(crate) account: Account,
    /// The records, in the order in which they are to be applied.
    pub(crate) records: Vec<Record>,
    /// The sessions of devices as they are now. They go with the last record.
    pub(crate) live: Vec<LiveChange<Live>>,
    /// How those of them have grown that are not written whole.
    pub(crate) grown: HashMap<DeviceKey, Growth>,
    /// The ids that callers gave, and what was replied.
    pub(crate) seen: Vec<(Seen, Ids)>,
    /// When sessions were ended early, in milliseconds since 1970; if this ends some.
    pub(crate) crowded_at: Option<i64>,
}

impl Append {
    /// What the record tells of sessions: of those that have grown, only how.
    fn told(&self, live: &[LiveChange<Kept>]) -> Result<Vec<LiveTold>, postcard::Error> {
        let changes = self.live.iter().zip(live);
        let told = changes.map(|((device, live), (_, kept))| {
            let told = match (live, kept, self.grown.get(device)) {
                (Some(live), _, Some(growth)) => growth.told(live.session.id.clone())?,
                (_, Some(kept), _) => Told::Whole(kept.clone()),
                (_, None, _) => Told::Gone,
            };
            Ok((device.clone(), told))
        });
        told.collect()
    }

    fn encode(&self) -> Result<Entry, postcard::Error> {
        let live = self.live.iter().map(|(device, live)| {
            let live = live.as_ref().map(Kept::new).transpose()?;
            Ok((device.clone(), live))
        });
        let live = live.collect::<Result<Vec<_>, postcard::Error>>()?;
        let mut records = Frames::default();
        if let Some((last, others)) = self.records.split_last() {
            for record in others {
                records.push(record, NOBODY)?;
            }
            if self.grown.is_empty() {
                records.push(last, live.as_slice())?;
            } else {
                records.push(last, self.told(&live)?.as_slice())?;
            }
        }
        let target = match &self.account {
            Account::Of(target) => Some(Arc::clone(target)),
            Account::Project(_) | Account::Upkeep => None,
        };
        Ok(Entry {
            target,
            records,
            live,
            seen: self.seen.clone(),
            crowded_at: self.crowded_at,
        })
    }
}

/// The id that a caller gave a request, so that repeating it changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    pub(crate) project: ProjectKey,
    pub(crate) id: Uuid,
    /// When it came first, in milliseconds since 1970.
    pub(crate) at: i64,
}

/// A record as it stands in the spool.
#[derive(Debug, Clone)]
pub(crate) struct Spooled {
    pub(crate) position: u64,
    pub(crate) record: Record,
    /// The sessions that it changes.
    pub(crate) live: Vec<LiveTold>,
}

/// Up to where sinks have applied what is in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Applied {
    /// All of them.
    pub(crate) everywhere: u64,
    /// The event store, which alone keeps something of records that are not about people.
    pub(crate) by_store: u64,
}

impl Applied {
    fn max(self, other: Self) -> Self {
        Self {
            everywhere: self.everywhere.max(other.everywhere),
            by_store: self.by_store.max(other.by_store),
        }
    }

    fn min(self, position: u64) -> Self {
        Self {
            everywhere: self.everywhere.min(position),
            by_store: self.by_store.min(position),
        }
    }
}

/// Which records are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All.
    All,
    /// Those that the catalog keeps something of.
    AboutPeople,
}

/// Some records that follow one another.
#[derive(Debug, Default)]
pub(crate) struct Part {
    /// Those of them that are wanted.
    pub(crate) records: Vec<Spooled>,
    /// The position of the last of all; `None` when there are none.
    pub(crate) last: Option<u64>,
}

/// The spool, open.
#[derive(Debug)]
pub(crate) struct Spool {
    tables: Arc<Tables>,
    /// `None` only while it is dropped.
    commands: Option<mpsc::Sender<Command>>,
    writer: Option<JoinHandle<()>>,
    gauges: Arc<Gauges>,
    limit: u64,
    /// Whether others want room, too. Until somebody has said, they do.
    has_several_projects: AtomicBool,
    /// Whether it was said that it is more than half full.
    was_full: AtomicBool,
}

/// What others want to know of the spool without asking the disk.
#[derive(Debug)]
pub(crate) struct Gauges {
    /// The position of the last record.
    last: watch::Sender<u64>,
    /// Up to where records do not count as waiting any more.
    applied: watch::Sender<u64>,
    /// The size of all records that are not applied everywhere.
    bytes: AtomicU64,
    /// Whose they are.
    backlog: Mutex<Backlog>,
    /// Whether the file can be written, as far as is known.
    can_write: AtomicBool,
}

impl Gauges {
    fn new(last: u64, backlog: Backlog) -> Self {
        Self {
            last: watch::Sender::new(last),
            applied: watch::Sender::new(0),
            bytes: AtomicU64::new(backlog.total()),
            backlog: Mutex::new(backlog),
            can_write: AtomicBool::new(true),
        }
    }

    fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what waits.
    fn update(&self, change: impl FnOnce(&mut Backlog)) {
        let mut backlog = self.backlog();
        change(&mut backlog);
        self.bytes.store(backlog.total(), Ordering::Relaxed);
    }
}

impl Spool {
    /// Opens the file, and makes it when it is not there. No more than `limit` bytes of records
    /// will be taken. The positions of a new file begin behind `behind`, which must be more than
    /// any file in its place had: a store knows what it applied by position.
    pub(crate) fn open(path: &Path, limit: u64, behind: u64) -> Result<Self, SpoolError> {
        Self::open_with(path, limit, behind, SeenLimits::USUAL)
    }

    fn open_with(
        path: &Path,
        limit: u64,
        behind: u64,
        ids: SeenLimits,
    ) -> Result<Self, SpoolError> {
        let tables = Arc::new(Tables::open(path, behind)?);
        let (last, waiting) = tables.measure(Applied::default())?;
        let tail = tables.tail()?;
        let backlog = Backlog::new(tables.owners()?, &waiting);
        let gauges = Arc::new(Gauges::new(last, backlog));
        let (commands, inbox) = mpsc::channel();
        let writer = Writer::new(Arc::clone(&tables), tail, Arc::clone(&gauges), inbox, ids);
        let writer = std::thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || writer.run())
            .map_err(SpoolError::broken)?;
        Ok(Self {
            tables,
            commands: Some(commands),
            writer: Some(writer),
            gauges,
            limit,
            has_several_projects: AtomicBool::new(true),
            was_full: AtomicBool::new(false),
        })
    }

    /// What sinks remember this spool by.
    pub(crate) fn id(&self) -> &str {
        self.tables.id()
    }

    /// Writes, and returns once it is on disk: the position of the last record of it; of the
    /// spool, when it has none.
    pub(crate) async fn append(&self, append: &Append) -> Result<u64, SpoolError> {
        self.demand_writable()?;
        if !self.has_room(&append.account) {
            return Err(SpoolError::Full {
                bytes: self.bytes(),
            });
        }
        let entry = append.encode().map_err(SpoolError::broken)?;
        let (waiter, written) = Waiter::here();
        self.command(Command::Append(entry, waiter))?;
        written.await.map_err(|_dropped| SpoolError::Closed)?
    }

    /// Whether something may be added to this part.
    fn has_room(&self, account: &Account) -> bool {
        let (project, organization) = match account {
            // Its records are small, and few.
            Account::Upkeep => return self.bytes() < self.limit + self.limit / 8,
            Account::Of(target) => (target.key, Some(&target.organization)),
            Account::Project(project) => (*project, None),
        };
        if !self.is_half_full() {
            return true;
        }
        if !self.has_several_projects.load(Ordering::Relaxed) {
            return self.bytes() < self.limit;
        }
        let backlog = self.gauges.backlog();
        backlog.may_add(self.limit, project, organization)
    }

    /// Whether so much waits that not everybody can have all the room they want.
    pub(crate) fn is_half_full(&self) -> bool {
        self.bytes() >= self.limit / 2
    }

    /// Says in the log when it gets more than half full, and when there is room again: less than a
    /// quarter, so that it is not said with every batch that is applied.
    pub(crate) fn tell_fill(&self) {
        let (bytes, limit) = (self.bytes(), self.limit);
        let was_full = self.was_full.load(Ordering::Relaxed);
        if !was_full && bytes >= limit / 2 {
            tracing::warn!(
                bytes,
                limit,
                "the spool is more than half full: Track is refused to who has most waiting"
            );
            self.was_full.store(true, Ordering::Relaxed);
        } else if was_full && bytes < limit / 4 {
            tracing::info!(bytes, limit, "there is room in the spool again");
            self.was_full.store(false, Ordering::Relaxed);
        }
    }

    /// Notes whether others want room, too.
    pub(crate) fn note_projects(&self, are_several: bool) {
        self.has_several_projects
            .store(are_several, Ordering::Relaxed);
    }

    /// Whose a project is, if it was told when something of it was written.
    pub(crate) fn owner(&self, project: ProjectKey) -> Option<OrganizationId> {
        self.gauges.backlog().owner(project).cloned()
    }

    /// Forgets the records that no sink needs any more.
    pub(crate) fn trim(&self, applied: Applied) -> Result<(), SpoolError> {
        self.command(Command::Trim(applied))
    }

    /// Waits until the records up to this position do not count as waiting any more.
    pub(crate) async fn reach_applied(&self, position: u64) {
        let mut applied = self.gauges.applied.subscribe();
        // Who could tell it lives as long as this.
        let _ = applied.wait_for(|&applied| applied >= position).await;
    }

    /// Forgets the ids of requests from before.
    pub(crate) fn forget_seen(&self, before: Timestamp) -> Result<(), SpoolError> {
        self.command(Command::ForgetSeen(before.timestamp_millis()))
    }

    /// Keeps the record of this position, which a sink refuses, where an operator can find it.
    pub(crate) async fn set_aside(&self, position: u64) -> Result<(), SpoolError> {
        let (waiter, written) = Waiter::here();
        self.command(Command::SetAside(position, waiter))?;
        written.await.map_err(|_dropped| SpoolError::Closed)??;
        Ok(())
    }

    /// The positions of the records that are kept so and meant here.
    pub(crate) fn find_set_aside(
        &self,
        is_meant: impl Fn(&Record) -> bool,
    ) -> Result<Vec<u64>, SpoolError> {
        self.tables.find_set_aside(is_meant)
    }

    /// Lets go of records that are kept so.
    pub(crate) async fn drop_set_aside(&self, positions: Vec<u64>) -> Result<(), SpoolError> {
        let (waiter, written) = Waiter::here();
        self.command(Command::DropSetAside(positions, waiter))?;
        written.await.map_err(|_dropped| SpoolError::Closed)??;
        Ok(())
    }

    /// Writes the file anew, so that nothing is left in it of what was removed, nor who sent
    /// requests that came up to this time. What is to be written waits meanwhile.
    pub(crate) async fn compact(&self, seen_until: Timestamp) -> Result<(), SpoolError> {
        let (waiter, written) = Waiter::here();
        self.command(Command::Compact(seen_until.timestamp_millis(), waiter))?;
        written.await.map_err(|_dropped| SpoolError::Closed)??;
        Ok(())
    }

    fn command(&self, command: Command) -> Result<(), SpoolError> {
        let commands = self.commands.as_ref().ok_or(SpoolError::Closed)?;
        commands.send(command).map_err(|_closed| SpoolError::Closed)
    }

    /// The records behind a position, in order: of so many, or fewer when they are big, those
    /// that are wanted.
    pub(crate) fn read(&self, wanted: Wanted, after: u64, most: usize) -> Result<Part, SpoolError> {
        self.tables.read(wanted, after, most)
    }

    /// The records that follow a position, as far as it is worth to look ahead. `last` was that
    /// of the last record: up to it there may be positions of which nothing is left.
    pub(crate) fn stretch(&self, after: u64, last: u64) -> Result<Stretch, SpoolError> {
        self.tables.stretch(after, last)
    }

    /// The sessions of all devices.
    pub(crate) fn live(&self) -> Result<Vec<(DeviceKey, Live)>, SpoolError> {
        self.tables.live()
    }

    /// When a session was last ended early, in milliseconds since 1970; long ago if never.
    pub(crate) fn crowded_at(&self) -> Result<i64, SpoolError> {
        self.tables.crowded_at()
    }

    /// What was replied to the request of this id, if it came lately. It is looked for only where
    /// the request could be taken.
    pub(crate) async fn seen(&self, seen: Seen) -> Result<Option<Ids>, SpoolError> {
        self.demand_writable()?;
        let tables = Arc::clone(&self.tables);
        // The disk may have to be asked.
        let found = spawn_blocking(move || tables.seen(seen)).await;
        found.unwrap_or(Err(SpoolError::Closed))
    }

    /// Those of these ids that came lately, in the same way.
    pub(crate) async fn seen_of(&self, all: Vec<Seen>) -> Result<HashSet<Uuid>, SpoolError> {
        self.demand_writable()?;
        let tables = Arc::clone(&self.tables);
        let found = spawn_blocking(move || tables.seen_of(&all)).await;
        found.unwrap_or(Err(SpoolError::Closed))
    }

    fn demand_writable(&self) -> Result<(), SpoolError> {
        match self.can_write() {
            true => Ok(()),
            false => Err(SpoolError::broken(Fault::NotWritable)),
        }
    }

    /// The position of the last record that is on disk.
    pub(crate) fn last(&self) -> u64 {
        *self.gauges.last.borrow()
    }

    /// Tells of every new last position.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.gauges.last.subscribe()
    }

    /// The size of all records that wait, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.gauges.bytes.load(Ordering::Relaxed)
    }

    /// Whether the file can be written, as far as is known.
    pub(crate) fn can_write(&self) -> bool {
        self.gauges.can_write.load(Ordering::Relaxed)
    }

    /// Whether something can be taken, if not of everybody.
    pub(crate) fn is_writable(&self) -> bool {
        self.can_write() && self.bytes() < self.limit
    }
}

impl Drop for Spool {
    /// Waits until everything is written and the file is closed: it may be opened again at once.
    fn drop(&mut self) {
        self.commands = None;
        if let Some(writer) = self.writer.take() {
            // A panic of it was told when it happened.
            let _ = writer.join();
        }
    }
}

#[cfg(test)]
mod tests;
