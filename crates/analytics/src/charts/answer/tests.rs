use paneld_domain::parse_timestamp;
use serde_json::json;

use super::*;
use crate::Query;

/// Three days, with these items.
fn request(items: &serde_json::Value, more: &str) -> ChartRequest {
    let items = items.to_string();
    let items = url::form_urlencoded::byte_serialize(items.as_bytes());
    let items = items.collect::<String>();
    let text = format!("startDate=2026-08-10&endDate=2026-08-12&series={items}&{more}");
    let mut query = Query::parse(&text);
    let now = parse_timestamp("2026-09-01T00:00:00Z").unwrap();
    let request = query.chart("UTC".parse().unwrap(), now).unwrap();
    assert_eq!(query.finish(), Ok(()));
    request
}

fn counted(labels: &[&str], people: u64, values: &[f64]) -> CountedSeries {
    CountedSeries {
        labels: labels.iter().map(|&label| label.to_owned()).collect(),
        people,
        points: values.iter().copied().enumerate().collect(),
    }
}

fn values(series: &ChartSeries) -> Vec<f64> {
    series.points.iter().map(|point| point.value).collect()
}

const BY_COUNTRY: &str = "breakdowns=%5B%7B%22name%22:%22country%22%7D%5D";

/// The example of `docs/contract/export.md` §7.
#[test]
fn a_chart_is_compared_with_the_days_before() {
    let request = request(
        &json!([{"name": "signup", "segment": "user"}]),
        &format!("previous=true&{BY_COUNTRY}"),
    );
    let rows = ChartRows {
        current: vec![vec![
            counted(&[""], 1, &[1.0]),
            counted(&["SE"], 6, &[3.0, 0.0, 4.0]),
        ]],
        previous: vec![vec![
            counted(&["SE"], 5, &[2.0, 0.0, 3.0]),
            counted(&["NO"], 9, &[9.0]),
        ]],
    };
    let chart = ChartAnswer::of(&request, rows).unwrap();
    let names: Vec<_> = chart
        .series
        .iter()
        .map(|series| series.names.join("/"))
        .collect();
    assert_eq!(names, ["signup/SE", "signup/(not set)"]);
    let [sweden, unknown] = chart.series.as_slice() else {
        panic!("{chart:?}");
    };
    assert_eq!(sweden.id, "signup-a-signup-se");
    assert_eq!(values(sweden), [3.0, 0.0, 4.0]);
    let metrics = &sweden.metrics;
    assert_eq!(
        (
            metrics.sum,
            metrics.average,
            metrics.min,
            metrics.max,
            metrics.count
        ),
        (7.0, 3.5, 0.0, 4.0, Some(6.0))
    );
    let before = sweden.previous.unwrap();
    assert_eq!((before.sum.value, before.sum.diff), (5.0, Some(40.0)));
    assert_eq!(before.average.value, 2.5);
    assert_eq!(before.max.diff, Some(33.3));
    assert_eq!(before.count.unwrap().diff, Some(20.0));
    assert_eq!(sweden.points[2].previous.unwrap().value, 3.0);
    // What was not there before is not compared.
    assert_eq!((unknown.previous, unknown.points[0].previous), (None, None));
    assert_eq!(unknown.breakdowns, [("country".to_owned(), None)]);
    assert_eq!(values(unknown), [1.0, 0.0, 0.0]);
    assert_eq!(chart.metrics.sum, 8.0);
    assert_eq!(chart.previous.unwrap().sum.value, 5.0);
}

#[test]
fn formulas_compute_for_each_label_and_day() {
    let items = json!([{"name": "a"}, {"name": "b"},
        {"type": "formula", "formula": "A / B * 100", "displayName": "rate", "hideSeries": ["A"]}]);
    let request = request(&items, BY_COUNTRY);
    let rows = ChartRows {
        current: vec![
            vec![counted(&["SE"], 1, &[1.0, 2.0])],
            vec![
                counted(&["NO"], 4, &[5.0]),
                counted(&["SE"], 3, &[3.0, 0.0, 4.0]),
            ],
            vec![],
        ],
        previous: vec![],
    };
    let chart = ChartAnswer::of(&request, rows).unwrap();
    let shown: Vec<_> = chart
        .series
        .iter()
        .map(|series| {
            (
                series.names.join("/"),
                series.letter.as_str(),
                values(series),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("rate/SE".to_owned(), "C", vec![33.33, 0.0, 0.0]),
            ("(B) b/SE".to_owned(), "B", vec![3.0, 0.0, 4.0]),
            ("(B) b/NO".to_owned(), "B", vec![5.0, 0.0, 0.0]),
            ("rate/NO".to_owned(), "C", vec![0.0, 0.0, 0.0]),
        ]
    );
    assert_eq!(chart.series[0].metrics.count, Some(33.33));
    assert_eq!(chart.series[3].metrics.count, None);
    // What is hidden is not in the figures of the whole either.
    assert_eq!(chart.metrics.sum, 45.33);
}

#[test]
fn nothing_is_a_chart_without_lines() {
    let request = request(&json!([]), "previous=true");
    let chart = ChartAnswer::of(&request, ChartRows::default()).unwrap();
    assert_eq!(chart.series, []);
    assert_eq!(chart.metrics, Summary::default());
    assert_eq!(chart.previous, None);
}

#[test]
fn equal_sums_are_in_the_order_of_their_first_value() {
    let request = request(&json!([{"name": "a"}]), BY_COUNTRY);
    let rows = vec![
        counted(&["DK"], 1, &[0.0, 2.0]),
        counted(&["NO"], 1, &[2.0]),
        counted(&["SE"], 1, &[0.0, 1.0, 1.0]),
    ];
    let rows = ChartRows {
        current: vec![rows],
        previous: vec![],
    };
    let chart = ChartAnswer::of(&request, rows).unwrap();
    let labels: Vec<_> = chart
        .series
        .iter()
        .map(|series| series.names[1].as_str())
        .collect();
    assert_eq!(labels, ["NO", "DK", "SE"]);
}

#[test]
fn too_many_points_are_refused() {
    let request = request(&json!([{"name": "a"}]), "interval=minute");
    let line = |number: usize| counted(&[&number.to_string()], 1, &[1.0]);
    let rows = |count| ChartRows {
        current: vec![(0..count).map(line).collect()],
        previous: vec![],
    };
    assert!(ChartAnswer::of(&request, rows(57)).is_ok());
    let problem = ChartAnswer::of(&request, rows(58)).unwrap_err();
    assert_eq!(problem.path, ["interval".into()]);
    assert!(problem.message.contains("250000"), "{}", problem.message);
}
