//! Records as they stand in the spool: behind one another, each with its length before it and
//! what it changes of live sessions.

use serde::{Deserialize, Serialize};

use super::fault::Fault;
use crate::pipeline::{
    record::Record,
    sessions::{DeviceKey, Kept, Told},
};

/// The length of a record, and whether it is about people.
const HEAD: usize = 5;
/// Most records are no longer, and so are written without moving what is there already.
const USUAL_BYTES: usize = 2_048;

/// Some records, written.
#[derive(Debug, Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    count: u64,
    is_about_people: bool,
}

impl Frames {
    /// Adds a record behind the others, with what it changes of live sessions: a list of
    /// [`LiveTold`], or what is written in the same way.
    pub(super) fn push(
        &mut self,
        record: &Record,
        live: &(impl Serialize + ?Sized),
    ) -> Result<(), postcard::Error> {
        let start = self.bytes.len();
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.reserve(USUAL_BYTES);
        bytes.extend([0; HEAD - 1]);
        bytes.push(u8::from(record.is_about_people()));
        self.is_about_people |= record.is_about_people();
        bytes = postcard::to_extend(live, bytes)?;
        bytes = postcard::to_extend(record, bytes)?;
        let length = u32::try_from(bytes.len() - start - HEAD);
        let length = length.map_err(|_too_long| postcard::Error::SerializeBufferFull)?;
        bytes[start..start + HEAD - 1].copy_from_slice(&length.to_le_bytes());
        self.bytes = bytes;
        self.count += 1;
        Ok(())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the catalog keeps something of some of them.
    pub(super) fn is_about_people(&self) -> bool {
        self.is_about_people
    }

    /// How many records there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }
}

/// What a record tells of the session of a device.
pub(crate) type LiveTold = (DeviceKey, Told);

/// As [`LiveTold`] is written.
type LiveEntry<'a> = ((i64, &'a str), BorrowedTold<'a>);

/// As [`Told`] is written.
#[derive(Deserialize)]
enum BorrowedTold<'a> {
    Gone,
    Whole(&'a [u8]),
    Grown(&'a str, &'a [u8]),
}

/// Of a record that changes no session.
pub(super) const NOBODY: &[LiveTold] = &[];

/// Whether the catalog keeps something of some records of a row.
pub(super) fn is_about_people(row: &[u8]) -> Result<bool, Fault> {
    let frames = Frame::all(row)?;
    Ok(frames.into_iter().any(Frame::is_about_people))
}

/// A record, not read yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    whole: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Those that stand behind one another in these bytes, and nothing else does.
    pub(super) fn all(mut bytes: &'a [u8]) -> Result<Vec<Self>, Fault> {
        let mut frames = Vec::new();
        while !bytes.is_empty() {
            let (frame, rest) = Self::first(bytes).ok_or(Fault::NoRecord(bytes.len()))?;
            frames.push(frame);
            bytes = rest;
        }
        Ok(frames)
    }

    /// The first, and what is behind it.
    fn first(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let length = bytes.first_chunk().copied().map(u32::from_le_bytes)?;
        let (whole, rest) = bytes.split_at_checked(HEAD + length as usize)?;
        Some((Self { whole }, rest))
    }

    /// Its bytes, from which [`Self::all`] finds it again.
    pub(super) fn as_bytes(self) -> &'a [u8] {
        self.whole
    }

    /// Whether the catalog keeps something of it.
    pub(super) fn is_about_people(self) -> bool {
        self.whole.get(HEAD - 1) == Some(&1)
    }

    /// What it changes of live sessions, and the record.
    pub(super) fn read(self) -> Result<(Vec<LiveTold>, Record), postcard::Error> {
        let (live, record) = postcard::take_from_bytes(self.body())?;
        Ok((live, postcard::from_bytes(record)?))
    }

    /// What it changes of live sessions, without the rest.
    pub(super) fn live(self) -> Result<Vec<LiveTold>, postcard::Error> {
        Ok(postcard::take_from_bytes(self.body())?.0)
    }

    /// The projects and ids of the sessions that it changes, as far as there are some behind it.
    pub(super) fn sessions(self) -> Result<Vec<(i64, &'a str)>, postcard::Error> {
        let (changes, _record) = postcard::take_from_bytes::<Vec<LiveEntry<'a>>>(self.body())?;
        let mut sessions = Vec::with_capacity(changes.len());
        for ((project, _device), told) in changes {
            match told {
                BorrowedTold::Gone => {}
                BorrowedTold::Whole(kept) => sessions.push((project, Kept::id_of(kept)?)),
                BorrowedTold::Grown(session_id, _growth) => sessions.push((project, session_id)),
            }
        }
        Ok(sessions)
    }

    /// The key of the project that the record is of.
    pub(super) fn project(self) -> Result<i64, postcard::Error> {
        // As a record begins.
        let (_, record) = postcard::take_from_bytes::<Vec<LiveEntry<'_>>>(self.body())?;
        Ok(postcard::take_from_bytes(record)?.0)
    }

    /// Whether the record removes what somebody wants to be gone.
    pub(super) fn is_removal(self) -> Result<bool, postcard::Error> {
        Ok(self.is_about_people() && self.read()?.1.removes())
    }

    fn body(self) -> &'a [u8] {
        self.whole.get(HEAD..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use paneld_domain::{ProjectKey, parse_timestamp};

    use super::*;

    #[test]
    fn what_is_damaged_is_not_taken_for_the_end() {
        let at = parse_timestamp("2026-01-15T10:30:00Z").unwrap();
        let mut frames = Frames::default();
        for _ in 0..2 {
            let record = Record::new(ProjectKey(7), at, Vec::new());
            frames.push(&record, NOBODY).unwrap();
        }
        let bytes = frames.as_bytes();
        assert_eq!(Frame::all(bytes).unwrap().len(), 2);
        assert!(Frame::all(&[]).unwrap().is_empty());
        let second = bytes.len() / 2;
        for end in (1..bytes.len()).filter(|end| *end != second) {
            let left = if end > second { end - second } else { end };
            let all = Frame::all(&bytes[..end]).map(|frames| frames.len());
            assert!(
                matches!(all, Err(Fault::NoRecord(bytes)) if bytes == left),
                "{all:?} of {end} bytes"
            );
        }
    }
}
