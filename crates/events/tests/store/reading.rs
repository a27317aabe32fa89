//! Answers.

use std::cmp::Reverse;

use paneld_analytics::{Column, EventColumn, EventPlace, EventsStart, Window};
use paneld_domain::{Event, Zone};
use paneld_events::{
    EventStore, ProfileNumbers,
    arrow::{
        array::{AsArray as _, RecordBatch},
        datatypes::TimestampMillisecondType,
    },
};
use uuid::Uuid;

use crate::fixtures::*;

async fn numbers(store: &EventStore, query: EventsQuery) -> (Vec<u128>, u64) {
    let page = query.list(store).await;
    let rows = page.rows.iter();
    (rows.map(|event| event.id.as_u128()).collect(), page.total)
}

#[tokio::test]
async fn events_are_listed_newest_first_then_by_id_and_in_pages() {
    let folder = Folder::new();
    let store = folder.store();
    let high = 0xffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff;
    let events = [(high, 1), (2, 1), (3, 0), (4, 2), (1, 1)];
    let events = events.map(|(number, second)| of_event(event(number, "d", "d", second)));
    store.apply(batch(1, events)).await.unwrap();
    assert_eq!(numbers(&store, all()).await, (vec![4, 1, 2, high, 3], 5));
    let page = EventsQuery {
        limit: 2,
        start: EventsStart::Offset(3),
        ..all()
    };
    assert_eq!(numbers(&store, page).await, (vec![high, 3], 5));
    let beyond = EventsQuery {
        start: EventsStart::Offset(9),
        ..all()
    };
    assert_eq!(numbers(&store, beyond).await, (vec![], 5));
    let behind = |number| EventsQuery {
        limit: 2,
        start: EventsStart::Behind(EventPlace {
            created_at: at(1),
            id: number,
        }),
        ..all()
    };
    assert_eq!(numbers(&store, behind(1)).await, (vec![2, high], 5));
    assert_eq!(numbers(&store, behind(high)).await, (vec![3], 5));
    assert!(behind(1).list(&store).await.has_more);
    assert!(!behind(2).list(&store).await.has_more);
}

#[tokio::test]
async fn conditions_are_met_all_together() {
    let folder = Folder::new();
    let store = folder.store();
    let mut named = event(9, "d", "d", 2);
    named.name = "it's".into();
    let events = (0..4).map(|number| event(number, "d", "d", i64::try_from(number).unwrap()));
    let changes = events.chain([named]).map(of_event);
    let mut batch = batch(1, changes);
    batch
        .changes
        .push((OTHER, of_event(event(99, "d", "d", 2))));
    store.apply(batch).await.unwrap();
    let window = EventsQuery {
        window: Window {
            start: at(1),
            end: at(3),
        },
        ..all()
    };
    assert_eq!(numbers(&store, window.clone()).await, (vec![2, 9, 1], 3));
    let names = EventsQuery {
        names: vec!["it's".into(), "nobody's".into()],
        ..window
    };
    assert_eq!(numbers(&store, names).await, (vec![9], 1));
}

#[tokio::test]
async fn a_profile_has_its_events_and_those_of_nobody_on_its_devices() {
    let folder = Folder::new();
    let store = folder.store();
    let events = [
        event(1, "d1", "d1", 1),
        event(2, "d1", "ann", 2),
        event(3, "d1", "bob", 3),
        event(4, "d2", "d2", 4),
        event(5, "", "ann", 5),
        event(6, "", "", 6),
    ];
    let mut batch = batch(1, events.map(of_event));
    // The same device elsewhere is another one.
    batch
        .changes
        .push((OTHER, of_event(event(7, "d2", "ann", 7))));
    store.apply(batch).await.unwrap();
    let of = |profile: &str| EventsQuery {
        profile_id: Some(profile.into()),
        ..all()
    };
    assert_eq!(numbers(&store, of("ann")).await, (vec![5, 2, 1], 3));
    assert_eq!(numbers(&store, of("d2")).await, (vec![4], 1));
    assert_eq!(numbers(&store, of("nobody")).await, (vec![], 0));
    let own = store
        .profile_events(PROJECT, "ann".into(), 1)
        .await
        .unwrap();
    assert_eq!(own, [event(5, "", "ann", 5)]);
}

#[tokio::test]
async fn live_visitors_are_distinct_and_recent() {
    let folder = Folder::new();
    let store = folder.store();
    let events = [
        event(1, "d1", "d1", -1),
        event(2, "d2", "d2", 0),
        event(3, "d2", "ann", 1),
        event(4, "d2", "ann", 2),
        event(5, "", "", 3),
    ];
    store.apply(batch(1, events.map(of_event))).await.unwrap();
    let since = |start| Window {
        start,
        end: Window::everything().end,
    };
    let visitors = store.count_visitors(PROJECT, since(at(0))).await;
    assert_eq!(visitors.unwrap(), 2);
    let visitors = store.count_visitors(OTHER, since(at(0))).await;
    assert_eq!(visitors.unwrap(), 0);
}

#[tokio::test]
async fn events_are_counted_by_project() {
    let folder = Folder::new();
    let store = folder.store();
    let mut batch = batch(1, [1, 2].map(|number| of_event(event(number, "", "", 0))));
    batch.changes.push((OTHER, of_event(event(3, "", "", 0))));
    store.apply(batch).await.unwrap();
    let counts = store.count_events().await.unwrap();
    assert_eq!(counts, [(PROJECT, 2), (OTHER, 1)].into());
}

#[tokio::test]
async fn a_profile_is_counted() {
    let folder = Folder::new();
    let store = folder.store();
    let day = 24 * 60 * 60;
    let events = [
        ("session_start", 0, 0, 0),
        ("screen_view", 0, 0, 1),
        ("revenue", 250, 0, 2),
        ("session_end", 0, 1000, 3),
        ("session_end", 0, 2000, day),
        ("session_end", 0, 0, day),
        ("signup", 9, 9, 3 * day),
    ];
    let events = (1..).zip(events).map(|(number, row)| {
        let (name, revenue, duration, second) = row;
        let mut event = event(number, "d", "ann", second);
        event.name = name.into();
        event.revenue = revenue;
        event.duration_ms = duration;
        of_event(event)
    });
    let mut long = session("long", "d", "ann", 0);
    long.screen_view_count = 2;
    let sessions = [session("short", "d", "ann", 0), long].map(of_session);
    let changes = events.chain(sessions);
    store.apply(batch(1, changes)).await.unwrap();
    let utc: Zone = "UTC".parse().unwrap();
    let numbers = store
        .profile_numbers(PROJECT, "ann".into(), utc)
        .await
        .unwrap();
    let expected = ProfileNumbers {
        events: 7,
        session_starts: 1,
        screen_views: 1,
        conversions: 2,
        active_days: 3,
        mean_session_ms: Some(1500.0),
        p90_session_ms: Some(1900.0),
        revenue: 250,
        sessions: 2,
        bounces: 1,
    };
    assert_eq!(numbers, expected);
    let none = store
        .profile_numbers(PROJECT, "bob".into(), utc)
        .await
        .unwrap();
    assert_eq!(none, ProfileNumbers::default());
}

#[tokio::test]
async fn a_crowded_minute_is_streamed_in_order() {
    streams_in_order(20_000, |number, event| Event {
        id: Uuid::from_u128(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)),
        ..event
    })
    .await;
}

#[tokio::test]
async fn events_that_are_there_many_times_are_streamed_as_often() {
    streams_in_order(20_000, |_, event| Event {
        id: Uuid::from_u128(7),
        created_at: at(0),
        ..event
    })
    .await;
}

#[tokio::test]
async fn large_events_are_streamed_in_order() {
    let large = "x".repeat(20_000);
    streams_in_order(1_000, |_, event| Event {
        properties: [("text".into(), large.clone())].into(),
        ..event
    })
    .await;
}

/// They are told apart by their ids all the same.
#[tokio::test]
async fn events_are_streamed_in_order_without_their_ids() {
    let folder = Folder::new();
    let store = folder.store();
    // In another order than that of the ids.
    let events = (0..200).map(|number| (number * 77) % 200);
    let events = events.map(|number| of_event(event(number, "d", &format!("{number:03}"), 0)));
    store.apply(batch(1, events)).await.unwrap();
    let mut found = Vec::new();
    let columns = [EventColumn::One(Column::ProfileId)];
    each_batch(&store, all(), &columns, |rows| {
        let ids = rows.column(0).as_string::<i32>();
        found.extend(ids.iter().map(|id| id.unwrap().to_owned()));
    })
    .await;
    assert_eq!(found.len(), 200);
    assert!(found.is_sorted(), "another order");
}

/// So many events within twenty seconds are streamed but for the newest few.
async fn streams_in_order(count: u128, change: impl Fn(u128, Event) -> Event) {
    let folder = Folder::new();
    let store = folder.store();
    let events = (0..count).map(|number| {
        let millis = chrono::TimeDelta::milliseconds((number * 7_919 % 20_000) as i64);
        let mut event = event(number, "d", "d", 0);
        event.created_at += millis;
        change(number, event)
    });
    let events = events.collect::<Vec<_>>();
    for (position, events) in (1..).zip(events.chunks(5_000)) {
        let changes = events.iter().cloned().map(of_event);
        store.apply(batch(position, changes)).await.unwrap();
    }
    let mut expected = events
        .iter()
        .map(|event| {
            (
                Reverse(event.created_at.timestamp_millis()),
                event.id.to_string(),
            )
        })
        .collect::<Vec<_>>();
    expected.sort();
    expected.drain(..10);
    let query = EventsQuery {
        limit: expected.len() as u64,
        start: EventsStart::Offset(10),
        ..all()
    };
    let found = streamed(&store, query).await;
    assert_eq!(found.len(), expected.len());
    assert!(found == expected, "another order");
}

/// The moments, in milliseconds, and ids of events as they are streamed.
pub(crate) async fn streamed(
    store: &EventStore,
    query: EventsQuery,
) -> Vec<(Reverse<i64>, String)> {
    let columns = [
        EventColumn::One(Column::CreatedAt),
        EventColumn::One(Column::Id),
        EventColumn::Properties,
    ];
    let mut found = Vec::new();
    each_batch(store, query, &columns, |rows| {
        let times = rows.column(0).as_primitive::<TimestampMillisecondType>();
        let ids = rows.column(1).as_string::<i32>();
        let rows = times.values().iter().zip(ids.iter());
        found.extend(rows.map(|(time, id)| (Reverse(*time), id.unwrap().to_owned())));
    })
    .await;
    found
}

/// Looks at what is streamed, part by part.
async fn each_batch(
    store: &EventStore,
    query: EventsQuery,
    columns: &[EventColumn],
    mut look: impl FnMut(&RecordBatch),
) {
    let streamed = store.stream_events(scope(), query.request(), columns.to_vec(), false);
    let mut batches = streamed.await.unwrap();
    while let Some(rows) = batches.next().await.unwrap() {
        assert_eq!(rows.num_columns(), columns.len());
        look(&rows);
    }
}
