//! What is written to the spool: an accepted request, ready to be applied.

use std::collections::HashSet;

use paneld_domain::{
    BotVisit, Event, PeopleChange, ProjectKey, ReplayChunk, Session, SessionSpan, Timestamp, View,
};
use postcard::{ser_flavors::Size, serialize_with_flavor};
use serde::{Deserialize, Serialize};

/// What one accepted request does. It is applied as a whole, by each sink the part it keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The key of the project.
    project: i64,
    /// When the request arrived.
    #[serde(with = "chrono::serde::ts_microseconds")]
    pub(crate) at: Timestamp,
    /// In the order in which they must be made.
    pub(crate) changes: Vec<Change>,
}

/// A change to what is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Change {
    /// Something happened.
    Event(Box<Event>),
    /// A session of the past was like this.
    Session(Box<Session>),
    /// A listed bot came by.
    Bot(BotVisit),
    /// A piece of a recording.
    Replay(Box<ReplayChunk>),
    /// A profile or a group changes.
    People(PeopleChange),
    /// What is older is forgotten.
    Forget {
        /// Events and sessions from before.
        #[serde(with = "chrono::serde::ts_milliseconds_option")]
        events_before: Option<Timestamp>,
        /// Recordings from before.
        #[serde(with = "chrono::serde::ts_milliseconds")]
        replays_before: Timestamp,
    },
    /// All that the project has is forgotten.
    Purge,
    /// A page or screen was viewed, after all others of its session.
    View(Box<Event>, View),
    /// A view arrived after later ones of its session: their places are to be found anew.
    Disordered(SessionSpan),
    /// Something happened that opens its session, which is told by an event of its own: the same
    /// but for what `Live::start` changes. If it was a view, it was the first.
    Opening(Box<Event>, Option<View>),
}

impl Change {
    /// How many bytes it takes in the spool.
    pub(crate) fn bytes(&self) -> usize {
        // What cannot be written is refused where it is written.
        serialize_with_flavor(self, Size::default()).unwrap_or_default()
    }
}

impl Record {
    pub(crate) fn new(project: ProjectKey, at: Timestamp, changes: Vec<Change>) -> Self {
        Self {
            project: project.0,
            at,
            changes,
        }
    }

    /// Whether the catalog keeps something of it, or its copies in the event store do.
    pub(crate) fn is_about_people(&self) -> bool {
        let mut changes = self.changes.iter();
        changes.any(|change| matches!(change, Change::People(_) | Change::Purge))
    }

    /// Whether it removes what somebody wants to be gone.
    pub(crate) fn removes(&self) -> bool {
        let mut changes = self.changes.iter();
        changes.any(|change| {
            matches!(
                change,
                Change::People(PeopleChange::EraseProfile { .. }) | Change::Purge
            )
        })
    }

    /// Whether it is about somebody of these ids, or about nobody on these devices. Of a recording
    /// it is not known whose it is; it may be anybody's.
    pub(crate) fn may_be_about(&self, ids: &HashSet<String>, devices: &HashSet<String>) -> bool {
        let is_one = |id: &String| ids.contains(id);
        let is_theirs = |profile_id: &String, device_id: &String| {
            is_one(profile_id) || profile_id == device_id && devices.contains(device_id)
        };
        self.changes.iter().any(|change| match change {
            Change::Event(event) | Change::View(event, _) | Change::Opening(event, _) => {
                is_theirs(&event.profile_id, &event.device_id)
            }
            Change::Session(session) => is_theirs(&session.profile_id, &session.device_id),
            Change::People(PeopleChange::Profile(change)) => is_one(&change.profile_id),
            Change::People(
                PeopleChange::Alias { alias, profile_id }
                | PeopleChange::ClaimAlias { alias, profile_id },
            ) => is_one(alias) || is_one(profile_id),
            Change::Replay(_) => true,
            Change::Bot(_)
            | Change::People(PeopleChange::Group { .. } | PeopleChange::EraseProfile { .. })
            | Change::Forget { .. }
            | Change::Purge
            | Change::Disordered(_) => false,
        })
    }

    /// Whether it is a piece of a recording.
    pub(crate) fn is_recording(&self) -> bool {
        let mut changes = self.changes.iter();
        changes.any(|change| matches!(change, Change::Replay(_)))
    }

    pub(crate) fn project(&self) -> ProjectKey {
        ProjectKey(self.project)
    }
}
