//! Writing the spool's file anew, so that nothing is left in it of what was removed.
//!
//! The store frees pages and uses them again, but until then what was in them stays in the file.
//!
//! There may be millions of ids of requests, and what is tracked must not wait until all of them
//! are copied. So they go ahead, some between two commits, in the order of the new tables; those
//! that a commit adds or removes meanwhile follow. The rest is copied at once, at the end.

use std::{
    fs, mem,
    ops::Bound,
    path::{Path, PathBuf},
};

use redb::{Database, ReadTransaction, ReadableDatabase as _, WriteTransaction};

use super::{
    SpoolError,
    copying::copy_all_but_ids,
    dedup::{DedupKey, REQUEST_IDS, REQUEST_IDS_BY_TIME, put},
    fault::Fault,
    file::{beside, open, remove_leftover},
    format::open_if_there,
    tables::Tables,
};
use crate::Ids;

/// How many ids are copied between two commits: some milliseconds' worth.
const AT_ONCE: usize = 4_096;

/// A file that is to be put in the place of the spool's, and is not complete yet.
pub(super) struct Compaction {
    path: PathBuf,
    new: Database,
    /// Who sent requests that came up to this time is left out, in milliseconds since 1970.
    seen_until: i64,
    /// What stands there in place of it.
    nobody: Vec<u8>,
    next: Next,
    /// The ids that were added or removed since some were copied last.
    touched: Vec<DedupKey>,
}

/// Which ids are copied next: those behind a key, or all.
enum Next {
    ById(Bound<DedupKey>),
    ByTime(Bound<(i64, i64, u128)>),
    Nothing,
}

impl Compaction {
    /// Makes the new file. What an attempt of before left is removed.
    pub(super) fn begin(tables: &Tables, seen_until: i64) -> Result<Self, SpoolError> {
        Self::make(tables.path(), seen_until).map_err(SpoolError::broken)
    }

    fn make(path: &Path, seen_until: i64) -> Result<Self, Fault> {
        paneld_files::demand_room(path, fs::metadata(path)?.len())?;
        remove_leftover(path)?;
        let nobody = Ids {
            device_id: String::new(),
            session_id: String::new(),
        };
        Ok(Self {
            path: path.to_owned(),
            new: open(&beside(path))?,
            seen_until,
            nobody: postcard::to_stdvec(&nobody)?,
            next: Next::ById(Bound::Unbounded),
            touched: Vec::new(),
        })
    }

    /// Notes ids that a commit added or removed.
    pub(super) fn note_touched(&mut self, ids: &[DedupKey]) {
        self.touched.extend_from_slice(ids);
    }

    /// Whether all ids are copied that were there when it was looked last.
    pub(super) fn has_ids(&self) -> bool {
        matches!(self.next, Next::Nothing)
    }

    /// Copies some ids.
    pub(super) fn copy_ids(&mut self, tables: &Tables) -> Result<(), SpoolError> {
        tables.with(|old| {
            let from = old.begin_read()?;
            let to = self.new.begin_write()?;
            self.copy_touched(&from, &to)?;
            self.next = match mem::replace(&mut self.next, Next::Nothing) {
                Next::ById(after) => match self.copy_by_id(&from, &to, after)? {
                    Some(last) => Next::ById(Bound::Excluded(last)),
                    None => Next::ByTime(Bound::Unbounded),
                },
                Next::ByTime(after) => match copy_by_time(&from, &to, after)? {
                    Some(last) => Next::ByTime(Bound::Excluded(last)),
                    None => Next::Nothing,
                },
                Next::Nothing => Next::Nothing,
            };
            Ok(to.commit()?)
        })
    }

    /// Copies everything else, and puts the new file in the place of the old one.
    pub(super) fn finish(mut self, tables: &Tables) -> Result<(), SpoolError> {
        tables.with(|old| self.copy_rest(old))?;
        fs::rename(beside(&self.path), &self.path).map_err(SpoolError::broken)?;
        drop(tables.exchange(Some(self.new)));
        paneld_files::sync_folder_of(&self.path).map_err(SpoolError::broken)
    }

    fn copy_rest(&mut self, old: &Database) -> Result<(), Fault> {
        let from = old.begin_read()?;
        let to = self.new.begin_write()?;
        self.copy_touched(&from, &to)?;
        copy_all_but_ids(&from, &to, || Ok(()))?;
        Ok(to.commit()?)
    }

    /// Makes the ids that changed in the old file what they are there now.
    fn copy_touched(&mut self, from: &ReadTransaction, to: &WriteTransaction) -> Result<(), Fault> {
        let there = open_if_there(from, REQUEST_IDS)?;
        let (mut by_id, mut by_time) = (
            to.open_table(REQUEST_IDS)?,
            to.open_table(REQUEST_IDS_BY_TIME)?,
        );
        for key in mem::take(&mut self.touched) {
            let present = match &there {
                Some(there) => there.get(key)?,
                None => None,
            };
            if let Some(row) = present {
                let (at, ids) = row.value();
                put(&mut by_id, &mut by_time, key, at, self.told(at, ids))?;
            } else if let Some(row) = by_id.remove(key)? {
                by_time.remove((key.0, row.value().0, key.1))?;
            }
        }
        Ok(())
    }

    /// Copies some of the ids behind a key. Tells the last, unless there are no more.
    fn copy_by_id(
        &self,
        from: &ReadTransaction,
        to: &WriteTransaction,
        after: Bound<DedupKey>,
    ) -> Result<Option<DedupKey>, Fault> {
        let Some(rows) = open_if_there(from, REQUEST_IDS)? else {
            return Ok(None);
        };
        let mut copies = to.open_table(REQUEST_IDS)?;
        let mut last = None;
        for row in rows.range((after, Bound::Unbounded))?.take(AT_ONCE) {
            let (key, row) = row?;
            let (at, ids) = row.value();
            copies.insert(key.value(), (at, self.told(at, ids)))?;
            last = Some(key.value());
        }
        Ok(last)
    }

    /// What is kept of what was replied at a time: a request is still known when it is repeated,
    /// but perhaps not who sent it.
    fn told<'a>(&'a self, at: i64, ids: &'a [u8]) -> &'a [u8] {
        if at <= self.seen_until {
            &self.nobody
        } else {
            ids
        }
    }
}

fn copy_by_time(
    from: &ReadTransaction,
    to: &WriteTransaction,
    after: Bound<(i64, i64, u128)>,
) -> Result<Option<(i64, i64, u128)>, Fault> {
    let Some(rows) = open_if_there(from, REQUEST_IDS_BY_TIME)? else {
        return Ok(None);
    };
    let mut copies = to.open_table(REQUEST_IDS_BY_TIME)?;
    let mut last = None;
    for row in rows.range((after, Bound::Unbounded))?.take(AT_ONCE) {
        let key = row?.0.value();
        copies.insert(key, ())?;
        last = Some(key);
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use paneld_domain::{ProjectKey, Timestamp};
    use uuid::Uuid;

    use super::*;
    use crate::pipeline::{
        sessions::{DeviceKey, tests::visit},
        spool::{
            Append, RecordFilter, RequestKey, Spool,
            tests::{SmallDisk, append, everywhere},
        },
    };

    const LIMIT: u64 = 10_000_000;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_timestamp_millis(millis).unwrap()
    }

    fn is_found(path: &Path, text: &str) -> bool {
        let bytes = fs::read(path).unwrap();
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    }

    fn of_device(device: &str, path: &str) -> Append {
        let key = DeviceKey::new(ProjectKey(7), device.to_owned());
        Append {
            live: vec![(key, Some(visit(device, 1)))],
            ..append(path)
        }
    }

    fn positions(spool: &Spool) -> Vec<u64> {
        let records = spool.read(RecordFilter::All, 0, 1_000).unwrap().records;
        records.iter().map(|spooled| spooled.position).collect()
    }

    #[tokio::test]
    async fn nothing_is_left_of_what_was_removed_and_everything_of_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let spool = Spool::open(&path, LIMIT, 0).unwrap();
        let id = spool.id().to_owned();
        spool
            .append(&of_device("gone-device", "/gone-page"))
            .await
            .unwrap();
        spool
            .append(&of_device("kept-device", "/other-page"))
            .await
            .unwrap();
        let gone = DeviceKey::new(ProjectKey(7), "gone-device".to_owned());
        let forgotten = Append {
            live: vec![(gone, None)],
            ..append("/erasure")
        };
        spool.append(&forgotten).await.unwrap();
        spool.append(&append("/waits")).await.unwrap();
        spool.trim(everywhere(3)).unwrap();
        spool.set_aside(0).await.unwrap();
        assert!(is_found(&path, "gone-device") && is_found(&path, "/gone-page"));

        spool.compact(at(0)).await.unwrap();
        assert!(!is_found(&path, "gone-device") && !is_found(&path, "/gone-page"));
        assert!(!beside(&path).exists());
        assert_eq!(spool.append(&append("/more")).await.unwrap(), 5);
        drop(spool);
        let spool = Spool::open(&path, LIMIT, 100).unwrap();
        assert_eq!(spool.id(), id);
        assert_eq!((spool.last(), positions(&spool)), (5, vec![4, 5]));
        let live = spool.live().unwrap();
        assert_eq!(live.len(), 1);
        assert_eq!(live[0].1, visit("kept-device", 1));
        assert!(!is_found(&path, "gone-device"));
    }

    #[tokio::test]
    async fn a_repeated_request_is_known_but_not_who_sent_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let spool = Spool::open(&path, LIMIT, 0).unwrap();
        let seen = |number, at| RequestKey {
            project: ProjectKey(7),
            id: Uuid::from_u128(number),
            at,
        };
        let ids = |device: &str| Ids {
            device_id: device.to_owned(),
            session_id: format!("session of {device}"),
        };
        let (old, new) = (seen(9, 1_000), seen(3, 1_001));
        let both = Append {
            seen: vec![(old, ids("old-device")), (new, ids("new-device"))],
            ..append("/")
        };
        spool.append(&both).await.unwrap();
        spool.compact(at(1_000)).await.unwrap();
        assert!(!is_found(&path, "old-device"));
        let nobody = Ids {
            device_id: String::new(),
            session_id: String::new(),
        };
        assert_eq!(spool.seen(old).await.unwrap(), Some(nobody));
        assert_eq!(spool.seen(new).await.unwrap(), Some(ids("new-device")));
        // Their day ends as it would have.
        spool.forget_seen(at(1_001)).unwrap();
        spool.set_aside(0).await.unwrap();
        assert_eq!(spool.seen(old).await.unwrap(), None);
        assert!(spool.seen(new).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn records_that_were_set_aside_can_be_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let spool = Spool::open(&path, LIMIT, 0).unwrap();
        for page in ["/mine", "/yours"] {
            let position = spool.append(&append(page)).await.unwrap();
            spool.set_aside(position).await.unwrap();
        }
        spool.trim(everywhere(2)).unwrap();
        let mine = append("/mine").records.remove(0);
        let found = spool.find_set_aside(|record| *record == mine).unwrap();
        assert_eq!(found, [1]);
        spool.drop_set_aside(found).await.unwrap();
        spool.compact(at(0)).await.unwrap();
        assert!(!is_found(&path, "/mine"));
        assert!(is_found(&path, "/yours"));
        assert_eq!(spool.find_set_aside(|_| true).unwrap(), [2]);
    }

    #[tokio::test]
    async fn what_comes_in_meanwhile_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let spool = std::sync::Arc::new(Spool::open(&path, LIMIT, 0).unwrap());
        let writers = (0..4).map(|_| {
            let spool = std::sync::Arc::clone(&spool);
            tokio::spawn(async move {
                for _ in 0..50 {
                    spool.append(&append("/")).await.unwrap();
                }
            })
        });
        let writers = writers.collect::<Vec<_>>();
        for _ in 0..5 {
            spool.compact(at(0)).await.unwrap();
        }
        for writer in writers {
            writer.await.unwrap();
        }
        spool.compact(at(0)).await.unwrap();
        assert_eq!(positions(&spool), (1..=200).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn without_room_on_the_disk_the_old_file_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let Some(disk) = SmallDisk::mount(&folder.path().join("disk")) else {
            return;
        };
        let path = disk.path().join("spool");
        let spool = Spool::open(&path, LIMIT, 0).unwrap();
        spool.append(&append("/gone")).await.unwrap();
        disk.fill();
        spool.compact(at(0)).await.unwrap_err();
        assert!(!beside(&path).exists());
        fs::remove_file(disk.path().join("filler")).unwrap();
        // It looks each second whether the disk has room again.
        let written = async {
            loop {
                match spool.append(&append("/")).await {
                    Ok(position) => break position,
                    Err(_full) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        let written = tokio::time::timeout(Duration::from_secs(20), written).await;
        assert_eq!(written.unwrap(), 2);
        spool.trim(everywhere(2)).unwrap();
        spool.compact(at(0)).await.unwrap();
        assert!(!is_found(&path, "/gone"));
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        fs::write(beside(&path), "half a file").unwrap();
        drop(Spool::open(&path, LIMIT, 0).unwrap());
        assert!(!beside(&path).exists());
    }
}
