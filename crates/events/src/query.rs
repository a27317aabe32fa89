//! What is asked, and the answers.

use paneld_analytics::{PageAddress, SessionCounts, Shown};
use paneld_domain::{Event, Profile, ProjectId, ProjectKey};

/// Which project a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Its key, on which everything here hangs.
    pub key: ProjectKey,
    /// Its id, as callers know it.
    pub id: ProjectId,
}

/// Some of the events that were asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct EventsPage {
    /// They, newest first; those of one moment by their ids.
    pub rows: Vec<Event>,
    /// How many there are in the whole list.
    pub total: u64,
    /// Whether the list goes on behind these.
    pub has_more: bool,
}

/// What can be counted of a profile: of the events and sessions that have its id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProfileNumbers {
    /// All events.
    pub events: u64,
    /// Events named `session_start`.
    pub session_starts: u64,
    /// Events named `screen_view`.
    pub screen_views: u64,
    /// Events that are neither a view nor the start or end of a session.
    pub conversions: u64,
    /// Days with an event, in the zone that was asked about.
    pub active_days: u64,
    /// The mean duration of the `session_end` events that have one, in milliseconds.
    pub mean_session_ms: Option<f64>,
    /// The 90th percentile of the same, interpolated.
    pub p90_session_ms: Option<f64>,
    /// The sum of the `revenue` events, in minor units.
    pub revenue: u64,
    /// All sessions, live ones too.
    pub sessions: u64,
    /// Those of them in which one page was seen at most.
    pub bounces: u64,
}

/// Sessions that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedSessions {
    /// The value that the dimension's value means nothing without; empty when it has none, or
    /// when it is not known.
    pub prefix: String,
    /// The value, empty when it is not known.
    pub name: String,
    /// What there is of them.
    pub counts: SessionCounts,
}

/// Sessions that began or ended with the same page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedEdge {
    /// The page; both texts are empty where it is not known.
    pub page: PageAddress,
    /// What there is of them.
    pub counts: SessionCounts,
}

/// The profiles that belong to a group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Members {
    /// How many there are.
    pub count: u64,
    /// The newest of them.
    pub newest: Vec<Shown<Profile>>,
}
