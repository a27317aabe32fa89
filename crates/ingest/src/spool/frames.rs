//! Records as they stand in the spool: those of one commit behind one another, each with its
//! length before it and what it changes of live sessions.

use crate::{
    record::Record,
    sessions::{Kept, LiveChange},
};

/// The length of a record, and whether it is about people.
const HEAD: usize = 5;

/// Some records, written.
#[derive(Debug, Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    count: u64,
}

impl Frames {
    /// Adds a record behind the others.
    pub(super) fn push(
        &mut self,
        record: &Record,
        live: &[LiveChange<Kept>],
    ) -> Result<(), postcard::Error> {
        let start = self.bytes.len();
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.extend([0; HEAD - 1]);
        bytes.push(u8::from(record.is_about_people()));
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

    /// How many records there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }
}

/// A record, not read yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    whole: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Those of a commit, in their order. What is no frame ends them.
    pub(super) fn all(mut bytes: &'a [u8]) -> impl Iterator<Item = Self> {
        std::iter::from_fn(move || {
            let length = bytes.first_chunk().copied().map(u32::from_le_bytes)?;
            let (whole, rest) = bytes.split_at_checked(HEAD + length as usize)?;
            bytes = rest;
            Some(Self { whole })
        })
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
    pub(super) fn read(self) -> Result<(Vec<LiveChange<Kept>>, Record), postcard::Error> {
        let (live, record) = postcard::take_from_bytes(self.body())?;
        Ok((live, postcard::from_bytes(record)?))
    }

    /// What it changes of live sessions, without the rest.
    pub(super) fn live(self) -> Result<Vec<LiveChange<Kept>>, postcard::Error> {
        Ok(postcard::take_from_bytes(self.body())?.0)
    }

    fn body(self) -> &'a [u8] {
        self.whole.get(HEAD..).unwrap_or_default()
    }
}
