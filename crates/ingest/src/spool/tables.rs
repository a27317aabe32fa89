//! The tables of the spool's file.

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

use paneld_domain::ProjectKey;
use redb::{
    AccessGuard, Builder, Database, ReadableDatabase as _, ReadableTable, Table, TableDefinition,
    WriteTransaction,
};
use uuid::Uuid;

use super::{
    Part, Seen, SpoolError, Spooled, Wanted,
    fault::Fault,
    frames::{Frame, Frames},
};
use crate::{
    Ids,
    sessions::{DeviceKey, Kept, Live, LiveChange},
};

/// Those of each commit behind one another, by the position of the last of them.
const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
/// By project and device, as they were at the position of the snapshot.
const LIVE: TableDefinition<'_, (i64, &str), &[u8]> = TableDefinition::new("live_sessions");
/// By project and id: what was replied.
const SEEN: TableDefinition<'_, (i64, u128), &[u8]> = TableDefinition::new("seen_ids");
/// The same ids by time, in milliseconds since 1970.
const SEEN_BY_TIME: TableDefinition<'_, (i64, i64, u128), ()> =
    TableDefinition::new("seen_ids_by_time");
/// Records that a sink refused, by position.
const SET_ASIDE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("set_aside");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// The position of the last record that was written before some were removed: they are never
/// given out twice.
const LAST: &str = "last";
const ID: &str = "id";
/// Up to which position live sessions are in their table.
const SNAPSHOT: &str = "snapshot";
/// When a session was last ended early.
const CROWDED_AT: &str = "crowded_at";
const FORMAT: &str = "format";
/// Raised whenever records or live sessions are written in another form.
const THIS_FORMAT: &[u8] = &[3];

/// How much of the file is kept in memory.
const CACHE_BYTES: usize = 32 * 1024 * 1024;
/// How much is read at once, roughly.
const READ_BYTES: usize = 8 * 1024 * 1024;

/// A spool that another version of this program wrote.
#[derive(Debug, thiserror::Error)]
#[error(
    "it was written by another version of paneld: start that version once more, and stop it \
         when nothing waits to be applied any more"
)]
struct OtherFormat;

/// The file, open; or closed, after it could not be written.
#[derive(Debug)]
pub(super) struct Tables {
    path: PathBuf,
    id: String,
    database: RwLock<Option<Database>>,
}

impl Tables {
    pub(super) fn open(path: &Path, behind: u64) -> Result<Self, SpoolError> {
        let database = open(path)?;
        let id = write(&database, |tables| tables.id(behind)).map_err(SpoolError::broken)?;
        let id = id.ok_or_else(|| SpoolError::broken(OtherFormat))?;
        write(&database, |tables| tables.bring_snapshot_up()).map_err(SpoolError::broken)?;
        Ok(Self {
            path: path.to_owned(),
            id,
            database: RwLock::new(Some(database)),
        })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn is_open(&self) -> bool {
        let database = self.database.read();
        database.unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Closes the file, and opens it again: after it could not be written once, it must be read
    /// anew from the disk.
    pub(super) fn reopen(&self) -> Result<(), SpoolError> {
        let database = self.database.write();
        let mut database = database.unwrap_or_else(PoisonError::into_inner);
        *database = None;
        *database = Some(open(&self.path)?);
        Ok(())
    }

    /// The position of the last record, and the size of all that are there.
    pub(super) fn measure(&self) -> Result<(u64, u64), SpoolError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let records = read.open_table(RECORDS)?;
            let last = last(&read.open_table(META)?, &records)?;
            let mut bytes = 0;
            for commit in records.iter()? {
                bytes += commit?.1.value().len() as u64;
            }
            Ok((last, bytes))
        })
    }

    pub(super) fn read(&self, wanted: Wanted, after: u64, most: usize) -> Result<Part, SpoolError> {
        self.with(|database| {
            let records = database.begin_read()?.open_table(RECORDS)?;
            let mut part = Part::default();
            let (mut bytes, mut count) = (0, 0);
            for commit in records.range(after + 1..)? {
                if count >= most || bytes >= READ_BYTES {
                    part.is_cut = true;
                    break;
                }
                let (last, commit) = commit?;
                let (last, commit) = (last.value(), commit.value());
                for (position, frame) in numbered(last, commit).filter(|(at, _)| *at > after) {
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
                part.is_cut = part.last < Some(last);
                bytes += commit.len();
            }
            Ok(part)
        })
    }

    pub(super) fn live(&self) -> Result<Vec<(DeviceKey, Live)>, SpoolError> {
        self.with(|database| {
            let read = database.begin_read()?;
            let mut all = Vec::new();
            for live in read.open_table(LIVE)?.iter()? {
                let (key, live) = live?;
                let (project, device) = key.value();
                let key = DeviceKey::new(ProjectKey(project), device.to_owned());
                all.push((key, postcard::from_bytes(live.value())?));
            }
            Ok(all)
        })
    }

    /// The records that were set aside, by position.
    #[cfg(test)]
    pub(super) fn set_aside(&self) -> Result<Vec<(u64, crate::record::Record)>, SpoolError> {
        self.with(|database| {
            let mut all = Vec::new();
            for record in database.begin_read()?.open_table(SET_ASIDE)?.iter()? {
                let (position, record) = record?;
                for frame in Frame::all(record.value()) {
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
            let read = database.begin_read()?;
            let key = (seen.project.0, seen.id.as_u128());
            let ids = read.open_table(SEEN)?.get(key)?;
            let ids = ids.map(|ids| postcard::from_bytes(ids.value()));
            Ok(ids.transpose()?)
        })
    }

    /// Runs the work in a transaction, and commits it to the disk.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, SpoolError> {
        self.with(|database| write(database, work))
    }

    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, Fault>) -> Result<T, SpoolError> {
        let database = self.database.read();
        let database = database.unwrap_or_else(PoisonError::into_inner);
        match &*database {
            Some(database) => work(database).map_err(SpoolError::broken),
            None => Err(SpoolError::broken(Fault::NotOpen)),
        }
    }
}

/// The tables in a transaction that writes.
pub(super) struct Transaction<'t> {
    records: Table<'t, u64, &'static [u8]>,
    live: Table<'t, (i64, &'static str), &'static [u8]>,
    seen: Table<'t, (i64, u128), &'static [u8]>,
    seen_by_time: Table<'t, (i64, i64, u128), ()>,
    set_aside: Table<'t, u64, &'static [u8]>,
    meta: Table<'t, &'static str, &'static [u8]>,
}

impl<'t> Transaction<'t> {
    /// Makes the tables that are missing, too.
    fn begin(write: &'t WriteTransaction) -> Result<Self, Fault> {
        Ok(Self {
            records: write.open_table(RECORDS)?,
            live: write.open_table(LIVE)?,
            seen: write.open_table(SEEN)?,
            seen_by_time: write.open_table(SEEN_BY_TIME)?,
            set_aside: write.open_table(SET_ASIDE)?,
            meta: write.open_table(META)?,
        })
    }

    /// The spool's id, made if need be; `None` when another version wrote the file.
    fn id(&mut self, behind: u64) -> Result<Option<String>, Fault> {
        let text = |id: AccessGuard<'_, &[u8]>| String::from_utf8_lossy(id.value()).into_owned();
        let known = self.meta.get(ID)?.map(text);
        if let Some(id) = known {
            let format = self.meta.get(FORMAT)?;
            let is_ours = format.is_some_and(|format| format.value() == THIS_FORMAT);
            return Ok(is_ours.then_some(id));
        }
        let id = Uuid::new_v4().to_string();
        self.meta.insert(ID, id.as_bytes())?;
        self.meta.insert(FORMAT, THIS_FORMAT)?;
        self.set_last(behind)?;
        Ok(Some(id))
    }

    /// Brings live sessions in their table up to the last record.
    fn bring_snapshot_up(&mut self) -> Result<(), Fault> {
        let snapshot = self.meta.get(SNAPSHOT)?;
        let snapshot = snapshot.map_or(0, |at| position(at.value()));
        let mut live = BTreeMap::<DeviceKey, Option<Kept>>::new();
        for commit in self.records.range(snapshot + 1..)? {
            let (last, commit) = commit?;
            for (at, frame) in numbered(last.value(), commit.value()) {
                if at > snapshot {
                    live.extend(frame.live()?);
                }
            }
        }
        self.put_live(&live.into_iter().collect::<Vec<_>>())?;
        let last = last(&self.meta, &self.records)?;
        self.set_snapshot(last)
    }

    /// Writes the records of a commit, with the position of the last of them. Says how many bytes
    /// they take.
    pub(super) fn append(&mut self, last: u64, records: &[&Frames]) -> Result<u64, Fault> {
        let bytes = records.iter().map(|frames| frames.as_bytes());
        let commit = bytes.collect::<Vec<_>>().concat();
        self.records.insert(last, commit.as_slice())?;
        Ok(commit.len() as u64)
    }

    /// Notes the ids that callers gave, and what was replied.
    pub(super) fn note_seen(&mut self, ids: &[(Seen, Ids)]) -> Result<(), Fault> {
        for (seen, ids) in ids {
            let (project, id) = (seen.project.0, seen.id.as_u128());
            let ids = postcard::to_stdvec(ids)?;
            self.seen.insert((project, id), ids.as_slice())?;
            self.seen_by_time.insert((seen.at, project, id), ())?;
        }
        Ok(())
    }

    /// Notes when sessions were ended early.
    pub(super) fn note_crowded(&mut self, at: i64) -> Result<(), Fault> {
        self.meta.insert(CROWDED_AT, at.to_be_bytes().as_slice())?;
        Ok(())
    }

    pub(super) fn put_live(&mut self, live: &[LiveChange<Kept>]) -> Result<(), Fault> {
        for (key, live) in live {
            let key = (key.project().0, key.device());
            match live {
                Some(live) => {
                    self.live.insert(key, live.as_bytes())?;
                }
                None => {
                    self.live.remove(key)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn set_snapshot(&mut self, position: u64) -> Result<(), Fault> {
        self.meta
            .insert(SNAPSHOT, position.to_be_bytes().as_slice())?;
        Ok(())
    }

    fn set_last(&mut self, last: u64) -> Result<(), Fault> {
        self.meta.insert(LAST, last.to_be_bytes().as_slice())?;
        Ok(())
    }

    /// How many bytes the records of the commits take that end in this range.
    pub(super) fn size(&self, range: RangeInclusive<u64>) -> Result<u64, Fault> {
        let mut bytes = 0;
        for commit in self.records.range(range)? {
            bytes += commit?.1.value().len() as u64;
        }
        Ok(bytes)
    }

    /// Removes the records of the commits that end up to a position.
    pub(super) fn trim(&mut self, up_to: u64) -> Result<(), Fault> {
        let last = last(&self.meta, &self.records)?;
        self.set_last(last)?;
        Ok(self.records.retain_in(..=up_to, |_, _| false)?)
    }

    /// Removes the ids that came before.
    pub(super) fn forget_seen(&mut self, before: i64) -> Result<(), Fault> {
        let old = ..(before, i64::MIN, u128::MIN);
        for entry in self.seen_by_time.extract_from_if(old, |_, ()| true)? {
            let (_, project, id) = entry?.0.value();
            self.seen.remove((project, id))?;
        }
        Ok(())
    }

    /// Keeps the record of this position, whatever is removed.
    pub(super) fn set_aside(&mut self, at: u64) -> Result<(), Fault> {
        let Some(commit) = self.records.range(at..)?.next() else {
            return Ok(());
        };
        let (last, commit) = commit?;
        let mut frames = numbered(last.value(), commit.value());
        if let Some((_, frame)) = frames.find(|(position, _)| *position == at) {
            self.set_aside.insert(at, frame.as_bytes())?;
        }
        Ok(())
    }
}

fn open(path: &Path) -> Result<Database, SpoolError> {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder.create(path).map_err(SpoolError::broken)
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

/// The records of a commit with their positions.
fn numbered(last: u64, commit: &[u8]) -> impl Iterator<Item = (u64, Frame<'_>)> {
    let count = Frame::all(commit).count() as u64;
    (last + 1 - count..).zip(Frame::all(commit))
}

/// The position of the last record ever written.
fn last(
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
