use chrono::{DateTime, Timelike};
use paneld_domain::parse_timestamp;
use proptest::prelude::*;

use super::*;

fn moment(text: &str) -> Timestamp {
    parse_timestamp(text).unwrap()
}

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

fn window(start: &str, end: &str) -> Window {
    Window {
        start: moment(start),
        end: moment(end),
    }
}

fn buckets(start: &str, end: &str, interval: Interval, zone_name: &str) -> Buckets {
    Buckets::new(window(start, end), interval, zone(zone_name)).unwrap()
}

fn labels(buckets: &Buckets) -> Vec<String> {
    let labels = buckets.list().iter().map(|bucket| bucket.label.as_if_utc());
    labels.collect()
}

fn hours_of(buckets: &Buckets) -> Vec<i64> {
    let ends = buckets.spans().iter().skip(1).map(|span| span.start);
    let ends = ends.chain([buckets.window().end]);
    let lengths = buckets.spans().iter().zip(ends);
    lengths
        .map(|(span, end)| (end - span.start).num_hours())
        .collect()
}

#[test]
fn days_are_labelled_with_the_clock_of_the_zone() {
    let days = buckets(
        "2026-08-09T22:00:00Z",
        "2026-08-12T22:00:00Z",
        Interval::Day,
        "Europe/Stockholm",
    );
    assert_eq!(
        labels(&days),
        [
            "2026-08-10T00:00:00.000Z",
            "2026-08-11T00:00:00.000Z",
            "2026-08-12T00:00:00.000Z"
        ]
    );
    assert_eq!(days.bucket_of(moment("2026-08-10T21:59:59.999Z")), Some(0));
    assert_eq!(days.bucket_of(moment("2026-08-10T22:00:00Z")), Some(1));
    assert_eq!(days.bucket_of(moment("2026-08-09T21:59:59Z")), None);
    assert_eq!(days.bucket_of(moment("2026-08-12T22:00:00Z")), None);
}

#[test]
fn the_first_bucket_holds_the_start_and_the_last_the_end() {
    let weeks = buckets(
        "2026-08-12T10:00:00Z",
        "2026-08-24T00:00:01Z",
        Interval::Week,
        "UTC",
    );
    assert_eq!(
        labels(&weeks),
        [
            "2026-08-10T00:00:00.000Z",
            "2026-08-17T00:00:00.000Z",
            "2026-08-24T00:00:00.000Z"
        ]
    );
    let months = buckets(
        "2026-08-12T10:00:00Z",
        "2026-10-01T00:00:00Z",
        Interval::Month,
        "UTC",
    );
    assert_eq!(
        labels(&months),
        ["2026-08-01T00:00:00.000Z", "2026-09-01T00:00:00.000Z"]
    );
    let minutes = buckets(
        "2026-08-12T10:00:30Z",
        "2026-08-12T10:01:00.001Z",
        Interval::Minute,
        "Asia/Kathmandu",
    );
    assert_eq!(
        labels(&minutes),
        ["2026-08-12T15:45:00.000Z", "2026-08-12T15:46:00.000Z"]
    );
}

#[test]
fn days_have_as_many_hours_as_they_have() {
    let spring = ("2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z");
    let spring = buckets(spring.0, spring.1, Interval::Day, "Europe/Stockholm");
    assert_eq!(hours_of(&spring), [24, 23, 24]);
    let autumn = ("2026-10-23T22:00:00Z", "2026-10-26T23:00:00Z");
    let autumn = buckets(autumn.0, autumn.1, Interval::Day, "Europe/Stockholm");
    assert_eq!(hours_of(&autumn), [24, 25, 24]);
}

#[test]
fn an_hour_that_comes_twice_is_one_bucket_and_one_that_is_skipped_is_none() {
    let autumn = ("2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z");
    let autumn = buckets(autumn.0, autumn.1, Interval::Hour, "Europe/Stockholm");
    assert_eq!(
        labels(&autumn),
        [
            "2026-10-25T01:00:00.000Z",
            "2026-10-25T02:00:00.000Z",
            "2026-10-25T03:00:00.000Z"
        ]
    );
    assert_eq!(hours_of(&autumn), [1, 2, 1]);
    let spring = ("2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z");
    let spring = buckets(spring.0, spring.1, Interval::Hour, "Europe/Stockholm");
    assert_eq!(
        labels(&spring),
        ["2026-03-29T01:00:00.000Z", "2026-03-29T03:00:00.000Z"]
    );
}

#[test]
fn a_minute_that_comes_twice_is_one_bucket_of_two_spans() {
    let minutes = buckets(
        "2026-10-25T00:58:00Z",
        "2026-10-25T01:02:00Z",
        Interval::Minute,
        "Europe/Stockholm",
    );
    // 02:58, 02:59, 02:00, 02:01.
    assert_eq!(
        labels(&minutes),
        [
            "2026-10-25T02:00:00.000Z",
            "2026-10-25T02:01:00.000Z",
            "2026-10-25T02:58:00.000Z",
            "2026-10-25T02:59:00.000Z"
        ]
    );
    let places: Vec<_> = minutes.spans().iter().map(|span| span.bucket).collect();
    assert_eq!(places, [2, 3, 0, 1]);
    let night = buckets(
        "2026-10-25T00:00:00Z",
        "2026-10-25T02:00:00Z",
        Interval::Minute,
        "Europe/Stockholm",
    );
    assert_eq!((night.count(), night.spans().len()), (60, 120));
}

#[test]
fn a_day_that_the_zone_skipped_is_no_bucket() {
    let days = buckets(
        "2011-12-29T10:00:00Z",
        "2011-12-31T10:00:00Z",
        Interval::Day,
        "Pacific/Apia",
    );
    assert_eq!(
        labels(&days),
        ["2011-12-29T00:00:00.000Z", "2011-12-31T00:00:00.000Z"]
    );
    assert_eq!(hours_of(&days), [24, 24]);
}

#[test]
fn there_are_not_more_buckets_than_a_chart_can_show() {
    let year = window("2026-01-01", "2027-01-01");
    assert!(Buckets::new(year, Interval::Minute, Zone::UTC).is_err());
    assert!(Buckets::new(year, Interval::Hour, Zone::UTC).is_ok());
    assert!(Buckets::new(Window::everything(), Interval::Month, Zone::UTC).is_err());
}

#[test]
fn the_interval_follows_the_length_of_the_window() {
    for (start, end, expected) in [
        ("2026-08-10", "2026-08-11", Interval::Hour),
        ("2026-08-10", "2026-08-11T00:00:01Z", Interval::Day),
        (
            "2026-08-10T22:00:00Z",
            "2026-08-11T02:00:00Z",
            Interval::Day,
        ),
        // Three and six months, the longest that there are.
        ("2026-05-12", "2026-08-13", Interval::Day),
        ("2026-05-11", "2026-08-13", Interval::Week),
        ("2026-02-12", "2026-08-13", Interval::Week),
        ("2026-02-06", "2026-08-13", Interval::Month),
    ] {
        let found = Interval::suited_to(&window(start, end), Zone::UTC);
        assert_eq!(found, expected, "{start} to {end}");
    }
    // A day of 25 hours is a day.
    let long_day = window("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
    let found = Interval::suited_to(&long_day, zone("Europe/Stockholm"));
    assert_eq!(found, Interval::Hour);
}

#[test]
fn charts_print_dates_for_weeks_and_months() {
    let label = Label::new(moment("2026-08-10T00:00:00Z").naive_utc());
    assert_eq!(label.for_charts(Interval::Week), "2026-08-10");
    assert_eq!(label.for_charts(Interval::Hour), "2026-08-10 00:00:00");
}

/// Windows near the days on which clocks jump, in some zone.
fn near_a_change() -> impl Strategy<Value = (Zone, Window)> {
    let places = [
        ("Europe/Stockholm", "2026-03-29T01:00:00Z"),
        ("Europe/Stockholm", "2026-10-25T01:00:00Z"),
        ("America/New_York", "2026-03-08T07:00:00Z"),
        ("America/New_York", "2026-11-01T06:00:00Z"),
        ("America/Sao_Paulo", "2018-11-04T03:00:00Z"),
        ("America/Sao_Paulo", "2018-02-18T02:00:00Z"),
        ("America/St_Johns", "2010-11-07T02:31:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
        ("Asia/Kathmandu", "2026-08-10T00:00:00Z"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z"),
        ("UTC", "2026-12-31T23:59:59Z"),
    ];
    let offsets = -200_000_000_i64..200_000_000;
    let lengths = prop_oneof![1_i64..7_200_000, 1_i64..400_000_000, 1_i64..20_000_000_000];
    (prop::sample::select(places.to_vec()), offsets, lengths).prop_map(|(place, offset, length)| {
        let start = moment(place.1) + TimeDelta::milliseconds(offset);
        let end = start + TimeDelta::milliseconds(length);
        (zone(place.0), Window { start, end })
    })
}

/// What the label must be, said in another way: what the clock shows, rounded down.
fn floor(shown: NaiveDateTime, interval: Interval) -> NaiveDateTime {
    let day = shown.date();
    let date = match interval {
        Interval::Week => day.week(chrono::Weekday::Mon).first_day(),
        Interval::Month => day.with_day(1).unwrap(),
        Interval::Minute | Interval::Hour | Interval::Day => day,
    };
    let (hour, minute) = match interval {
        Interval::Minute => (shown.hour(), shown.minute()),
        Interval::Hour => (shown.hour(), 0),
        Interval::Day | Interval::Week | Interval::Month => (0, 0),
    };
    date.and_hms_opt(hour, minute, 0).unwrap()
}

proptest! {
    #[test]
    fn every_moment_of_the_window_is_in_one_bucket(
        (zone, window) in near_a_change(),
        interval in prop::sample::select(Interval::ALL.to_vec()),
        parts in prop::collection::vec(0.0..1.0_f64, 20),
    ) {
        let Ok(buckets) = Buckets::new(window, interval, zone) else {
            let minutes = (window.end - window.start).num_minutes();
            prop_assert!(interval == Interval::Minute && minutes > 9_990);
            return Ok(());
        };
        let clock = WallClock::of(zone);
        let list = buckets.list();
        prop_assert!(list.is_sorted_by(|one, next| one.label < next.label));
        prop_assert!(buckets.spans().is_sorted_by(|one, next| one.start < next.start));
        prop_assert!(buckets.spans()[0].start <= window.start);
        prop_assert!(buckets.spans().last().unwrap().start < window.end);
        let used: std::collections::BTreeSet<_> =
            buckets.spans().iter().map(|span| span.bucket).collect();
        prop_assert!(used.into_iter().eq(0..buckets.count()));

        let length = (window.end - window.start).num_milliseconds();
        // A day that begins before the clock is put back goes on, whatever is shown.
        let is_odd = zone.to_string() == "America/St_Johns";
        for part in parts {
            let into = DateTime::from_timestamp_millis((length as f64 * part) as i64).unwrap();
            let moment = window.start + TimeDelta::milliseconds(into.timestamp_millis());
            let place = buckets.bucket_of(moment).unwrap();
            let expected = floor(clock.at(moment), interval);
            if !is_odd || matches!(interval, Interval::Minute | Interval::Hour) {
                prop_assert_eq!(list[place].label.wall_clock(), expected);
            }
        }
        prop_assert!(buckets.bucket_of(window.start).is_some());
        prop_assert!(buckets.bucket_of(window.last()).is_some());
        prop_assert!(buckets.bucket_of(window.end).is_none());
    }
}
