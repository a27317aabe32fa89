//! Any filters, windows, intervals: by chance, but always the same.

use serde_json::{Value as Json, json};

use super::{
    asked::{RANGES, parameters, with},
    charts,
    findings::{Check, Findings, Parameters, ZONES},
};
use crate::{
    model::{
        charts::{Chart, Item},
        dimensions,
        filter::{Filter, Row, texts},
        lists::{self, Events},
        metrics, pages,
        time::{Asked, DAY, Unsaid, Window},
    },
    random::Random,
    world::{View, World},
};

pub(super) const ALL: &[(&str, Check)] = &[
    ("any_metrics", any_metrics),
    ("any_pages", any_pages),
    ("any_dimension", any_dimension),
    ("any_events", any_events),
    ("any_sessions", any_sessions),
    ("any_chart", any_chart),
];

const SEED: u64 = 4_711;
/// How many questions are asked in each zone.
const QUESTIONS: usize = 60;

const TEXTS: &[&str] = &[
    "origin",
    "referrer",
    "referrer_name",
    "referrer_type",
    "country",
    "region",
    "city",
    "device",
    "brand",
    "model",
    "browser",
    "browser_version",
    "os",
    "osVersion",
    "device_id",
    "profileId",
    "session_id",
    "created_at",
    "project_id",
    "utm_source",
    "utm_campaign",
    "profile.id",
    "profile.email",
    "profile.first_name",
    "profile.created_at",
    "profile.is_external",
    "profile.properties.plan",
    "profile.properties.seats",
    "profile.properties.address.city",
    "group.id",
    "group.name",
    "group.type",
    "group.anything",
    "group.properties.tier",
    "group.properties.seats",
];
const EVENT_TEXTS: &[&str] = &[
    "name",
    "sdk_name",
    "importedAt",
    "properties.plan",
    "properties.amount",
    "properties.__title",
    "properties.__query.utm_source",
    "properties.items.*.name",
    "properties.items[*].price",
    "properties.items*",
    "properties.day",
    "properties.flag",
    "properties.never",
];
const NUMBERS: &[&str] = &["revenue", "duration", "longitude", "latitude"];
const SESSION_NUMBERS: &[&str] = &[
    "session.screen_view_count",
    "session.event_count",
    "session.duration",
    "session.revenue",
];
const OPERATORS: &[&str] = &[
    "is",
    "isNot",
    "contains",
    "doesNotContain",
    "startsWith",
    "endsWith",
    "regex",
    "isNull",
    "isNotNull",
    "gt",
    "lt",
    "gte",
    "lte",
];

struct Asker<'a> {
    random: Random,
    view: &'a View<'a>,
    findings: &'a mut Findings,
}

impl Asker<'_> {
    fn window(&mut self) -> Asked {
        let mut random = self.random.clone();
        self.random.next();
        let day = |random: &mut Random| {
            let first = chrono::NaiveDate::from_ymd_opt(2025, 10, 20).unwrap();
            first + chrono::Days::new(random.between(0, 166).unsigned_abs())
        };
        let range = random
            .percent(30)
            .then(|| (*random.pick(RANGES)).to_owned());
        if range.is_some() && random.percent(70) {
            return Asked {
                range,
                ..Asked::default()
            };
        }
        let start = day(&mut random);
        let end = (start + chrono::Days::new(random.between(0, 60).unsigned_abs()))
            .min(chrono::NaiveDate::from_ymd_opt(2026, 4, 3).unwrap());
        let clock = |random: &mut Random, day: chrono::NaiveDate, hour: (i64, i64)| {
            let hour = random.between(hour.0, hour.1);
            let minute = random.between(0, 60);
            match random.below(5) {
                0 => format!("{day} {hour:02}:{minute:02}:00"),
                1 => format!("{day}T{hour:02}:{minute:02}:30.250Z"),
                2 => format!("{day}T{hour:02}:{minute:02}:00+05:30"),
                _ => day.to_string(),
            }
        };
        let end =
            (end + chrono::Days::new(1)).min(chrono::NaiveDate::from_ymd_opt(2026, 4, 3).unwrap());
        Asked {
            range,
            start: Some(clock(
                &mut random,
                start.min(end - chrono::Days::new(2)),
                (0, 24),
            )),
            end: Some(clock(&mut random, end, (0, 24))),
        }
    }

    /// What is found under a name in some event.
    fn value(&mut self, name: &str) -> Option<String> {
        let facts = &self.view.facts;
        let event = &facts.events[self.random.below(facts.events.len())];
        let found = texts(facts, Window::ALL, name, Row::Event(event));
        found.into_iter().next().filter(|text| !text.is_empty())
    }

    fn values(&mut self, name: &str) -> Vec<String> {
        let count = 1 + self.random.below(3);
        let mut values = Vec::new();
        for _ in 0..count {
            for _ in 0..5 {
                if let Some(value) = self.value(name) {
                    values.push(value);
                    break;
                }
            }
        }
        values.push(
            (*self
                .random
                .pick(&["", "x", "%", "_", "Å", "1", "0", "-1.5", "2026-03-29"]))
            .to_owned(),
        );
        if self.random.percent(60) && values.len() > 1 {
            values.pop();
        }
        values
    }

    /// A filter that any report understands.
    fn filter(&mut self) -> Json {
        let operator = *self.random.pick(OPERATORS);
        match self.random.below(20) {
            0 | 1 => {
                let operator = *self.random.pick(&["is", "isNot"]);
                let name = *self.random.pick(&["has_profile", "session.is_bounce"]);
                let value = *self.random.pick(&["true", "false"]);
                json!({"name": name, "operator": operator, "value": [value]})
            }
            2 => {
                let operator = *self.random.pick(&["is", "isNot"]);
                let names = ["add_to_cart", "revenue", "never", "köp 🎉", "session_end"];
                let value = [*self.random.pick(&names), *self.random.pick(&names)];
                json!({"name": "session.performed_event", "operator": operator, "value": value})
            }
            3 | 4 => {
                let name = *self.random.pick(SESSION_NUMBERS);
                let operator = *self.random.pick(&["is", "isNot", "gt", "lt", "gte", "lte"]);
                let value = self.number(name);
                json!({"name": name, "operator": operator, "value": [value]})
            }
            5 => {
                let name = *self.random.pick(NUMBERS);
                let is_ordering = ["gt", "lt", "gte", "lte"].contains(&operator);
                let value = if is_ordering {
                    json!([self.number(name)])
                } else {
                    self.texts(name, operator)
                };
                json!({"name": name, "operator": operator, "value": value})
            }
            6 => self.typed(),
            place => {
                let names = if place > 12 { EVENT_TEXTS } else { TEXTS };
                let name = *self.random.pick(names);
                let is_ordering = ["gt", "lt", "gte", "lte"].contains(&operator);
                let value = if is_ordering && name.contains("properties.") {
                    json!([self.random.between(-2, 60)])
                } else {
                    self.texts(name, operator)
                };
                json!({"name": name, "operator": operator, "value": value})
            }
        }
    }

    fn number(&mut self, name: &str) -> f64 {
        let value = self.value(name).and_then(|text| text.parse::<f64>().ok());
        value.unwrap_or(1.0) + f64::from(u8::from(self.random.percent(20))) / 2.0
    }

    fn typed(&mut self) -> Json {
        let operator = *self.random.pick(&["is", "isNot", "gt", "lt", "gte", "lte"]);
        let (name, kind, value) = *self.random.pick(&[
            ("properties.amount", "number", "12.5"),
            ("properties.amount", "number", "-3"),
            ("properties.day", "date", "2026-03-29"),
            ("properties.day", "datetime", "2026-03-29T01:30:00+00:00"),
            ("properties.flag", "boolean", "YES"),
            ("profile.properties.seats", "number", "4.5"),
            ("created_at", "date", "2026-03-08"),
            ("created_at", "datetime", "2026-03-29T00:59:00+02:00"),
            ("browser_version", "number", "126"),
        ]);
        json!({"name": name, "operator": operator, "value": [value], "type": kind})
    }

    /// Values that are texts, or parts of texts, or patterns.
    fn texts(&mut self, name: &str, operator: &str) -> Json {
        let values = self.values(name).into_iter().map(|value| {
            let letters = value.chars().collect::<Vec<_>>();
            let half = letters.len().div_ceil(2);
            let part = |letters: &[char]| letters.iter().collect::<String>();
            match operator {
                "contains" | "doesNotContain" => part(&letters[letters.len() - half..]),
                "startsWith" => part(&letters[..half]),
                "endsWith" => part(&letters[letters.len() - half..]),
                "regex" => format!("/^{}/", regex::escape(&part(&letters[..half]))),
                _ => value,
            }
        });
        let values = values.collect::<Vec<_>>();
        if matches!(operator, "isNull" | "isNotNull") {
            return json!([]);
        }
        json!(values)
    }

    fn filters(&mut self) -> Vec<Json> {
        let count = 1 + self.random.below(3);
        let mut filters = Vec::new();
        for _ in 0..count {
            filters.push(self.filter());
        }
        if self.random.percent(40) {
            let operator = *self.random.pick(OPERATORS);
            let value = self.texts("path", operator);
            filters.push(json!({"name": "path", "operator": operator, "value": value}));
        }
        filters
    }
}

fn with_filters(asked: &Asked, filters: &[Json]) -> Parameters {
    with(parameters(asked), "filters", Json::from(filters.to_vec()))
}

fn read(filters: &[Json]) -> Vec<Filter> {
    filters.iter().map(Filter::of).collect()
}

/// Asks many questions in every zone.
fn many(world: &World, ask: fn(&mut Asker<'_>, &Asked, &[Json])) -> Result<(), String> {
    let mut findings = Findings::default();
    for (place, zone) in ZONES.iter().enumerate() {
        let view = world.in_zone(zone);
        let mut asker = Asker {
            random: Random::new(SEED + place as u64),
            view: &view,
            findings: &mut findings,
        };
        for _ in 0..QUESTIONS {
            let asked = asker.window();
            let filters = asker.filters();
            ask(&mut asker, &asked, &filters);
        }
    }
    findings
        .verdict()
        .map_err(|why| format!("seed {SEED}: {why}"))
}

fn any_metrics(world: &World) -> Result<(), String> {
    many(world, |asker, asked, filters| {
        let window = asker.view.facts.window(asked, Unsaid::SevenDays);
        let expected = metrics::metrics(&asker.view.facts, window, &read(filters));
        let sent = with_filters(asked, filters);
        let path = "/insights/golden/metrics";
        asker.findings.expect(asker.view, path, &sent, &expected);
    })
}

fn any_pages(world: &World) -> Result<(), String> {
    many(world, |asker, asked, filters| {
        let window = asker.view.facts.window(asked, Unsaid::SevenDays);
        let expected = pages::pages(&asker.view.facts, window, &read(filters));
        let sent = with_filters(asked, filters);
        let path = "/insights/golden/pages";
        asker
            .findings
            .expect(asker.view, path, &sent, &expected.into());
    })
}

fn any_dimension(world: &World) -> Result<(), String> {
    many(world, |asker, asked, filters| {
        let column = *asker.random.pick(&dimensions::ALL);
        let window = asker.view.facts.window(asked, Unsaid::SevenDays);
        let expected = dimensions::dimension(&asker.view.facts, window, &read(filters), column);
        let sent = with_filters(asked, filters);
        let path = format!("/insights/golden/{column}");
        asker
            .findings
            .expect(asker.view, &path, &sent, &expected.into());
    })
}

fn any_events(world: &World) -> Result<(), String> {
    many(world, |asker, asked, filters| {
        let facts = &asker.view.facts;
        let window = facts.window(asked, Unsaid::ThirtyDaysToNow);
        let question = Events {
            names: &[],
            columns: &[],
            properties: &[],
            filters: &read(filters),
        };
        let rows = lists::events(facts, window, &question);
        let rows = rows.into_iter().take(20).collect();
        let sent = with_filters(asked, filters);
        asker
            .findings
            .expect(asker.view, "/insights/golden/events", &sent, &rows);
    })
}

fn any_sessions(world: &World) -> Result<(), String> {
    many(world, |asker, asked, filters| {
        let facts = &asker.view.facts;
        let window = facts.window(asked, Unsaid::ThirtyDaysToNow);
        let rows = lists::sessions(facts, window, &[], &read(filters));
        let rows = rows.into_iter().take(20).collect();
        let sent = with_filters(asked, filters);
        asker
            .findings
            .expect(asker.view, "/insights/golden/sessions", &sent, &rows);
    })
}

fn any_chart(world: &World) -> Result<(), String> {
    many(world, |asker, asked, filters| {
        let names = [
            "screen_view",
            "*",
            "revenue",
            "add_to_cart",
            "session_start",
        ];
        let name = *asker.random.pick(&names);
        let segment = *asker.random.pick(charts::SEGMENTS);
        let property = ["properties.amount", "revenue"][asker.random.below(2)];
        let is_about_property = segment.starts_with("property_");
        let item = Item {
            property: is_about_property.then(|| property.to_owned()),
            filters: read(filters),
            ..charts::item(name, segment)
        };
        let window = asker.view.facts.window(asked, Unsaid::ThirtyDays);
        let intervals: &[&'static str] = if window.end - window.start > 100 * DAY {
            &["day", "week", "month"]
        } else {
            &["hour", "day", "week", "month"]
        };
        let breakdowns = if asker.random.percent(50) {
            asker.random.pick(charts::BREAKDOWNS)
        } else {
            &[][..]
        };
        let chart = Chart {
            items: vec![item, charts::item("*", "event")],
            breakdowns: breakdowns.iter().map(|name| (*name).to_owned()).collect(),
            interval: intervals[asker.random.below(intervals.len())],
            previous: None,
        };
        charts::ask(asker.view, asker.findings, asked, &chart);
    })
}
