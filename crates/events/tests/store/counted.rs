//! What was counted before is never taken for newer than it is: reports that are asked between
//! changes, again and again, are those of the model, which counts anew each time.

use std::collections::{BTreeMap, HashSet};

use paneld_analytics::{
    Column, Dimension, DimensionRequest, Field, Filter, Interval, MetricsCounts, MetricsMode,
    MetricsRequest, Operator, PagesRequest, Paging, SessionCounts, ValueType, Window,
};
use paneld_domain::{PreviousView, Session, SessionSpan, View, Zone};
use paneld_events::{Batch, EventStore, StoreChange};
use proptest::prelude::*;

use crate::{
    fixtures::*,
    model::{Model, change, project},
};

/// Some days; the changes happen around their beginning.
fn window() -> impl Strategy<Value = Window> {
    (-60..60_i64, 1..3 * 86_400_i64).prop_map(|(start, seconds)| Window {
        start: at(start),
        end: at(start + seconds),
    })
}

fn metrics_request(window: Window, interval: Interval) -> MetricsRequest {
    let zone: Zone = "Asia/Kathmandu".parse().unwrap();
    MetricsRequest::new(window, Some(interval), zone, Vec::new()).unwrap()
}

fn of_project(model: &Model, window: Window) -> impl Iterator<Item = &Session> {
    let sessions = model.sessions.iter();
    sessions
        .filter(move |(of, session)| *of == PROJECT && window.contains(session.created_at))
        .map(|(_, session)| session)
}

fn counts<'a>(sessions: impl Iterator<Item = &'a Session>) -> MetricsCounts {
    let sessions = sessions.collect::<Vec<_>>();
    let visitors = sessions.iter().map(|session| &session.profile_id);
    let count = sessions.len() as u64;
    let bounces = sessions.iter().filter(|session| session.is_bounce());
    let durations = sessions.iter().map(|session| session.duration_ms());
    let views = sessions
        .iter()
        .map(|session| u64::from(session.screen_view_count));
    MetricsCounts {
        visitors: visitors.collect::<HashSet<_>>().len() as u64,
        sessions: count,
        entries: count,
        bounces: bounces.count() as u64,
        duration_sum_ms: durations.clone().sum(),
        duration_count: durations.filter(|duration| *duration > 0).count() as u64,
        screen_views: views.sum(),
    }
}

async fn compare_metrics(store: &EventStore, model: &Model, request: MetricsRequest) {
    assert_eq!(request.mode(), MetricsMode::Sessions);
    let buckets = request.buckets().clone();
    let rows = store.metrics(scope(), request).await.unwrap();
    let sessions = || of_project(model, buckets.window());
    assert_eq!(rows.total, counts(sessions()), "in all {buckets:?}");
    let found = rows.buckets.iter().map(|row| (row.bucket, row.counts));
    let found = found.collect::<BTreeMap<_, _>>();
    for bucket in 0..buckets.count() {
        let expected = counts(
            sessions().filter(|session| buckets.bucket_of(session.created_at) == Some(bucket)),
        );
        let found = found.get(&bucket).copied().unwrap_or_default();
        assert_eq!(found, expected, "in bucket {bucket} of {buckets:?}");
    }
}

async fn compare_cities(store: &EventStore, model: &Model, window: Window) {
    let request = DimensionRequest {
        dimension: Dimension::City,
        window,
        filters: Vec::new(),
        paging: Paging::default(),
    };
    let found = store.dimension(scope(), request).await.unwrap();
    let found = found
        .into_iter()
        .map(|value| ((value.prefix, value.name), value.counts));
    let mut expected = BTreeMap::<_, SessionCounts>::new();
    for session in of_project(model, window) {
        let place = (session.place.country.clone(), session.place.city.clone());
        let sum = expected.entry(place).or_default();
        *sum = *sum
            + SessionCounts {
                sessions: 1,
                bounces: session.is_bounce().into(),
                duration_sum_ms: session.duration_ms(),
                duration_count: (session.duration_ms() > 0).into(),
                screen_views: session.screen_view_count.into(),
                revenue: session.revenue,
            };
    }
    assert_eq!(found.collect::<BTreeMap<_, _>>(), expected, "in {window:?}");
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn reports_between_changes_are_those_of_the_model(
        changes in prop::collection::vec((project(), change()), 1..80),
        sizes in prop::collection::vec(1..12usize, 80),
        windows in prop::collection::vec(window(), 1..4),
    ) {
        let folder = Folder::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = folder.store();
            let mut model = Model::default();
            let mut rest = &changes[..];
            for (position, size) in (1..).zip(sizes) {
                let (now, later) = rest.split_at(size.min(rest.len()));
                let batch = Batch { position, changes: now.to_vec() };
                store.apply(batch).await.unwrap();
                for change in now {
                    model.apply(change.clone());
                }
                for window in &windows {
                    for interval in [Interval::Hour, Interval::Day] {
                        compare_metrics(&store, &model, metrics_request(*window, interval)).await;
                    }
                    compare_cities(&store, &model, *window).await;
                }
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            store.close().await;
        });
    }
}

/// Views of a session: hours after the beginning of everything, and for each view how many minutes
/// later it came, which page and which title it had. Visits of one hour are of one session, whose
/// later ones know nothing of the earlier: so it is with imports in parts.
type Visit = (i64, Vec<(i64, usize, usize)>);

fn visit() -> impl Strategy<Value = Visit> {
    let views = prop::collection::vec((0..300_i64, 0..4_usize, 0..3_usize), 1..6);
    (0..70_i64, views)
}

/// What the pipeline says of a visit, in the order of its views; or in disorder, which it notes.
fn changes_of(number: usize, (hour, views): &Visit) -> Vec<StoreChange> {
    let id = format!("s{hour}");
    let profile = format!("p{}", number % 3);
    let mut second = hour * 3_600;
    let mut seen = HashSet::new();
    let mut previous: Option<(String, i64)> = None;
    let mut changes = Vec::new();
    for (place, (minutes, page, title)) in views.iter().enumerate() {
        second += minutes * 60;
        let number = (number * 100 + place) as u128;
        let mut event = event(number, "d", &profile, second);
        event.session_id.clone_from(&id);
        event.path = ["", "/a", "/b", "/c"][*page].into();
        event.revenue = *page as u64;
        if *title > 0 {
            event.properties = [("__title".into(), format!("Title {title}"))].into();
        }
        let view = View {
            is_first: seen.insert(*page),
            previous: previous.map(|(path, at)| PreviousView {
                origin: String::new(),
                path,
                duration_ms: u64::try_from(second - at).unwrap() * 1000,
            }),
        };
        previous = Some((event.path.clone(), second));
        changes.push(StoreChange::View(Box::new(event), view));
    }
    let mut visit = session(&id, "d", &profile, hour * 3_600);
    visit.ended_at = at(second);
    visit.entry_path = ["", "/a", "/b", "/c"][views[0].1].into();
    visit.screen_view_count = u32::try_from(views.len()).unwrap();
    changes.push(of_session(visit));
    if number.is_multiple_of(5) {
        changes.push(StoreChange::Disordered(SessionSpan {
            session_id: id,
            start: at(hour * 3_600),
            end: at(second),
        }));
    }
    if number % 11 == 10 {
        changes.push(StoreChange::EraseProfile {
            profile_id: profile,
        });
    }
    changes
}

/// A filter that every page fulfils; but nobody who counts knows that.
fn any_page() -> Filter {
    let nowhere = ["/nowhere".to_owned()];
    let path = Field::Column(Column::Path);
    Filter::new(path, Operator::IsNot, &nowhere, ValueType::Text).unwrap()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn pages_by_days_are_those_that_are_counted_at_once(
        visits in prop::collection::vec(visit(), 1..25),
        size in 1..20_usize,
        windows in prop::collection::vec((0..70_i64, 1..80_i64), 1..4),
    ) {
        let folder = Folder::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = folder.store();
            let changes = visits.iter().enumerate();
            let changes = changes.flat_map(|(number, visit)| changes_of(number, visit));
            let changes = changes.collect::<Vec<_>>();
            for (position, changes) in (1..).zip(changes.chunks(size)) {
                store.apply(batch(position, changes.to_vec())).await.unwrap();
                for (hour, hours) in &windows {
                    let window = Window {
                        start: at(hour * 3_600),
                        end: at((hour + hours) * 3_600),
                    };
                    let pages = |filters| store.pages(scope(), PagesRequest {
                        window,
                        filters,
                        paging: Paging::default(),
                    });
                    let by_days = pages(Vec::new()).await.unwrap();
                    let at_once = pages(vec![any_page()]).await.unwrap();
                    prop_assert_eq!(by_days, at_once, "in {:?}", window);
                }
            }
            store.close().await;
            Ok(())
        })?;
    }
}
