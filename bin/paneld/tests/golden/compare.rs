//! Answers beside what was expected, field by field.

use serde_json::Value as Json;

/// How many differences of one answer are told.
const MOST_TOLD: usize = 6;

/// Everything that differs, each with its place. A key that only one of them has is a difference.
pub(crate) fn differences(expected: &Json, actual: &Json) -> Vec<String> {
    let mut found = Vec::new();
    walk("", expected, actual, &mut found);
    found.truncate(MOST_TOLD);
    found
}

fn walk(place: &str, expected: &Json, actual: &Json, found: &mut Vec<String>) {
    match (expected, actual) {
        (Json::Object(expected), Json::Object(actual)) => {
            for (key, value) in expected {
                let place = format!("{place}/{key}");
                match actual.get(key) {
                    Some(actual) => walk(&place, value, actual, found),
                    None => found.push(format!("{place}: expected {value}, is absent")),
                }
            }
            for (key, value) in actual {
                if !expected.contains_key(key) {
                    found.push(format!("{place}/{key}: expected to be absent, is {value}"));
                }
            }
        }
        (Json::Array(expected), Json::Array(actual)) => {
            if expected.len() != actual.len() {
                let lengths = format!("{} entries, are {}", expected.len(), actual.len());
                found.push(format!("{place}: expected {lengths}"));
            }
            for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                walk(&format!("{place}/{index}"), expected, actual, found);
            }
        }
        (Json::Number(expected), Json::Number(actual)) => {
            let (one, other) = (expected.as_f64().unwrap(), actual.as_f64().unwrap());
            // Sums of fractions differ with the order in which they are added.
            if (one - other).abs() > 1e-9 * one.abs().max(1.0) {
                found.push(format!("{place}: expected {expected}, is {actual}"));
            }
        }
        _ if expected == actual => {}
        _ => found.push(format!("{place}: expected {expected}, is {actual}")),
    }
}

/// Sorts lists in which rows with the same rank may come in any order: each run of rows whose
/// `rank` is equal is sorted by its text.
pub(crate) fn sort_ties(
    rows: &mut [Json],
    rank: impl Fn(&Json) -> String,
    by: impl Fn(&Json) -> String,
) {
    let mut from = 0;
    while from < rows.len() {
        let same = rank(&rows[from]);
        let tied = rows[from..].iter().take_while(|row| rank(row) == same);
        let to = from + tied.count();
        rows[from..to].sort_by_key(&by);
        from = to;
    }
}
