//! The 18 dimensions, and `/traffic/*`: `docs/contract/insights.md` §7.4 and §7.6.

use std::{cmp::Reverse, collections::BTreeMap};

use serde_json::{Value as Json, json};

use super::{
    facts::{Facts, Session},
    filter::{Filter, Row, all, session_column},
    mean_seconds,
    metrics::{matching, started},
    percent,
    time::Window,
};

/// Every dimension there is.
pub(crate) const ALL: [&str; 18] = [
    "referrer",
    "referrer_name",
    "referrer_type",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "region",
    "country",
    "city",
    "device",
    "brand",
    "model",
    "browser",
    "browser_version",
    "os",
    "os_version",
];

/// What stands before the names of a dimension.
fn prefix_of(column: &str) -> Option<&'static str> {
    match column {
        "region" | "city" => Some("country"),
        "browser_version" => Some("browser"),
        "os_version" => Some("os"),
        _ => None,
    }
}

pub(crate) fn dimension(
    facts: &Facts,
    window: Window,
    filters: &[Filter],
    column: &str,
) -> Vec<Json> {
    let prefix = prefix_of(column);
    let known = |session: &Session, name| {
        Some(session_column(session, name)).filter(|text| !text.is_empty())
    };
    let mut groups = BTreeMap::<_, Vec<&Session>>::new();
    for session in chosen(facts, window, filters) {
        let name = known(session, column);
        let prefix = prefix.and_then(|prefix| known(session, prefix));
        groups.entry((name, prefix)).or_default().push(session);
    }
    let rows = groups.iter().map(|((name, group_prefix), sessions)| {
        let mut row = figures(sessions);
        row["name"] = json!(name);
        if prefix.is_some() {
            row["prefix"] = json!(group_prefix);
        }
        row
    });
    let mut rows = rows.collect::<Vec<_>>();
    rows.sort_by_key(|row| Reverse((row["sessions"].as_i64(), row["pageviews"].as_i64())));
    rows
}

/// How some sessions went.
pub(crate) fn figures(sessions: &[&Session]) -> Json {
    let views = sessions.iter().map(|session| session.views);
    let durations = sessions.iter().map(|session| session.duration());
    let durations = durations.filter(|&duration| duration > 0);
    let bounced = sessions.iter().filter(|session| session.is_bounce());
    let revenue = sessions.iter().map(|session| session.revenue);
    json!({
        "sessions": sessions.len(),
        "pageviews": views.sum::<i64>(),
        "bounce_rate": percent(bounced.count(), sessions.len()),
        "avg_session_duration": mean_seconds(&durations.collect::<Vec<_>>()),
        "revenue": revenue.sum::<i64>(),
    })
}

/// Without a filter on the path, the sessions that match. With one, those that have an event
/// which matches all filters.
pub(crate) fn chosen<'a>(facts: &'a Facts, window: Window, filters: &[Filter]) -> Vec<&'a Session> {
    let sessions = started(facts, window);
    if filters.iter().any(|filter| filter.name == "path") {
        let owners = matching(facts, window, filters).map(|event| event.session_id.as_str());
        let owners = owners.collect::<std::collections::BTreeSet<_>>();
        sessions
            .filter(|session| owners.contains(session.key()))
            .collect()
    } else {
        sessions
            .filter(|session| all(facts, window, filters, Row::Session(session)))
            .collect()
    }
}
