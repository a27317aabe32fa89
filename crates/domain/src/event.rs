//! Events and sessions: what was tracked, as it is stored (`docs/contract/track.md` §6.1 and §6.2).
//!
//! An empty text means "unknown" everywhere here.

use std::collections::{BTreeMap, BTreeSet};

use chrono::serde::{ts_milliseconds, ts_milliseconds_option};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

/// Something that happened, to the millisecond.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The id that the caller gave it, or one that the server made.
    pub id: Uuid,
    /// What happened, in the caller's word for it: `signup`.
    pub name: String,
    /// On which device; empty when it belongs to none.
    pub device_id: String,
    /// Who did it: the identified profile, or the device while nobody is identified.
    pub profile_id: String,
    /// In which session; empty when it belongs to none.
    pub session_id: String,
    /// The ids of the groups that were sent with it.
    pub groups: Vec<String>,
    /// The path of the page, or the name of the screen.
    pub path: String,
    /// Scheme, host and port of the page.
    pub origin: String,
    /// Where the visitor came from.
    pub referrer: Referrer,
    /// An amount of money in minor units (cents); of events named `revenue` only.
    pub revenue: u64,
    /// How long the session was, in milliseconds; of `session_end` only.
    pub duration_ms: u64,
    /// Everything else that was sent, by name.
    pub properties: BTreeMap<String, String>,
    /// When it happened, as far as the caller's word on that was believed.
    #[serde(with = "ts_milliseconds")]
    pub created_at: Timestamp,
    /// Where the visitor was when it happened.
    pub place: Place,
    /// What the visitor used when it happened.
    pub agent: Agent,
    /// The software that sent it to the server.
    pub sdk: Sdk,
    /// When it was imported, if it was.
    #[serde(with = "ts_milliseconds_option")]
    pub imported_at: Option<Timestamp>,
}

impl Event {
    /// The name of the event that counts as a view of a page or screen.
    pub const SCREEN_VIEW: &'static str = "screen_view";
    /// The name of the event that has a revenue.
    pub const REVENUE: &'static str = "revenue";
    /// The name of the event that opens a session. The server alone makes it.
    pub const SESSION_START: &'static str = "session_start";
    /// The name of the event that closes a session. The server alone makes it.
    pub const SESSION_END: &'static str = "session_end";

    /// The beginning of the year 2000. What is said to have happened before did not: it is the
    /// zero of somebody's clock, or seconds taken for milliseconds.
    pub fn earliest() -> Timestamp {
        const SECONDS: i64 = 946_684_800;
        Timestamp::from_timestamp(SECONDS, 0).unwrap_or_default()
    }
}

/// The place of a screen view among those of its session. Reports count by it instead of sorting
/// and telling apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Whether no earlier view of the session was of the same page.
    pub is_first: bool,
    /// The view before; none of the first one.
    pub previous: Option<PreviousView>,
}

/// The view before another one in its session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousView {
    /// The origin of its page.
    pub origin: String,
    /// The path of its page.
    pub path: String,
    /// How long it lasted, in milliseconds: until the other one began.
    pub duration_ms: u64,
}

/// Where a visitor came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Referrer {
    /// The URL, without slashes at its end; or whatever text was sent.
    pub url: String,
    /// The name of the site or campaign.
    pub name: String,
    /// What kind of site: `search`, `social`, `email`, …
    pub kind: String,
}

/// Where a visitor is, as far as the address tells.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The ISO 3166-1 alpha-2 code of the country.
    pub country: String,
    /// The English name of the first subdivision of the country.
    pub region: String,
    /// The English name of the city.
    pub city: String,
    /// In degrees, east of Greenwich.
    pub longitude: Option<f32>,
    /// In degrees, north of the equator.
    pub latitude: Option<f32>,
}

/// What a visitor uses, as far as the user agent tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Agent {
    /// The name of the operating system; empty where it is not known, like all of these.
    pub os: String,
    /// The version of the operating system, as it calls itself.
    pub os_version: String,
    /// The name of the browser, or of the app that shows the page.
    pub browser: String,
    /// The version of the browser, as it calls itself.
    pub browser_version: String,
    /// The kind of device: `desktop`, `mobile`, `tablet`, …, or [`Agent::SERVER`].
    pub device: String,
    /// The brand under which the device is sold.
    pub brand: String,
    /// The model of the device, as its brand calls it.
    pub model: String,
}

impl Agent {
    /// The kind of device that is no visitor's: programs that report what their users did.
    pub const SERVER: &'static str = "server";

    /// A program that reports what its users did.
    pub fn server() -> Self {
        Self {
            device: Self::SERVER.to_owned(),
            ..Self::default()
        }
    }

    /// All of its texts, in the order of the fields.
    pub fn texts(&self) -> [&str; 7] {
        [
            &self.os,
            &self.os_version,
            &self.browser,
            &self.browser_version,
            &self.device,
            &self.brand,
            &self.model,
        ]
    }

    /// Whether this is such a program.
    pub fn is_server(&self) -> bool {
        self.device == Self::SERVER
    }
}

/// The software that sent an event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sdk {
    /// The name by which it calls itself; empty when it does not.
    pub name: String,
    /// The version that it says it has; empty when it does not.
    pub version: String,
}

/// The campaign that brought a visitor, from the query of the first page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Utm {
    /// `utm_source`: the site or newsletter that has the link.
    pub source: String,
    /// `utm_medium`: what kind of link it is, such as `cpc`.
    pub medium: String,
    /// `utm_campaign`: the name of the campaign.
    pub campaign: String,
    /// `utm_content`: which of several links to the same page it was.
    pub content: String,
    /// `utm_term`: the search term that was paid for.
    pub term: String,
}

/// A visit: the events of a device without a pause of half an hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The id of the session, which its events have too.
    pub id: String,
    /// The device on which all of its events happened.
    pub device_id: String,
    /// Who visits: the profile identified last, or the device.
    pub profile_id: String,
    /// The ids of all groups that were sent with its events.
    pub groups: BTreeSet<String>,
    /// When its first event happened.
    #[serde(with = "ts_milliseconds")]
    pub created_at: Timestamp,
    /// When its last event happened.
    #[serde(with = "ts_milliseconds")]
    pub ended_at: Timestamp,
    /// The page it began on.
    pub entry_path: String,
    /// The origin of that page.
    pub entry_origin: String,
    /// The page it was on last.
    pub exit_path: String,
    /// The origin of that page.
    pub exit_origin: String,
    /// How many pages or screens were viewed.
    pub screen_view_count: u32,
    /// How many other events there were.
    pub event_count: u32,
    /// The sum of its revenues, in minor units.
    pub revenue: u64,
    /// Where the visitor came from, by the first event.
    pub referrer: Referrer,
    /// The campaign, by the first event.
    pub utm: Utm,
    /// Where the visitor was, by the first event.
    pub place: Place,
    /// What the visitor used, by the first event.
    pub agent: Agent,
}

impl Session {
    /// How long it is, in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        let duration = self.ended_at - self.created_at;
        duration.num_milliseconds().unsigned_abs()
    }

    /// Whether the visitor saw one page at most.
    pub fn is_bounce(&self) -> bool {
        self.screen_view_count <= 1
    }
}

/// When a session was, so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSpan {
    /// The id of the session that is meant.
    pub session_id: String,
    /// When its first event happened.
    #[serde(with = "ts_milliseconds")]
    pub start: Timestamp,
    /// When its last event happened.
    #[serde(with = "ts_milliseconds")]
    pub end: Timestamp,
}

/// A request of a listed bot. Nothing else is kept of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotVisit {
    /// An id that the server made for it.
    pub id: Uuid,
    /// The bot's name in the list of bots.
    pub name: String,
    /// What kind of bot it is, such as `Search engine`.
    pub kind: String,
    /// The page it asked for, as it was sent.
    pub path: String,
    /// When the request came to the server.
    #[serde(with = "ts_milliseconds")]
    pub created_at: Timestamp,
}

/// A piece of the recording of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayChunk {
    /// The id of the session that it shows.
    pub session_id: String,
    /// The number of the chunk, which begins anew on every page.
    pub index: u16,
    /// How many recorded events it has.
    pub events_count: u16,
    /// Whether it begins with a full snapshot.
    pub is_full_snapshot: bool,
    /// When its first recorded event happened.
    #[serde(with = "ts_milliseconds")]
    pub started_at: Timestamp,
    /// When its last recorded event happened.
    #[serde(with = "ts_milliseconds")]
    pub ended_at: Timestamp,
    /// The recorded events, as they were sent.
    pub payload: String,
}
