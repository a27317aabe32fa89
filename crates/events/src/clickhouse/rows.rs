//! The rows of each table, as they are sent and read: RowBinary, by names and types.

use std::collections::BTreeMap;

use clickhouse::Row;
use paneld_domain::{
    Agent, BotVisit, Event, Group, Place, Profile, ProjectKey, Referrer, ReplayChunk, Sdk, Session,
    Utm,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::sql::{millis, moment};

/// The columns of a row, for a question that reads it.
pub(crate) fn columns<T: Row>(alias: &str) -> String {
    let names = T::COLUMN_NAMES.iter();
    let columns = names.map(|name| format!("{alias}.{name} AS {name}"));
    columns.collect::<Vec<_>>().join(", ")
}

fn texts<'a>(texts: impl IntoIterator<Item = &'a String>) -> Vec<&'a str> {
    texts.into_iter().map(String::as_str).collect()
}

fn pairs(properties: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    let pairs = properties.iter();
    pairs
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect()
}

fn owned<T: FromIterator<String>>(texts: Vec<&str>) -> T {
    texts.into_iter().map(str::to_owned).collect()
}

fn properties(pairs: Vec<(&str, &str)>) -> BTreeMap<String, String> {
    let pairs = pairs.into_iter();
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// A row of `events`.
#[derive(Debug, Row, Serialize, Deserialize)]
pub(crate) struct EventRow<'a> {
    pub(crate) project_key: i64,
    pub(crate) id: [u8; 16],
    pub(crate) name: &'a str,
    pub(crate) created_at: i64,
    pub(crate) device_id: &'a str,
    pub(crate) profile_id: &'a str,
    pub(crate) session_id: &'a str,
    #[serde(borrow)]
    pub(crate) groups: Vec<&'a str>,
    pub(crate) path: &'a str,
    pub(crate) origin: &'a str,
    pub(crate) referrer: &'a str,
    pub(crate) referrer_name: &'a str,
    pub(crate) referrer_type: &'a str,
    pub(crate) revenue: u64,
    pub(crate) duration: u64,
    #[serde(borrow)]
    pub(crate) properties: Vec<(&'a str, &'a str)>,
    pub(crate) country: &'a str,
    pub(crate) region: &'a str,
    pub(crate) city: &'a str,
    pub(crate) longitude: Option<f32>,
    pub(crate) latitude: Option<f32>,
    pub(crate) os: &'a str,
    pub(crate) os_version: &'a str,
    pub(crate) browser: &'a str,
    pub(crate) browser_version: &'a str,
    pub(crate) device: &'a str,
    pub(crate) brand: &'a str,
    pub(crate) model: &'a str,
    pub(crate) sdk_name: &'a str,
    pub(crate) sdk_version: &'a str,
    pub(crate) imported_at: Option<i64>,
    pub(crate) spool: &'a str,
    pub(crate) seq: u64,
}

impl<'a> EventRow<'a> {
    /// The row of an event that came from this spool, in the batch that ends at this position.
    pub(crate) fn new(project: ProjectKey, row: &'a Event, spool: &'a str, seq: u64) -> Self {
        Self {
            project_key: project.0,
            id: *row.id.as_bytes(),
            name: &row.name,
            created_at: millis(row.created_at),
            device_id: &row.device_id,
            profile_id: &row.profile_id,
            session_id: &row.session_id,
            groups: texts(&row.groups),
            path: &row.path,
            origin: &row.origin,
            referrer: &row.referrer.url,
            referrer_name: &row.referrer.name,
            referrer_type: &row.referrer.kind,
            revenue: row.revenue,
            duration: row.duration_ms,
            properties: pairs(&row.properties),
            country: &row.place.country,
            region: &row.place.region,
            city: &row.place.city,
            longitude: row.place.longitude,
            latitude: row.place.latitude,
            os: &row.agent.os,
            os_version: &row.agent.os_version,
            browser: &row.agent.browser,
            browser_version: &row.agent.browser_version,
            device: &row.agent.device,
            brand: &row.agent.brand,
            model: &row.agent.model,
            sdk_name: &row.sdk.name,
            sdk_version: &row.sdk.version,
            imported_at: row.imported_at.map(millis),
            spool,
            seq,
        }
    }
}

impl From<EventRow<'_>> for Event {
    fn from(row: EventRow<'_>) -> Self {
        Self {
            id: Uuid::from_bytes(row.id),
            name: row.name.to_owned(),
            device_id: row.device_id.to_owned(),
            profile_id: row.profile_id.to_owned(),
            session_id: row.session_id.to_owned(),
            groups: owned(row.groups),
            path: row.path.to_owned(),
            origin: row.origin.to_owned(),
            referrer: Referrer {
                url: row.referrer.to_owned(),
                name: row.referrer_name.to_owned(),
                kind: row.referrer_type.to_owned(),
            },
            revenue: row.revenue,
            duration_ms: row.duration,
            properties: properties(row.properties),
            created_at: moment(row.created_at),
            place: Place {
                country: row.country.to_owned(),
                region: row.region.to_owned(),
                city: row.city.to_owned(),
                longitude: row.longitude,
                latitude: row.latitude,
            },
            agent: Agent {
                os: row.os.to_owned(),
                os_version: row.os_version.to_owned(),
                browser: row.browser.to_owned(),
                browser_version: row.browser_version.to_owned(),
                device: row.device.to_owned(),
                brand: row.brand.to_owned(),
                model: row.model.to_owned(),
            },
            sdk: Sdk {
                name: row.sdk_name.to_owned(),
                version: row.sdk_version.to_owned(),
            },
            imported_at: row.imported_at.map(moment),
        }
    }
}

/// A row of `sessions`.
#[derive(Debug, Row, Serialize, Deserialize)]
pub(crate) struct SessionRow<'a> {
    pub(crate) project_key: i64,
    pub(crate) id: &'a str,
    device_id: &'a str,
    profile_id: &'a str,
    #[serde(borrow)]
    groups: Vec<&'a str>,
    pub(crate) created_at: i64,
    ended_at: i64,
    is_bounce: bool,
    entry_path: &'a str,
    entry_origin: &'a str,
    exit_path: &'a str,
    exit_origin: &'a str,
    screen_view_count: u32,
    event_count: u32,
    revenue: u64,
    duration: u64,
    referrer: &'a str,
    referrer_name: &'a str,
    referrer_type: &'a str,
    utm_source: &'a str,
    utm_medium: &'a str,
    utm_campaign: &'a str,
    utm_content: &'a str,
    utm_term: &'a str,
    country: &'a str,
    region: &'a str,
    city: &'a str,
    longitude: Option<f32>,
    latitude: Option<f32>,
    os: &'a str,
    os_version: &'a str,
    browser: &'a str,
    browser_version: &'a str,
    device: &'a str,
    brand: &'a str,
    model: &'a str,
    version: u64,
}

impl<'a> SessionRow<'a> {
    /// A version of the row of a session: the one with the highest number counts.
    pub(crate) fn new(project: ProjectKey, row: &'a Session, version: u64) -> Self {
        Self {
            project_key: project.0,
            id: &row.id,
            device_id: &row.device_id,
            profile_id: &row.profile_id,
            groups: texts(&row.groups),
            created_at: millis(row.created_at),
            ended_at: millis(row.ended_at),
            is_bounce: row.is_bounce(),
            entry_path: &row.entry_path,
            entry_origin: &row.entry_origin,
            exit_path: &row.exit_path,
            exit_origin: &row.exit_origin,
            screen_view_count: row.screen_view_count,
            event_count: row.event_count,
            revenue: row.revenue,
            duration: row.duration_ms(),
            referrer: &row.referrer.url,
            referrer_name: &row.referrer.name,
            referrer_type: &row.referrer.kind,
            utm_source: &row.utm.source,
            utm_medium: &row.utm.medium,
            utm_campaign: &row.utm.campaign,
            utm_content: &row.utm.content,
            utm_term: &row.utm.term,
            country: &row.place.country,
            region: &row.place.region,
            city: &row.place.city,
            longitude: row.place.longitude,
            latitude: row.place.latitude,
            os: &row.agent.os,
            os_version: &row.agent.os_version,
            browser: &row.agent.browser,
            browser_version: &row.agent.browser_version,
            device: &row.agent.device,
            brand: &row.agent.brand,
            model: &row.agent.model,
            version,
        }
    }
}

impl From<SessionRow<'_>> for Session {
    fn from(row: SessionRow<'_>) -> Self {
        Self {
            id: row.id.to_owned(),
            device_id: row.device_id.to_owned(),
            profile_id: row.profile_id.to_owned(),
            groups: owned(row.groups),
            created_at: moment(row.created_at),
            ended_at: moment(row.ended_at),
            entry_path: row.entry_path.to_owned(),
            entry_origin: row.entry_origin.to_owned(),
            exit_path: row.exit_path.to_owned(),
            exit_origin: row.exit_origin.to_owned(),
            screen_view_count: row.screen_view_count,
            event_count: row.event_count,
            revenue: row.revenue,
            referrer: Referrer {
                url: row.referrer.to_owned(),
                name: row.referrer_name.to_owned(),
                kind: row.referrer_type.to_owned(),
            },
            utm: Utm {
                source: row.utm_source.to_owned(),
                medium: row.utm_medium.to_owned(),
                campaign: row.utm_campaign.to_owned(),
                content: row.utm_content.to_owned(),
                term: row.utm_term.to_owned(),
            },
            place: Place {
                country: row.country.to_owned(),
                region: row.region.to_owned(),
                city: row.city.to_owned(),
                longitude: row.longitude,
                latitude: row.latitude,
            },
            agent: Agent {
                os: row.os.to_owned(),
                os_version: row.os_version.to_owned(),
                browser: row.browser.to_owned(),
                browser_version: row.browser_version.to_owned(),
                device: row.device.to_owned(),
                brand: row.brand.to_owned(),
                model: row.model.to_owned(),
            },
        }
    }
}

/// A row of `bot_visits`.
#[derive(Debug, Row, Serialize, Deserialize)]
pub(crate) struct BotRow<'a> {
    pub(crate) project_key: i64,
    pub(crate) id: [u8; 16],
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    path: &'a str,
    pub(crate) created_at: i64,
}

impl<'a> BotRow<'a> {
    pub(crate) fn new(project: ProjectKey, row: &'a BotVisit) -> Self {
        Self {
            project_key: project.0,
            id: *row.id.as_bytes(),
            name: &row.name,
            kind: &row.kind,
            path: &row.path,
            created_at: millis(row.created_at),
        }
    }
}

/// A row of `replay_chunks`.
#[derive(Debug, Row, Serialize, Deserialize)]
pub(crate) struct ChunkRow<'a> {
    pub(crate) project_key: i64,
    session_id: &'a str,
    chunk_index: u16,
    started_at: i64,
    ended_at: i64,
    events_count: u16,
    is_full_snapshot: bool,
    payload: &'a str,
}

impl<'a> ChunkRow<'a> {
    pub(crate) fn new(project: ProjectKey, row: &'a ReplayChunk) -> Self {
        Self {
            project_key: project.0,
            session_id: &row.session_id,
            chunk_index: row.index,
            started_at: millis(row.started_at),
            ended_at: millis(row.ended_at),
            events_count: row.events_count,
            is_full_snapshot: row.is_full_snapshot,
            payload: &row.payload,
        }
    }
}

/// A row of `profiles`.
#[derive(Debug, Row, Serialize, Deserialize)]
pub(crate) struct ProfileRow<'a> {
    pub(crate) project_key: i64,
    pub(crate) id: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    email: &'a str,
    avatar: &'a str,
    #[serde(borrow)]
    properties: Vec<(&'a str, &'a str)>,
    #[serde(borrow)]
    groups: Vec<&'a str>,
    pub(crate) created_at: i64,
    last_seen_at: i64,
    left_out: u64,
    version: u64,
    is_gone: u8,
}

impl<'a> ProfileRow<'a> {
    /// A version of a row: the one with the highest number counts.
    pub(crate) fn new(project: ProjectKey, row: &'a Profile, version: u64) -> Self {
        Self {
            project_key: project.0,
            id: &row.id,
            first_name: &row.first_name,
            last_name: &row.last_name,
            email: &row.email,
            avatar: &row.avatar,
            properties: pairs(&row.properties),
            groups: texts(&row.groups),
            created_at: millis(row.created_at),
            last_seen_at: millis(row.last_seen_at),
            left_out: row.left_out,
            version,
            is_gone: 0,
        }
    }

    /// A version that says that there is none any more.
    pub(crate) fn gone(project: ProjectKey, id: &'a str, version: u64) -> Self {
        Self {
            project_key: project.0,
            id,
            first_name: "",
            last_name: "",
            email: "",
            avatar: "",
            properties: Vec::new(),
            groups: Vec::new(),
            created_at: 0,
            last_seen_at: 0,
            left_out: 0,
            version,
            is_gone: 1,
        }
    }
}

/// A row of `groups`.
#[derive(Debug, Row, Serialize, Deserialize)]
pub(crate) struct GroupRow<'a> {
    pub(crate) project_key: i64,
    pub(crate) id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    name: &'a str,
    #[serde(borrow)]
    properties: Vec<(&'a str, &'a str)>,
    pub(crate) created_at: i64,
    updated_at: i64,
    left_out: u64,
    version: u64,
    is_gone: u8,
}

impl<'a> GroupRow<'a> {
    /// A version of a row: the one with the highest number counts.
    pub(crate) fn new(project: ProjectKey, row: &'a Group, version: u64) -> Self {
        Self {
            project_key: project.0,
            id: &row.id,
            kind: &row.kind,
            name: &row.name,
            properties: pairs(&row.properties),
            created_at: millis(row.created_at),
            updated_at: millis(row.updated_at),
            left_out: row.left_out,
            version,
            is_gone: 0,
        }
    }

    /// A version that says that there is none any more.
    pub(crate) fn gone(project: ProjectKey, id: &'a str, version: u64) -> Self {
        Self {
            project_key: project.0,
            id,
            kind: "",
            name: "",
            properties: Vec::new(),
            created_at: 0,
            updated_at: 0,
            left_out: 0,
            version,
            is_gone: 1,
        }
    }
}

impl From<ProfileRow<'_>> for Profile {
    fn from(row: ProfileRow<'_>) -> Self {
        Self {
            id: row.id.to_owned(),
            first_name: row.first_name.to_owned(),
            last_name: row.last_name.to_owned(),
            email: row.email.to_owned(),
            avatar: row.avatar.to_owned(),
            properties: properties(row.properties),
            groups: owned(row.groups),
            created_at: moment(row.created_at),
            last_seen_at: moment(row.last_seen_at),
            left_out: row.left_out,
        }
    }
}

impl From<GroupRow<'_>> for Group {
    fn from(row: GroupRow<'_>) -> Self {
        Self {
            id: row.id.to_owned(),
            kind: row.kind.to_owned(),
            name: row.name.to_owned(),
            properties: properties(row.properties),
            created_at: moment(row.created_at),
            updated_at: moment(row.updated_at),
            left_out: row.left_out,
        }
    }
}
