//! What a transaction changes in the tables.

use paneld_domain::{OrganizationId, ProjectKey};
use redb::{ReadableTable as _, Table, WriteTransaction};
use uuid::Uuid;

use super::{
    Applied, RequestKey,
    backlog::{Owner, Shares},
    dedup::{DedupChanges, DedupTables, TidyUp},
    fault::Fault,
    format::{
        CROWDED_AT, FORMAT, ID, LAST, LIVE, META, OWNERS, RECORDS, SET_ASIDE, SNAPSHOT,
        THIS_FORMAT, last, numbered,
    },
    frames::{Frame, Frames, is_about_people},
};
use crate::{
    Ids,
    pipeline::sessions::{Kept, LiveChange},
};

/// How long a row of records is at most, if it has more than one: however much is committed at
/// once, it can be read in parts. The store gives each the next power of two, where it has to
/// find room for its own notes too.
const ROW_BYTES: usize = 1024 * 1024 - 1024;

/// The tables in a transaction that writes.
pub(super) struct Transaction<'t> {
    /// For the table that is seldom needed.
    write: &'t WriteTransaction,
    records: Table<'t, u64, &'static [u8]>,
    live: Table<'t, (i64, &'static str), &'static [u8]>,
    seen: DedupTables<'t>,
    set_aside: Table<'t, u64, &'static [u8]>,
    meta: Table<'t, &'static str, &'static [u8]>,
}

impl<'t> Transaction<'t> {
    /// Makes the tables that are missing, too.
    pub(super) fn begin(write: &'t WriteTransaction) -> Result<Self, Fault> {
        Ok(Self {
            write,
            records: write.open_table(RECORDS)?,
            live: write.open_table(LIVE)?,
            seen: DedupTables::open(write)?,
            set_aside: write.open_table(SET_ASIDE)?,
            meta: write.open_table(META)?,
        })
    }

    /// Makes a new spool, whose positions begin behind this one. Returns its id.
    pub(super) fn make(&mut self, behind: u64) -> Result<String, Fault> {
        let id = Uuid::new_v4().to_string();
        self.meta.insert(ID, id.as_bytes())?;
        self.set_format()?;
        self.set_last(behind)?;
        self.set_snapshot(behind)?;
        Ok(id)
    }

    /// Notes that what this version writes is in the file.
    pub(super) fn set_format(&mut self) -> Result<(), Fault> {
        self.meta.insert(FORMAT, [THIS_FORMAT].as_slice())?;
        Ok(())
    }

    /// Notes whose a project is.
    pub(super) fn note_owner(
        &mut self,
        project: ProjectKey,
        organization: &OrganizationId,
    ) -> Result<(), Fault> {
        let mut owners = self.write.open_table(OWNERS)?;
        owners.insert(project.0, organization.as_str())?;
        Ok(())
    }

    /// Writes the records of a commit, behind the last that is there. Says whose they are. Those
    /// of requests about people have rows of their own, for they wait longer.
    pub(super) fn append(&mut self, mut last: u64, records: &[&Frames]) -> Result<Shares, Fault> {
        let mut shares = Shares::default();
        let mut row = Vec::new();
        let mut is_about_people = false;
        for frames in records {
            if is_about_people != frames.is_about_people() && !row.is_empty() {
                self.records.insert(last, row.as_slice())?;
                row.clear();
            }
            is_about_people = frames.is_about_people();
            for frame in Frame::all(frames.as_bytes())? {
                shares.add_frame(frame)?;
                let frame = frame.as_bytes();
                if !row.is_empty() && row.len() + frame.len() > ROW_BYTES {
                    self.records.insert(last, row.as_slice())?;
                    row.clear();
                }
                row.extend_from_slice(frame);
                last += 1;
            }
        }
        if !row.is_empty() {
            self.records.insert(last, row.as_slice())?;
        }
        Ok(shares)
    }

    /// Notes the ids that callers gave, and what was replied.
    pub(super) fn note_seen(&mut self, ids: &[(RequestKey, Ids)]) -> Result<(), Fault> {
        for (seen, ids) in ids {
            self.seen.note(seen, ids)?;
        }
        Ok(())
    }

    /// Removes some of the ids that are to go.
    pub(super) fn tidy_seen(
        &mut self,
        tidy_up: TidyUp,
        owner_of: impl Fn(i64) -> Owner,
    ) -> Result<DedupChanges, Fault> {
        self.seen.tidy(self.write, tidy_up, owner_of)
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

    /// Whose the rows of records are for which nobody waits any more, now that the sinks are
    /// further than they were before.
    pub(super) fn applied(&self, before: Applied, now: Applied) -> Result<Shares, Fault> {
        let mut shares = Shares::default();
        for (before, now, of_people) in [
            (before.by_store, now.by_store, false),
            (before.everywhere, now.everywhere, true),
        ] {
            if before >= now {
                continue;
            }
            for row in self.records.range(before + 1..=now)? {
                let row = row?.1;
                if is_about_people(row.value())? == of_people {
                    shares.add_row(row.value())?;
                }
            }
        }
        Ok(shares)
    }

    /// Removes the rows of records that nobody needs any more, where the sinks are now; before,
    /// they were removed up to another place.
    pub(super) fn trim(&mut self, before: Applied, now: Applied) -> Result<(), Fault> {
        let last = last(&self.meta, &self.records)?;
        self.set_last(last)?;
        if now.everywhere > before.everywhere {
            self.records.retain_in(..=now.everywhere, |_, _| false)?;
        }
        let first = now.everywhere.max(before.by_store) + 1;
        if now.by_store >= first {
            // What cannot be read is told of where it is read.
            let is_needed = |_, row: &[u8]| is_about_people(row).unwrap_or(true);
            self.records.retain_in(first..=now.by_store, is_needed)?;
        }
        Ok(())
    }

    /// Keeps the record of this position, whatever is removed.
    pub(super) fn set_aside(&mut self, at: u64) -> Result<(), Fault> {
        let Some(row) = self.records.range(at..)?.next() else {
            return Ok(());
        };
        let (last, row) = row?;
        let mut frames = numbered(last.value(), row.value())?;
        if let Some((_, frame)) = frames.find(|(position, _)| *position == at) {
            self.set_aside.insert(at, frame.as_bytes())?;
        }
        Ok(())
    }

    /// Lets go of records that were kept so, by their positions.
    pub(super) fn drop_set_aside(&mut self, positions: &[u64]) -> Result<(), Fault> {
        for position in positions {
            self.set_aside.remove(position)?;
        }
        Ok(())
    }
}
