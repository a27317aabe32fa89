//! The spool: what was accepted and is not applied everywhere yet, on the local disk.
//!
//! It is a file of a transactional store. One thread writes: it takes what has come in since its
//! last commit, commits it at once, and only then do the replies leave. Records have what they
//! change of live sessions with them, and the ids of recent events are in the same transaction,
//! so that a restart finds them as they were told.

mod fault;
mod frames;
mod replies;
mod tables;
mod tail;
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
use tokio::sync::watch;
use uuid::Uuid;

use self::{
    frames::Frames,
    replies::Waiter,
    tables::Tables,
    writer::{Command, Entry, Writer},
};
use crate::{
    Ids,
    record::Record,
    sessions::{DeviceKey, Kept, Live, LiveChange},
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
    /// The sessions of devices as they are now. They go with the last record.
    pub(crate) live: Vec<LiveChange<Live>>,
    /// The ids that callers gave, and what was replied.
    pub(crate) seen: Vec<(Seen, Ids)>,
    /// When sessions were ended early, in milliseconds since 1970; if this ends some.
    pub(crate) crowded_at: Option<i64>,
}

impl Append {
    fn encode(&self) -> Result<Entry, postcard::Error> {
        let live = self.live.iter().map(|(device, live)| {
            let live = live.as_ref().map(Kept::new).transpose()?;
            Ok((device.clone(), live))
        });
        let live = live.collect::<Result<Vec<_>, postcard::Error>>()?;
        let mut records = Frames::default();
        if let Some((last, others)) = self.records.split_last() {
            for record in others {
                records.push(record, &[])?;
            }
            records.push(last, &live)?;
        }
        Ok(Entry {
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
    /// The sessions that it changes, as they are behind it.
    pub(crate) live: Vec<LiveChange<Kept>>,
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
    /// Whether there may be more.
    pub(crate) is_cut: bool,
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

    /// Writes, and returns once it is on disk: the position of the last record of it; of the
    /// spool, when it has none.
    pub(crate) async fn append(&self, append: &Append) -> Result<u64, SpoolError> {
        let bytes = self.bytes();
        if bytes >= self.limit {
            return Err(SpoolError::Full { bytes });
        }
        let entry = append.encode().map_err(SpoolError::broken)?;
        let (waiter, written) = Waiter::here();
        self.command(Command::Append(entry, waiter))?;
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

    /// Keeps the record of this position, which a sink refuses, where an operator can find it.
    pub(crate) async fn set_aside(&self, position: u64) -> Result<(), SpoolError> {
        let (waiter, written) = Waiter::here();
        self.command(Command::SetAside(position, waiter))?;
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

    /// The sessions of all devices, as they were when the spool was opened.
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

    use std::collections::BTreeMap;

    use super::*;
    use crate::{record::Change, sessions::tests::visit};

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
        let records = spool.read(Wanted::All, after, 100).unwrap().records;
        records.iter().map(|spooled| spooled.position).collect()
    }

    #[tokio::test]
    async fn what_was_written_is_there_after_a_restart_in_its_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let spool = Spool::open(&path, 1_000_000, 0).unwrap();
        let id = spool.id().to_owned();
        for page in ["/a", "/b", "/c"] {
            spool.append(&append(page)).await.unwrap();
        }
        let before = spool.read(Wanted::All, 0, 100).unwrap().records;
        drop(spool);
        let spool = Spool::open(&path, 1_000_000, 0).unwrap();
        assert_eq!(spool.id(), id);
        assert_eq!((spool.last(), positions(&spool, 1)), (3, vec![2, 3]));
        let after = spool.read(Wanted::All, 0, 100).unwrap().records;
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before.record, after.record);
        }
    }

    #[tokio::test]
    async fn a_position_is_never_given_out_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let spool = Spool::open(&path, 1_000_000, 0).unwrap();
        spool.append(&append("/a")).await.unwrap();
        spool.trim(1).unwrap();
        drop(spool);
        let spool = Spool::open(&path, 1_000_000, 500).unwrap();
        assert_eq!((spool.last(), spool.bytes()), (1, 0));
        spool.append(&append("/b")).await.unwrap();
        assert_eq!(positions(&spool, 0), [2]);
        drop(spool);
        std::fs::remove_file(&path).unwrap();
        let spool = Spool::open(&path, 1_000_000, 500).unwrap();
        spool.append(&append("/c")).await.unwrap();
        assert_eq!(positions(&spool, 0), [501]);
    }

    #[tokio::test]
    async fn a_full_spool_takes_nothing_until_something_is_applied() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("spool"), 10, 0).unwrap();
        spool.append(&append("/a")).await.unwrap();
        assert!(!spool.is_writable());
        let refused = spool.append(&append("/b")).await;
        assert!(
            matches!(refused, Err(SpoolError::Full { .. })),
            "{refused:?}"
        );
        spool.trim(1).unwrap();
        while !spool.is_writable() {
            tokio::task::yield_now().await;
        }
        spool.append(&append("/c")).await.unwrap();
        assert_eq!(positions(&spool, 0), [2]);
    }

    /// The process may die after any commit, be the snapshot where it may. What a restart finds in
    /// the file is then what was told.
    #[tokio::test]
    async fn live_sessions_are_found_again_after_any_commit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let spool = Spool::open(&path, 1_000_000, 0).unwrap();
        let mut expected = BTreeMap::new();
        for step in 0..40_u32 {
            let device = format!("phone {}", step % 7);
            let key = DeviceKey::new(ProjectKey(7), device.clone());
            let live = (step % 5 != 4).then(|| visit(&device, step));
            let append = Append {
                live: vec![(key.clone(), live.clone())],
                ..append("/")
            };
            let position = spool.append(&append).await.unwrap();
            match live {
                Some(live) => expected.insert(key, live),
                None => expected.remove(&key),
            };
            if step % 3 == 0 {
                // What is applied everywhere goes, as soon as the snapshot needs it no more. There
                // is nothing to set aside, but it is answered behind that.
                spool.trim(position - u64::from(step % 2)).unwrap();
                spool.set_aside(0).await.unwrap();
            }
            let copy = folder.path().join(format!("copy {step}"));
            std::fs::copy(&path, &copy).unwrap();
            let found = Spool::open(&copy, 1_000_000, 0).unwrap();
            let live = found
                .live()
                .unwrap()
                .into_iter()
                .collect::<BTreeMap<_, _>>();
            assert_eq!(live, expected, "after step {step}");
            assert_eq!(found.last(), position);
        }
        spool.trim(spool.last()).unwrap();
        spool.set_aside(0).await.unwrap();
        assert!(positions(&spool, 0).is_empty());
        assert_eq!(spool.bytes(), 0);
    }

    #[tokio::test]
    async fn what_a_sink_refuses_is_kept_when_everything_else_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let spool = Spool::open(&path, 1_000_000, 0).unwrap();
        let both = Append {
            records: [append("/a"), append("/b")]
                .into_iter()
                .flat_map(|append| append.records)
                .collect(),
            ..Append::default()
        };
        assert_eq!(spool.append(&both).await.unwrap(), 2);
        spool.set_aside(2).await.unwrap();
        spool.trim(2).unwrap();
        spool.set_aside(3).await.unwrap();
        assert_eq!(
            spool.tables.set_aside().unwrap(),
            [(2, both.records[1].clone())]
        );
    }

    #[tokio::test]
    async fn a_part_of_a_commit_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("spool"), 1_000_000, 10).unwrap();
        let pages = ["/a", "/b", "/c", "/d"];
        let records = pages.iter().flat_map(|page| append(page).records).collect();
        let all = Append {
            records,
            ..Append::default()
        };
        assert_eq!(spool.append(&all).await.unwrap(), 14);
        spool.append(&append("/e")).await.unwrap();
        let read = |wanted, after, most| {
            let part = spool.read(wanted, after, most).unwrap();
            let positions = part.records.iter().map(|spooled| spooled.position);
            (positions.collect::<Vec<_>>(), part.last, part.is_cut)
        };
        assert_eq!(read(Wanted::All, 0, 2), (vec![11, 12], Some(12), true));
        assert_eq!(read(Wanted::All, 12, 2), (vec![13, 14], Some(14), true));
        assert_eq!(
            read(Wanted::All, 12, 3),
            (vec![13, 14, 15], Some(15), false)
        );
        assert_eq!(read(Wanted::All, 15, 3), (vec![], None, false));
        assert_eq!(read(Wanted::AboutPeople, 12, 2), (vec![], Some(14), true));
    }
}
