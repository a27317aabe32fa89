//! Sessions while they last: `docs/contract/track.md` §5.5.

mod bounds;
mod growth;
mod kept;
mod live;
mod room;
mod trail;

use std::collections::BTreeSet;

use paneld_domain::{CLOCK_LEEWAY, Event, ProjectKey, Session, SessionSpan, Timestamp, Utm};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use self::trail::Trail;
pub(crate) use self::{
    growth::{Growth, Told},
    kept::{Kept, LiveChange},
    live::{Held, LiveSessions},
    trail::ViewOrder,
};
use crate::request::identity::IDLE_MS;

/// How long an ended session is remembered, in milliseconds after its last event: an event that
/// arrives later than that, however late it says it happened, can't be within its idle time.
const REMEMBERED_MS: i64 = IDLE_MS + crate::request::event_time::LIVE_MS;
/// How far behind it may be told, in milliseconds, that somebody is still there.
const SEEN_EVERY_MS: i64 = 5 * 60_000;
/// The start of a session precedes the event that opens it by so many milliseconds.
const START_AHEAD_MS: i64 = 100;
/// The end of a session follows its last event after so many milliseconds.
const END_BEHIND_MS: i64 = 1_000;

/// Whose session it is: there is one for each device of a project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct DeviceKey {
    project: i64,
    device: String,
}

impl DeviceKey {
    pub(crate) fn new(project: ProjectKey, device: String) -> Self {
        Self {
            project: project.0,
            device,
        }
    }

    pub(crate) fn project(&self) -> ProjectKey {
        ProjectKey(self.project)
    }

    pub(crate) fn device(&self) -> &str {
        &self.device
    }
}

/// A session that may go on. [`Kept`] reads its beginning alone: the session, and its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Live {
    pub(crate) session: Session,
    /// When its last event arrived, in milliseconds since 1970.
    received_at: i64,
    /// Whether its end was told. It may still grow a little: by events on their way.
    pub(crate) is_ended: bool,
    /// The pages it saw.
    trail: Trail,
}

impl Live {
    /// The session that an event opens. The event has its id already.
    pub(crate) fn open(event: &Event, arrival: Timestamp) -> Self {
        let is_view = event.name == Event::SCREEN_VIEW;
        let query = |name: &str| {
            let value = event.properties.get(&format!("__query.utm_{name}"));
            value.cloned().unwrap_or_default()
        };
        let session = Session {
            id: event.session_id.clone(),
            device_id: event.device_id.clone(),
            profile_id: event.profile_id.clone(),
            groups: BTreeSet::new(),
            created_at: event.created_at,
            ended_at: event.created_at,
            entry_path: event.path.clone(),
            entry_origin: event.origin.clone(),
            exit_path: event.path.clone(),
            exit_origin: event.origin.clone(),
            screen_view_count: u32::from(is_view),
            event_count: u32::from(!is_view),
            revenue: event.revenue,
            referrer: event.referrer.clone(),
            utm: Utm {
                source: query("source"),
                medium: query("medium"),
                campaign: query("campaign"),
                content: query("content"),
                term: query("term"),
            },
            place: event.place.clone(),
            agent: event.agent.clone(),
        };
        let mut live = Self {
            session,
            received_at: arrival.timestamp_millis(),
            is_ended: false,
            trail: Trail::default(),
        };
        live.join(event.groups.iter().cloned());
        live.bound();
        live
    }

    /// A session that was told before, whose pages nobody remembers.
    pub(crate) fn known(session: Session, arrival: Timestamp) -> Self {
        Self {
            session,
            received_at: arrival.timestamp_millis(),
            is_ended: true,
            trail: Trail::default(),
        }
    }

    /// When it was.
    pub(crate) fn span(&self) -> SessionSpan {
        SessionSpan {
            session_id: self.session.id.clone(),
            start: self.session.created_at,
            end: self.session.ended_at,
        }
    }

    /// Adds a screen view, which is in the session already, to the pages it saw.
    pub(crate) fn view(&mut self, event: &Event) -> ViewOrder {
        let number = self.session.screen_view_count;
        let step = self.trail.step(event, number);
        self.bound();
        step
    }

    /// When it was so far, together with an event that may lie outside: one of a server.
    pub(crate) fn span_with(&self, event: &Event) -> SessionSpan {
        SessionSpan {
            session_id: self.session.id.clone(),
            start: self.session.created_at.min(event.created_at),
            end: self.session.ended_at.max(event.created_at),
        }
    }

    /// Whether something that happened then belongs to it.
    pub(crate) fn goes_on(&self, at: Timestamp) -> bool {
        (at - self.session.ended_at).num_milliseconds() < IDLE_MS
    }

    /// Adds an event to it.
    pub(crate) fn extend(&mut self, event: &Event, arrival: Timestamp) {
        let session = &mut self.session;
        let at = event.created_at;
        if at >= session.ended_at {
            session.ended_at = at;
            set(&mut session.exit_path, &event.path);
            set(&mut session.exit_origin, &event.origin);
        }
        if at < session.created_at {
            session.created_at = at;
            set(&mut session.entry_path, &event.path);
            set(&mut session.entry_origin, &event.origin);
        } else {
            fill(&mut session.entry_path, &event.path);
            fill(&mut session.entry_origin, &event.origin);
        }
        if event.name == Event::SCREEN_VIEW && !event.path.is_empty() {
            session.screen_view_count += 1;
        } else {
            session.event_count += 1;
        }
        session.revenue = session.revenue.saturating_add(event.revenue);
        if event.profile_id != event.device_id {
            set(&mut session.profile_id, &event.profile_id);
        }
        self.received_at = self.received_at.max(arrival.timestamp_millis());
        self.join(event.groups.iter().cloned());
        self.bound();
    }

    /// Whether it is time to tell that the visitor is still there, since it was like this.
    pub(crate) fn is_seen_again_since(&self, before: &Self) -> bool {
        let part = |live: &Self| live.received_at.div_euclid(SEEN_EVERY_MS);
        part(self) != part(before)
    }

    /// Whether its last event came while the clock was ahead. Nothing belongs to it any more.
    pub(crate) fn is_ahead(&self, now: Timestamp) -> bool {
        self.received_at - now.timestamp_millis() > CLOCK_LEEWAY.num_milliseconds()
    }

    /// Whether nothing came for so long that it is over.
    fn is_idle(&self, now: Timestamp) -> bool {
        now.timestamp_millis() - self.received_at >= IDLE_MS || self.is_ahead(now)
    }

    /// Whether nothing can come any more that belongs to it.
    fn is_past(&self, now: Timestamp) -> bool {
        let ended_at = self.session.ended_at.timestamp_millis();
        let is_long_ago = now.timestamp_millis() - ended_at > REMEMBERED_MS;
        self.is_ahead(now) || self.is_idle(now) && is_long_ago
    }

    /// Whether there is something to do about it without an event.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        if self.is_ended {
            self.is_past(now)
        } else {
            self.is_idle(now)
        }
    }

    /// What is left of it, and what must be told, when no event has come.
    pub(crate) fn rest(mut self, now: Timestamp) -> (Option<Self>, Option<Event>) {
        let end = (self.is_idle(now) && !self.is_ended).then(|| self.end());
        self.is_ended |= end.is_some();
        let rest = (!self.is_past(now)).then_some(self);
        (rest, end)
    }

    /// The event that tells the start of a session: that of the event which opened it.
    pub(crate) fn start(opening: &Event) -> Event {
        let ahead = chrono::TimeDelta::milliseconds(START_AHEAD_MS);
        Event {
            id: derive_id("start", &opening.session_id),
            name: Event::SESSION_START.to_owned(),
            created_at: opening.created_at - ahead,
            revenue: 0,
            ..opening.clone()
        }
    }

    /// The event that tells its end.
    pub(crate) fn end(&self) -> Event {
        let session = &self.session;
        let behind = chrono::TimeDelta::milliseconds(END_BEHIND_MS);
        let bounce = ("__bounce".to_owned(), session.is_bounce().to_string());
        Event {
            id: derive_id("end", &session.id),
            name: Event::SESSION_END.to_owned(),
            device_id: session.device_id.clone(),
            profile_id: session.profile_id.clone(),
            session_id: session.id.clone(),
            groups: session.groups.iter().cloned().collect(),
            path: session.exit_path.clone(),
            origin: session.exit_origin.clone(),
            referrer: session.referrer.clone(),
            revenue: 0,
            duration_ms: session.duration_ms(),
            properties: [bounce].into(),
            created_at: session.ended_at + behind,
            place: session.place.clone(),
            agent: session.agent.clone(),
            sdk: paneld_domain::Sdk::default(),
            imported_at: None,
        }
    }
}

/// The same for the same session, so that its start and its end are there once, whatever happens.
fn derive_id(what: &str, session_id: &str) -> Uuid {
    let digest = Sha256::digest(format!("{what}:{session_id}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_random_bytes(bytes).into_uuid()
}

fn set(present: &mut String, value: &str) {
    if !value.is_empty() {
        value.clone_into(present);
    }
}

fn fill(present: &mut String, value: &str) {
    if present.is_empty() {
        value.clone_into(present);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use paneld_domain::{Agent, Place, Referrer, Sdk, parse_timestamp};

    use super::*;

    /// The first view of a device.
    pub(crate) fn event(device: &str) -> Event {
        Event {
            id: Uuid::from_u128(1),
            name: Event::SCREEN_VIEW.to_owned(),
            device_id: device.to_owned(),
            profile_id: device.to_owned(),
            session_id: format!("session of {device}"),
            groups: Vec::new(),
            path: "/".to_owned(),
            origin: "https://shop.example".to_owned(),
            referrer: Referrer::default(),
            revenue: 0,
            duration_ms: 0,
            properties: std::collections::BTreeMap::new(),
            created_at: parse_timestamp("2026-01-15T10:30:00Z").unwrap(),
            place: Place::default(),
            agent: Agent::default(),
            sdk: Sdk::default(),
            imported_at: None,
        }
    }

    /// The session of a device after so many screen views.
    pub(crate) fn visit(device: &str, views: u32) -> Live {
        let mut event = event(device);
        let mut live = Live::open(&event, event.created_at);
        live.view(&event);
        for view in 1..views {
            event.created_at += chrono::TimeDelta::seconds(1);
            event.path = format!("/{view}");
            live.extend(&event, event.created_at);
            live.view(&event);
        }
        live
    }

    #[test]
    fn the_places_of_a_thousand_views_are_found_and_no_more() {
        let late = |live: &mut Live| {
            let mut event = event("phone");
            event.created_at -= chrono::TimeDelta::minutes(1);
            live.extend(&event, event.created_at);
            live.view(&event)
        };
        assert_eq!(late(&mut visit("phone", 998)), ViewOrder::Disordered);
        let mut live = visit("phone", 1_000);
        assert_eq!(late(&mut live), ViewOrder::Unknown);
        let mut next = event("phone");
        next.created_at = live.session.ended_at + chrono::TimeDelta::seconds(1);
        live.extend(&next, next.created_at);
        assert_eq!(live.view(&next), ViewOrder::Unknown);
    }
}
