use chrono::NaiveDate;
use paneld_domain::parse_timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn window(start: &str, end: &str) -> Window {
    Window {
        start: parse_timestamp(start).unwrap(),
        end: parse_timestamp(end).unwrap(),
    }
}

fn request(window: Window, filters: serde_json::Value) -> MetricsRequest {
    let filters = Filter::read_all(&filters).unwrap();
    MetricsRequest::new(window, None, Zone::UTC, filters).unwrap()
}

/// Visitors, sessions, bounces, durations of sessions in all, how many of them, screen views.
fn counts(numbers: [u64; 6]) -> MetricsCounts {
    let [
        visitors,
        sessions,
        bounces,
        duration_sum_ms,
        duration_count,
        screen_views,
    ] = numbers;
    MetricsCounts {
        visitors,
        sessions,
        entries: sessions,
        bounces,
        duration_sum_ms,
        duration_count,
        screen_views,
    }
}

/// The week of the reference run. Its sums of durations are not in the answers; these are the
/// only ones that give them.
#[test]
fn a_known_week_has_its_known_figures() {
    let days = [
        ([10, 10, 4, 5_181_662, 7, 45], 7_700),
        ([9, 9, 3, 3_865_006, 7, 34], 5_800),
        ([4, 4, 1, 1_285_953, 3, 15], 0),
        ([5, 6, 3, 1_100_835, 4, 15], 0),
        ([7, 7, 3, 3_417_220, 4, 28], 0),
        ([4, 4, 2, 1_373_872, 3, 16], 0),
        ([2, 3, 0, 2_429_299, 3, 16], 2_800),
    ];
    let rows = MetricsRows {
        total: counts([22, 43, 16, 18_653_847, 31, 169]),
        buckets: days
            .iter()
            .enumerate()
            .map(|(bucket, (numbers, _))| BucketCounts {
                bucket,
                counts: counts(*numbers),
            })
            .collect(),
        revenue: days
            .iter()
            .enumerate()
            .map(|(bucket, (_, revenue))| BucketRevenue {
                bucket,
                revenue: *revenue,
            })
            .collect(),
    };
    let request = request(window("2026-11-14", "2026-11-21"), json!([]));
    assert_eq!(request.interval(), Interval::Day);
    let answer = MetricsAnswer::of(request.buckets(), &rows);
    let figures = |metrics: &Metrics| {
        (
            metrics.unique_visitors,
            metrics.total_sessions,
            metrics.bounce_rate,
            metrics.avg_session_duration,
            metrics.total_screen_views,
            metrics.views_per_session,
            metrics.total_revenue,
        )
    };
    assert_eq!(
        figures(&answer.metrics),
        (22, 43, 37.21, 601.737, 169, 3.93, 16_300)
    );
    let series: Vec<_> = answer
        .series
        .iter()
        .map(|point| figures(&point.metrics))
        .collect();
    assert_eq!(
        series,
        [
            (10, 10, 40.0, 740.23743, 45, 4.5, 7_700),
            (9, 9, 33.33, 552.1437099999999, 34, 3.78, 5_800),
            (4, 4, 25.0, 428.651, 15, 3.75, 0),
            (5, 6, 50.0, 275.20875, 15, 2.5, 0),
            (7, 7, 42.86, 854.305, 28, 4.0, 0),
            (4, 4, 50.0, 457.95733, 16, 4.0, 0),
            (2, 3, 0.0, 809.7663299999999, 16, 5.33, 2_800),
        ]
    );
    assert_eq!(
        answer.series[0].label.as_if_utc(),
        "2026-11-14T00:00:00.000Z"
    );
}

#[test]
fn a_window_without_events_is_a_series_of_zeros() {
    let request = request(window("2026-11-12", "2026-11-13"), json!([]));
    assert_eq!(request.interval(), Interval::Hour);
    let answer = MetricsAnswer::of(request.buckets(), &MetricsRows::default());
    assert_eq!(answer.metrics, Metrics::default());
    let midnight = NaiveDate::from_ymd_opt(2026, 11, 12).unwrap();
    let expected = (0..24).map(|hour| MetricsPoint {
        label: Label::new(midnight.and_hms_opt(hour, 0, 0).unwrap()),
        metrics: Metrics::default(),
    });
    assert_eq!(answer.series, expected.collect::<Vec<_>>());
}

#[test]
fn pages_are_counted_when_a_filter_is_about_the_path() {
    let mode = |name: &str| {
        let filters = json!([{"name": name, "operator": "is", "value": ["x"]}]);
        request(window("2026-11-12", "2026-11-13"), filters).mode()
    };
    assert_eq!(mode("path"), MetricsMode::Pages);
    assert_eq!(mode("country"), MetricsMode::Sessions);
    assert_eq!(mode("properties.path"), MetricsMode::Sessions);
}

#[test]
fn bounces_are_shares_of_entries() {
    let rows = MetricsRows {
        total: MetricsCounts {
            entries: 3,
            ..counts([4, 4, 1, 0, 0, 9])
        },
        ..MetricsRows::default()
    };
    let request = request(window("2026-11-12", "2026-11-13"), json!([]));
    let metrics = MetricsAnswer::of(request.buckets(), &rows).metrics;
    assert_eq!(metrics.bounce_rate, 33.33);
    assert_eq!(metrics.views_per_session, 2.25);
    assert_eq!(metrics.avg_session_duration, 0.0);
}

#[test]
fn too_long_a_window_for_an_interval_is_refused() {
    let year = window("2026-01-01", "2027-01-01");
    assert!(MetricsRequest::new(year, Some(Interval::Minute), Zone::UTC, vec![]).is_err());
}

proptest! {
    #[test]
    fn a_series_has_every_bucket_and_the_revenue_adds_up(
        days in 2_i64..60,
        rows in prop::collection::vec((0_usize..70, 0_u64..1_000, 0_u64..1_000), 0..40),
    ) {
        let start = parse_timestamp("2026-01-01").unwrap();
        let window = Window { start, end: start + chrono::TimeDelta::days(days) };
        let request = request(window, json!([]));
        let rows = MetricsRows {
            total: MetricsCounts::default(),
            buckets: rows
                .iter()
                .map(|&(bucket, sessions, _)| BucketCounts {
                    bucket,
                    counts: counts([1, sessions, sessions / 2, sessions * 10, sessions, 1]),
                })
                .collect(),
            revenue: rows
                .iter()
                .map(|&(bucket, _, revenue)| BucketRevenue { bucket, revenue })
                .collect(),
        };
        let answer = MetricsAnswer::of(request.buckets(), &rows);
        prop_assert_eq!(answer.series.len(), days as usize);
        let sum: u64 = answer.series.iter().map(|point| point.metrics.total_revenue).sum();
        prop_assert_eq!(sum, answer.metrics.total_revenue);
        for point in &answer.series {
            prop_assert!((0.0..=100.0).contains(&point.metrics.bounce_rate));
            prop_assert!(point.metrics.avg_session_duration.is_finite());
        }
    }
}
