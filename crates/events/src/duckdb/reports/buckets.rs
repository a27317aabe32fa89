//! Which bucket a moment belongs to, in SQL.
//!
//! DuckDB without extensions knows no time zones, so the edges of buckets come from
//! [`Buckets`]. Runs of buckets of one length, which is nearly all of them, become arithmetic.

use paneld_analytics::{Buckets, Span};
use paneld_domain::Timestamp;

use crate::duckdb::sql::Sql;

/// Buckets that follow one another and are equally long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    start: i64,
    end: i64,
    length: i64,
    bucket: usize,
}

/// The place in the list of the bucket to which a moment in the window belongs.
pub(super) fn bucket_of(moment: &str, buckets: &Buckets) -> Sql {
    among(moment, &runs(buckets.spans(), buckets.window().end))
}

/// Looks for the run by halves: months alone make hundreds of runs, and each row would be compared
/// with all of them.
fn among(moment: &str, runs: &[Run]) -> Sql {
    match runs {
        [] => Sql::new("0"),
        [run] => place(moment, run),
        _ => {
            let (before, after) = runs.split_at(runs.len() / 2);
            let middle = after.first().map_or(i64::MAX, |run| run.start);
            Sql::new(&format!("CASE WHEN epoch_ms({moment}) < "))
                .add(Sql::number(middle))
                .push(" THEN ")
                .add(among(moment, before))
                .push(" ELSE ")
                .add(among(moment, after))
                .push(" END")
        }
    }
}

fn place(moment: &str, run: &Run) -> Sql {
    let first = i64::try_from(run.bucket).unwrap_or(i64::MAX);
    Sql::new(&format!("((epoch_ms({moment}) - "))
        .add(Sql::number(run.start))
        .push(") // ")
        .add(Sql::number(run.length))
        .push(" + ")
        .add(Sql::number(first))
        .push(")")
}

fn runs(spans: &[Span], end: Timestamp) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (place, span) in spans.iter().enumerate() {
        let start = span.start.timestamp_millis();
        let next = spans.get(place + 1).map_or(end, |next| next.start);
        let next = next.timestamp_millis();
        let is_last = place + 1 == spans.len();
        if let Some(run) = runs.last_mut()
            && goes_on(run, span, start, next, is_last)
        {
            run.end = next;
            continue;
        }
        runs.push(Run {
            start,
            end: next,
            // A span is never empty.
            length: (next - start).max(1),
            bucket: span.bucket,
        });
    }
    runs
}

/// Whether a span is the next one of a run. The last one may be cut off by the window's end.
fn goes_on(run: &Run, span: &Span, start: i64, next: i64, is_last: bool) -> bool {
    let so_far = usize::try_from((run.end - run.start) / run.length).unwrap_or(usize::MAX);
    let length = next - start;
    let fits = length == run.length || (is_last && length < run.length);
    fits && run.bucket.checked_add(so_far) == Some(span.bucket)
}

#[cfg(test)]
mod tests {
    use duckdb::Connection;
    use paneld_analytics::{Interval, Window};
    use paneld_domain::Zone;
    use proptest::prelude::*;

    use super::*;

    fn bucket_in_sql(moment: Timestamp, buckets: &Buckets) -> usize {
        let connection = Connection::open_in_memory().unwrap();
        let sql = Sql::new("SELECT ")
            .add(bucket_of("m.at", buckets))
            .push(" FROM (SELECT ")
            .add(Sql::time(moment))
            .push(" AS at) AS m");
        sql.query_row(&connection, |row| row.get(0)).unwrap()
    }

    #[test]
    fn days_of_one_length_are_one_run() {
        let at = |text: &str| paneld_domain::parse_timestamp(text).unwrap();
        let window = Window {
            start: at("2026-03-20T23:00:00Z"),
            end: at("2026-04-10T10:00:00Z"),
        };
        let zone: Zone = "Europe/Stockholm".parse().unwrap();
        let buckets = Buckets::new(window, Interval::Day, zone).unwrap();
        // Before, on and after the day on which clocks are put forward.
        assert_eq!(runs(buckets.spans(), window.end).len(), 3);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn sql_finds_the_same_of_many_buckets(
            start in 946_684_800_000_i64..1_800_000_000_000,
            years in 1_i64..28,
            part in 0.0..1.0_f64,
            interval in prop::sample::select(&Interval::ALL[3..]),
            zone in prop::sample::select(&["UTC", "America/New_York", "Pacific/Apia"][..]),
        ) {
            let at = |ms| Timestamp::from_timestamp_millis(ms).unwrap();
            let length = years * 366 * 86_400_000;
            let window = Window { start: at(start), end: at(start + length) };
            let buckets = Buckets::new(window, interval, zone.parse().unwrap()).unwrap();
            #[expect(clippy::cast_possible_truncation, reason = "any moment inside will do")]
            let moment = at(start + (length as f64 * part) as i64);
            prop_assert_eq!(
                Some(bucket_in_sql(moment, &buckets)),
                buckets.bucket_of(moment)
            );
        }
    }

    proptest! {
        #[test]
        fn sql_finds_the_same_bucket(
            start in 1_760_000_000_000_i64..1_800_000_000_000,
            length in 1_i64..100 * 86_400_000,
            part in 0.0..1.0_f64,
            interval in prop::sample::select(&Interval::ALL[1..]),
            zone in prop::sample::select(&[
                "UTC", "Europe/Stockholm", "America/New_York", "Asia/Kathmandu",
                "Australia/Lord_Howe",
            ][..]),
        ) {
            let at = |ms| Timestamp::from_timestamp_millis(ms).unwrap();
            let window = Window { start: at(start), end: at(start + length) };
            let buckets = Buckets::new(window, interval, zone.parse().unwrap()).unwrap();
            #[expect(clippy::cast_possible_truncation, reason = "any moment inside will do")]
            let moment = at(start + (length as f64 * part) as i64);
            prop_assert_eq!(
                Some(bucket_in_sql(moment, &buckets)),
                buckets.bucket_of(moment)
            );
        }
    }
}
