//! What changed of live sessions since their snapshot was written.
//!
//! A live session changes with nearly every event, and each has its own place in the snapshot's
//! table: to write it there every time would be most of what a commit writes. But every record
//! has its sessions with it. So the snapshot follows behind, many changes at once of which only
//! the last of each session counts, and a few of them with each commit; and the records behind
//! it stay until it has reached them.

use std::collections::HashMap;

use crate::pipeline::sessions::{DeviceKey, Kept, LiveChange};

/// How many bytes of records the snapshot may be behind before it follows.
const MOST_BYTES: u64 = 32 * 1024 * 1024;
/// How many sessions it may be behind before it follows.
const MOST_SESSIONS: usize = 50_000;
/// How many sessions are written to it with one commit, so that nobody waits long for it; if so
/// many are enough to be there soon.
const AT_ONCE: usize = 512;
/// With how many commits it is there at most. What comes in meanwhile is then no more than what
/// so many commits take, however much it is.
const MOST_COMMITS: usize = 64;

#[derive(Debug)]
pub(super) struct Tail {
    /// The position up to which the snapshot is.
    snapshot: u64,
    /// What changed since it followed last.
    changed: HashMap<DeviceKey, Option<Kept>>,
    bytes: u64,
    /// What is still to be written until it is where it follows to, the first in the order of the
    /// table last.
    following: Vec<LiveChange<Kept>>,
    /// How much of that is written with one commit.
    step: usize,
    /// Up to where it follows.
    goal: Option<u64>,
}

impl Tail {
    /// That of a snapshot up to this position, behind which there is nothing.
    pub(super) fn behind(snapshot: u64) -> Self {
        Self {
            snapshot,
            changed: HashMap::new(),
            bytes: 0,
            following: Vec::new(),
            step: AT_ONCE,
            goal: None,
        }
    }

    /// Adds what is on disk, with how many bytes of records.
    pub(super) fn add(&mut self, live: Vec<LiveChange<Kept>>, bytes: u64) {
        self.changed.extend(live);
        self.bytes += bytes;
    }

    /// The session of a device, if it changed since the snapshot followed last.
    pub(super) fn changed(&self, device: &DeviceKey) -> Option<Option<&Kept>> {
        self.changed.get(device).map(Option::as_ref)
    }

    /// Lets the snapshot follow up to the last record that is on disk, if it is far enough
    /// behind, or there is time for it.
    pub(super) fn follow(&mut self, last: u64, has_time: bool) {
        let is_behind = self.bytes >= MOST_BYTES || self.changed.len() >= MOST_SESSIONS;
        if self.is_following() || last == self.snapshot || !(is_behind || has_time) {
            return;
        }
        self.following = self.changed.drain().collect();
        self.following
            .sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
        self.step = AT_ONCE.max(self.following.len().div_ceil(MOST_COMMITS));
        self.bytes = 0;
        self.goal = Some(last);
    }

    /// What changed behind the snapshot; of one that does not follow.
    pub(super) fn into_changed(self) -> HashMap<DeviceKey, Option<Kept>> {
        self.changed
    }

    pub(super) fn is_following(&self) -> bool {
        self.goal.is_some()
    }

    /// The position up to which the snapshot is.
    pub(super) fn snapshot(&self) -> u64 {
        self.snapshot
    }

    /// What is to be written to the snapshot with this commit.
    pub(super) fn next(&self) -> &[LiveChange<Kept>] {
        &self.following[self.rest()..]
    }

    /// The position up to which the snapshot will be with this commit.
    pub(super) fn next_snapshot(&self) -> u64 {
        let goal = self.goal.filter(|_| self.rest() == 0);
        goal.unwrap_or(self.snapshot)
    }

    /// Notes that this commit is on disk.
    pub(super) fn note_written(&mut self) {
        if self.rest() == 0
            && let Some(goal) = self.goal.take()
        {
            self.snapshot = goal;
        }
        self.following.truncate(self.rest());
    }

    fn rest(&self) -> usize {
        self.following.len().saturating_sub(self.step)
    }
}

#[cfg(test)]
mod tests {
    use paneld_domain::ProjectKey;

    use super::*;

    fn changes(devices: std::ops::Range<usize>, state: u8) -> Vec<LiveChange<Kept>> {
        let key = |device: usize| DeviceKey::new(ProjectKey(1), format!("{device:05}"));
        let change = |device| (key(device), Some(Kept::from_bytes(&[state])));
        devices.map(change).collect()
    }

    /// What a restart finds, if the process dies after any commit, is the snapshot as far as it
    /// is, and all that came behind.
    #[test]
    fn snapshot_and_tail_are_the_sessions_after_every_commit() {
        let mut tail = Tail::behind(0);
        let mut snapshot = HashMap::new();
        let mut log = Vec::new();
        let mut now = HashMap::new();
        for commit in 0..40_u8 {
            let first = usize::from(commit) * 37;
            let live = changes(first..first + 700, commit);
            tail.follow(log.len() as u64, commit % 5 == 0);
            let position = tail.next_snapshot();
            snapshot.extend(tail.next().iter().cloned());
            tail.note_written();
            log.push(live.clone());
            tail.add(live.clone(), 1);
            now.extend(live);
            let mut found = snapshot.clone();
            let behind = usize::try_from(position).unwrap();
            log[behind..]
                .iter()
                .for_each(|live| found.extend(live.iter().cloned()));
            assert_eq!(found, now, "after commit {commit}");
        }
        assert!(tail.snapshot() > 0 && !snapshot.is_empty());
    }

    /// However many sessions a commit changes, the next time there are not more to follow.
    #[test]
    fn a_snapshot_is_there_after_so_many_commits_at_most() {
        let mut tail = Tail::behind(0);
        tail.add(changes(0..MOST_COMMITS * AT_ONCE * 3 + 1, 0), 1);
        tail.follow(1, true);
        let mut written = 0;
        for _ in 0..MOST_COMMITS {
            assert!(tail.is_following());
            written += tail.next().len();
            tail.note_written();
        }
        assert!(!tail.is_following());
        assert_eq!(written, MOST_COMMITS * AT_ONCE * 3 + 1);
        assert_eq!(tail.snapshot(), 1);
    }

    #[test]
    fn a_snapshot_follows_when_it_is_far_behind_and_only_then() {
        let mut tail = Tail::behind(7);
        tail.follow(7, true);
        assert!(!tail.is_following());
        tail.add(changes(0..AT_ONCE + 1, 0), MOST_BYTES - 1);
        tail.follow(8, false);
        assert!(!tail.is_following());
        tail.add(Vec::new(), 1);
        tail.follow(9, false);
        assert_eq!((tail.next().len(), tail.next_snapshot()), (AT_ONCE, 7));
        tail.note_written();
        assert_eq!((tail.next().len(), tail.next_snapshot()), (1, 9));
        tail.note_written();
        assert!(!tail.is_following());
        assert_eq!((tail.next().len(), tail.next_snapshot()), (0, 9));
    }
}
