//! Rows as wide as anybody can send them.

use std::collections::BTreeMap;

use paneld_analytics::{
    Column, EventColumn, EventsRequest, GroupsRequest, Paging, ProfilesRequest, Shown, SortOrder,
    Window,
};
use paneld_domain::{Event, Group, Profile, ProjectKey, ReplayChunk};
use paneld_events::{
    Batch, EventStore, PeopleCopies, PeopleRows, StoreChange,
    arrow::array::{Array, AsArray as _, RecordBatch},
};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};

use crate::fixtures::*;

type Texts = BTreeMap<String, String>;

/// Properties of which each has so many bytes of value.
fn properties(sizes: impl IntoIterator<Item = usize>) -> Texts {
    let sizes = sizes.into_iter().enumerate();
    let property = |(number, size)| (format!("k{number}"), format!("{number:x}").repeat(size));
    sizes.map(property).collect()
}

/// Most are narrow, some are wider than a row by a little, and some by much.
fn widths() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        prop::collection::vec(0..40_usize, 0..20),
        prop::collection::vec(0..900_usize, 0..60),
        prop::collection::vec(prop_oneof![0..40_usize, 4_000..8_192_usize], 0..40),
    ]
}

fn ids() -> impl Strategy<Value = Vec<String>> {
    let id = |number: usize| format!("g{number} {}", "🦆".repeat(60));
    prop_oneof![Just(0), 0..5_usize, 60..300_usize]
        .prop_map(move |count| (0..count).rev().map(id).collect())
}

fn everything<T>(sample: impl Strategy<Value = T>, count: usize) -> Vec<T> {
    let mut runner = TestRunner::new(Config::default());
    let mut value = || sample.new_tree(&mut runner).unwrap().current();
    (0..count).map(|_| value()).collect()
}

fn newest_first(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_key(|event| (std::cmp::Reverse(event.created_at), event.id));
    events
}

pub(crate) async fn found(store: &EventStore) -> Vec<Event> {
    let request = EventsRequest {
        window: Window::everything(),
        names: Vec::new(),
        columns: Vec::new(),
        properties: Default::default(),
        filters: Vec::new(),
        paging: Paging::first(1_000),
    };
    store.find_events(scope(), request).await.unwrap()
}

/// The ids, properties and groups that an export tells.
async fn exported(store: &EventStore) -> Vec<(String, Texts, Vec<String>)> {
    let columns = vec![
        EventColumn::Groups,
        EventColumn::One(Column::Id),
        EventColumn::Properties,
    ];
    let mut batches = store
        .stream_events(scope(), all().request(), columns, true)
        .await
        .unwrap();
    let mut rows = Vec::new();
    while let Some(batch) = batches.next().await.unwrap() {
        rows.extend((0..batch.num_rows()).map(|row| exported_row(&batch, row)));
    }
    rows
}

fn exported_row(batch: &RecordBatch, row: usize) -> (String, Texts, Vec<String>) {
    let texts = |array: &dyn Array| {
        let texts = array.as_string::<i32>().iter();
        texts
            .map(|text| text.unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let map = batch.column(2).as_map().value(row);
    let properties = texts(map.column(0)).into_iter().zip(texts(map.column(1)));
    (
        batch.column(1).as_string::<i32>().value(row).to_owned(),
        properties.collect(),
        texts(&batch.column(0).as_list::<i32>().value(row)),
    )
}

fn wide_events(count: usize) -> Vec<Event> {
    let rows = everything((widths(), ids(), 0..5_i64), count);
    let rows = (0..).zip(rows);
    let events = rows.map(|(number, (widths, groups, second))| Event {
        properties: properties(widths),
        groups,
        // An id may be there twice.
        ..event(number / 2, "d", ["ann", "bob"][number as usize % 2], second)
    });
    events.collect()
}

#[tokio::test]
async fn events_of_any_width_come_back_the_same() {
    let folder = Folder::new();
    let store = folder.store();
    let events = wide_events(60);
    let changes = events.iter().cloned().map(of_event).collect::<Vec<_>>();
    let (first, second) = changes.split_at(25);
    store.apply(batch(1, first.to_vec())).await.unwrap();
    store.apply(batch(2, second.to_vec())).await.unwrap();

    let key = |event: &Event| (event.created_at, event.id, event.profile_id.clone());
    let sorted = |mut events: Vec<Event>| {
        events.sort_by_key(key);
        events
    };
    let expected = sorted(events.clone());
    assert_eq!(sorted(found(&store).await), expected);
    assert_eq!(sorted(all().list(&store).await.rows), expected);
    for profile in ["ann", "bob"] {
        let of_profile = store.profile_events(PROJECT, profile.into(), 100).await;
        let expected = expected.iter().filter(|event| event.profile_id == profile);
        let expected = expected.cloned().collect();
        assert_eq!(of_profile.unwrap(), newest_first(expected));
    }
    let row = |event: &Event| {
        let id = event.id.to_string();
        (id, event.properties.clone(), event.groups.clone())
    };
    let mut exported = exported(&store).await;
    let mut rows = expected.iter().map(row).collect::<Vec<_>>();
    exported.sort();
    rows.sort();
    assert_eq!(exported, rows);
    store.close().await;
}

/// An event as wide as one can be.
pub(crate) fn full_wide(number: u128) -> Event {
    Event {
        properties: properties((0..64).map(|place| if place < 10 { 16_000 } else { 8_000 })),
        groups: (0..500).map(|number| format!("{number:0255}")).collect(),
        ..event(number, "ann's", "ann", 0)
    }
}

fn erase(profile: &str) -> StoreChange {
    StoreChange::EraseProfile {
        profile_id: profile.into(),
    }
}

/// What is removed is gone from all tables, and what is not is as it was.
#[tokio::test]
async fn what_has_no_room_in_a_row_goes_with_it() {
    let forget = StoreChange::Forget {
        events_before: Some(at(1)),
        replays_before: at(1),
    };
    for removal in [erase("ann"), forget, StoreChange::Purge] {
        let folder = Folder::new();
        let store = folder.store();
        let recording = |payload: &str| {
            StoreChange::Replay(ReplayChunk {
                payload: payload.into(),
                ..chunk("s", 0, 0)
            })
        };
        let mut event = full_wide(1);
        event.session_id = "s".into();
        let changes = [of_event(event.clone()), recording(&"🦆".repeat(9_000))];
        store.apply(batch(1, changes)).await.unwrap();
        let elsewhere = Batch {
            position: 2,
            changes: vec![(OTHER, of_event(event.clone()))],
        };
        store.apply(elsewhere).await.unwrap();
        store.apply(batch(3, [removal.clone()])).await.unwrap();
        assert_eq!(found(&store).await, []);
        assert_eq!(store.list_projects().await.unwrap(), [OTHER].into());
        let purge = Batch {
            position: 4,
            changes: vec![(OTHER, StoreChange::Purge)],
        };
        store.apply(purge).await.unwrap();
        assert_eq!(store.list_projects().await.unwrap(), [].into());
        store.close().await;
        assert_eq!(folder.rests(), [""; 0], "{removal:?}");
        assert_eq!(folder.rows("replay_chunks", &["session_id"]), [""; 0]);
    }
}

fn profile(id: &str) -> Profile {
    let mut profile = Profile::new(id.into(), at(0));
    profile.properties = properties((0..60).map(|place| place * 60));
    profile.groups = (0..500).map(|number| format!("{number:0255}")).collect();
    profile
}

fn group(id: &str) -> Group {
    let mut group = Group::new(id.into(), at(0));
    group.properties = properties((0..60).map(|place| place * 60));
    group
}

pub(crate) fn people(position: u64, ids: &[&str]) -> PeopleCopies {
    let keys = ids.iter().map(|id| (PROJECT, (*id).to_owned()));
    PeopleCopies {
        position: Some(position),
        profile_ids: keys.clone().collect(),
        group_ids: keys.collect(),
        rows: PeopleRows {
            profiles: ids.iter().map(|id| (PROJECT, profile(id))).collect(),
            groups: ids.iter().map(|id| (PROJECT, group(id))).collect(),
        },
        ..PeopleCopies::default()
    }
}

async fn profiles(store: &EventStore) -> Vec<Shown<Profile>> {
    let request = ProfilesRequest {
        words: Vec::new(),
        email: None,
        properties: Default::default(),
        inactive_since: None,
        sessions: None,
        performed: None,
        filters: Vec::new(),
        order: SortOrder::Ascending,
        paging: Paging::first(1_000),
    };
    store.list_profiles(scope(), request).await.unwrap()
}

async fn groups(store: &EventStore) -> Vec<Shown<Group>> {
    let request = GroupsRequest {
        kind: None,
        search: None,
        paging: Paging::first(1_000),
    };
    store.list_groups(PROJECT, request).await.unwrap()
}

fn whole<T>(row: T) -> Shown<T> {
    Shown { row, is_cut: false }
}

#[tokio::test]
async fn people_of_any_width_come_back_the_same_and_go_whole() {
    let folder = Folder::new();
    let store = folder.store();
    // What is copied again takes the place of what was there.
    for position in 1..3 {
        let copies = people(position, &["ann", "bob"]);
        store.copy_people(copies).await.unwrap();
    }
    let expected = ["ann", "bob"].map(|id| whole(profile(id)));
    assert_eq!(profiles(&store).await, expected);
    let members = store.group_members(PROJECT, format!("{:0255}", 3), 10);
    let members = members.await.unwrap();
    assert_eq!((members.count, members.newest.len()), (2, 2));
    assert!(members.newest.iter().all(|one| expected.contains(one)));
    let expected = ["bob", "ann"].map(|id| whole(group(id)));
    assert_eq!(groups(&store).await, expected);

    // New copies take the place of all.
    let new = store.begin_new_copies().await.unwrap();
    new.add(people(3, &["ann"]).rows).await.unwrap();
    new.finish(None, Some(3)).await.unwrap();
    assert_eq!(profiles(&store).await, [whole(profile("ann"))]);
    assert_eq!(groups(&store).await, [whole(group("ann"))]);

    let gone = PeopleCopies {
        rows: PeopleRows::default(),
        ..people(4, &["ann"])
    };
    store.copy_people(gone).await.unwrap();
    assert_eq!(profiles(&store).await, []);
    store.copy_people(people(5, &["bob"])).await.unwrap();
    let purge = PeopleCopies {
        position: Some(6),
        purged: vec![PROJECT],
        ..PeopleCopies::default()
    };
    store.copy_people(purge).await.unwrap();
    assert_eq!(store.list_projects().await.unwrap(), [].into());
    store.close().await;
    assert_eq!(folder.rests(), [""; 0]);
}

/// A page of profiles shows as much as an answer has room for, and says what it cut.
#[tokio::test]
async fn of_many_wide_people_as_many_are_whole_as_an_answer_has_room_for() {
    let folder = Folder::new();
    let store = folder.store();
    let ids = (0..60).map(|number| format!("{number:03}"));
    let ids = ids.collect::<Vec<_>>();
    let ids = ids.iter().map(String::as_str).collect::<Vec<_>>();
    store.copy_people(people(1, &ids)).await.unwrap();
    let shown = profiles(&store).await;
    assert_eq!(shown.len(), 60);
    let is_whole = |one: &&Shown<Profile>| !one.is_cut;
    let count = shown.iter().take_while(is_whole).count();
    assert!((20..59).contains(&count), "{count}");
    for (one, id) in shown.iter().zip(&ids).take(count) {
        assert_eq!(one.row, profile(id));
    }
    assert!(shown.iter().skip(count).all(|one| one.is_cut));
}

/// An event of a mebibyte.
fn mebibyte(number: u128) -> Event {
    Event {
        properties: (0..64)
            .map(|key| (format!("k{key}"), format!("{key:016}").repeat(1_000)))
            .collect(),
        ..event(number, "d", "x", 0)
    }
}

async fn ask_neighbour(store: &EventStore) {
    let neighbours = |number| Event {
        properties: [("plan".to_owned(), "pro".to_owned())].into(),
        ..event(number, "n", "ann", 0)
    };
    let request = EventsRequest {
        window: Window::everything(),
        names: Vec::new(),
        columns: Vec::new(),
        properties: [("plan".to_owned(), "pro".to_owned())].into(),
        filters: Vec::new(),
        paging: Paging::first(10),
    };
    let scope = paneld_events::Scope {
        key: OTHER,
        id: "neighbour".parse().unwrap(),
    };
    let found = store.find_events(scope, request).await.unwrap();
    assert_eq!(found.len(), 10);
    assert!(found.contains(&neighbours(0)));
}

fn small(position: u64) -> (ProjectKey, StoreChange) {
    let event = Event {
        properties: [("plan".to_owned(), "pro".to_owned())].into(),
        ..event(u128::from(position), "n", "ann", 0)
    };
    (OTHER, of_event(event))
}

/// In DuckDB, a hundred and sixty rows of a mebibyte were enough to make a checkpoint impossible
/// for ever.
#[tokio::test]
async fn a_store_with_rows_of_any_width_stays_up() {
    let folder = Folder::new();
    let store = folder.store();
    let small = Batch {
        position: 1,
        changes: (0..10).map(small).collect(),
    };
    store.apply(small).await.unwrap();
    for part in 0..10_u64 {
        let numbers = u128::from(part) * 16..u128::from(part + 1) * 16;
        let events = numbers.map(|number| of_event(mebibyte(number)));
        let chunks = (0..4).map(|index| {
            StoreChange::Replay(ReplayChunk {
                payload: "r".repeat(4 << 20),
                ..chunk(&format!("s{part}"), index, 0)
            })
        });
        let changes = events.chain(chunks).collect::<Vec<_>>();
        store.apply(batch(part + 2, changes)).await.unwrap();
        let ids = (0..40).map(|number| format!("{part} {number}"));
        let ids = ids.collect::<Vec<_>>();
        let ids = ids.iter().map(String::as_str).collect::<Vec<_>>();
        store.copy_people(people(part + 1, &ids)).await.unwrap();
    }
    store.checkpoint().await.unwrap();
    ask_neighbour(&store).await;
    store.close().await;
    let store = folder.store();
    ask_neighbour(&store).await;
    assert_eq!(store.count_events().await.unwrap()[&PROJECT], 160);
    let mut newest = all();
    newest.limit = 3;
    assert_eq!(newest.list(&store).await.rows[0], mebibyte(0));
    // Of one moment: the export has to cut them by their bytes.
    let exported = exported(&store).await;
    assert_eq!(exported.len(), 160);
    assert_eq!(exported[159].1, mebibyte(0).properties);
    store.apply(batch(100, [erase("x")])).await.unwrap();
    if let Some(removals) = store.removals(at(0)).await.unwrap() {
        store.compact(removals).await.unwrap();
    }
    ask_neighbour(&store).await;
    assert!(store.is_up().await);
}
