use paneld_domain::parse_timestamp;
use serde_json::json;

use super::*;

fn read(parameters: &[(&str, &str)]) -> Result<ChartRequest, Vec<Problem>> {
    let text = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    let mut query = Query::parse(&text);
    let now = parse_timestamp("2026-01-15T10:30:00Z").unwrap();
    let request = query.chart("UTC".parse().unwrap(), now);
    query.finish()?;
    Ok(request.unwrap())
}

fn items(request: &ChartRequest) -> Vec<String> {
    let items = request.items().iter();
    items.map(|item| item.name().to_owned()).collect()
}

/// The paths of what is wrong.
fn wrong(parameters: &[(&str, &str)]) -> Vec<String> {
    let problems = read(parameters).unwrap_err().into_iter();
    let path = |problem: Problem| {
        let steps = problem.path.iter().map(ToString::to_string);
        steps.collect::<Vec<_>>().join(".")
    };
    problems.map(path).collect()
}

#[test]
fn nothing_asked_is_thirty_days_of_nothing() {
    let request = read(&[]).unwrap();
    assert_eq!(request.buckets().count(), 31);
    assert_eq!(request.interval(), Interval::Day);
    assert!(request.items().is_empty() && request.previous().is_none());
}

#[test]
fn items_are_written_in_many_ways() {
    let one = [("series", r#"[{"name":"signup"}]"#)];
    let repeated = [("series", r#"{"name":"a"}"#), ("series", r#"{"name":"b"}"#)];
    let brackets = [
        ("series[0][name]", "a"),
        ("series[0][segment]", "user"),
        ("series[0][filters][0][name]", "country"),
        ("series[0][filters][0][operator]", "is"),
        ("series[0][filters][0][value][0]", "SE"),
        ("series[1][name]", "*"),
    ];
    assert_eq!(items(&read(&one).unwrap()), ["signup"]);
    assert_eq!(items(&read(&repeated).unwrap()), ["a", "b"]);
    let request = read(&brackets).unwrap();
    assert_eq!(items(&request), ["a", "*"]);
    let ChartItem::Events(first) = &request.items()[0] else {
        panic!("no events");
    };
    assert_eq!((first.filters.len(), &first.measure), (1, &Measure::Users));
    assert_eq!(wrong(&[("series", r#"{"name":"a"}"#)]), ["series"]);
}

#[test]
fn series_win_over_events() {
    let events = ("events", r#"[{"name":"old"}]"#);
    assert_eq!(items(&read(&[events]).unwrap()), ["old"]);
    assert!(items(&read(&[events, ("series", "[]")]).unwrap()).is_empty());
}

#[test]
fn formulas_know_what_stands_before_them() {
    let series = json!([{"name": "a"}, {"name": "b"},
        {"type": "formula", "formula": "A / B", "hideSeries": ["A"]},
        {"type": "formula", "formula": "C * 2", "displayName": "twice"}]);
    let request = read(&[("series", &series.to_string())]).unwrap();
    assert_eq!(items(&request), ["a", "b", "A / B", "twice"]);
    for (item, path) in [
        (
            json!({"type": "formula", "formula": "B"}),
            "series.1.formula",
        ),
        (json!({"type": "formula"}), "series.1.formula"),
        (
            json!({"type": "formula", "formula": "A", "hideSeries": ["B"]}),
            "series.1.hideSeries.0",
        ),
        (
            json!({"type": "formula", "formula": "A", "hideSeries": "A"}),
            "series.1.hideSeries",
        ),
    ] {
        let series = json!([{"name": "a"}, item]).to_string();
        assert_eq!(wrong(&[("series", &series)]), [path], "{series}");
    }
}

#[test]
fn every_problem_is_told_with_its_place() {
    let series = json!([{"segment": "x"}, 5, {"name": "a", "filters": [{"name": "nope"}]},
        {"name": "a", "segment": "property_sum", "property": "nope"},
        {"name": "a", "segment": "property_sum", "property": "group.name"}]);
    let breakdowns = json!(["country", {"name": "nope"}, {"name": "cohort"},
        {"name": "session.duration"}]);
    let found = wrong(&[
        ("series", &series.to_string()),
        ("breakdowns", &breakdowns.to_string()),
        ("interval", "year"),
        ("previous", "1"),
        ("range", "90d"),
    ]);
    let expected = [
        "range",
        "interval",
        "previous",
        "series.0.segment",
        "series.0.name",
        "series.1",
        "series.2.filters.0.name",
        "series.2.filters.0.operator",
        "series.2.filters.0.value",
        "series.3.property",
        "series.4.property",
        "breakdowns.0",
        "breakdowns.1.name",
        "breakdowns.2.name",
        "breakdowns.3.name",
    ];
    let sorted = |mut paths: Vec<String>| {
        paths.sort();
        paths
    };
    let expected = expected.map(str::to_owned).to_vec();
    assert_eq!(sorted(found), sorted(expected));
}

#[test]
fn there_are_caps() {
    let many = |count: usize, item: Value| Value::from(vec![item; count]).to_string();
    let item = || json!({"name": "a"});
    assert!(read(&[("series", &many(10, item()))]).is_ok());
    assert_eq!(wrong(&[("series", &many(11, item()))]), ["series"]);
    let names = ["country", "city", "os", "browser", "device"];
    let breakdowns = |count| {
        let named = names.iter().take(count).map(|name| json!({"name": name}));
        Value::from(named.collect::<Vec<_>>()).to_string()
    };
    assert!(read(&[("breakdowns", &breakdowns(4))]).is_ok());
    assert_eq!(wrong(&[("breakdowns", &breakdowns(5))]), ["breakdowns"]);
    let twice = many(2, json!({"name": "os"}));
    assert_eq!(wrong(&[("breakdowns", &twice)]), ["breakdowns.1.name"]);
    assert_eq!(
        wrong(&[("range", "12m"), ("interval", "minute")]),
        ["interval"]
    );
}

#[test]
fn a_sum_of_no_property_counts_events() {
    let request = read(&[("series", r#"[{"name":"a","segment":"property_sum"}]"#)]).unwrap();
    let ChartItem::Events(item) = &request.items()[0] else {
        panic!("no events");
    };
    assert_eq!(item.measure, Measure::Events);
}
