//! Sessions as they are stored, for readers who know the columns.

use std::collections::BTreeSet;

use paneld_domain::Session;
use serde::Serialize;
use utoipa::ToSchema;

use super::stored_rows::stored;

/// A session, with the names of its columns. Each is there once, as it is now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionRow)]
pub(crate) struct SessionRow {
    id: String,
    project_id: String,
    profile_id: String,
    device_id: String,
    groups: BTreeSet<String>,
    /// When its first event happened, in UTC, without saying so.
    created_at: String,
    /// When its last event happened, in UTC, without saying so.
    ended_at: String,
    /// Whether one page was seen at most.
    is_bounce: bool,
    entry_origin: String,
    entry_path: String,
    exit_origin: String,
    exit_path: String,
    screen_view_count: u32,
    /// How many other events there were.
    event_count: u32,
    /// In minor units.
    revenue: u64,
    /// In milliseconds.
    duration: u64,
    referrer: String,
    referrer_name: String,
    referrer_type: String,
    utm_source: String,
    utm_medium: String,
    utm_campaign: String,
    utm_content: String,
    utm_term: String,
    country: String,
    region: String,
    city: String,
    longitude: Option<f32>,
    latitude: Option<f32>,
    os: String,
    os_version: String,
    browser: String,
    browser_version: String,
    device: String,
    brand: String,
    model: String,
}

impl SessionRow {
    pub(super) fn new(session: Session, project_id: &str) -> Self {
        Self {
            is_bounce: session.is_bounce(),
            duration: session.duration_ms(),
            project_id: project_id.to_owned(),
            created_at: stored(session.created_at),
            ended_at: stored(session.ended_at),
            id: session.id,
            profile_id: session.profile_id,
            device_id: session.device_id,
            groups: session.groups,
            entry_origin: session.entry_origin,
            entry_path: session.entry_path,
            exit_origin: session.exit_origin,
            exit_path: session.exit_path,
            screen_view_count: session.screen_view_count,
            event_count: session.event_count,
            revenue: session.revenue,
            referrer: session.referrer.url,
            referrer_name: session.referrer.name,
            referrer_type: session.referrer.kind,
            utm_source: session.utm.source,
            utm_medium: session.utm.medium,
            utm_campaign: session.utm.campaign,
            utm_content: session.utm.content,
            utm_term: session.utm.term,
            country: session.place.country,
            region: session.place.region,
            city: session.place.city,
            longitude: session.place.longitude,
            latitude: session.place.latitude,
            os: session.agent.os,
            os_version: session.agent.os_version,
            browser: session.agent.browser,
            browser_version: session.agent.browser_version,
            device: session.agent.device,
            brand: session.agent.brand,
            model: session.agent.model,
        }
    }
}
