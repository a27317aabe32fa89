//! Reports about sites: key figures, pages, dimensions.

use serde_json::Value as Json;

use super::{
    asked::{few_windows, parameters, windows, with},
    findings::{Check, Findings, in_all_zones},
};
use crate::{
    model::{
        dimensions, metrics,
        pages::{self, Performance},
        time::Unsaid,
    },
    world::World,
};

pub(super) const ALL: &[(&str, Check)] = &[
    ("live", live),
    ("metrics", metrics_of_windows),
    ("overview", overview),
    ("pages", pages_of_windows),
    ("pages_top", pages_top),
    ("pages_entry_exit", entry_exit),
    ("pages_performance", performance),
    ("dimensions", dimensions_of_windows),
    ("traffic", traffic),
];

fn live(world: &World) -> Result<(), String> {
    let view = world.in_zone("UTC");
    let expected = metrics::live(&view.facts);
    assert_ne!(expected["visitors"], 0, "somebody is there");
    let mut findings = Findings::default();
    findings.expect(&view, "/insights/golden/live", &Vec::new(), &expected);
    findings.verdict()
}

fn metrics_of_windows(world: &World) -> Result<(), String> {
    in_all_zones(world, |view, findings| {
        for asked in windows() {
            let window = view.facts.window(&asked, Unsaid::SevenDays);
            let expected = metrics::metrics(&view.facts, window, &[]);
            findings.expect(
                view,
                "/insights/golden/metrics",
                &parameters(&asked),
                &expected,
            );
        }
    })
}

fn overview(world: &World) -> Result<(), String> {
    in_all_zones(world, |view, findings| {
        for asked in windows() {
            let window = view.facts.window(&asked, Unsaid::ThirtyDaysToNow);
            for interval in ["", "hour", "week", "month"] {
                let mut sent = parameters(&asked);
                if !interval.is_empty() {
                    sent = with(sent, "interval", interval);
                }
                let interval = if interval.is_empty() { "day" } else { interval };
                let facts = &view.facts;
                if facts.clock.buckets(window, interval).len() > 10_000 {
                    continue;
                }
                let expected = metrics::overview(facts, &asked, window, interval);
                findings.expect(view, "/insights/golden/overview", &sent, &expected);
            }
        }
    })
}

fn pages_of_windows(world: &World) -> Result<(), String> {
    in_all_zones(world, |view, findings| {
        for asked in windows() {
            let window = view.facts.window(&asked, Unsaid::SevenDays);
            let rows = pages::pages(&view.facts, window, &[]);
            let path = "/insights/golden/pages";
            findings.expect(view, path, &parameters(&asked), &Json::from(rows.clone()));
            // In parts.
            for page in 1..=3 {
                let sent = with(with(parameters(&asked), "limit", 3), "cursor", page);
                let part = rows.iter().skip(3 * (page - 1)).take(3).cloned();
                findings.expect(view, path, &sent, &part.collect());
            }
        }
    })
}

fn pages_top(world: &World) -> Result<(), String> {
    in_all_zones(world, |view, findings| {
        for asked in windows() {
            let window = view.facts.window(&asked, Unsaid::ThirtyDaysToNow);
            let expected = pages::pages(&view.facts, window, &[]);
            let sent = parameters(&asked);
            findings.expect(view, "/insights/golden/pages/top", &sent, &expected.into());
        }
    })
}

fn entry_exit(world: &World) -> Result<(), String> {
    in_all_zones(world, |view, findings| {
        for asked in windows() {
            let window = view.facts.window(&asked, Unsaid::ThirtyDaysToNow);
            for mode in ["", "entry", "exit"] {
                let mut sent = parameters(&asked);
                if !mode.is_empty() {
                    sent = with(sent, "mode", mode);
                }
                let mode = if mode.is_empty() { "entry" } else { mode };
                let expected = pages::entry_exit(&view.facts, window, mode);
                let path = "/insights/golden/pages/entry_exit";
                findings.expect(view, path, &sent, &expected.into());
            }
        }
    })
}

fn performance(world: &World) -> Result<(), String> {
    in_all_zones(world, |view, findings| {
        for asked in few_windows() {
            let window = view.facts.window(&asked, Unsaid::ThirtyDaysToNow);
            for search in [
                None,
                Some("pricing"),
                Some("%"),
                Some("_"),
                Some("Åke"),
                Some("åke"),
            ] {
                for sort_by in ["sessions", "pageviews", "bounce_rate", "avg_duration"] {
                    for (is_ascending, limit) in [(false, 50), (true, 4)] {
                        let sent = with(parameters(&asked), "sortBy", sort_by);
                        let order = if is_ascending { "asc" } else { "desc" };
                        let mut sent = with(with(sent, "sortOrder", order), "limit", limit);
                        if let Some(search) = search {
                            sent = with(sent, "search", search);
                        }
                        let wanted = Performance {
                            search: search.map(str::to_owned),
                            sort_by,
                            is_ascending,
                            limit,
                        };
                        let expected = pages::performance(&view.facts, window, &wanted);
                        let path = "/insights/golden/pages/performance";
                        findings.expect(view, path, &sent, &expected);
                    }
                }
            }
        }
    })
}

fn dimensions_of_windows(world: &World) -> Result<(), String> {
    in_all_zones(world, |view, findings| {
        for asked in few_windows() {
            let window = view.facts.window(&asked, Unsaid::SevenDays);
            for column in dimensions::ALL {
                let rows = dimensions::dimension(&view.facts, window, &[], column);
                let path = format!("/insights/golden/{column}");
                findings.expect(view, &path, &parameters(&asked), &Json::from(rows.clone()));
                let sent = with(with(parameters(&asked), "limit", 2), "cursor", 2);
                let part = rows.iter().skip(2).take(2).cloned();
                findings.expect(view, &path, &sent, &part.collect());
            }
        }
    })
}

fn traffic(world: &World) -> Result<(), String> {
    const BREAKDOWNS: &[(&str, &[&str])] = &[
        (
            "referrers",
            &[
                "referrer_name",
                "referrer_type",
                "referrer",
                "utm_source",
                "utm_medium",
                "utm_campaign",
            ],
        ),
        ("geo", &["country", "region", "city"]),
        ("devices", &["device", "browser", "os"]),
    ];
    in_all_zones(world, |view, findings| {
        for asked in few_windows() {
            let window = view.facts.window(&asked, Unsaid::ThirtyDaysToNow);
            for (name, breakdowns) in BREAKDOWNS {
                let path = format!("/insights/golden/traffic/{name}");
                let rows =
                    |column| Json::from(dimensions::dimension(&view.facts, window, &[], column));
                findings.expect(view, &path, &parameters(&asked), &rows(breakdowns[0]));
                for column in *breakdowns {
                    let sent = with(parameters(&asked), "breakdown", column);
                    findings.expect(view, &path, &sent, &rows(column));
                }
            }
        }
    })
}
