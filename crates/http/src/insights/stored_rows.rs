//! Rows as they are stored, for readers who know the columns.

use std::collections::{BTreeMap, BTreeSet};

use paneld_analytics::Shown;
use paneld_domain::{Event, Profile, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// An event, with the names of its columns.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventRow)]
pub(crate) struct EventRow {
    id: String,
    name: String,
    sdk_name: String,
    sdk_version: String,
    device_id: String,
    profile_id: String,
    project_id: String,
    session_id: String,
    groups: Vec<String>,
    path: String,
    origin: String,
    referrer: String,
    referrer_name: String,
    referrer_type: String,
    /// In minor units.
    revenue: u64,
    /// In milliseconds.
    duration: u64,
    properties: BTreeMap<String, String>,
    /// In UTC, without saying so.
    created_at: String,
    country: String,
    city: String,
    region: String,
    longitude: Option<f32>,
    latitude: Option<f32>,
    os: String,
    os_version: String,
    browser: String,
    browser_version: String,
    device: String,
    brand: String,
    model: String,
    /// In UTC, without saying so; of imported events only.
    imported_at: Option<String>,
    /// True when the row has more properties or groups than this answer has room for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    cut: bool,
}

impl EventRow {
    pub(crate) fn shown(shown: &Shown<Event>, project_id: &str) -> Self {
        Self {
            cut: shown.is_cut,
            ..Self::new(&shown.row, project_id)
        }
    }

    pub(crate) fn new(event: &Event, project_id: &str) -> Self {
        let Event {
            referrer,
            place,
            agent,
            sdk,
            ..
        } = event;
        Self {
            id: event.id.to_string(),
            name: event.name.clone(),
            sdk_name: sdk.name.clone(),
            sdk_version: sdk.version.clone(),
            device_id: event.device_id.clone(),
            profile_id: event.profile_id.clone(),
            project_id: project_id.to_owned(),
            session_id: event.session_id.clone(),
            groups: event.groups.clone(),
            path: event.path.clone(),
            origin: event.origin.clone(),
            referrer: referrer.url.clone(),
            referrer_name: referrer.name.clone(),
            referrer_type: referrer.kind.clone(),
            revenue: event.revenue,
            duration: event.duration_ms,
            properties: event.properties.clone(),
            created_at: stored(event.created_at),
            country: place.country.clone(),
            city: place.city.clone(),
            region: place.region.clone(),
            longitude: place.longitude,
            latitude: place.latitude,
            os: agent.os.clone(),
            os_version: agent.os_version.clone(),
            browser: agent.browser.clone(),
            browser_version: agent.browser_version.clone(),
            device: agent.device.clone(),
            brand: agent.brand.clone(),
            model: agent.model.clone(),
            imported_at: event.imported_at.map(stored),
            cut: false,
        }
    }
}

/// A profile, with the names of its columns.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProfileRow)]
pub(crate) struct ProfileRow {
    id: String,
    first_name: String,
    last_name: String,
    email: String,
    avatar: String,
    properties: BTreeMap<String, String>,
    project_id: String,
    /// Always true: who is not identified has no row.
    is_external: bool,
    /// In UTC, without saying so.
    created_at: String,
    /// In UTC, without saying so.
    last_seen_at: String,
    groups: BTreeSet<String>,
    /// How many values and groups were not kept since it was last changed by hand, because it has
    /// as much as is kept of one.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(required = false)]
    left_out: u64,
    /// True when the row has more properties or groups than this answer has room for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    cut: bool,
}

impl ProfileRow {
    pub(crate) fn new(shown: &Shown<Profile>, project_id: &str) -> Self {
        let profile = &shown.row;
        Self {
            id: profile.id.clone(),
            first_name: profile.first_name.clone(),
            last_name: profile.last_name.clone(),
            email: profile.email.clone(),
            avatar: profile.avatar.clone(),
            properties: profile.properties.clone(),
            project_id: project_id.to_owned(),
            is_external: true,
            created_at: stored(profile.created_at),
            last_seen_at: stored(profile.last_seen_at),
            groups: profile.groups.clone(),
            left_out: profile.left_out,
            cut: shown.is_cut,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
pub(super) fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// As times are stored: in UTC, to the millisecond.
pub(super) fn stored(moment: Timestamp) -> String {
    moment.format("%Y-%m-%d %H:%M:%S%.3f").to_string()
}
