//! The spool: what was accepted and is not applied everywhere yet, on the local disk.
//!
//! It is a file of a transactional store. One thread writes: it takes what has come in since its
//! last commit, commits it at once, and only then do the replies leave. Records, the state of
//! live sessions and the ids of recent events are in the same transaction, so that a restart
//! finds them as they were told.

mod tables;
mod writer;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::JoinHandle,
};

use paneld_domain::{ProjectKey, Timestamp};
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use self::{
    tables::Tables,
    writer::{Command, Writer},
};
use crate::{
    Ids,
    record::Record,
    sessions::{DeviceKey, Live},
};

/// Why the spool could not take or give something.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SpoolError {
    /// So much is waiting to be applied that no more is taken.
    #[error("the spool is full: {bytes} bytes wait to be applied")]
    Full {
        /// How much is waiting.
        bytes: u64,
    },
    /// The disk is full, or broken. It is tried again with the next request.
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

/// What is written in one transaction, or not at all.
#[derive(Debug, Default)]
pub(crate) struct Append {
    /// The records, in the order in which they are to be applied.
    pub(crate) records: Vec<Record>,
    /// The sessions of devices as they are now; `None` where there is none any more.
    pub(crate) live: Vec<(DeviceKey, Option<Live>)>,
    /// The ids that callers gave, and what was replied.
    pub(crate) seen: Vec<(Seen, Ids)>,
    /// When sessions were ended early, in milliseconds since 1970; if this ends some.
    pub(crate) crowded_at: Option<i64>,
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
}

/// What others want to know of the spool without asking the disk.
#[derive(Debug)]
pub(crate) struct Gauges {
    /// The position of the last record.
    last: watch::Sender<u64>,
    /// The size of all records that are there.
    bytes: AtomicU64,
}

impl Spool {
    /// Opens the file, and makes it when it is not there. No more than `limit` bytes of records
    /// will be taken. The positions of a new file begin behind `behind`, which must be more than
    /// any file in its place had: a store knows what it applied by position.
    pub(crate) fn open(path: &Path, limit: u64, behind: u64) -> Result<Self, SpoolError> {
        let tables = Arc::new(Tables::open(path, behind)?);
        let (last, bytes) = tables.measure()?;
        let gauges = Arc::new(Gauges {
            last: watch::Sender::new(last),
            bytes: AtomicU64::new(bytes),
        });
        let (commands, inbox) = mpsc::channel();
        let writer = Writer::new(Arc::clone(&tables), Arc::clone(&gauges), inbox);
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
        })
    }

    /// What sinks remember this spool by.
    pub(crate) fn id(&self) -> &str {
        self.tables.id()
    }

    /// Writes, and returns once it is on disk, with the position of the last record.
    pub(crate) async fn append(&self, append: Append) -> Result<u64, SpoolError> {
        let bytes = self.bytes();
        if bytes >= self.limit {
            return Err(SpoolError::Full { bytes });
        }
        let (done, written) = oneshot::channel();
        self.command(Command::Append(append, done))?;
        written.await.map_err(|_dropped| SpoolError::Closed)?
    }

    /// Forgets all records up to a position, which every sink has applied.
    pub(crate) fn trim(&self, up_to: u64) -> Result<(), SpoolError> {
        self.command(Command::Trim(up_to))
    }

    /// Forgets the ids of requests from before.
    pub(crate) fn forget_seen(&self, before: Timestamp) -> Result<(), SpoolError> {
        self.command(Command::ForgetSeen(before.timestamp_millis()))
    }

    /// Keeps a record that a sink refuses where an operator can find it.
    pub(crate) async fn set_aside(&self, spooled: Spooled) -> Result<u64, SpoolError> {
        let (done, written) = oneshot::channel();
        self.command(Command::SetAside(spooled, done))?;
        written.await.map_err(|_dropped| SpoolError::Closed)?
    }

    fn command(&self, command: Command) -> Result<(), SpoolError> {
        let commands = self.commands.as_ref().ok_or(SpoolError::Closed)?;
        commands.send(command).map_err(|_closed| SpoolError::Closed)
    }

    /// The records behind a position, in order: so many, or fewer when they are big.
    pub(crate) fn read(&self, after: u64, most: usize) -> Result<Vec<Spooled>, SpoolError> {
        self.tables.read(after, most)
    }

    /// The sessions of all devices, as they were when the spool was written last.
    pub(crate) fn live(&self) -> Result<Vec<(DeviceKey, Live)>, SpoolError> {
        self.tables.live()
    }

    /// When a session was last ended early, in milliseconds since 1970; long ago if never.
    pub(crate) fn crowded_at(&self) -> Result<i64, SpoolError> {
        self.tables.crowded_at()
    }

    /// What was replied to the request of this id, if it came lately.
    pub(crate) fn seen(&self, seen: Seen) -> Result<Option<Ids>, SpoolError> {
        self.tables.seen(seen)
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

    /// Whether it can be written.
    pub(crate) fn is_writable(&self) -> bool {
        self.tables.is_open() && self.bytes() < self.limit
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
mod tests {
    use paneld_domain::{BotVisit, parse_timestamp};

    use super::*;
    use crate::record::Change;

    fn append(path: &str) -> Append {
        let at = parse_timestamp("2026-01-15T10:30:00Z").unwrap();
        let visit = BotVisit {
            id: Uuid::nil(),
            name: "Bot".to_owned(),
            kind: String::new(),
            path: path.to_owned(),
            created_at: at,
        };
        Append {
            records: vec![Record::new(ProjectKey(7), at, vec![Change::Bot(visit)])],
            ..Append::default()
        }
    }

    fn positions(spool: &Spool, after: u64) -> Vec<u64> {
        let records = spool.read(after, 100).unwrap();
        records.iter().map(|spooled| spooled.position).collect()
    }

    #[tokio::test]
    async fn what_was_written_is_there_after_a_restart_in_its_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let spool = Spool::open(&path, 1_000_000, 0).unwrap();
        let id = spool.id().to_owned();
        for page in ["/a", "/b", "/c"] {
            spool.append(append(page)).await.unwrap();
        }
        let before = spool.read(0, 100).unwrap();
        drop(spool);
        let spool = Spool::open(&path, 1_000_000, 0).unwrap();
        assert_eq!(spool.id(), id);
        assert_eq!((spool.last(), positions(&spool, 1)), (3, vec![2, 3]));
        let after = spool.read(0, 100).unwrap();
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before.record, after.record);
        }
    }

    #[tokio::test]
    async fn a_position_is_never_given_out_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let spool = Spool::open(&path, 1_000_000, 0).unwrap();
        spool.append(append("/a")).await.unwrap();
        spool.trim(1).unwrap();
        drop(spool);
        let spool = Spool::open(&path, 1_000_000, 500).unwrap();
        assert_eq!((spool.last(), spool.bytes()), (1, 0));
        spool.append(append("/b")).await.unwrap();
        assert_eq!(positions(&spool, 0), [2]);
        drop(spool);
        std::fs::remove_file(&path).unwrap();
        let spool = Spool::open(&path, 1_000_000, 500).unwrap();
        spool.append(append("/c")).await.unwrap();
        assert_eq!(positions(&spool, 0), [501]);
    }

    #[tokio::test]
    async fn a_full_spool_takes_nothing_until_something_is_applied() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("spool"), 10, 0).unwrap();
        spool.append(append("/a")).await.unwrap();
        assert!(!spool.is_writable());
        let refused = spool.append(append("/b")).await;
        assert!(
            matches!(refused, Err(SpoolError::Full { .. })),
            "{refused:?}"
        );
        spool.trim(1).unwrap();
        while !spool.is_writable() {
            tokio::task::yield_now().await;
        }
        spool.append(append("/c")).await.unwrap();
        assert_eq!(positions(&spool, 0), [2]);
    }
}
