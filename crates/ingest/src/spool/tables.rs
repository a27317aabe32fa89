//! The tables of the spool's file.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use paneld_domain::{OrganizationId, ProjectKey};
use redb::{
    Builder, Database, DatabaseError, Key, ReadOnlyTable, ReadTransaction, ReadableDatabase as _,
    ReadableTable, TableDefinition, TableError, Value,
};
use uuid::Uuid;

use super::{
    Applied, Part, Seen, SpoolError, Spooled, Stretch, Wanted,
    backlog::Shares,
    compaction,
    fault::Fault,
    frames::{Frame, is_about_people},
    reserve::Reserve,
    seen::SeenReader,
    tail::Tail,
    transaction::Transaction,
};
use crate::{
    Ids,
    record::Record,
    sessions::{DeviceKey, Kept, Live, Told},
};

/// Rows of records of one commit behind one another, by the position of the last of them.
pub(super) const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
/// By project and device, as they were at the position of the snapshot.
pub(super) const LIVE: TableDefinition<'_, (i64, &str), &[u8]> =
    TableDefinition::new("live_sessions");
/// Records that a sink refused, by position.
pub(super) const SET_ASIDE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("set_aside");
/// The organizations of projects, by the key of the project.
pub(super) const OWNERS: TableDefinition<'_, i64, &str> = TableDefinition::new("owners");
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// The position of the last record that was written before some were removed: they are never
/// given out twice.
pub(super) const LAST: &str = "last";
pub(super) const ID: &str = "id";
/// Up to which position live sessions are in their table.
pub(super) const SNAPSHOT: &str = "snapshot";
/// When a session was last ended early.
pub(super) const CROWDED_AT: &str = "crowded_at";
pub(super) const FORMAT: &str = "format";
/// Raised whenever something is written that the versions before cannot read.
pub(super) const THIS_FORMAT: u8 = 5;
/// Files from this format on can be read: what was added since is kinds of changes and tables, and
/// ids of requests are taken over.
const OLDEST_FORMAT: u8 = 3;

/// How much of the file is kept in memory.
const CACHE_BYTES: usize = 32 * 1024 * 1024;
/// How much is read at once, roughly.
const READ_BYTES: usize = 8 * 1024 * 1024;

/// The file, open; or closed, after it could not be written.
#[derive(Debug)]
pub(super) struct Tables {
    path: PathBuf,
    reserve: Reserve,
    id: String,
    /// Whether the file is of an older format, up to the first write.
    is_older: AtomicBool,
    database: RwLock<Option<Database>>,
}

/// A spool that is there.
struct Known {
    id: String,
    format: u8,
}

impl Tables {
    pub(super) fn open(path: &Path, behind: u64) -> Result<Self, SpoolError> {
        compaction::remove_leftover(path).map_err(SpoolError::broken)?;
        let database = open(path).map_err(SpoolError::broken)?;
        // A file that is there is only read: a server has to start on a full disk, too.
        let known = match known(&database) {
            Ok(Some(known)) => Ok(known),
            Ok(None) => write(&database, |tables| tables.make(behind)).map(|id| Known {
                id,
                format: THIS_FORMAT,
            }),
            Err(fault) => Err(fault),
        };
        let Known { id, format } = known.map_err(SpoolError::broken)?;
        Ok(Self {
            path: path.to_owned(),
            reserve: Reserve::beside(path),
            id,
            is_older: AtomicBool::new(format < THIS_FORMAT),
            database: RwLock::new(Some(database)),
        })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn reserve(&self) -> &Reserve {
        &self.reserve
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Closes the file, and opens it again: after it could not be written once, it must be read
    /// anew from the disk.
    pub(super) fn reopen(&self) -> Result<(), SpoolError> {
        drop(self.exchange(None));
        // It may have to be mended first. Meanwhile readers are told that it is away.
        let database = open(&self.path).map_err(SpoolError::broken)?;
        self.exchange(Some(database));
        Ok(())
    }

    /// Puts a file in the place of the one that is open, which is closed once it is dropped.
    pub(super) fn exchange(&self, database: Option<Database>) -> Option<Database> {
        let present = self.database.write();
        let mut present = present.unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut present, database)
    }

    /// Keeps everybody from the file.
    #[cfg(test)]
    pub(super) fn hold(&self) -> std::sync::RwLockWriteGuard<'_, Option<Database>> {
        self.database.write().unwrap()
    }

    /// The position of the last record, and whose those are that wait.
    pub(super) fn measure(&self, applied: Applied) -> Result<(u64, Shares), SpoolError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let records = read.open_table(RECORDS)?;
            let last = last(&read.open_table(META)?, &records)?;
            let mut shares = Shares::default();
            for row in records.range(applied.everywhere + 1..)? {
                let (end, row) = row?;
                if end.value() > applied.by_store || is_about_people(row.value())? {
                    shares.add_row(row.value())?;
                }
            }
            Ok((last, shares))
        })
    }

    /// The organizations of projects, as far as they were told.
    pub(super) fn owners(&self) -> Result<HashMap<i64, OrganizationId>, SpoolError> {
        self.with(|database| {
            let Some(owners) = open_if_there(&database.begin_read()?, OWNERS)? else {
                return Ok(HashMap::new());
            };
            let mut all = HashMap::new();
            for owner in owners.iter()? {
                let (project, organization) = owner?;
                // What cannot be read is told again with the next request.
                if let Ok(organization) = organization.value().parse() {
                    all.insert(project.value(), organization);
                }
            }
            Ok(all)
        })
    }

    pub(super) fn read(&self, wanted: Wanted, after: u64, most: usize) -> Result<Part, SpoolError> {
        self.with(|database| {
            let records = database.begin_read()?.open_table(RECORDS)?;
            let mut part = Part::default();
            let (mut bytes, mut count) = (0, 0);
            for row in records.range(after + 1..)? {
                if count >= most || bytes >= READ_BYTES {
                    break;
                }
                let (last, row) = row?;
                let (last, row) = (last.value(), row.value());
                for (position, frame) in numbered(last, row)?.filter(|(at, _)| *at > after) {
                    if count == most {
                        break;
                    }
                    count += 1;
                    part.last = Some(position);
                    if wanted == Wanted::All || frame.is_about_people() {
                        let (live, record) = frame.read()?;
                        part.records.push(Spooled {
                            position,
                            record,
                            live,
                        });
                    }
                }
                bytes += row.len();
            }
            Ok(part)
        })
    }

    pub(super) fn stretch(&self, after: u64, last: u64) -> Result<Stretch, SpoolError> {
        self.with(|database| {
            let records = database.begin_read()?.open_table(RECORDS)?;
            let mut stretch = Stretch::up_to(after);
            for row in records.range(after + 1..)? {
                let (end, row) = row?;
                let frames = numbered(end.value(), row.value())?;
                for (position, frame) in frames.filter(|(at, _)| *at > after) {
                    if !stretch.add(position, frame)? {
                        return Ok(stretch);
                    }
                }
            }
            stretch.end = stretch.end.max(last);
            Ok(stretch)
        })
    }

    /// What changed of live sessions since their snapshot was written.
    pub(super) fn tail(&self) -> Result<Tail, SpoolError> {
        self.with(|database| tail(&database.begin_read()?))
    }

    /// The snapshot of live sessions, with what changed since laid over it.
    pub(super) fn live(&self) -> Result<Vec<(DeviceKey, Live)>, SpoolError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let changed = tail(&read)?.into_changed();
            let mut all = Vec::new();
            for live in read.open_table(LIVE)?.iter()? {
                let (key, live) = live?;
                let (project, device) = key.value();
                let key = DeviceKey::new(ProjectKey(project), device.to_owned());
                if !changed.contains_key(&key) {
                    all.push((key, postcard::from_bytes(live.value())?));
                }
            }
            for (key, live) in changed {
                if let Some(live) = live {
                    all.push((key, postcard::from_bytes(live.as_bytes())?));
                }
            }
            Ok(all)
        })
    }

    /// The positions of the records that were set aside and are meant.
    pub(super) fn find_set_aside(
        &self,
        is_meant: impl Fn(&Record) -> bool,
    ) -> Result<Vec<u64>, SpoolError> {
        self.with(|database| {
            let mut found = Vec::new();
            for row in database.begin_read()?.open_table(SET_ASIDE)?.iter()? {
                let (position, record) = row?;
                for frame in Frame::all(record.value())? {
                    if is_meant(&frame.read()?.1) {
                        found.push(position.value());
                    }
                }
            }
            Ok(found)
        })
    }

    /// The records that were set aside, by position.
    #[cfg(test)]
    pub(super) fn set_aside(&self) -> Result<Vec<(u64, Record)>, SpoolError> {
        self.with(|database| {
            let mut all = Vec::new();
            for record in database.begin_read()?.open_table(SET_ASIDE)?.iter()? {
                let (position, record) = record?;
                for frame in Frame::all(record.value())? {
                    all.push((position.value(), frame.read()?.1));
                }
            }
            Ok(all)
        })
    }

    pub(super) fn crowded_at(&self) -> Result<i64, SpoolError> {
        self.with(|database| {
            let at = database.begin_read()?.open_table(META)?.get(CROWDED_AT)?;
            let at = at.and_then(|at| at.value().try_into().ok());
            Ok(at.map_or(i64::MIN, i64::from_be_bytes))
        })
    }

    pub(super) fn seen(&self, seen: Seen) -> Result<Option<Ids>, SpoolError> {
        self.with(|database| {
            let there = SeenReader::open(&database.begin_read()?)?;
            there.find(&seen)
        })
    }

    pub(super) fn seen_of(&self, all: &[Seen]) -> Result<HashSet<Uuid>, SpoolError> {
        self.with(|database| {
            let there = SeenReader::open(&database.begin_read()?)?;
            let mut found = HashSet::new();
            for seen in all {
                if there.find(seen)?.is_some() {
                    found.insert(seen.id);
                }
            }
            Ok(found)
        })
    }

    /// Runs the work in a transaction, and commits it to the disk.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, SpoolError> {
        self.with(|database| {
            let is_older = self.is_older.load(Ordering::Relaxed);
            let result = write(database, |transaction| {
                if is_older {
                    transaction.set_format()?;
                }
                work(transaction)
            })?;
            self.is_older.store(false, Ordering::Relaxed);
            Ok(result)
        })
    }

    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, Fault>,
    ) -> Result<T, SpoolError> {
        let database = self.database.read();
        let database = database.unwrap_or_else(PoisonError::into_inner);
        match &*database {
            Some(database) => work(database).map_err(SpoolError::broken),
            None => Err(SpoolError::broken(Fault::NotOpen)),
        }
    }
}

/// How often it is looked whether a spool is closed, and how often at most: for five seconds.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
const LOOKS: usize = 250;

pub(super) fn open(path: &Path) -> Result<Database, Fault> {
    paneld_files::make_file(path)?;
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    for _ in 0..LOOKS {
        match builder.create(path) {
            // The data folder is this server's: it is one that was stopped in this process, of
            // which somebody has not let go yet.
            Err(DatabaseError::DatabaseAlreadyOpen) => thread::sleep(LOOK_AGAIN),
            opened => return Ok(opened?),
        }
    }
    Ok(builder.create(path)?)
}

fn write<T>(
    database: &Database,
    work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let write = database.begin_write()?;
    let result = work(&mut Transaction::begin(&write)?)?;
    write.commit()?;
    Ok(result)
}

/// The spool in this file; `None` when nothing was ever written.
fn known(database: &Database) -> Result<Option<Known>, Fault> {
    let Some(meta) = open_if_there(&database.begin_read()?, META)? else {
        return Ok(None);
    };
    let Some(id) = meta.get(ID)? else {
        return Ok(None);
    };
    let format = meta.get(FORMAT)?;
    let format = format.and_then(|format| format.value().first().copied());
    match format.unwrap_or_default() {
        ..OLDEST_FORMAT => Err(Fault::OlderFormat),
        format @ OLDEST_FORMAT..=THIS_FORMAT => Ok(Some(Known {
            id: String::from_utf8_lossy(id.value()).into_owned(),
            format,
        })),
        _ => Err(Fault::NewerFormat),
    }
}

/// A table; `None` where the file is older than it.
pub(super) fn open_if_there<K: Key + 'static, V: Value + 'static>(
    read: &ReadTransaction,
    table: TableDefinition<'_, K, V>,
) -> Result<Option<ReadOnlyTable<K, V>>, Fault> {
    match read.open_table(table) {
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        table => Ok(Some(table?)),
    }
}

/// What the records behind the snapshot of live sessions change of them.
fn tail(read: &ReadTransaction) -> Result<Tail, Fault> {
    let snapshot = read.open_table(META)?.get(SNAPSHOT)?;
    let snapshot = snapshot.map_or(0, |at| position(at.value()));
    let table = read.open_table(LIVE)?;
    let mut tail = Tail::behind(snapshot);
    for row in read.open_table(RECORDS)?.range(snapshot + 1..)? {
        let (last, row) = row?;
        let (last, row) = (last.value(), row.value());
        for (_, frame) in numbered(last, row)?.filter(|(at, _)| *at > snapshot) {
            let mut live = Vec::new();
            for (device, told) in frame.live()? {
                let after = match told {
                    Told::Gone => None,
                    Told::Whole(kept) => Some(kept),
                    Told::Grown(session_id, growth) => {
                        let before = match tail.changed(&device) {
                            Some(changed) => changed.cloned(),
                            None => {
                                let kept = table.get((device.project().0, device.device()))?;
                                kept.map(|kept| Kept::from_bytes(kept.value()))
                            }
                        };
                        // What is not there is told by what follows.
                        let grown = before.map(|before| before.grown(&session_id, &growth));
                        grown.transpose()?
                    }
                };
                live.push((device, after));
            }
            tail.add(live, frame.as_bytes().len() as u64);
        }
    }
    Ok(tail)
}

/// The records of a row with their positions.
pub(super) fn numbered(
    last: u64,
    row: &[u8],
) -> Result<impl Iterator<Item = (u64, Frame<'_>)>, Fault> {
    let frames = Frame::all(row)?;
    let first = last + 1 - frames.len() as u64;
    Ok((first..).zip(frames))
}

/// The position of the last record ever written.
pub(super) fn last(
    meta: &impl ReadableTable<&'static str, &'static [u8]>,
    records: &impl ReadableTable<u64, &'static [u8]>,
) -> Result<u64, Fault> {
    let there = records.last()?.map_or(0, |(last, _)| last.value());
    let before = meta.get(LAST)?.map_or(0, |last| position(last.value()));
    Ok(there.max(before))
}

fn position(bytes: &[u8]) -> u64 {
    bytes.try_into().map(u64::from_be_bytes).unwrap_or_default()
}
