//! Which bucket a moment belongs to, in SQL.
//!
//! DuckDB without extensions knows no time zones, and other engines know other rules for them, so
//! the edges of buckets come from [`Buckets`]. Runs of buckets of one length, which is nearly all of
//! them, become arithmetic.

use paneld_analytics::{Buckets, Span};
use paneld_domain::Timestamp;

use super::{Dialect, Sql};

/// Buckets that follow one another and are equally long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    start: i64,
    end: i64,
    length: i64,
    bucket: usize,
}

/// The place in the list of the bucket to which a moment in the window belongs.
pub(crate) fn bucket_of(dialect: Dialect, moment: &str, buckets: &Buckets) -> Sql {
    let runs = runs(buckets.spans(), buckets.window().end);
    match dialect {
        Dialect::ClickHouse if runs.len() > 1 => looked_up(dialect, moment, &runs),
        _ => among(dialect, moment, &runs),
    }
}

/// Looks for the run in a list: ClickHouse takes a quarter of a second to read a tree of hundreds.
fn looked_up(dialect: Dialect, moment: &str, runs: &[Run]) -> Sql {
    let millis = dialect.millis(moment);
    let list = |number: fn(&Run) -> i64| {
        let numbers = runs.iter().map(|run| Sql::number(number(run)));
        Sql::new("[").add(Sql::join(numbers, ", ")).push("]")
    };
    let starts = || list(|run| run.start);
    let start = Sql::new(&format!("roundDown({millis}, "))
        .add(starts())
        .push(")");
    let of_run = |numbers: Sql| {
        Sql::new("transform(")
            .add(start.clone())
            .push(", ")
            .add(starts())
            .push(", ")
            .add(numbers)
            .push(", toInt64(0))")
    };
    let since = Sql::new(&format!("({millis} - "))
        .add(start.clone())
        .push(")");
    // A length of nothing is that of no run.
    let length = Sql::new("greatest(")
        .add(of_run(list(|run| run.length)))
        .push(", 1)");
    let first = of_run(list(|run| i64::try_from(run.bucket).unwrap_or(i64::MAX)));
    Sql::new("(")
        .add(dialect.quotient(since, length))
        .push(" + ")
        .add(first)
        .push(")")
}

/// Looks for the run by halves: months alone make hundreds of runs, and each row would be compared
/// with all of them.
fn among(dialect: Dialect, moment: &str, runs: &[Run]) -> Sql {
    match runs {
        [] => Sql::new("0"),
        [run] => place(dialect, moment, run),
        _ => {
            let (before, after) = runs.split_at(runs.len() / 2);
            let middle = after.first().map_or(i64::MAX, |run| run.start);
            Sql::new(&format!("CASE WHEN {} < ", dialect.millis(moment)))
                .add(Sql::number(middle))
                .push(" THEN ")
                .add(among(dialect, moment, before))
                .push(" ELSE ")
                .add(among(dialect, moment, after))
                .push(" END")
        }
    }
}

fn place(dialect: Dialect, moment: &str, run: &Run) -> Sql {
    let first = i64::try_from(run.bucket).unwrap_or(i64::MAX);
    let since = Sql::new(&format!("({} - ", dialect.millis(moment)))
        .add(Sql::number(run.start))
        .push(")");
    Sql::new("(")
        .add(dialect.quotient(since, Sql::number(run.length)))
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
    use paneld_analytics::{Interval, Window};
    use paneld_domain::Zone;

    use super::*;

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
}
