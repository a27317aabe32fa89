//! The data set is what it is meant to be, and the days of zones are what they are known to be.

use serde_json::json;

use super::findings::{Check, in_all_zones};
use crate::{
    data::{DataSet, at},
    model::time::{Asked, Clock, Unsaid},
    world::{EMPTY_PROJECT, World},
};

pub(super) const ALL: &[(&str, Check)] = &[
    ("the_data_set_is_always_the_same", is_the_same),
    ("the_data_set_has_everything", has_everything),
    ("the_model_knows_days_of_23_and_25_hours", knows_days),
    ("an_empty_window_is_full_of_zeros", zeros),
];

fn is_the_same(_world: &World) -> Result<(), String> {
    let (one, other) = (DataSet::new(), DataSet::new());
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
    Ok(())
}

fn has_everything(world: &World) -> Result<(), String> {
    let view = world.in_zone("UTC");
    let events = &view.facts.events;
    assert!(events.len() > 3_000, "{} events", events.len());
    let sessions = view.facts.sessions.values();
    let count = |is_such: fn(&crate::model::facts::Session) -> bool| {
        sessions.clone().filter(|session| is_such(session)).count()
    };
    for (what, number) in [
        ("bounces", count(|session| session.is_bounce())),
        ("long sessions", count(|session| session.views > 3)),
        (
            "sessions with revenue",
            count(|session| session.revenue > 0),
        ),
        (
            "people who are known only later",
            count(|session| {
                session.first.profile_id == session.first.device_id
                    && session.profile_id != session.first.device_id
            }),
        ),
        (
            "sessions in groups",
            count(|session| session.groups.len() > 1),
        ),
        (
            "sessions without a place",
            count(|session| session.first.country.is_empty()),
        ),
        (
            "sessions that end with the page they begin with",
            count(|session| session.entry == session.exit),
        ),
    ] {
        assert!(number > 20, "{what}: {number}");
    }
    let has = |is_such: &dyn Fn(&crate::model::facts::Event) -> bool| {
        events.iter().filter(|event| is_such(event)).count()
    };
    for (what, number) in [
        (
            "events of no session",
            has(&|event| event.session_id.is_empty()),
        ),
        (
            "events of nobody",
            has(&|event| event.profile_id.is_empty()),
        ),
        ("ends", has(&|event| event.name == "session_end")),
        (
            "campaigns",
            has(&|event| event.properties.contains_key("__query.utm_source")),
        ),
        ("emoji", has(&|event| event.name.contains('🎉'))),
        (
            "equal times in a session",
            events
                .windows(2)
                .filter(|pair| {
                    pair[0].created_at == pair[1].created_at
                        && pair[0].session_id == pair[1].session_id
                })
                .count(),
        ),
        (
            "joined events",
            has(&|event| {
                event.sdk_name == crate::model::SERVER_SDK && !event.session_id.is_empty()
            }),
        ),
    ] {
        assert!(number > 5, "{what}: {number}");
    }
    assert!(view.facts.profiles.len() > 30);
    assert_eq!(view.facts.groups.len(), 3);
    Ok(())
}

fn knows_days(_world: &World) -> Result<(), String> {
    let hours = |zone: &str, day: &str| {
        let clock = Clock::of(zone);
        let asked = Asked {
            start: Some(day.to_owned()),
            end: Some(day.to_owned()),
            range: None,
        };
        let window = clock.window(&asked, at("2026-04-03T00:00:00Z"), Unsaid::SevenDays);
        let buckets = clock.buckets(window, "hour").len();
        ((window.end - window.start) / 3_600_000, buckets)
    };
    for (zone, day, length, shown) in [
        ("UTC", "2026-03-29", 24, 24),
        ("Europe/Stockholm", "2026-03-29", 23, 23),
        ("Europe/Stockholm", "2025-10-26", 25, 24),
        ("America/New_York", "2026-03-08", 23, 23),
        ("America/New_York", "2025-11-02", 25, 24),
        ("Asia/Kathmandu", "2026-03-29", 24, 24),
        ("Pacific/Apia", "2026-04-01", 24, 24),
        ("Pacific/Apia", "2011-12-31", 24, 24),
    ] {
        assert_eq!(hours(zone, day), (length, shown), "{zone} {day}");
    }
    let clock = Clock::of("Pacific/Apia");
    let start = |day: &str| clock.day_start(day.parse().unwrap());
    assert_eq!(start("2011-12-30"), start("2011-12-31"));
    Ok(())
}

fn zeros(world: &World) -> Result<(), String> {
    in_all_zones(world, |view, findings| {
        for (start, end, points) in [
            ("2026-03-28", "2026-03-30", 3),
            ("2025-10-25", "2025-10-27", 3),
            ("2026-03-07", "2026-03-09", 3),
            ("2026-01-01", "2026-01-31", 31),
        ] {
            let figures = json!({
                "unique_visitors": 0, "total_sessions": 0, "bounce_rate": 0,
                "avg_session_duration": 0, "total_screen_views": 0, "views_per_session": 0,
                "total_revenue": 0,
            });
            let first = start.parse::<chrono::NaiveDate>().unwrap();
            let series = first.iter_days().take(points).map(|day| {
                let mut point = figures.clone();
                point["date"] = format!("{day}T00:00:00.000Z").into();
                point
            });
            let expected = json!({
                "metrics": figures, "series": series.collect::<Vec<_>>(), "references": [],
            });
            let sent = vec![
                ("startDate".to_owned(), start.to_owned()),
                ("endDate".to_owned(), end.to_owned()),
            ];
            let path = format!("/insights/{EMPTY_PROJECT}/metrics");
            findings.expect(view, &path, &sent, &expected);
        }
    })
}
