//! The period before a window: `docs/contract/export.md` §6.6.

use paneld_domain::Zone;

use crate::{window::Window, zone::WallClock};

/// The window that ends where this one begins, and is as long by the clock of the zone. So the
/// week in which clocks are put forward is compared with the seven days before it, although those
/// are an hour longer.
pub(super) fn before(window: Window, zone: Zone) -> Window {
    let clock = WallClock::of(zone);
    let (first_day, end_day) = (clock.day_of(window.start), clock.day_of(window.end));
    let is_whole_days =
        clock.day_start(first_day) == window.start && clock.day_start(end_day) == window.end;
    let start = if is_whole_days {
        // Not by the clock: where midnight is skipped, a whole day begins later.
        clock.day_start(first_day - (end_day - first_day))
    } else {
        let shown = clock.at(window.start);
        clock.first(shown - (clock.at(window.end) - shown))
    };
    if start < window.start {
        return Window {
            start,
            end: window.start,
        };
    }
    // Within an hour that the clock shows twice, the clock does not measure.
    Window {
        start: window.start - (window.end - window.start),
        end: window.start,
    }
}

#[cfg(test)]
mod tests {
    use paneld_domain::parse_timestamp;
    use proptest::prelude::*;

    use super::*;

    fn window(start: &str, end: &str) -> Window {
        Window {
            start: parse_timestamp(start).unwrap(),
            end: parse_timestamp(end).unwrap(),
        }
    }

    #[test]
    fn days_are_days_when_clocks_change() {
        let zone = "Europe/Stockholm".parse().unwrap();
        // 30 March to 5 April; clocks are put forward on 29 March.
        let week = window("2026-03-29T22:00:00Z", "2026-04-05T22:00:00Z");
        let before_it = window("2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z");
        assert_eq!(before(week, zone), before_it);
    }

    #[test]
    fn hours_are_hours() {
        let zone = "UTC".parse().unwrap();
        let part = window("2026-03-10T10:00:00Z", "2026-03-10T12:30:00.001Z");
        let before_it = window("2026-03-10T07:29:59.999Z", "2026-03-10T10:00:00Z");
        assert_eq!(before(part, zone), before_it);
    }

    proptest! {
        #[test]
        fn it_ends_where_the_window_begins(
            start in 1_600_000_000_000_i64..1_800_000_000_000,
            length in 1_i64..400 * 86_400_000,
            zone in prop::sample::select(&[
                "UTC", "Europe/Stockholm", "America/Santiago", "Pacific/Apia",
                "Australia/Lord_Howe",
            ][..]),
        ) {
            let at = |ms| paneld_domain::Timestamp::from_timestamp_millis(ms).unwrap();
            let window = Window { start: at(start), end: at(start + length) };
            let before = before(window, zone.parse().unwrap());
            prop_assert_eq!(before.end, window.start);
            prop_assert!(before.start < before.end);
            let hours = (before.end - before.start) - (window.end - window.start);
            // Apia left out a whole day.
            prop_assert!(hours.abs() <= chrono::TimeDelta::hours(25), "{hours}");
        }
    }
}
