//! Lists: events, sessions, profiles, groups; and what there is to ask about.

use serde_json::{Value as Json, json};

use super::{
    asked::{few_windows, parameters, with},
    findings::{Check, Findings, Parameters, in_all_zones},
};
use crate::{
    model::{
        filter::Filter,
        lists::{self, Events, Wanted},
        profiles::{self, Asked},
        time::Unsaid,
    },
    world::World,
};

pub(super) const ALL: &[(&str, Check)] = &[
    ("events", events),
    ("events_names", names),
    ("events_properties", properties),
    ("events_property_values", values),
    ("sessions", sessions),
    ("profiles", profiles_list),
    ("profiles_id", profile),
    ("profiles_id_sessions", profile_sessions),
    ("profiles_id_metrics", profile_metrics),
    ("groups", groups),
    ("groups_id", group),
    ("groups_types", types),
];

/// A list as it is sent: so many rows at most.
fn first(rows: &[Json], limit: usize) -> Json {
    rows.iter().take(limit).cloned().collect()
}

/// A part of a path.
fn encoded(text: &str) -> String {
    let encoded = url::form_urlencoded::byte_serialize(text.as_bytes());
    encoded.collect::<String>().replace('+', "%20")
}

fn events(world: &World) -> Result<(), String> {
    type Question<'a> = (&'a [&'a str], &'a Wanted<'a>, &'a Wanted<'a>);
    const QUESTIONS: &[Question<'_>] = &[
        (&[], &[], &[]),
        (&["screen_view"], &[], &[]),
        (&["add_to_cart", "köp 🎉"], &[], &[]),
        (&[], &[("path", "/pricing"), ("country", "SE")], &[]),
        (&[], &[("city", "Springfield")], &[]),
        (
            &[],
            &[
                ("os", "iOS"),
                ("device", "mobile"),
                ("browser", "Mobile Safari"),
            ],
            &[],
        ),
        (
            &[],
            &[("referrerName", "Bing"), ("referrerType", "search")],
            &[],
        ),
        (&[], &[("profileId", "123")], &[]),
        (&[], &[], &[("plan", "pro")]),
        (
            &["screen_view"],
            &[],
            &[("plan", "o'brien"), ("flag", "true")],
        ),
        (&[], &[], &[("items.0.name", "x%y")]),
    ];
    in_all_zones(world, |view, findings| {
        for asked in few_windows() {
            let window = view.facts.window(&asked, Unsaid::ThirtyDaysToNow);
            for (names, columns, properties) in QUESTIONS {
                let question = Events {
                    names,
                    columns,
                    properties,
                    filters: &[],
                };
                let rows = lists::events(&view.facts, window, &question);
                let mut sent = parameters(&asked);
                for name in *names {
                    sent = with(sent, "eventNames", name);
                }
                for (name, value) in *columns {
                    sent = with(sent, name, value);
                }
                if !properties.is_empty() {
                    let wanted = properties.iter();
                    let wanted = wanted.map(|(key, value)| ((*key).to_owned(), json!(value)));
                    let wanted = Json::Object(wanted.collect());
                    sent = with(sent, "properties", wanted);
                }
                let path = "/insights/golden/events";
                findings.expect(view, path, &with(sent, "limit", 100), &first(&rows, 100));
            }
        }
    })
}

fn names(world: &World) -> Result<(), String> {
    let view = world.in_zone("UTC");
    let mut findings = Findings::default();
    let expected = lists::names(&view.facts);
    findings.expect(
        &view,
        "/insights/golden/events/names",
        &Vec::new(),
        &expected,
    );
    findings.verdict()
}

fn properties(world: &World) -> Result<(), String> {
    let view = world.in_zone("UTC");
    let mut findings = Findings::default();
    let path = "/insights/golden/events/properties";
    let expected = lists::properties(&view.facts, None);
    findings.expect(&view, path, &Vec::new(), &expected);
    for name in ["screen_view", "session_end", "köp 🎉", "never"] {
        let expected = lists::properties(&view.facts, Some(name));
        findings.expect(&view, path, &with(Vec::new(), "eventName", name), &expected);
    }
    findings.verdict()
}

fn values(world: &World) -> Result<(), String> {
    let view = world.in_zone("UTC");
    let mut findings = Findings::default();
    for name in ["screen_view", "add_to_cart", "a->b", "never"] {
        for key in ["plan", "amount", "__title", "items.0.name", "path", "n"] {
            let expected = lists::values(&view.facts, name, key);
            let sent = with(with(Vec::new(), "eventName", name), "propertyKey", key);
            let path = "/insights/golden/events/property_values";
            findings.expect(&view, path, &sent, &expected);
        }
    }
    findings.verdict()
}

fn sessions(world: &World) -> Result<(), String> {
    const QUESTIONS: &[&Wanted<'_>] = &[
        &[],
        &[("country", "SE"), ("city", "Göteborg")],
        &[("os", "iOS")],
        &[("browser", "Chrome"), ("device", "desktop")],
        &[("referrerName", "Bing"), ("referrerType", "search")],
        &[("profileId", "user 🚀")],
    ];
    in_all_zones(world, |view, findings| {
        for asked in few_windows() {
            let window = view.facts.window(&asked, Unsaid::ThirtyDaysToNow);
            for columns in QUESTIONS {
                let rows = lists::sessions(&view.facts, window, columns, &[]);
                let mut sent = parameters(&asked);
                for (name, value) in *columns {
                    sent = with(sent, name, value);
                }
                let path = "/insights/golden/sessions";
                findings.expect(view, path, &sent, &first(&rows, 20));
                findings.expect(view, path, &with(sent, "limit", 100), &first(&rows, 100));
            }
        }
    })
}

fn profiles_list(world: &World) -> Result<(), String> {
    let text = |text: &str| Some(text.to_owned());
    let filter = |name: &str, operator: &str, values: &[&str]| json!({"name": name, "operator": operator, "value": values});
    let plain = Asked::default;
    let questions: Vec<(Asked, Json)> = vec![
        (plain(), json!({})),
        (
            Asked {
                name: text("ANNA"),
                ..plain()
            },
            json!({"name": "ANNA"}),
        ),
        (
            Asked {
                name: text("anna åk"),
                ..plain()
            },
            json!({"name": "anna åk"}),
        ),
        (
            Asked {
                name: text("von Döbeln carla"),
                ..plain()
            },
            json!({"name": "von Döbeln carla"}),
        ),
        (
            Asked {
                name: text("%"),
                ..plain()
            },
            json!({"name": "%"}),
        ),
        (
            Asked {
                name: text("user-1"),
                ..plain()
            },
            json!({"name": "user-1"}),
        ),
        (
            Asked {
                email: text("EXAMPLE.com"),
                ..plain()
            },
            json!({"email": "EXAMPLE.com"}),
        ),
        (
            Asked {
                email: text("%_"),
                ..plain()
            },
            json!({"email": "%_"}),
        ),
        (
            Asked {
                properties: vec![("country", "SE".into())],
                ..plain()
            },
            json!({"country": "SE"}),
        ),
        (
            Asked {
                properties: vec![("device", "mobile".into())],
                ..plain()
            },
            json!({"device": "mobile"}),
        ),
        (
            Asked {
                inactive_days: Some(7),
                ..plain()
            },
            json!({"inactiveDays": 7}),
        ),
        (
            Asked {
                min_sessions: Some(9),
                ..plain()
            },
            json!({"minSessions": 9}),
        ),
        (
            Asked {
                performed: text("köp 🎉"),
                ..plain()
            },
            json!({"performedEvent": "köp 🎉"}),
        ),
        (
            Asked {
                is_ascending: true,
                ..plain()
            },
            json!({"sortOrder": "asc"}),
        ),
        (
            Asked {
                min_sessions: Some(2),
                inactive_days: Some(1),
                is_ascending: true,
                ..plain()
            },
            json!({"minSessions": 2, "inactiveDays": 1, "sortOrder": "asc"}),
        ),
    ];
    let filters = [
        filter("profile.email", "contains", &["example.com"]),
        filter("profile.first_name", "isNull", &[]),
        filter("profile.properties.plan", "isNot", &["pro"]),
        filter("profile.properties.seats", "gt", &["3"]),
        filter("group.id", "is", &["acme"]),
        filter("group.name", "startsWith", &["Acme"]),
        filter("group.properties.tier", "is", &["platinum"]),
    ];
    let filtered = filters.into_iter().map(|filter| {
        let asked = Asked {
            filters: vec![Filter::of(&filter)],
            ..plain()
        };
        (asked, json!({"filters": [filter]}))
    });
    let questions = questions.into_iter().chain(filtered).collect::<Vec<_>>();
    in_all_zones(world, |view, findings| {
        for (asked, told) in &questions {
            let rows = profiles::profiles(&view.facts, asked);
            let told = told.as_object().unwrap().iter().map(|(name, value)| {
                let value = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                (name.clone(), value)
            });
            let sent = told.collect::<Parameters>();
            let path = "/insights/golden/profiles";
            findings.expect(view, path, &sent, &first(&rows, 20));
            findings.expect(view, path, &with(sent, "limit", 3), &first(&rows, 3));
        }
    })
}

/// Everybody, and other ids of some.
fn ids() -> Vec<String> {
    let aliases = crate::data::ALIASES.iter();
    let aliases = aliases.map(|(alias, _)| (*alias).to_owned());
    crate::data::profile_ids()
        .into_iter()
        .chain(aliases)
        .collect()
}

fn profile(world: &World) -> Result<(), String> {
    let view = world.in_zone("UTC");
    let mut findings = Findings::default();
    for id in ids() {
        let path = format!("/insights/golden/profiles/{}", encoded(&id));
        let expected = profiles::profile(&view.facts, &id, 20);
        findings.expect(&view, &path, &Vec::new(), &expected);
        let expected = profiles::profile(&view.facts, &id, 3);
        findings.expect(&view, &path, &with(Vec::new(), "eventLimit", 3), &expected);
    }
    findings.verdict()
}

fn profile_sessions(world: &World) -> Result<(), String> {
    let view = world.in_zone("UTC");
    let mut findings = Findings::default();
    for id in ids().into_iter().chain(["nobody".to_owned()]) {
        let path = format!("/insights/golden/profiles/{}/sessions", encoded(&id));
        let rows = lists::sessions_of(&view.facts, view.facts.meant(&id));
        findings.expect(&view, &path, &Vec::new(), &first(&rows, 20));
        findings.expect(
            &view,
            &path,
            &with(Vec::new(), "limit", 100),
            &first(&rows, 100),
        );
    }
    findings.verdict()
}

fn profile_metrics(world: &World) -> Result<(), String> {
    in_all_zones(world, |view, findings| {
        for id in ids().into_iter().chain(["nobody".to_owned()]) {
            let path = format!("/insights/golden/profiles/{}/metrics", encoded(&id));
            let expected = profiles::numbers(&view.facts, &id);
            findings.expect(view, &path, &Vec::new(), &expected);
        }
    })
}

fn groups(world: &World) -> Result<(), String> {
    let view = world.in_zone("UTC");
    let mut findings = Findings::default();
    for (kind, search) in [
        (None, None),
        (Some("company"), None),
        (None, Some("ÅKERI")),
        (None, Some("_%")),
        (Some("team"), Some("acme")),
    ] {
        let mut sent = Vec::new();
        if let Some(kind) = kind {
            sent = with(sent, "type", kind);
        }
        if let Some(search) = search {
            sent = with(sent, "search", search);
        }
        let rows = profiles::groups(&view.facts, kind, search);
        findings.expect(&view, "/insights/golden/groups", &sent, &first(&rows, 20));
    }
    findings.verdict()
}

fn group(world: &World) -> Result<(), String> {
    let view = world.in_zone("UTC");
    let mut findings = Findings::default();
    for id in view.facts.groups.keys() {
        let path = format!("/insights/golden/groups/{id}");
        for limit in [10, 2] {
            let expected = profiles::group(&view.facts, id, limit);
            let sent = with(Vec::new(), "memberLimit", limit);
            findings.expect(&view, &path, &sent, &expected);
        }
    }
    findings.verdict()
}

fn types(world: &World) -> Result<(), String> {
    let view = world.in_zone("UTC");
    let mut findings = Findings::default();
    let expected = profiles::types(&view.facts);
    findings.expect(
        &view,
        "/insights/golden/groups/types",
        &Vec::new(),
        &expected,
    );
    findings.verdict()
}
