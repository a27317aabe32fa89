//! What waits in the spool to be removed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use paneld_domain::{PeopleChange, ProjectKey};

use crate::pipeline::record::{Change, Record};

/// Of how many removals is known where they are: some are done before more come.
const KEPT: usize = 1_000;

/// Erasures and purges by their positions in the spool. What came before one and is nobody else's
/// need not be kept any more, where a sink has trouble with it.
#[derive(Debug, Default)]
pub(crate) struct Removals(Mutex<BTreeMap<u64, Removal>>);

#[derive(Debug)]
struct Removal {
    project: ProjectKey,
    /// The ids of a profile; `None` where the whole project goes.
    ids: Option<BTreeSet<String>>,
}

impl Removals {
    /// Notes what the changes at a position remove, if they do.
    pub(crate) fn note(&self, position: u64, project: ProjectKey, changes: &[Change]) {
        let mut ids = BTreeSet::new();
        let mut is_purge = false;
        for change in changes {
            match change {
                Change::People(PeopleChange::EraseProfile { profile_id }) => {
                    ids.insert(profile_id.clone());
                }
                Change::Purge => is_purge = true,
                _ => {}
            }
        }
        if !is_purge && ids.is_empty() {
            return;
        }
        let ids = (!is_purge).then_some(ids);
        let mut all = self.all();
        all.insert(position, Removal { project, ids });
        while all.len() > KEPT {
            all.pop_first();
        }
    }

    /// Whether everything of the record at this position will be removed by a later one.
    pub(crate) fn overtake(&self, position: u64, record: &Record) -> bool {
        let all = self.all();
        let mut later = all.range(position + 1..).map(|(_, removal)| removal);
        !record.removes() && later.any(|removal| removal.takes(record))
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, Removal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Removal {
    fn takes(&self, record: &Record) -> bool {
        let is_theirs = |ids: &BTreeSet<String>| {
            let mut changes = record.changes.iter();
            changes.all(|change| profile_of(change).is_some_and(|id| ids.contains(id)))
        };
        self.project == record.project() && self.ids.as_ref().is_none_or(is_theirs)
    }
}

/// Whose a change is, and nobody else's.
fn profile_of(change: &Change) -> Option<&str> {
    match change {
        Change::Event(event) | Change::View(event, _) => Some(&event.profile_id),
        Change::Session(session) => Some(&session.profile_id),
        Change::People(PeopleChange::Profile(change)) => Some(&change.profile_id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use paneld_domain::{ProfileChange, ProfileChangeKind, parse_timestamp};

    use super::*;

    const SHOP: ProjectKey = ProjectKey(7);

    fn record(project: ProjectKey, changes: Vec<Change>) -> Record {
        let at = parse_timestamp("2026-01-15T10:30:00Z").unwrap();
        Record::new(project, at, changes)
    }

    fn joined(profile_id: &str) -> Change {
        Change::People(PeopleChange::Profile(ProfileChange {
            profile_id: profile_id.to_owned(),
            kind: ProfileChangeKind::Joined {
                groups: BTreeSet::new(),
            },
        }))
    }

    fn erased(profile_id: &str) -> Change {
        Change::People(PeopleChange::EraseProfile {
            profile_id: profile_id.to_owned(),
        })
    }

    #[test]
    fn what_came_before_a_removal_and_is_nobody_elses_is_overtaken() {
        let removals = Removals::default();
        removals.note(10, SHOP, &[erased("anna"), erased("a@example.com")]);
        removals.note(20, ProjectKey(8), &[Change::Purge]);
        removals.note(30, SHOP, &[joined("bert")]);
        for (position, project, changes, expected) in [
            (9, SHOP, vec![joined("anna"), joined("a@example.com")], true),
            (9, SHOP, vec![joined("anna"), joined("bert")], false),
            (9, SHOP, vec![joined("anna"), erased("anna")], false),
            (10, SHOP, vec![joined("anna")], false),
            (29, SHOP, vec![joined("bert")], false),
            (19, ProjectKey(8), vec![joined("bert")], true),
            (20, ProjectKey(8), vec![joined("bert")], false),
            (19, ProjectKey(9), vec![joined("bert")], false),
        ] {
            let record = record(project, changes);
            assert_eq!(removals.overtake(position, &record), expected, "{record:?}");
        }
    }
}
