//! What sinks keep of records.

use paneld_domain::{PeopleChange, ProjectKey};
use paneld_events::StoreChange;
use paneld_repository::SpooledChange;

use crate::pipeline::{
    record::Change,
    sessions::{Live, Told},
    spool::{Spooled, Stretch},
};

/// What the event store keeps: everything that happened, and of each session how it is behind
/// the stretch. Those of which only a growth is told must have been looked up.
pub(super) fn of_events(
    records: Vec<Spooled>,
    stretch: &Stretch,
) -> Result<Vec<(ProjectKey, StoreChange)>, postcard::Error> {
    let mut changes = Vec::new();
    for spooled in records {
        let Spooled {
            position,
            record,
            live,
        } = spooled;
        let project = record.project();
        for change in record.changes {
            if let Change::Opening(event, _) = &change {
                let start = StoreChange::Event(Box::new(Live::start(event)));
                changes.push((project, start));
            }
            changes.extend(of_event(change).map(|change| (project, change)));
        }
        for (device, told) in live {
            let Told::Whole(live) = told else { continue };
            if stretch.is_last(position, device.project(), live.session_id()?) {
                let session = StoreChange::Session(Box::new(live.session()?));
                changes.push((device.project(), session));
            }
        }
    }
    Ok(changes)
}

fn of_event(change: Change) -> Option<StoreChange> {
    Some(match change {
        Change::Event(event) | Change::Opening(event, None) => StoreChange::Event(event),
        Change::View(event, view) | Change::Opening(event, Some(view)) => {
            StoreChange::View(event, view)
        }
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

/// What the catalog keeps, with the positions of the records.
pub(super) fn of_people(records: Vec<Spooled>) -> Vec<SpooledChange> {
    let mut all = Vec::new();
    for Spooled {
        position, record, ..
    } in records
    {
        let (project, at) = (record.project(), record.at);
        let changes = record.changes.into_iter();
        all.extend(changes.filter_map(|change| match change {
            Change::People(change) => Some((position, (project, at, change))),
            _ => None,
        }));
    }
    all
}
