use chrono::SecondsFormat;
use paneld_domain::{Zone, parse_timestamp};
use proptest::prelude::*;

use super::*;
use crate::{
    range::{Range, next_day},
    zone::WallClock,
};

const NOW: &str = "2026-08-12T14:31:45.678Z";

fn moment(text: &str) -> Timestamp {
    parse_timestamp(text).unwrap()
}

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

fn request(range: &str, start: &str, end: &str) -> WindowRequest {
    let text = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
    WindowRequest {
        range: (!range.is_empty()).then(|| range.parse().unwrap()),
        start: text(start),
        end: text(end),
    }
}

fn printed(window: Window) -> (String, String) {
    let print = |moment: Timestamp| moment.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    (print(window.start), print(window.end))
}

/// The window in this zone, as texts in UTC.
fn resolved(request: &WindowRequest, zone_name: &str) -> (String, String) {
    let default = DefaultWindow::SEVEN_DAYS;
    printed(resolve(request, zone(zone_name), moment(NOW), default).unwrap())
}

fn problem(request: &WindowRequest, zone_name: &str) -> (Bound, String) {
    let default = DefaultWindow::SEVEN_DAYS;
    let problem = resolve(request, zone(zone_name), moment(NOW), default).unwrap_err();
    (problem.field, problem.to_string())
}

#[test]
fn every_range_is_counted_from_now() {
    for (range, start, end) in [
        ("30min", "2026-08-12T14:01:00Z", "2026-08-12T14:32:00Z"),
        ("lastHour", "2026-08-12T13:31:00Z", "2026-08-12T14:32:00Z"),
        ("last24h", "2026-08-11T14:31:00Z", "2026-08-12T14:32:00Z"),
        ("today", "2026-08-11T22:00:00Z", "2026-08-12T22:00:00Z"),
        ("yesterday", "2026-08-10T22:00:00Z", "2026-08-11T22:00:00Z"),
        ("7d", "2026-08-04T22:00:00Z", "2026-08-12T22:00:00Z"),
        ("30d", "2026-07-12T22:00:00Z", "2026-08-12T22:00:00Z"),
        ("3m", "2026-05-11T22:00:00Z", "2026-08-12T22:00:00Z"),
        // Winter time.
        ("6m", "2026-02-11T23:00:00Z", "2026-08-12T22:00:00Z"),
        ("12m", "2025-07-31T22:00:00Z", "2026-08-31T22:00:00Z"),
        (
            "monthToDate",
            "2026-07-31T22:00:00Z",
            "2026-08-12T22:00:00Z",
        ),
        ("lastMonth", "2026-06-30T22:00:00Z", "2026-07-31T22:00:00Z"),
        ("yearToDate", "2025-12-31T23:00:00Z", "2026-08-12T22:00:00Z"),
        ("lastYear", "2024-12-31T23:00:00Z", "2025-12-31T23:00:00Z"),
        ("custom", "2026-07-12T22:00:00Z", "2026-08-12T22:00:00Z"),
    ] {
        let found = resolved(&request(range, "", ""), "Europe/Stockholm");
        assert_eq!(found, (start.into(), end.into()), "{range}");
        assert_eq!(range.parse::<Range>().unwrap().to_string(), range);
    }
    assert!("90d".parse::<Range>().is_err());
}

#[test]
fn dates_are_days_and_times_of_the_zone_and_offsets_are_moments() {
    for (start, end, expected_start, expected_end) in [
        // Whole days.
        (
            "2026-08-10",
            "2026-08-10",
            "2026-08-09T22:00:00Z",
            "2026-08-10T22:00:00Z",
        ),
        // The last second is taken in.
        (
            "2026-08-10 00:00:00",
            "2026-08-10 23:59:59",
            "2026-08-09T22:00:00Z",
            "2026-08-10T22:00:00Z",
        ),
        // So is the last millisecond.
        (
            "2026-08-10T00:00:00.000",
            "2026-08-10T23:59:59.999",
            "2026-08-09T22:00:00Z",
            "2026-08-10T22:00:00Z",
        ),
        // Midnight ends the day before.
        (
            "2026-08-10 00:00:00",
            "2026-08-11 00:00:00",
            "2026-08-09T22:00:00Z",
            "2026-08-10T22:00:00Z",
        ),
        (
            "2026-08-10T01:00:00+03:00",
            "2026-08-10T22:00:00.000Z",
            "2026-08-09T22:00:00Z",
            "2026-08-10T22:00:00Z",
        ),
        // Other moments are taken in.
        (
            "2026-08-10T10:00:00Z",
            "2026-08-10T11:00:00Z",
            "2026-08-10T10:00:00Z",
            "2026-08-10T11:00:01Z",
        ),
        (
            "2026-08-10T10:00:00.5Z",
            "2026-08-10T10:00:00.500Z",
            "2026-08-10T10:00:00.500Z",
            "2026-08-10T10:00:00.501Z",
        ),
        // Midnight to the same midnight is its second.
        (
            "2026-08-10 00:00:00",
            "2026-08-10 00:00:00",
            "2026-08-09T22:00:00Z",
            "2026-08-09T22:00:01Z",
        ),
    ] {
        let found = resolved(&request("today", start, end), "Europe/Stockholm");
        assert_eq!(
            found,
            (expected_start.into(), expected_end.into()),
            "{start} to {end}"
        );
    }
}

#[test]
fn one_date_alone_is_completed() {
    assert_eq!(
        resolved(&request("today", "2026-08-01", ""), "UTC"),
        (
            "2026-08-01T00:00:00Z".into(),
            "2026-08-12T14:31:45.679Z".into()
        )
    );
    assert_eq!(
        resolved(&request("lastYear", "", "2026-08-01"), "UTC"),
        ("2025-01-01T00:00:00Z".into(), "2026-08-02T00:00:00Z".into())
    );
    assert_eq!(
        resolved(&request("", "", "2026-08-12 10:00:00"), "UTC"),
        ("2026-08-05T00:00:00Z".into(), "2026-08-12T10:00:01Z".into())
    );
}

#[test]
fn defaults_fill_what_is_not_said() {
    let with = |request: &WindowRequest, default| {
        printed(resolve(request, Zone::UTC, moment(NOW), default).unwrap())
    };
    let thirty_days = with(&WindowRequest::default(), DefaultWindow::THIRTY_DAYS);
    assert_eq!(
        thirty_days,
        (
            "2026-07-13T00:00:00Z".into(),
            "2026-08-12T14:31:45.679Z".into()
        )
    );
    let everything = DefaultWindow::Everything;
    let (_, end) = with(&request("", "2026-08-01", ""), everything);
    assert_eq!(end, "+10000-01-01T00:00:00Z");
    let (start, end) = with(&request("", "", "2026-08-01"), everything);
    assert_eq!(start, "0001-01-01T00:00:00Z");
    assert_eq!(end, "2026-08-02T00:00:00Z");
    let today = with(&request("today", "", ""), everything);
    assert_eq!(today.0, "2026-08-12T00:00:00Z");
}

#[test]
fn a_window_that_ends_before_it_starts_is_refused() {
    assert_eq!(
        problem(&request("", "2026-08-10", "2026-08-09"), "UTC"),
        (Bound::End, "must not be before the start".into())
    );
    assert_eq!(
        problem(&request("", "2026-08-13", ""), "UTC"),
        (Bound::Start, "must not be in the future".into())
    );
    assert_eq!(
        problem(&request("7d", "", "2026-08-01"), "UTC").0,
        Bound::End
    );
}

#[test]
fn days_are_whole_where_clocks_jump() {
    let hours = |day: &str, zone_name: &str| {
        let request = request("", day, day);
        let default = DefaultWindow::SEVEN_DAYS;
        let window = resolve(&request, zone(zone_name), moment(NOW), default).unwrap();
        (window.end - window.start).num_hours()
    };
    assert_eq!(hours("2026-03-29", "Europe/Stockholm"), 23);
    assert_eq!(hours("2026-10-25", "Europe/Stockholm"), 25);
    assert_eq!(hours("2026-03-08", "America/New_York"), 23);
    assert_eq!(hours("2026-11-01", "America/New_York"), 25);
    // Midnight itself was skipped, or came twice.
    assert_eq!(hours("2018-11-04", "America/Sao_Paulo"), 23);
    assert_eq!(hours("2018-02-17", "America/Sao_Paulo"), 25);
    assert_eq!(hours("2025-11-02", "America/Havana"), 25);
    assert_eq!(hours("2026-08-10", "Asia/Kathmandu"), 24);
}

#[test]
fn times_that_a_clock_skips_or_shows_twice_have_a_place() {
    let stockholm = |start, end| resolved(&request("", start, end), "Europe/Stockholm");
    // 02:00 to 03:00 does not exist.
    assert_eq!(
        stockholm("2026-03-29 02:30:00", "2026-03-29 03:29:59"),
        ("2026-03-29T01:00:00Z".into(), "2026-03-29T01:30:00Z".into())
    );
    assert_eq!(
        stockholm("2026-03-29 01:00:00", "2026-03-29 02:30:00"),
        ("2026-03-29T00:00:00Z".into(), "2026-03-29T01:00:00Z".into())
    );
    // 02:00 to 03:00 comes twice.
    assert_eq!(
        stockholm("2026-10-25 02:30:00", "2026-10-25 02:30:00"),
        ("2026-10-25T00:30:00Z".into(), "2026-10-25T01:30:01Z".into())
    );
    assert_eq!(
        stockholm("2026-10-25 01:00:00", "2026-10-25 01:59:59"),
        ("2026-10-24T23:00:00Z".into(), "2026-10-25T00:00:00Z".into())
    );
}

#[test]
fn a_day_that_was_skipped_has_no_window_alone() {
    let apia = "Pacific/Apia";
    assert_eq!(
        problem(&request("", "2011-12-30", "2011-12-30"), apia),
        (Bound::Start, "is a day that the time zone skipped".into())
    );
    let around = resolved(&request("", "2011-12-29", "2011-12-30"), apia);
    assert_eq!(
        around,
        ("2011-12-29T10:00:00Z".into(), "2011-12-30T10:00:00Z".into())
    );
    let after = resolved(&request("", "2011-12-30", "2011-12-31"), apia);
    assert_eq!(
        after,
        ("2011-12-30T10:00:00Z".into(), "2011-12-31T10:00:00Z".into())
    );
    let on_the_last_day_of_2011 = resolve(
        &request("yesterday", "", ""),
        zone(apia),
        moment("2011-12-30T12:00:00Z"),
        DefaultWindow::SEVEN_DAYS,
    );
    assert_eq!(printed(on_the_last_day_of_2011.unwrap()), around);
}

#[test]
fn dates_are_read_in_three_shapes() {
    for text in [
        "2026-08-10",
        "2026-08-10 10:00:00",
        "2026-08-10 10:00:00.5",
        "2026-08-10T10:00",
        "2026-08-10T10:00:00.123456",
        "2026-08-10T10:00:00Z",
        "2026-08-10T10:00:00.000+05:45",
        "2026-08-10T10:00:00-0330",
    ] {
        assert!(text.parse::<DateText>().is_ok(), "{text}");
    }
    for text in [
        "",
        "now",
        "2026",
        "2026-08",
        "2026-02-30",
        "2026-08-10 ",
        "2026-08-10T",
        "2026-08-10  10:00:00",
        "2026-08-10 25:00:00",
        "10/08/2026",
        "1754820000",
        "2026-08-1ä",
        "0000-01-01",
    ] {
        assert!(text.parse::<DateText>().is_err(), "{text}");
    }
}

#[test]
fn a_window_is_told_in_the_texts_it_was_asked_in() {
    let told = |request: &WindowRequest, default| {
        let stockholm = zone("Europe/Stockholm");
        let window = resolve(request, stockholm, moment(NOW), default).unwrap();
        echo(request, stockholm, &window)
    };
    let default = DefaultWindow::THIRTY_DAYS;
    for (range, start, end, expected) in [
        ("", "", "", ("2026-07-13", "2026-08-12")),
        ("", "2026-08-01", "", ("2026-08-01", "2026-08-12")),
        (
            "7d",
            "2026-08-01",
            "2026-08-02T10:00:00Z",
            ("2026-08-01", "2026-08-02T10:00:00Z"),
        ),
        (
            "today",
            "",
            "",
            ("2026-08-12 00:00:00", "2026-08-12 23:59:59"),
        ),
        ("7d", "", "", ("2026-08-05 00:00:00", "2026-08-13 00:00:00")),
        (
            "7d",
            "",
            "2026-08-11",
            ("2026-08-05 00:00:00", "2026-08-11"),
        ),
    ] {
        let (told_start, told_end) = told(&request(range, start, end), default);
        assert_eq!((told_start.as_str(), told_end.as_str()), expected);
    }
}

fn any_zone() -> impl Strategy<Value = Zone> {
    let names = [
        "UTC",
        "Europe/Stockholm",
        "America/New_York",
        "America/St_Johns",
        "America/Havana",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Apia",
    ];
    prop::sample::select(names.map(zone).to_vec())
}

/// From 1990 to 2050.
fn any_moment() -> impl Strategy<Value = Timestamp> {
    (631_152_000_000_i64..2_524_608_000_000)
        .prop_map(|millis| chrono::DateTime::from_timestamp_millis(millis).unwrap())
}

proptest! {
    #[test]
    fn a_range_is_a_window_around_what_it_names(
        range in prop::sample::select(Range::ALL.to_vec()),
        zone in any_zone(),
        now in any_moment(),
    ) {
        let request = WindowRequest { range: Some(range), ..WindowRequest::default() };
        let window = resolve(&request, zone, now, DefaultWindow::SEVEN_DAYS).unwrap();
        prop_assert!(window.start < window.end);
        let is_over = matches!(range, Range::Yesterday | Range::LastMonth | Range::LastYear);
        prop_assert_eq!(window.contains(now), !is_over);
        prop_assert!(window.start < now);
    }

    #[test]
    fn two_days_make_a_window_that_shares_nothing_with_the_next(
        zone in any_zone(),
        now in any_moment(),
        day in 0_u64..20_000,
        length in 0_u64..400,
    ) {
        let first = NaiveDate::from_ymd_opt(1995, 1, 1).unwrap();
        let day = first + chrono::Days::new(day);
        let last = day + chrono::Days::new(length);
        let after = next_day(last);
        let window = |start: NaiveDate, end: NaiveDate| {
            let request = request("", &start.to_string(), &end.to_string());
            resolve(&request, zone, now, DefaultWindow::SEVEN_DAYS)
        };
        let skipped = NaiveDate::from_ymd_opt(2011, 12, 30).unwrap();
        prop_assume!(after != skipped && (length > 0 || day != skipped));
        let one = window(day, last).unwrap();
        let next = window(after, after).unwrap();
        prop_assert!(one.start < one.end);
        prop_assert_eq!(one.end, next.start);
    }

    #[test]
    fn a_window_asked_for_by_its_own_ends_is_the_same(
        zone in any_zone(),
        now in any_moment(),
        start in any_moment(),
        length in 1_i64..100_000_000,
    ) {
        let window = Window { start, end: start + TimeDelta::milliseconds(length) };
        let last = window.last();
        let clock = WallClock::of(zone);
        // A midnight ends the day before it.
        prop_assume!(last != clock.day_start(clock.day_of(last)));
        let print = |moment: Timestamp| moment.to_rfc3339_opts(SecondsFormat::Millis, true);
        let request = request("", &print(window.start), &print(last));
        let found = resolve(&request, zone, now, DefaultWindow::SEVEN_DAYS).unwrap();
        prop_assert_eq!(found, window);
    }

    #[test]
    fn whatever_is_asked_the_window_is_not_empty(
        zone in any_zone(),
        now in any_moment(),
        range in prop::option::of(prop::sample::select(Range::ALL.to_vec())),
        start in prop::option::of("(19|20)[0-9]{2}-(0[1-9]|1[0-2])-[0-3][0-9]( [0-2][0-9]:00:00)?"),
        end in prop::option::of("(19|20)[0-9]{2}-(0[1-9]|1[0-2])-[0-3][0-9](T[0-2][0-9]:59:59Z)?"),
    ) {
        let text = |text: Option<String>| text.and_then(|text| text.parse().ok());
        let request = WindowRequest { range, start: text(start), end: text(end) };
        let defaults = [DefaultWindow::SEVEN_DAYS, DefaultWindow::THIRTY_DAYS, DefaultWindow::Everything];
        for default in defaults {
            if let Ok(window) = resolve(&request, zone, now, default) {
                prop_assert!(window.start < window.end);
                echo(&request, zone, &window);
            }
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        if let Ok(date) = text.parse::<DateText>() {
            prop_assert_eq!(date.as_str(), text);
        }
    }
}
