//! The tables of the spool's file.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use paneld_domain::{OrganizationId, ProjectKey};
use redb::{Database, ReadTransaction, ReadableDatabase as _, ReadableTable as _};
use uuid::Uuid;

use super::{
    Applied, RecordBatch, RecordFilter, RequestKey, SpoolError, Spooled, Stretch,
    backlog::Shares,
    dedup::DedupReader,
    fault::Fault,
    file::{open, remove_leftover},
    format::{
        ANCESTORS, CROWDED_AT, LIVE, META, OWNERS, RECORDS, SET_ASIDE, SNAPSHOT, THIS_FORMAT,
        ancestors, last, numbered, open_if_there, position,
    },
    frames::{Frame, is_about_people},
    known::{Known, known},
    reserve::Reserve,
    tail::Tail,
    transaction::Transaction,
};
use crate::{
    Ids,
    pipeline::{
        record::Record,
        sessions::{DeviceKey, Kept, Live, Told},
    },
};

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

impl Tables {
    pub(super) fn open(path: &Path, behind: u64) -> Result<Self, SpoolError> {
        remove_leftover(path).map_err(SpoolError::broken)?;
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

    /// The tables as they are now, whatever is written later.
    pub(super) fn snapshot(&self) -> Result<ReadTransaction, SpoolError> {
        self.with(|database| Ok(database.begin_read()?))
    }

    /// Whether it is open now.
    pub(super) fn is_open(&self) -> bool {
        self.with(|_| Ok(())).is_ok()
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

    pub(super) fn read(
        &self,
        wanted: RecordFilter,
        after: u64,
        most: usize,
    ) -> Result<RecordBatch, SpoolError> {
        self.with(|database| {
            let records = database.begin_read()?.open_table(RECORDS)?;
            let mut part = RecordBatch::default();
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
                    if wanted == RecordFilter::All || frame.is_about_people() {
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

    /// The spools that this one was copied from, the latest first, with their last positions.
    pub(super) fn ancestors(&self) -> Result<Vec<(String, u64)>, SpoolError> {
        self.with(|database| {
            let all = database.begin_read()?.open_table(META)?.get(ANCESTORS)?;
            ancestors(all.map(|all| all.value().to_vec()))
        })
    }

    pub(super) fn seen(&self, seen: RequestKey) -> Result<Option<Ids>, SpoolError> {
        self.with(|database| {
            let there = DedupReader::open(&database.begin_read()?)?;
            there.find(&seen)
        })
    }

    pub(super) fn seen_of(&self, all: &[RequestKey]) -> Result<HashSet<Uuid>, SpoolError> {
        self.with(|database| {
            let there = DedupReader::open(&database.begin_read()?)?;
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

fn write<T>(
    database: &Database,
    work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let write = database.begin_write()?;
    let result = work(&mut Transaction::begin(&write)?)?;
    write.commit()?;
    Ok(result)
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
