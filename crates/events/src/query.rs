//! What is asked, and the answers.

use paneld_domain::Event;

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
