//! `/pages`, `/pages/top`, `/pages/entry_exit` and `/pages/performance`:
//! `docs/contract/insights.md` §7.3, §7.6 and §7.7.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BTreeSet},
};

use serde_json::{Value as Json, json};

use super::{
    dimensions,
    facts::{Event, Facts, Page, Session},
    filter::{Filter, Row, all},
    mean_seconds,
    metrics::{matching, started},
    percent, ratio, round,
    time::Window,
};

/// The screen views of a page.
#[derive(Default)]
struct Views<'a> {
    views: Vec<&'a Event>,
    sessions: BTreeSet<&'a str>,
    /// For each view that another followed: after how many milliseconds.
    stays: Vec<i64>,
}

/// Screen views that match, by page. The time until the session's next screen view is that until
/// any such in the window, whether it matches or not.
fn by_page<'a>(
    facts: &'a Facts,
    window: Window,
    filters: &'a [Filter],
) -> BTreeMap<Page, Views<'a>> {
    let mut next = BTreeMap::new();
    let mut last = BTreeMap::new();
    for event in facts.by_time() {
        let is_seen = event.is_view() && window.has(event.created_at);
        if is_seen
            && !event.session_id.is_empty()
            && let Some(before) = last.insert(event.session_id.as_str(), event)
        {
            next.insert(before.id.as_str(), event.created_at - before.created_at);
        }
    }
    let mut pages = BTreeMap::<Page, Views<'_>>::new();
    for event in matching(facts, window, filters) {
        if !event.is_view() || event.path.is_empty() {
            continue;
        }
        let page = pages.entry(event.page()).or_default();
        page.views.push(event);
        if !event.session_id.is_empty() {
            page.sessions.insert(&event.session_id);
        }
        page.stays.extend(next.get(event.id.as_str()));
    }
    pages
}

/// The title that was seen last.
fn title(views: &[&Event]) -> Option<String> {
    let titled = views
        .iter()
        .filter_map(|view| Some((view.created_at, view.properties.get("__title")?)));
    let newest = titled.max_by_key(|(at, _)| *at);
    newest.map(|(_, title)| title.clone())
}

pub(crate) fn pages(facts: &Facts, window: Window, filters: &[Filter]) -> Vec<Json> {
    let mut entered = BTreeMap::<&Page, Vec<bool>>::new();
    for session in started(facts, window) {
        if all(facts, window, filters, Row::Session(session)) {
            let bounces = entered.entry(&session.entry).or_default();
            bounces.push(session.is_bounce());
        }
    }
    let pages = by_page(facts, window, filters);
    let rows = pages.iter().map(|(page, seen)| {
        let bounces = entered.get(page).map_or(&[][..], Vec::as_slice);
        let bounced = bounces.iter().filter(|bounced| **bounced).count();
        json!({
            "title": title(&seen.views),
            "origin": page.0,
            "path": page.1,
            "sessions": seen.sessions.len(),
            "pageviews": seen.views.len(),
            "bounce_rate": percent(bounced, bounces.len()),
            "avg_duration": round(mean_seconds(&seen.stays), 2),
            "revenue": seen.views.iter().map(|view| view.revenue).sum::<i64>(),
        })
    });
    ranked(rows.collect())
}

pub(crate) fn entry_exit(facts: &Facts, window: Window, mode: &str) -> Vec<Json> {
    let mut pages = BTreeMap::<&Page, Vec<&Session>>::new();
    for session in started(facts, window) {
        let page = match mode {
            "entry" => &session.entry,
            _ => &session.exit,
        };
        pages.entry(page).or_default().push(session);
    }
    let rows = pages.iter().map(|(page, sessions)| {
        let mut row = dimensions::figures(sessions);
        row["origin"] = page.0.clone().into();
        row["path"] = page.1.clone().into();
        row
    });
    ranked(rows.collect())
}

/// Rows that come in the order of their pages, by sessions and then by page views.
fn ranked(mut rows: Vec<Json>) -> Vec<Json> {
    rows.sort_by_key(|row| Reverse((row["sessions"].as_i64(), row["pageviews"].as_i64())));
    rows
}

pub(crate) struct Performance {
    pub(crate) search: Option<String>,
    pub(crate) sort_by: &'static str,
    pub(crate) is_ascending: bool,
    pub(crate) limit: usize,
}

pub(crate) fn performance(facts: &Facts, window: Window, asked: &Performance) -> Json {
    let pages = by_page(facts, window, &[]);
    let rows = pages.iter().map(|(page, seen)| {
        let sessions = seen.sessions.iter();
        let known = sessions.filter_map(|id| facts.sessions.get(*id));
        let bounced = known.filter(|session| session.is_bounce()).count();
        let bounce_rate = percent(bounced, seen.sessions.len());
        let stay = seen.stays.iter().sum::<i64>() as f64;
        let minutes = ratio(stay, seen.views.len() as f64) / 60_000.0;
        let avg_duration = round(minutes, 2);
        json!({
            "origin": page.0,
            "path": page.1,
            "title": title(&seen.views).unwrap_or_default(),
            "sessions": seen.sessions.len(),
            "pageviews": seen.views.len(),
            "avg_duration": avg_duration,
            "bounce_rate": bounce_rate,
            "seo_signals": {
                "high_bounce": bounce_rate > 70.0,
                "low_engagement": avg_duration < 1.0,
                "good_landing_page": bounce_rate < 40.0 && avg_duration > 2.0,
            },
        })
    });
    let mut rows = ranked(rows.collect());
    if let Some(search) = &asked.search {
        rows.retain(|row| {
            let texts = ["path", "origin", "title"].map(|key| row[key].as_str().unwrap());
            texts.iter().any(|text| text.contains(search))
        });
    }
    rows.sort_by(|one, other| {
        let number = |row: &Json| row[asked.sort_by].as_f64().unwrap();
        let order = number(one).partial_cmp(&number(other)).unwrap();
        if asked.is_ascending {
            order
        } else {
            order.reverse()
        }
        .then(Ordering::Equal)
    });
    let total = rows.len();
    rows.truncate(asked.limit);
    json!({"total_pages": total, "shown": rows.len(), "pages": rows})
}
