//! What is written: batches of the spool, and copies of people.

use paneld_domain::{
    BotVisit, Event, Group, Profile, ProjectKey, ReplayChunk, Session, SessionSpan, Timestamp, View,
};

/// Changes that are made together, or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The position in the spool of the last of them. Positions grow; a batch whose position was
    /// applied already is ignored, so that it may be sent again when nobody knows what became
    /// of it.
    pub position: u64,
    /// The changes with their projects, in their order.
    pub changes: Vec<(ProjectKey, StoreChange)>,
}

/// What the erasure of a profile removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// How many events.
    pub events: u64,
    /// How many sessions.
    pub sessions: u64,
}

/// A change of what is kept of one project.
#[derive(Debug, Clone, PartialEq)]
pub enum StoreChange {
    /// Something happened.
    Event(Box<Event>),
    /// A page or screen was viewed, at this place among the views of its session.
    View(Box<Event>, View),
    /// The views of a session came in another order than they happened in.
    Disordered(SessionSpan),
    /// A session began or went on: its whole row. The last one of a session's id wins.
    Session(Box<Session>),
    /// A listed bot came by.
    Bot(BotVisit),
    /// A piece of the recording of a session.
    Replay(ReplayChunk),
    /// Everything of a profile goes: its events, sessions and recordings, and those of the
    /// devices it used, as far as they belong to nobody.
    EraseProfile {
        /// Its id.
        profile_id: String,
    },
    /// What is old goes.
    Forget {
        /// Events, sessions and bot visits before this go.
        events_before: Option<Timestamp>,
        /// Recordings that began before this go.
        replays_before: Timestamp,
    },
    /// Everything of the project goes.
    Purge,
}

/// Rows of people, with the projects they belong to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeopleRows {
    /// Identified people, each as it is now.
    pub profiles: Vec<(ProjectKey, Profile)>,
    /// Groups of people, each as it is now.
    pub groups: Vec<(ProjectKey, Group)>,
}

/// People as they are after some changes, to take the place of what is here of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeopleCopies {
    /// The position in the spool of the last of the changes; `None` when more people follow that
    /// these changes touch.
    pub position: Option<u64>,
    /// Projects of which nobody is left.
    pub purged: Vec<ProjectKey>,
    /// Profiles that may have changed, or be gone.
    pub profile_ids: Vec<(ProjectKey, String)>,
    /// Groups that may have changed.
    pub group_ids: Vec<(ProjectKey, String)>,
    /// Those of them that there are.
    pub rows: PeopleRows,
}

impl StoreChange {
    /// Whether it removes what somebody wants to be gone, and not only what is old.
    pub(crate) fn removes(&self) -> bool {
        matches!(self, Self::EraseProfile { .. } | Self::Purge)
    }
}
