//! Raw events, as they are taken elsewhere: `docs/contract/export.md` §3.

use paneld_domain::Timestamp;

use crate::{
    filter::{Column, Filter},
    window::Window,
};

/// Which raw events are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct EventSelection {
    /// The window in which an event has to have happened.
    pub window: Window,
    /// What they are called: one of these; anything, when there is none.
    pub names: Vec<String>,
    /// Of which profile: its own, and those of nobody on the devices it ever used.
    pub profile_id: Option<String>,
    /// What else they have to fulfil.
    pub filters: Vec<Filter>,
}

/// The place of an event in a list, newest first; those of one moment by their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPlace {
    /// When it happened, to the millisecond.
    pub created_at: Timestamp,
    /// The id of the event as a number, which orders events of the same time.
    pub id: u128,
}

/// Where a part of a list begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventsStart {
    /// The part begins behind so many events.
    Offset(u64),
    /// Behind this place. However many events come meanwhile: who goes on behind the last event of
    /// each part meets every event once that was there at the beginning.
    Behind(EventPlace),
}

/// A question for raw events, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct RawEventsRequest {
    /// The events that are asked for.
    pub selection: EventSelection,
    /// The place in the list where the answer begins.
    pub start: EventsStart,
    /// How many at most; all, when there is none.
    pub limit: Option<u64>,
}

/// What a stream tells of each event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventColumn {
    /// The value of one column.
    One(Column),
    /// The ids of its groups.
    Groups,
    /// What was sent with it.
    Properties,
}
