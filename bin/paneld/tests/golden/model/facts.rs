//! What is known of a project: its raw rows, read back once, and the sessions that follow from
//! them by the rules of `docs/contract/track.md` §5.5.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value as Json;

use super::time::{Asked, Clock, Unsaid, Window};

pub(crate) type Properties = BTreeMap<String, String>;

/// An event, as `/export/events` with all includes tells it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) device_id: String,
    pub(crate) profile_id: String,
    pub(crate) session_id: String,
    pub(crate) project_id: String,
    #[serde(deserialize_with = "millis")]
    pub(crate) created_at: i64,
    pub(crate) path: String,
    pub(crate) country: String,
    pub(crate) city: String,
    pub(crate) os: String,
    pub(crate) browser: String,
    pub(crate) duration: i64,
    pub(crate) groups: Vec<String>,
    pub(crate) properties: Properties,
    pub(crate) region: String,
    pub(crate) longitude: Option<f32>,
    pub(crate) latitude: Option<f32>,
    pub(crate) os_version: String,
    pub(crate) browser_version: String,
    pub(crate) device: String,
    pub(crate) brand: String,
    pub(crate) model: String,
    pub(crate) origin: String,
    pub(crate) referrer: String,
    pub(crate) referrer_name: String,
    pub(crate) referrer_type: String,
    pub(crate) sdk_name: String,
    pub(crate) sdk_version: String,
    pub(crate) revenue: i64,
    #[serde(default, deserialize_with = "maybe_millis")]
    pub(crate) imported_at: Option<i64>,
}

/// Everything that [`Event`] needs beside what is always there.
pub(crate) const INCLUDES: &str = "properties,region,longitude,latitude,osVersion,browserVersion,\
     device,brand,model,origin,referrer,referrerName,referrerType,sdkName,sdkVersion,revenue,\
     importedAt,groups";

/// A session.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// The event that opened it: it says where the visitor came from, is, and with what.
    pub(crate) first: Event,
    pub(crate) profile_id: String,
    pub(crate) groups: BTreeSet<String>,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) entry: Page,
    pub(crate) exit: Page,
    pub(crate) views: i64,
    pub(crate) others: i64,
    pub(crate) revenue: i64,
}

/// The origin and the path of a page.
pub(crate) type Page = (String, String);

impl Session {
    /// Its id, that of its events.
    pub(crate) fn key(&self) -> &str {
        &self.first.session_id
    }

    pub(crate) fn duration(&self) -> i64 {
        self.end - self.start
    }

    pub(crate) fn is_bounce(&self) -> bool {
        self.views <= 1
    }

    /// A part of the campaign, by the name of its column.
    pub(crate) fn utm(&self, name: &str) -> &str {
        let value = self.first.properties.get(&format!("__query.{name}"));
        value.map_or("", String::as_str)
    }
}

/// A profile, as its row tells it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Profile {
    pub(crate) id: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) email: String,
    pub(crate) avatar: String,
    pub(crate) properties: Properties,
    pub(crate) created_at: String,
    pub(crate) last_seen_at: String,
    pub(crate) groups: BTreeSet<String>,
    /// The whole row.
    #[serde(skip)]
    pub(crate) row: Json,
}

/// A group, as the data set made it.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) properties: Properties,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

/// All of it, and from where and when one asks.
#[derive(Debug)]
pub(crate) struct Facts {
    /// Newest first.
    pub(crate) events: Vec<Event>,
    /// By id.
    pub(crate) sessions: BTreeMap<String, Session>,
    /// The places of each session's events in the list.
    pub(crate) of_sessions: BTreeMap<String, Vec<usize>>,
    /// By id.
    pub(crate) profiles: BTreeMap<String, Profile>,
    /// Which profile another id means.
    pub(crate) aliases: BTreeMap<String, String>,
    /// By id.
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) project: String,
    pub(crate) now: i64,
    pub(crate) clock: Clock,
}

impl Event {
    pub(crate) fn is_view(&self) -> bool {
        self.name == "screen_view"
    }

    /// Whether somebody is known by name, not by device.
    pub(crate) fn is_identified(&self) -> bool {
        !self.profile_id.is_empty() && self.profile_id != self.device_id
    }

    pub(crate) fn page(&self) -> Page {
        (self.origin.clone(), self.path.clone())
    }

    /// The data set numbers what it sends, so that the order of arrival is known.
    fn number(&self) -> u64 {
        let number = self.properties.get("n");
        number.map_or(0, |number| number.parse().unwrap())
    }

    /// Whether it counts in its session: neither what the server tells of the session, nor what
    /// another server tells of its visitor, nor what came with the id of a session elsewhere.
    fn makes_session(&self) -> bool {
        !self.session_id.is_empty()
            && !matches!(self.name.as_str(), "session_start" | "session_end")
            && self.sdk_name != super::SERVER_SDK
            && self.sdk_name != super::FOREIGN_SDK
    }
}

/// Sorts events into sessions.
pub(crate) fn sessions(events: &[Event]) -> BTreeMap<String, Session> {
    let mut by_id = BTreeMap::<&str, Vec<&Event>>::new();
    for event in events.iter().filter(|event| event.makes_session()) {
        by_id.entry(&event.session_id).or_default().push(event);
    }
    let built = by_id.into_iter().map(|(id, mut events)| {
        // What is imported comes in the order of its times.
        events.sort_by_key(|event| (event.imported_at.map(|_| event.created_at), event.number()));
        (id.to_owned(), session(&events))
    });
    built.collect()
}

/// The places of each session's events, whatever they are.
pub(crate) fn of_sessions(events: &[Event]) -> BTreeMap<String, Vec<usize>> {
    let mut of_sessions = BTreeMap::<String, Vec<usize>>::new();
    for (place, event) in events.iter().enumerate() {
        if !event.session_id.is_empty() {
            let places = of_sessions.entry(event.session_id.clone()).or_default();
            places.push(place);
        }
    }
    of_sessions
}

fn session(events: &[&Event]) -> Session {
    let (first, others) = events.split_first().unwrap();
    let mut session = Session {
        first: (*first).clone(),
        profile_id: first.profile_id.clone(),
        groups: first.groups.iter().cloned().collect(),
        start: first.created_at,
        end: first.created_at,
        entry: first.page(),
        exit: first.page(),
        views: i64::from(first.is_view()),
        others: i64::from(!first.is_view()),
        revenue: first.revenue,
    };
    for event in others {
        let at = event.created_at;
        if at >= session.end {
            session.end = at;
            replace(&mut session.exit, event, |_| true);
        }
        let is_earlier = at < session.start;
        if is_earlier {
            session.start = at;
        }
        replace(&mut session.entry, event, |present| {
            is_earlier || present.is_empty()
        });
        if event.is_view() && !event.path.is_empty() {
            session.views += 1;
        } else {
            session.others += 1;
        }
        session.revenue += event.revenue;
        if event.is_identified() {
            session.profile_id.clone_from(&event.profile_id);
        }
        session.groups.extend(event.groups.iter().cloned());
    }
    session
}

fn replace(page: &mut Page, event: &Event, may: impl Fn(&str) -> bool) {
    for (present, value) in [(&mut page.0, &event.origin), (&mut page.1, &event.path)] {
        if !value.is_empty() && may(present) {
            present.clone_from(value);
        }
    }
}

impl Facts {
    /// The window that is meant.
    pub(crate) fn window(&self, asked: &Asked, unsaid: Unsaid) -> Window {
        self.clock.window(asked, self.now, unsaid)
    }

    /// All events of a session.
    pub(crate) fn events_of(&self, session_id: &str) -> impl Iterator<Item = &Event> {
        let places = self.of_sessions.get(session_id).into_iter().flatten();
        places.map(|&place| &self.events[place])
    }

    /// The profile that an id means.
    pub(crate) fn profile(&self, id: &str) -> Option<&Profile> {
        self.profiles.get(self.meant(id))
    }

    /// The id of the profile that an id means.
    pub(crate) fn meant<'a>(&'a self, id: &'a str) -> &'a str {
        self.aliases.get(id).map_or(id, String::as_str)
    }

    /// Events as they happened; of one moment, by id.
    pub(crate) fn by_time(&self) -> Vec<&Event> {
        let mut events = self.events.iter().collect::<Vec<_>>();
        events.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        events
    }
}

fn millis<'de, D: serde::Deserializer<'de>>(input: D) -> Result<i64, D::Error> {
    let text = String::deserialize(input)?;
    let moment = chrono::DateTime::parse_from_rfc3339(&text).map_err(serde::de::Error::custom)?;
    Ok(moment.timestamp_millis())
}

fn maybe_millis<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<i64>, D::Error> {
    millis(input).map(Some)
}
