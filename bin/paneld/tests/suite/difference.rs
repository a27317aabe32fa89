//! Where two answers differ in what they mean. Rows are found by what they are about, whatever
//! their order; numbers are as exact as both sides write them.

use std::fmt;

use serde_json::Value as Json;

/// What a row is about: those of these that it has.
const NAMES: [&str; 11] = [
    "id",
    "name",
    "names",
    "date",
    "origin",
    "path",
    "step",
    "eventName",
    "source",
    "target",
    "profileId",
];
/// Shares are rounded to two places.
const TOLERANCE: f64 = 0.011;

/// One value that is not the same.
#[derive(Debug)]
pub(crate) struct Difference {
    /// The way there, with slashes.
    pub(crate) at: String,
    theirs: String,
    ours: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: theirs {}, ours {}", self.at, self.theirs, self.ours)
    }
}

/// All differences of what they told; what we tell beyond it is no difference, but for rows.
pub(crate) fn differences(theirs: &Json, ours: &Json) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", theirs, Some(ours), &mut found);
    found
}

fn compare(at: &str, theirs: &Json, ours: Option<&Json>, found: &mut Vec<Difference>) {
    match (theirs, ours) {
        (Json::Object(theirs), Some(Json::Object(ours))) => {
            for (name, value) in theirs {
                compare(&format!("{at}/{name}"), value, ours.get(name), found);
            }
        }
        (Json::Array(theirs), Some(Json::Array(ours))) => rows(at, theirs, ours, found),
        (Json::Number(one), Some(Json::Number(other))) => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            if (one - other).abs() > TOLERANCE {
                found.push(difference(at, Some(theirs), ours));
            }
        }
        (theirs, ours) if ours == Some(theirs) => {}
        (theirs, ours) => found.push(difference(at, Some(theirs), ours)),
    }
}

fn rows(at: &str, theirs: &[Json], ours: &[Json], found: &mut Vec<Difference>) {
    let mut left = ours.iter().collect::<Vec<_>>();
    for row in theirs {
        let name = name(row);
        let at = format!("{at}/{name}");
        match left.iter().position(|other| self::name(other) == name) {
            Some(index) => compare(&at, row, Some(left.remove(index)), found),
            None => found.push(difference(&at, Some(row), None)),
        }
    }
    for row in left {
        found.push(difference(&format!("{at}/{}", name(row)), None, Some(row)));
    }
}

/// What a row is about; the row itself where it is no object.
fn name(row: &Json) -> String {
    let Json::Object(fields) = row else {
        return row.to_string();
    };
    let names = NAMES.iter().filter_map(|name| fields.get(*name));
    names.map(Json::to_string).collect::<Vec<_>>().join(" ")
}

fn difference(at: &str, theirs: Option<&Json>, ours: Option<&Json>) -> Difference {
    let text = |value: Option<&Json>| value.map_or_else(|| "nothing".to_owned(), Json::to_string);
    Difference {
        at: at.to_owned(),
        theirs: text(theirs),
        ours: text(ours),
    }
}

#[test]
fn rows_are_found_in_any_order_and_what_differs_is_told() {
    let theirs =
        serde_json::json!([{"name": "a", "n": 1.333}, {"name": null, "n": 2}, {"name": "c"}]);
    let ours = serde_json::json!([{"name": null, "n": 3}, {"name": "a", "n": 1.33, "more": 1}, {"name": "d"}]);
    let found = differences(&theirs, &ours);
    let told = found.iter().map(ToString::to_string).collect::<Vec<_>>();
    let expected = [
        "/null/n: theirs 2, ours 3",
        "/\"c\": theirs {\"name\":\"c\"}, ours nothing",
        "/\"d\": theirs nothing, ours {\"name\":\"d\"}",
    ];
    assert_eq!(told, expected);
}
