//! What is asked: windows, filters.

use super::findings::Parameters;
use crate::model::time::Asked;

/// Windows that lie where clocks are changed, where days, weeks and months begin, and elsewhere.
pub(super) const DATES: &[(&str, &str)] = &[
    ("2026-03-07", "2026-03-09"),
    ("2026-03-08", "2026-03-08"),
    ("2026-03-28", "2026-03-30"),
    ("2026-03-29", "2026-03-29"),
    ("2026-03-29 00:30:00", "2026-03-29 03:30:00"),
    ("2026-03-29T01:00:00Z", "2026-03-29T01:59:59.999Z"),
    ("2026-03-08T01:59:59-05:00", "2026-03-08T03:30:00-04:00"),
    ("2025-10-25", "2025-10-27"),
    ("2025-10-26 02:30:00", "2025-10-26 02:45:00"),
    ("2025-11-02", "2025-11-02"),
    ("2025-10-01", "2026-04-03"),
    ("2026-02-10 12:00:00.500", "2026-03-15 00:00:00"),
];

pub(super) const RANGES: &[&str] = &[
    "30min",
    "lastHour",
    "last24h",
    "today",
    "yesterday",
    "7d",
    "30d",
    "3m",
    "6m",
    "12m",
    "monthToDate",
    "lastMonth",
    "yearToDate",
    "lastYear",
    "custom",
];

/// Nothing; every range; pairs of dates, and one without the other.
pub(super) fn windows() -> Vec<Asked> {
    let text = |text: &str| Some(text.to_owned());
    let mut windows = vec![Asked::default()];
    windows.extend(RANGES.iter().map(|range| Asked {
        range: text(range),
        ..Asked::default()
    }));
    windows.extend(DATES.iter().map(|(start, end)| Asked {
        range: None,
        start: text(start),
        end: text(end),
    }));
    windows.extend([
        Asked {
            range: text("today"),
            start: text("2026-03-20"),
            end: None,
        },
        Asked {
            range: text("30d"),
            start: None,
            end: text("2026-03-29"),
        },
        Asked {
            range: text("7d"),
            start: text("2026-03-28"),
            end: text("2026-03-29"),
        },
    ]);
    windows
}

/// A few windows, for reports with many parameters.
pub(super) fn few_windows() -> Vec<Asked> {
    let all = windows();
    [0, 6, 10, 19, 22, 27]
        .map(|place| all[place].clone())
        .into()
}

pub(super) fn parameters(asked: &Asked) -> Parameters {
    let all = [
        ("range", &asked.range),
        ("startDate", &asked.start),
        ("endDate", &asked.end),
    ];
    let given = all
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
    given.collect()
}

/// Adds a parameter.
pub(super) fn with(mut parameters: Parameters, name: &str, value: impl ToString) -> Parameters {
    parameters.push((name.to_owned(), value.to_string()));
    parameters
}
