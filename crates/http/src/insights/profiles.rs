//! Profiles: lists of them, and what is known of one. `docs/contract/insights.md` §7.16.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::TimeDelta;
use paneld_analytics::{ProfilesRequest, Query, SortOrder};
use paneld_auth::permission;
use paneld_guard::{ApiError, Caller};
use paneld_service::{ProfileMetrics, Reports, Wide as _};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    lists::{MOST, PAGE, session_rows},
    session_row::SessionRow,
    stored_rows::{EventRow, ProfileRow},
};
use crate::{
    endpoint::Endpoint,
    error::reply_for,
    offload::{self, question},
    openapi::{
        query::{self, query_parameters},
        refusals::Report,
        schemas::{one_of, whole_number},
    },
    reply::WireTime,
};

/// A project has no more days, nor a profile more sessions.
const MOST_DAYS: i64 = 100_000;
const MOST_SESSIONS: i64 = 1_000_000_000;

/// A profile, and what it did last.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProfileWithEvents)]
pub(crate) struct ProfileBody {
    /// The profile.
    profile: ProfileRow,
    /// Its newest events.
    #[serde(rename = "recentEvents")]
    recent_events: Vec<EventRow>,
    /// The same, under the name that other readers expect.
    #[serde(rename = "recent_events")]
    recent_events_again: Vec<EventRow>,
}

/// Figures of a profile, from all that it ever did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ProfileMetrics)]
pub(crate) struct MetricsBody {
    /// Its own id, also when an alias was asked for.
    profile_id: String,
    /// When it was seen first; null when nothing is known of it.
    #[schema(value_type = Option<String>, format = DateTime)]
    first_seen: Option<WireTime>,
    /// When it was seen last; null when nothing is known of it.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_seen: Option<WireTime>,
    /// Events named `session_start`.
    sessions: u64,
    /// Events named `screen_view`.
    screen_views: u64,
    /// All events.
    total_events: u64,
    /// Events that are neither a view nor the start or end of a session.
    conversion_events: u64,
    /// Days on which something happened, in the organization's time zone.
    unique_days_active: u64,
    /// In minutes, of sessions that ended and have a duration; null when there are none.
    avg_session_duration_min: Option<f64>,
    /// In minutes: nine of ten sessions were no longer.
    p90_session_duration_min: Option<f64>,
    /// Null without sessions.
    avg_events_per_session: Option<f64>,
    /// In seconds; 0 when there are no two sessions.
    avg_time_between_sessions_sec: f64,
    /// How many of a hundred sessions bounced; null without sessions.
    bounce_rate: Option<f64>,
    /// The sum of the `revenue` events, in minor units.
    revenue: u64,
}

impl From<ProfileMetrics> for MetricsBody {
    fn from(metrics: ProfileMetrics) -> Self {
        let numbers = &metrics.numbers;
        Self {
            first_seen: metrics.seen.map(|(first, _)| WireTime(first)),
            last_seen: metrics.seen.map(|(_, last)| WireTime(last)),
            sessions: numbers.session_starts,
            screen_views: numbers.screen_views,
            total_events: numbers.events,
            conversion_events: numbers.conversions,
            unique_days_active: numbers.active_days,
            avg_session_duration_min: metrics.mean_session_minutes(),
            p90_session_duration_min: metrics.p90_session_minutes(),
            avg_events_per_session: metrics.events_per_session(),
            avg_time_between_sessions_sec: metrics.seconds_between_sessions(),
            bounce_rate: metrics.bounce_rate(),
            revenue: numbers.revenue,
            profile_id: metrics.profile_id,
        }
    }
}

query_parameters! {
    /// Of `/profiles`.
    ProfilesQuery = [
        vec![
            query::optional_text(
                "name",
                "Words, each of which is somewhere in the id, the address or the name, in any \
                 case; the first five count",
            ),
            query::optional_text("email", "A part of the address, in any case"),
            query::optional_text("country", "The code of the country"),
            query::optional_text("city", "The city"),
            query::optional_text("device", "The kind of device"),
            query::optional_text("browser", "The browser"),
            query::optional(
                "inactiveDays",
                whole_number(1, MOST_DAYS),
                "Who did nothing for so many times 24 hours",
            ),
            query::optional(
                "minSessions",
                whole_number(1, MOST_SESSIONS),
                "Who had at least so many sessions",
            ),
            query::optional_text("performedEvent", "Who ever did this"),
            query::filters(),
            query::optional(
                "sortOrder",
                one_of(["desc", "asc"]),
                "`desc`, the newest first, unless it is `asc`",
            ),
        ],
        query::paging_within(MOST, "20").to_vec(),
    ]
    .concat();
    /// Of `/profiles/{profileId}`.
    ProfileQuery = [query::optional(
        "eventLimit",
        whole_number(1, MOST.into()),
        "How many events: 20, unless it is given",
    )];
    /// Of `/profiles/{profileId}/sessions`.
    ProfileSessionsQuery = [query::limit(MOST, "20")];
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(__path_list_profiles, list_profiles),
        Endpoint::new(__path_get_profile, get_profile),
        Endpoint::new(__path_list_profile_sessions, list_profile_sessions),
        Endpoint::new(__path_get_profile_metrics, get_profile_metrics),
    ]
}

/// Profiles
///
/// Who was identified, by the time when they were first seen. All conditions have to be met.
///
/// Filters about what a profile has itself are compared with that: `profile.*`, its groups
/// (`group.*`), and where and with what it was last (`country`, `region`, `city`, `longitude`,
/// `latitude`, `os`, `browser`, their versions, `device`, `brand`, `model`). Filters about
/// anything else of events (`name`, `path`, `referrer`, `utm_source`, `properties.*`, …) ask for
/// one event of the profile that matches all of these; filters about sessions (`session.*`) for
/// one such session.
#[utoipa::path(get, path = "/insights/{projectId}/profiles", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        ProfilesQuery),
    responses((status = 200, description = "The profiles", body = Vec<ProfileRow>),
        Report))]
pub(crate) async fn list_profiles(
    request: HttpRequest,
    caller: Caller<permission::Insights>,
    project: web::Path<String>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let now = reports.now();
    let asked = question(&request, subject.compute(), move |query| {
        let name = query.text("name").unwrap_or_default();
        let inactive_days = query.integer("inactiveDays", 1..=MOST_DAYS);
        let sessions = query.integer("minSessions", 1..=MOST_SESSIONS);
        Some(ProfilesRequest {
            words: ProfilesRequest::words_of(&name),
            email: query.text("email"),
            properties: own_properties(query),
            inactive_since: inactive_days.map(|days| now - TimeDelta::days(days)),
            sessions: sessions.map(i64::unsigned_abs),
            performed: query.text("performedEvent"),
            filters: query.filters("filters"),
            order: sort_order(query),
            paging: query.paging_within(PAGE, MOST),
        })
    });
    let profiles = reports.list_profiles(&subject, asked.await?).await;
    let profiles = profiles.map_err(reply_for)?;
    let answer = subject.answer(&profiles).map_err(reply_for)?;
    offload::json_of_rows(subject.compute(), answer, move || {
        let project = subject.project().id.as_str();
        let rows = profiles
            .iter()
            .map(|profile| ProfileRow::new(profile, project));
        Ok(rows.collect::<Vec<_>>())
    })
    .await
}

fn own_properties(query: &mut Query) -> BTreeMap<String, String> {
    let names = ["country", "city", "device", "browser"];
    let given = names.into_iter().filter_map(|name| {
        let text = query.text(name)?;
        Some((name.to_owned(), text))
    });
    given.collect()
}

fn sort_order(query: &mut Query) -> SortOrder {
    query.parsed("sortOrder").unwrap_or(SortOrder::Descending)
}

/// A profile
///
/// What is known of somebody who was identified, and the newest events.
#[utoipa::path(get, path = "/insights/{projectId}/profiles/{profileId}", tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        ("profileId" = String, Path, description = "The profile, or an alias of it"),
        ProfileQuery),
    responses((status = 200, description = "The profile", body = ProfileBody),
        Report))]
pub(crate) async fn get_profile(
    request: HttpRequest,
    caller: Caller<permission::Insights>,
    path: web::Path<(String, String)>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let (project, id) = path.into_inner();
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let asked = question(&request, subject.compute(), |query| {
        Some(query.integer("eventLimit", 1..=i64::from(MOST)))
    });
    let limit = asked.await?.and_then(|limit| u32::try_from(limit).ok());
    let limit = limit.unwrap_or(PAGE);
    let found = reports.profile(&subject, &id, limit).await;
    let found = found.map_err(reply_for)?;
    let mut answer = subject.answer(&found.events).map_err(reply_for)?;
    answer.read(found.profile.bytes()).map_err(reply_for)?;
    offload::json_of_rows(subject.compute(), answer, move || {
        let project = subject.project().id.as_str();
        let rows = |_| {
            let rows = found
                .events
                .iter()
                .map(|event| EventRow::shown(event, project));
            rows.collect::<Vec<_>>()
        };
        Ok(ProfileBody {
            profile: ProfileRow::new(&found.profile, project),
            recent_events: rows(()),
            recent_events_again: rows(()),
        })
    })
    .await
}

/// Sessions of a profile
///
/// The newest sessions of a profile; none of one that is not known.
#[utoipa::path(get, path = "/insights/{projectId}/profiles/{profileId}/sessions",
    tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        ("profileId" = String, Path, description = "The profile, or an alias of it"),
        ProfileSessionsQuery),
    responses((status = 200, description = "The sessions", body = Vec<SessionRow>),
        Report))]
pub(crate) async fn list_profile_sessions(
    request: HttpRequest,
    caller: Caller<permission::Insights>,
    path: web::Path<(String, String)>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let (project, id) = path.into_inner();
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let asked = question(&request, subject.compute(), |query| {
        Some(query.integer("limit", 1..=i64::from(MOST)))
    });
    let limit = asked.await?.and_then(|limit| u32::try_from(limit).ok());
    let limit = limit.unwrap_or(PAGE);
    let sessions = reports.profile_sessions(&subject, &id, limit).await;
    let sessions = sessions.map_err(reply_for)?;
    let answer = subject.answer(&sessions).map_err(reply_for)?;
    offload::json_of_rows(subject.compute(), answer, move || {
        Ok(session_rows(sessions, &subject))
    })
    .await
}

/// Figures of a profile
///
/// What can be counted of all that a profile ever did; zeros and nulls of one that is not known.
#[utoipa::path(get, path = "/insights/{projectId}/profiles/{profileId}/metrics",
    tag = "Insights",
    params(
        ("projectId" = String, Path, description = "The project"),
        ("profileId" = String, Path, description = "The profile, or an alias of it")),
    responses((status = 200, description = "The figures", body = MetricsBody),
        Report))]
pub(crate) async fn get_profile_metrics(
    caller: Caller<permission::Insights>,
    path: web::Path<(String, String)>,
    reports: web::Data<Reports>,
) -> Result<HttpResponse, ApiError> {
    let (project, id) = path.into_inner();
    let subject = reports.subject(&caller.0, Some(&project)).await;
    let subject = subject.map_err(reply_for)?;
    let metrics = reports.profile_metrics(&subject, &id).await;
    let metrics = metrics.map_err(reply_for)?;
    offload::json(subject.compute(), move || Ok(MetricsBody::from(metrics))).await
}
