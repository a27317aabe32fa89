//! Writing the spool's file anew, so that nothing is left in it of what was removed.
//!
//! The store frees pages and uses them again, but until then what was in them stays in the file.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    sync::PoisonError,
};

use redb::{
    Database, Key, ReadTransaction, ReadableDatabase as _, ReadableTable as _, TableDefinition,
    TableError, TableHandle as _, Value, WriteTransaction,
};

use super::{
    SpoolError,
    fault::Fault,
    tables::{LIVE, META, OWNERS, RECORDS, SEEN, SEEN_BY_TIME, SET_ASIDE, Tables, open},
    writer::Writer,
};
use crate::Ids;

impl Writer {
    /// Writes the file anew, with what is not applied everywhere yet, and without who sent
    /// requests that came up to this time, in milliseconds since 1970.
    pub(super) fn compact(&mut self, seen_until: i64) -> Result<(), SpoolError> {
        // What the snapshot of live sessions must be past before it can go goes, too.
        self.follow_and_trim()?;
        self.tables().compact(seen_until)
    }
}

impl Tables {
    /// Only the thread that writes may call this. Others read the old file meanwhile.
    fn compact(&self, seen_until: i64) -> Result<(), SpoolError> {
        let new_path = beside(self.path());
        let copied = self.with(|database| copy(database, self.path(), &new_path, seen_until));
        let exchanged = copied.and_then(|new| {
            fs::rename(&new_path, self.path()).map_err(SpoolError::broken)?;
            Ok(new)
        });
        match exchanged {
            Ok(new) => {
                let old = self.database().write();
                // It is closed when nobody reads from it any more.
                *old.unwrap_or_else(PoisonError::into_inner) = Some(new);
                paneld_files::sync_folder_of(self.path()).map_err(SpoolError::broken)
            }
            Err(error) => {
                // What cannot be removed now is before the next try.
                let _ = remove_leftover(self.path());
                Err(error)
            }
        }
    }
}

/// Removes what is left of a new file when the process was killed.
pub(super) fn remove_leftover(path: &Path) -> std::io::Result<()> {
    paneld_files::remove(&beside(path))
}

/// Where the file is written anew.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".new");
    name.into()
}

/// Makes the new file, which is on disk when this returns.
fn copy(old: &Database, path: &Path, new_path: &Path, seen_until: i64) -> Result<Database, Fault> {
    paneld_files::demand_room(path, fs::metadata(path)?.len())?;
    paneld_files::remove(new_path)?;
    let new = open(new_path)?;
    let from = old.begin_read()?;
    let to = new.begin_write()?;
    copy_table(&from, &to, RECORDS)?;
    copy_table(&from, &to, LIVE)?;
    copy_table(&from, &to, SEEN_BY_TIME)?;
    copy_table(&from, &to, SET_ASIDE)?;
    copy_table(&from, &to, OWNERS)?;
    copy_table(&from, &to, META)?;
    copy_seen(&from, &to, seen_until)?;
    demand_all_tables(&from, &to)?;
    to.commit()?;
    Ok(new)
}

fn copy_table<K: Key + 'static, V: Value + 'static>(
    from: &ReadTransaction,
    to: &WriteTransaction,
    table: TableDefinition<'_, K, V>,
) -> Result<(), Fault> {
    let rows = match from.open_table(table) {
        // It is younger than the file.
        Err(TableError::TableDoesNotExist(_)) => return Ok(()),
        rows => rows?,
    };
    let mut copies = to.open_table(table)?;
    for row in rows.iter()? {
        let (key, value) = row?;
        copies.insert(key.value(), value.value())?;
    }
    Ok(())
}

/// Copies the ids of requests, in the order of time. A request that came up to a time is still
/// known when it is repeated, but not who sent it.
fn copy_seen(from: &ReadTransaction, to: &WriteTransaction, seen_until: i64) -> Result<(), Fault> {
    let nobody = Ids {
        device_id: String::new(),
        session_id: String::new(),
    };
    let nobody = postcard::to_stdvec(&nobody)?;
    let seen = from.open_table(SEEN)?;
    let mut copies = to.open_table(SEEN)?;
    for row in from.open_table(SEEN_BY_TIME)?.iter()? {
        let (at, project, id) = row?.0.value();
        let key = (project, id);
        if at <= seen_until {
            copies.insert(key, nobody.as_slice())?;
        } else if let Some(ids) = seen.get(key)? {
            copies.insert(key, ids.value())?;
        }
    }
    Ok(())
}

/// A table that nobody thought of here must not be lost.
fn demand_all_tables(from: &ReadTransaction, to: &WriteTransaction) -> Result<(), Fault> {
    let copied = to.list_tables()?.map(|table| table.name().to_owned());
    let copied = copied.collect::<Vec<_>>();
    for table in from.list_tables()? {
        if !copied.iter().any(|name| name == table.name()) {
            return Err(Fault::NotCopied(table.name().to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use paneld_domain::{ProjectKey, Timestamp};
    use uuid::Uuid;

    use super::*;
    use crate::{
        sessions::{DeviceKey, tests::visit},
        spool::{
            Append, Seen, Spool, Wanted,
            tests::{SmallDisk, append},
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
        let records = spool.read(Wanted::All, 0, 1_000).unwrap().records;
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
        spool.trim(3).unwrap();
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
        let seen = |number, at| Seen {
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
        assert_eq!(spool.seen(old).unwrap(), Some(nobody));
        assert_eq!(spool.seen(new).unwrap(), Some(ids("new-device")));
        // Their day ends as it would have.
        spool.forget_seen(at(1_001)).unwrap();
        spool.set_aside(0).await.unwrap();
        assert_eq!(spool.seen(old).unwrap(), None);
        assert!(spool.seen(new).unwrap().is_some());
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
        spool.trim(2).unwrap();
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
        spool.trim(2).unwrap();
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
