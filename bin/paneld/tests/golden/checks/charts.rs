//! Export: charts, and how many raw events there are.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::{
    asked::{few_windows, parameters, windows, with},
    findings::{Check, Findings, in_all_zones},
};
use crate::{
    compare::sort_ties,
    model::{
        charts::{self, Chart, Item},
        profiles::belongs_to,
        time::{Asked, Unsaid, Window},
    },
    world::{View, World},
};

pub(super) const ALL: &[(&str, Check)] = &[
    ("export_events", raw_events),
    ("charts_segments", segments),
    ("charts_windows", chart_windows),
    ("charts_breakdowns", breakdowns),
    ("charts_previous", previous),
    ("charts_and_exports_agree", they_agree),
];

pub(super) const SEGMENTS: &[&str] = &[
    "event",
    "user",
    "session",
    "group",
    "user_average",
    "one_event_per_user",
    "property_sum",
    "property_average",
    "property_min",
    "property_max",
];

const PROPERTIES: &[&str] = &[
    "revenue",
    "duration",
    "longitude",
    "properties.amount",
    "properties.items.0.price",
    "profile.properties.seats",
    "browser_version",
    "city",
];

pub(super) const BREAKDOWNS: &[&[&str]] = &[
    &["country"],
    &["browser", "os"],
    &["properties.plan"],
    &["utm_source"],
    &["referrerName"],
    &["profile.email"],
    &["profile.properties.plan"],
    &["group.name"],
    &["group.id", "country"],
    &["group.properties.tier"],
    &["has_profile"],
    &["name"],
    &["properties.never"],
    &["city", "properties.flag", "device"],
    &["properties.items.*.name"],
];

/// An item that counts events of a name.
pub(super) fn item(name: &str, segment: &'static str) -> Item {
    Item {
        name: name.to_owned(),
        segment,
        property: None,
        filters: Vec::new(),
    }
}

/// An item as it is sent.
pub(super) fn sent_item(item: &Item) -> Json {
    let filters = item.filters.iter().map(|filter| {
        json!({
            "name": filter.name, "operator": filter.operator, "value": filter.values,
            "type": if filter.kind.is_empty() { "string" } else { &filter.kind },
        })
    });
    let mut sent = json!({
        "name": item.name, "segment": item.segment, "filters": filters.collect::<Vec<_>>(),
    });
    if let Some(property) = &item.property {
        sent["property"] = property.clone().into();
    }
    sent
}

pub(super) fn ask(view: &View<'_>, findings: &mut Findings, asked: &Asked, chart: &Chart) {
    let window = view.facts.window(asked, Unsaid::ThirtyDays);
    let series = chart.items.iter().map(sent_item).collect::<Json>();
    let breakdowns = chart.breakdowns.iter().map(|name| json!({"name": name}));
    let mut sent = with(parameters(asked), "projectId", "golden");
    sent = with(sent, "series", series);
    sent = with(sent, "interval", chart.interval);
    if !chart.breakdowns.is_empty() {
        sent = with(sent, "breakdowns", breakdowns.collect::<Json>());
    }
    if chart.previous.is_some() {
        sent = with(sent, "previous", true);
    }
    let expected = comparable(charts::chart(&view.facts, window, chart));
    findings.expect_but(view, "/export/charts", &sent, &expected, |reply| {
        let series = reply["series"].as_array().unwrap();
        let ids = series.iter().map(|series| series["id"].as_str().unwrap());
        let different = ids.collect::<BTreeSet<_>>().len();
        assert_eq!(different, series.len(), "ids are unique");
        for series in reply["series"].as_array_mut().unwrap() {
            series.as_object_mut().unwrap().remove("id");
        }
        *reply = comparable(reply.take());
    });
}

/// Series with equal sums come in any order.
fn comparable(mut chart: Json) -> Json {
    let series = chart["series"].as_array_mut().unwrap();
    let sum = |series: &Json| {
        let sum = series["metrics"]["sum"].as_f64().unwrap();
        ((sum * 100.0).round() as i64).to_string()
    };
    sort_ties(series, sum, |series| series["names"].to_string());
    chart
}

fn segments(world: &World) -> Result<(), String> {
    in_all_zones(world, |view, findings| {
        for asked in few_windows() {
            for segment in SEGMENTS {
                for name in ["screen_view", "revenue", "session_end", "*", "never"] {
                    let properties = if segment.starts_with("property_") {
                        PROPERTIES.iter().copied().map(Some).chain([None]).collect()
                    } else {
                        vec![None]
                    };
                    for property in properties {
                        // Sums of such fractions are not the same in every order, and so are
                        // not always rounded the same way.
                        let is_sum = matches!(*segment, "property_sum" | "property_average");
                        if is_sum && property == Some("browser_version") {
                            continue;
                        }
                        let item = Item {
                            property: property.map(str::to_owned),
                            ..item(name, segment)
                        };
                        let chart = Chart {
                            items: vec![item],
                            breakdowns: Vec::new(),
                            interval: "day",
                            previous: None,
                        };
                        ask(view, findings, &asked, &chart);
                    }
                }
            }
        }
    })
}

fn chart_windows(world: &World) -> Result<(), String> {
    in_all_zones(world, |view, findings| {
        for asked in windows() {
            let window = view.facts.window(&asked, Unsaid::ThirtyDays);
            for interval in ["minute", "hour", "day", "week", "month"] {
                let minutes = (window.end - window.start) / 60_000;
                if interval == "minute" && minutes > 5_000
                    || interval == "hour" && minutes > 500_000
                {
                    continue;
                }
                let chart = Chart {
                    items: vec![item("screen_view", "event"), item("*", "user")],
                    breakdowns: Vec::new(),
                    interval,
                    previous: None,
                };
                ask(view, findings, &asked, &chart);
            }
        }
    })
}

fn breakdowns(world: &World) -> Result<(), String> {
    in_all_zones(world, |view, findings| {
        for asked in few_windows() {
            for breakdowns in BREAKDOWNS {
                let chart = Chart {
                    items: vec![
                        item("screen_view", "event"),
                        item("revenue", "session"),
                        item("*", "user_average"),
                    ],
                    breakdowns: breakdowns.iter().map(|name| (*name).to_owned()).collect(),
                    interval: "week",
                    previous: None,
                };
                ask(view, findings, &asked, &chart);
            }
        }
    })
}

fn previous(world: &World) -> Result<(), String> {
    let dates = |start: &str, end: &str| Asked {
        range: None,
        start: Some(start.to_owned()),
        end: Some(end.to_owned()),
    };
    in_all_zones(world, |view, findings| {
        for (asked, before) in [
            (
                dates("2026-03-23", "2026-03-29"),
                dates("2026-03-16", "2026-03-22"),
            ),
            (
                dates("2026-03-30", "2026-04-02"),
                dates("2026-03-26", "2026-03-29"),
            ),
            (
                dates("2026-03-08", "2026-03-08"),
                dates("2026-03-07", "2026-03-07"),
            ),
            (
                dates("2025-10-26", "2025-10-26"),
                dates("2025-10-25", "2025-10-25"),
            ),
            (
                dates("2026-03-11", "2026-04-03"),
                dates("2026-02-15", "2026-03-10"),
            ),
        ] {
            let before = view.facts.window(&before, Unsaid::ThirtyDays);
            for (breakdowns, interval) in [
                (&[][..], "day"),
                (&["country"][..], "day"),
                (&["properties.plan"][..], "hour"),
            ] {
                let chart = Chart {
                    items: vec![item("screen_view", "event"), item("revenue", "user")],
                    breakdowns: breakdowns.iter().map(|name| (*name).to_owned()).collect(),
                    interval,
                    previous: Some(before),
                };
                ask(view, findings, &asked, &chart);
            }
        }
    })
}

/// How many events `/export/events` has, for names, profiles and windows; and the first of them.
fn raw_events(world: &World) -> Result<(), String> {
    in_all_zones(world, |view, findings| {
        for asked in few_windows() {
            let window = view.facts.window(&asked, Unsaid::Everything);
            for (name, profile) in [
                (None, None),
                (Some("screen_view"), None),
                (Some("köp 🎉"), Some("anna")),
                (None, Some("b0")),
                (None, Some("user-3")),
            ] {
                let mut sent = with(parameters(&asked), "projectId", "golden");
                if let Some(name) = name {
                    sent = with(sent, "event", name);
                }
                if let Some(profile) = profile {
                    sent = with(sent, "profileId", profile);
                }
                let expected = page_of_events(view, window, name, profile);
                findings.expect_but(view, "/export/events", &sent, &expected, |reply| {
                    let rows = reply["data"].as_array().unwrap().iter();
                    let ids = rows.map(|row| row["id"].clone()).collect::<Json>();
                    let meta = reply["meta"].as_object_mut().unwrap();
                    meta.remove("nextCursor");
                    *reply = json!({"meta": meta, "ids": ids});
                });
            }
        }
    })
}

fn page_of_events(
    view: &View<'_>,
    window: Window,
    name: Option<&str>,
    profile: Option<&str>,
) -> Json {
    let facts = &view.facts;
    let mut found = facts.by_time();
    found.retain(|event| {
        window.has(event.created_at)
            && name.is_none_or(|name| event.name == name)
            && profile.is_none_or(|profile| belongs_to(facts, event, profile))
    });
    found.sort_by_key(|event| std::cmp::Reverse(event.created_at));
    let ids = found.iter().take(50).map(|event| &event.id);
    let ids = ids.collect::<Vec<_>>();
    json!({
        "meta": {
            "count": ids.len(), "totalCount": found.len(),
            "pages": found.len().div_ceil(50), "current": 1,
        },
        "ids": ids,
    })
}

/// For each name: what a chart sums up to, and how many raw events there are.
fn they_agree(world: &World) -> Result<(), String> {
    let view = world.in_zone("Europe/Stockholm");
    let names = view.facts.events.iter().map(|event| event.name.clone());
    let names = names.collect::<BTreeSet<_>>();
    for asked in windows() {
        // Without anything, the one is about everything, the other about a month.
        if parameters(&asked).is_empty() {
            continue;
        }
        for name in &names {
            let sent = with(parameters(&asked), "projectId", "golden");
            let raw = view.get("/export/events", &with(sent.clone(), "event", name));
            let series = json!([{"name": name}]);
            let chart = view.get("/export/charts", &with(sent, "series", series));
            let (raw, sum) = (
                &raw.body["meta"]["totalCount"],
                &chart.body["metrics"]["sum"],
            );
            if raw.as_f64() != sum.as_f64() || raw.is_null() {
                return Err(format!(
                    "{name}, {asked:?}: {raw} events, but charts have {sum}"
                ));
            }
        }
    }
    Ok(())
}
