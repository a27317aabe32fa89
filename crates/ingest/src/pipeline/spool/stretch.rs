//! How far a sink looks ahead.

use std::collections::HashMap;

use paneld_domain::ProjectKey;

use super::{fault::Fault, frames::Frame};

/// How many records are looked at ahead at most, and how many bytes of them.
const MOST: usize = 64_000;
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Records that follow one another, and where each session stands in them for the last time: a
/// sink that keeps sessions as they are now can pass over all earlier versions, even though it
/// applies the records a few at a time.
///
/// A record that removes something is the first one of a stretch: what it finds must be there.
#[derive(Debug, Default)]
pub(crate) struct Stretch {
    /// Up to which position it goes.
    pub(crate) end: u64,
    /// Whether more may follow.
    pub(crate) is_cut: bool,
    count: usize,
    bytes: usize,
    last: HashMap<i64, HashMap<String, u64>>,
}

impl Stretch {
    /// One in which nobody asks for versions.
    pub(crate) fn up_to(end: u64) -> Self {
        Self {
            end,
            ..Self::default()
        }
    }

    /// Whether no later version of a session follows that of the record of this position.
    pub(crate) fn is_last(&self, position: u64, project: ProjectKey, session_id: &str) -> bool {
        let last = self.last.get(&project.0);
        let last = last.and_then(|sessions| sessions.get(session_id));
        last.is_none_or(|last| *last <= position)
    }

    /// Adds the next record, unless it belongs to the next stretch. Tells whether it did.
    pub(super) fn add(&mut self, position: u64, frame: Frame<'_>) -> Result<bool, Fault> {
        let is_full = self.count == MOST || self.bytes >= MOST_BYTES;
        if is_full || self.count > 0 && frame.is_removal()? {
            self.is_cut = true;
            return Ok(false);
        }
        for (project, session_id) in frame.sessions()? {
            let sessions = self.last.entry(project).or_default();
            match sessions.get_mut(session_id) {
                Some(last) => *last = position,
                None => {
                    sessions.insert(session_id.to_owned(), position);
                }
            }
        }
        self.end = position;
        self.count += 1;
        self.bytes += frame.as_bytes().len();
        Ok(true)
    }
}
