//! Answers.

use duckdb::arrow::{
    array::{AsArray as _, RecordBatch},
    datatypes::TimestampMillisecondType,
};
use paneld_analytics::{Column, EventColumn, EventPlace, EventsStart, Window};
use paneld_domain::Zone;
use paneld_events::{EventStore, ProfileNumbers};

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
    // More than are sorted in memory.
    let folder = Folder::new();
    fill_a_minute(&folder, 120_000, "").await;
    streams_in_order(&folder, 10, 110_000).await;
}

#[tokio::test]
async fn events_that_are_there_many_times_are_streamed_as_often() {
    let folder = Folder::new();
    fill_a_minute(&folder, 120_000, "").await;
    folder.run(
        "UPDATE events SET id = '00000000-0000-0000-0000-000000000007',
            created_at = (SELECT min(created_at) FROM events)",
    );
    streams_in_order(&folder, 0, 120_000).await;
}

/// More than twice the memory that the store may take.
#[tokio::test]
async fn large_events_are_streamed_in_order() {
    let folder = Folder::new();
    fill_a_minute(&folder, 15_000, &"x".repeat(20_000)).await;
    streams_in_order(&folder, 10, 14_000).await;
}

/// They are told apart by their ids all the same.
#[tokio::test]
async fn events_are_streamed_in_order_without_their_ids() {
    let folder = Folder::new();
    fill_a_minute(&folder, 200, "").await;
    folder.run(
        "UPDATE events SET profile_id = id::VARCHAR,
            created_at = (SELECT min(created_at) FROM events)",
    );
    let store = folder.store();
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

/// So many events of one minute, with this property.
async fn fill_a_minute(folder: &Folder, count: u64, property: &str) {
    let store = folder.store();
    let mut first = event(1, "d", "d", 0);
    first.properties = [("text".into(), property.into())].into();
    store.apply(batch(1, [of_event(first)])).await.unwrap();
    store.close().await;
    folder.run(&format!(
        "INSERT INTO events SELECT e.* REPLACE (gen_random_uuid() AS id,
            make_timestamp_ms(epoch_ms(e.created_at) + (range * 7919) % 20000) AS created_at)
        FROM events e, range({})",
        count - 1
    ));
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

async fn streams_in_order(folder: &Folder, offset: u64, limit: u64) {
    let order = format!(
        "SELECT epoch_ms(created_at) || ' ' || id FROM events
        ORDER BY created_at DESC, id OFFSET {offset} LIMIT {limit}"
    );
    let expected = {
        let connection = duckdb::Connection::open(folder.file()).unwrap();
        let mut statement = connection.prepare(&order).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0));
        rows.unwrap().map(Result::unwrap).collect::<Vec<_>>()
    };
    let store = folder.store();
    let query = EventsQuery {
        limit,
        start: EventsStart::Offset(offset),
        ..all()
    };
    let columns = [
        EventColumn::One(Column::CreatedAt),
        EventColumn::One(Column::Id),
        EventColumn::Properties,
    ];
    let mut found = Vec::new();
    each_batch(&store, query, &columns, |rows| {
        let times = rows.column(0).as_primitive::<TimestampMillisecondType>();
        let ids = rows.column(1).as_string::<i32>();
        let rows = times.values().iter().zip(ids.iter());
        found.extend(rows.map(|(time, id)| format!("{time} {}", id.unwrap())));
    })
    .await;
    assert_eq!(found.len(), expected.len());
    assert!(found == expected, "another order");
}
