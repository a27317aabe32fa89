//! `/metrics`, `/overview` and `/live`: `docs/contract/insights.md` §7.1, §7.2 and §7.5.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;
use serde_json::{Value as Json, json};

use super::{
    facts::{Event, Facts, Session},
    filter::{Filter, Row, all},
    mean_seconds, percent, ratio, round,
    time::{Asked, Window, as_if_utc},
};

/// What is counted, in a bucket or in the whole window.
#[derive(Default)]
struct Figures<'a> {
    visitors: BTreeSet<&'a str>,
    sessions: BTreeSet<&'a str>,
    /// Whether each session that could have bounced did.
    bounces: Vec<bool>,
    durations: Vec<i64>,
    views: i64,
    revenue: i64,
}

impl Figures<'_> {
    fn told(&self) -> Json {
        let bounced = self.bounces.iter().filter(|bounced| **bounced).count();
        let sessions = self.sessions.len();
        json!({
            "unique_visitors": self.visitors.iter().filter(|id| !id.is_empty()).count(),
            "total_sessions": sessions,
            "bounce_rate": percent(bounced, self.bounces.len()),
            "avg_session_duration": mean_seconds(&self.durations),
            "total_screen_views": self.views,
            "views_per_session": round(ratio(self.views as f64, sessions as f64), 2),
            "total_revenue": self.revenue,
        })
    }
}

struct Series<'a> {
    facts: &'a Facts,
    interval: &'a str,
    total: Figures<'a>,
    buckets: BTreeMap<NaiveDateTime, Figures<'a>>,
}

impl<'a> Series<'a> {
    fn new(facts: &'a Facts, window: Window, interval: &'a str) -> Self {
        let buckets = facts.clock.buckets(window, interval).into_iter();
        Self {
            facts,
            interval,
            total: Figures::default(),
            buckets: buckets.map(|bucket| (bucket, Figures::default())).collect(),
        }
    }

    /// Counts something in the whole window, and in the bucket of this moment.
    fn count(&mut self, at: i64, add: impl Fn(&mut Figures<'a>)) {
        add(&mut self.total);
        let bucket = self.facts.clock.bucket(at, self.interval);
        add(self.buckets.get_mut(&bucket).unwrap());
    }

    fn told(&self) -> (Json, Json) {
        let points = self.buckets.iter().map(|(bucket, figures)| {
            let mut point = figures.told();
            point["date"] = as_if_utc(*bucket).into();
            point
        });
        (self.total.told(), points.collect())
    }
}

pub(crate) fn metrics(facts: &Facts, window: Window, filters: &[Filter]) -> Json {
    let interval = facts.clock.suited(window);
    let (metrics, series) = figures(facts, window, interval, filters);
    json!({"metrics": metrics, "series": series, "references": []})
}

pub(crate) fn overview(facts: &Facts, asked: &Asked, window: Window, interval: &str) -> Json {
    let (summary, series) = figures(facts, window, interval, &[]);
    let (start, end) = facts.clock.echo(asked, window);
    json!({
        "summary": summary, "series": series, "interval": interval,
        "startDate": start, "endDate": end, "references": [],
    })
}

fn figures<'a>(
    facts: &'a Facts,
    window: Window,
    interval: &'a str,
    filters: &'a [Filter],
) -> (Json, Json) {
    let mut series = Series::new(facts, window, interval);
    let counts_pages = filters.iter().any(|filter| filter.name == "path");
    if counts_pages {
        of_pages(&mut series, window, filters);
    } else {
        of_sessions(&mut series, window, filters);
    }
    for event in matching(facts, window, filters) {
        if event.name == "revenue" {
            series.count(event.created_at, |figures| figures.revenue += event.revenue);
        }
    }
    series.told()
}

fn of_sessions(series: &mut Series<'_>, window: Window, filters: &[Filter]) {
    for session in started(series.facts, window) {
        if !all(series.facts, window, filters, Row::Session(session)) {
            continue;
        }
        series.count(session.start, |figures| {
            figures.visitors.insert(&session.profile_id);
            figures.sessions.insert(session.key());
            figures.bounces.push(session.is_bounce());
            if session.duration() > 0 {
                figures.durations.push(session.duration());
            }
            figures.views += session.views;
        });
    }
}

fn of_pages<'a>(series: &mut Series<'a>, window: Window, filters: &'a [Filter]) {
    let facts = series.facts;
    let views = matching(facts, window, filters).filter(|event| event.is_view());
    let mut views = views.collect::<Vec<_>>();
    views.sort_by_key(|view| view.created_at);
    for (place, view) in views.iter().enumerate() {
        let mut later = views[place + 1..].iter();
        let next =
            later.find(|other| other.session_id == view.session_id && !view.session_id.is_empty());
        let gap = next.map(|next| next.created_at - view.created_at);
        series.count(view.created_at, |figures| {
            figures.visitors.insert(&view.profile_id);
            if !view.session_id.is_empty() {
                figures.sessions.insert(&view.session_id);
            }
            figures.durations.extend(gap.filter(|&gap| gap > 0));
            figures.views += 1;
        });
    }
    for session in started(facts, window) {
        if all(facts, window, filters, Row::Session(session)) {
            series.count(session.start, |figures| {
                figures.bounces.push(session.is_bounce());
            });
        }
    }
}

/// The sessions that start in a window.
pub(crate) fn started(facts: &Facts, window: Window) -> impl Iterator<Item = &Session> {
    let sessions = facts.sessions.values();
    sessions.filter(move |session| window.has(session.start))
}

/// The events in a window that match.
pub(crate) fn matching<'a>(
    facts: &'a Facts,
    window: Window,
    filters: &'a [Filter],
) -> impl Iterator<Item = &'a Event> {
    let inside = facts
        .events
        .iter()
        .filter(move |event| window.has(event.created_at));
    inside.filter(move |event| all(facts, window, filters, Row::Event(event)))
}

pub(crate) fn live(facts: &Facts) -> Json {
    let since = facts.now - 5 * 60_000;
    let events = facts.events.iter();
    let recent = events.filter(|event| event.created_at >= since && !event.profile_id.is_empty());
    let visitors = recent.map(|event| &event.profile_id);
    json!({"visitors": visitors.collect::<BTreeSet<_>>().len()})
}
