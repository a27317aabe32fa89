//! What is tracked, as a caller tells it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use paneld_domain::{Identity, Timestamp};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::DeviceId;

/// A request of Track, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Tracked {
    /// The id the caller gave it, so that repeating it changes nothing.
    pub id: Option<Uuid>,
    /// What the request tracks.
    pub input: Input,
}

/// What a request tracks.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// An event that happened.
    Event(Box<TrackedEvent>),
    /// Traits of the person behind a profile.
    Identify(Box<Identified>),
    /// A number is added to a property of a profile.
    Add {
        /// Whose.
        profile_id: String,
        /// The name of the property.
        property: String,
        /// The number; below zero to take away.
        by: f64,
    },
    /// Another id of a profile.
    Alias {
        /// The profile's id.
        profile_id: String,
        /// The other id.
        alias: String,
    },
    /// Name and properties of a group.
    Group {
        /// The id of the group.
        id: String,
        /// What kind of group.
        kind: String,
        /// The name of the group.
        name: String,
        /// Everything else, by name.
        properties: BTreeMap<String, String>,
    },
    /// Groups to which a profile belongs from now on.
    AssignGroups {
        /// Who; else the visitor of the caller's device.
        profile_id: Option<String>,
        /// The ids of the groups.
        groups: BTreeSet<String>,
    },
    /// A piece of the recording of a session.
    Replay(Box<Recording>),
}

/// An event, as a caller tells it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TrackedEvent {
    /// The name of the event.
    pub name: String,
    /// The id of the profile that did it, where it is told.
    pub profile_id: Option<String>,
    /// The ids of the groups that the event is about.
    pub groups: Vec<String>,
    /// All other properties of the event, by name.
    pub properties: BTreeMap<String, String>,
    /// The URL of the page, or the name of the screen.
    pub path: String,
    /// The URL of the page before.
    pub referrer: String,
    /// When it happened, as it was told.
    pub timestamp: Option<Json>,
    /// An amount of money in minor units, of events named `revenue`.
    pub revenue: u64,
    /// Whether a revenue was told, of whatever event.
    pub tells_revenue: bool,
    /// Where the visitor is, instead of where the caller seems to be.
    pub address: Option<IpAddr>,
    /// The device, instead of what would be derived.
    pub device_id: Option<DeviceId>,
    /// The profile that the event identifies, where it does.
    pub identified: Option<Identified>,
}

/// Who somebody is, as a caller tells it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Identified {
    /// The id of the profile.
    pub profile_id: String,
    /// What is told of it; place and agent are not known here.
    pub identity: Identity,
}

/// A piece of a recording, as a caller tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// Of which session; else of the session of the caller's device.
    pub session_id: Option<String>,
    /// The number of the chunk on its page.
    pub index: u16,
    /// How many recorded events it has.
    pub events_count: u16,
    /// Whether it begins with a full snapshot.
    pub is_full_snapshot: bool,
    /// When its first recorded event happened.
    pub started_at: Timestamp,
    /// When its last recorded event happened.
    pub ended_at: Timestamp,
    /// The recorded events, as the recorder wrote them.
    pub payload: String,
}

impl Input {
    /// Whose profile it is about, when it is somebody's.
    pub fn profile_id(&self) -> Option<&str> {
        match self {
            Self::Event(event) => event.profile_id(),
            Self::Identify(identified) => Some(&identified.profile_id),
            Self::Add { profile_id, .. } | Self::Alias { profile_id, .. } => Some(profile_id),
            Self::AssignGroups { profile_id, .. } => profile_id.as_deref(),
            Self::Group { .. } | Self::Replay(_) => None,
        }
    }

    /// Whether it tells of money.
    pub fn tells_revenue(&self) -> bool {
        matches!(self, Self::Event(event) if event.tells_revenue)
    }

    /// Whether one that comes twice within an instant is the same, and not two alike.
    pub fn may_be_duplicate(&self) -> bool {
        !matches!(self, Self::Add { .. } | Self::Replay(_))
    }
}

impl TrackedEvent {
    /// The id of the profile that did it, where it is told.
    pub fn profile_id(&self) -> Option<&str> {
        let identified = self.identified.as_ref();
        let told = identified.map(|identified| identified.profile_id.as_str());
        told.or(self.profile_id.as_deref())
    }
}
