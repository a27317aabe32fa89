//! What sinks keep of records.

use std::collections::HashSet;

use paneld_domain::{PeopleChange, ProjectKey, Timestamp};
use paneld_events::StoreChange;

use crate::{record::Change, spool::Spooled};

/// Whether a record removes what somebody wants to be gone.
pub(super) fn removes(spooled: &Spooled) -> bool {
    let mut changes = spooled.record.changes.iter();
    changes.any(|change| {
        matches!(
            change,
            Change::People(PeopleChange::EraseProfile { .. }) | Change::Purge
        )
    })
}

/// What the event store keeps: everything that happened, and of each session how it is behind
/// all that.
pub(super) fn of_events(
    mut records: Vec<Spooled>,
) -> Result<Vec<(ProjectKey, StoreChange)>, postcard::Error> {
    forget_earlier_versions(&mut records)?;
    let mut changes = Vec::new();
    for Spooled { record, live, .. } in records {
        let project = record.project();
        let kept = record.changes.into_iter().filter_map(of_event);
        changes.extend(kept.map(|change| (project, change)));
        for (device, live) in live {
            if let Some(live) = live {
                let session = StoreChange::Session(Box::new(live.session()?));
                changes.push((device.project(), session));
            }
        }
    }
    Ok(changes)
}

/// Leaves only the last version of each session; before what removes some, the last before that.
fn forget_earlier_versions(records: &mut [Spooled]) -> Result<(), postcard::Error> {
    let mut later = HashSet::new();
    for spooled in records.iter_mut().rev() {
        for (device, live) in spooled.live.iter_mut().rev() {
            let Some(version) = live else { continue };
            let session = (device.project(), version.session_id()?.to_owned());
            if !later.insert(session) {
                *live = None;
            }
        }
        if removes(spooled) {
            later.clear();
        }
    }
    Ok(())
}

fn of_event(change: Change) -> Option<StoreChange> {
    Some(match change {
        Change::Event(event) => StoreChange::Event(event),
        Change::View(event, view) => StoreChange::View(event, view),
        Change::Disordered(span) => StoreChange::Disordered(span),
        Change::Session(session) => StoreChange::Session(session),
        Change::Bot(visit) => StoreChange::Bot(visit),
        Change::Replay(chunk) => StoreChange::Replay(*chunk),
        Change::People(PeopleChange::EraseProfile { profile_id }) => {
            StoreChange::EraseProfile { profile_id }
        }
        Change::People(_) => return None,
        Change::Forget {
            events_before,
            replays_before,
        } => StoreChange::Forget {
            events_before,
            replays_before,
        },
        Change::Purge => StoreChange::Purge,
    })
}

/// What the catalog keeps.
pub(super) fn of_people(records: Vec<Spooled>) -> Vec<(ProjectKey, Timestamp, PeopleChange)> {
    let mut all = Vec::new();
    for Spooled { record, .. } in records {
        let (project, at) = (record.project(), record.at);
        all.extend(
            record
                .changes
                .into_iter()
                .filter_map(|change| match change {
                    Change::People(change) => Some((project, at, change)),
                    _ => None,
                }),
        );
    }
    all
}
