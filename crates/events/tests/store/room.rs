//! What a store has no room in memory for.

use paneld_domain::{BotVisit, Profile};
use paneld_events::{EventStore, EventsError, EventsUrl, PeopleCopies, PeopleRows, StoreChange};

use crate::fixtures::*;

/// A profile of so many mebibytes, such as a version before there were bounds let grow.
fn huge(id: &str, mebibytes: usize) -> Profile {
    let mut profile = Profile::new(id.to_owned(), at(0));
    profile.properties = (0..mebibytes * 64)
        .map(|key| (format!("k{key}"), "v".repeat(16 << 10)))
        .collect();
    profile
}

fn copies(position: u64, profiles: Vec<Profile>) -> PeopleCopies {
    let profiles = profiles.into_iter().map(|row| (PROJECT, row));
    PeopleCopies {
        position: Some(position),
        rows: PeopleRows {
            profiles: profiles.collect(),
            ..PeopleRows::default()
        },
        ..PeopleCopies::default()
    }
}

#[tokio::test]
async fn what_has_no_room_is_told_so_and_the_store_is_there_as_before() {
    let folder = Folder::new();
    let store = folder.store();
    store
        .apply(batch(1, [of_event(full_event())]))
        .await
        .unwrap();
    for _ in 0..2 {
        let refused = store.copy_people(copies(1, vec![huge("ann", 200)])).await;
        let error = refused.unwrap_err();
        assert!(matches!(error, EventsError::NoRoom(_)), "{error:?}");
        assert!(store.is_up().await);
        assert_eq!(store.count_events().await.unwrap()[&PROJECT], 1);
    }
    assert_eq!(store.copied_position().await.unwrap(), 0);
    store
        .copy_people(copies(1, vec![huge("ann", 0)]))
        .await
        .unwrap();
    assert_eq!(store.copied_position().await.unwrap(), 1);
    assert!(!store.is_answering());
}

fn visits(numbers: std::ops::Range<u128>) -> Vec<StoreChange> {
    let visits = numbers.map(|number| {
        StoreChange::Bot(BotVisit {
            path: "p".repeat(1 << 20),
            ..bot(number, 0)
        })
    });
    visits.collect()
}

/// Long texts stay in memory until a checkpoint.
#[tokio::test]
async fn a_batch_without_room_leaves_nothing_and_has_room_in_parts() {
    let folder = Folder::new();
    let store = folder.store();
    let error = store.apply(batch(400, visits(0..400))).await.unwrap_err();
    assert!(matches!(error, EventsError::NoRoom(_)), "{error:?}");
    assert_eq!(store.applied_position().await.unwrap(), 0);
    for part in 0..50 {
        let visits = visits(part * 8..(part + 1) * 8);
        let position = u64::try_from(part).unwrap() + 1;
        store.apply(batch(position, visits)).await.unwrap();
    }
    assert_eq!(store.applied_position().await.unwrap(), 50);
    store.close().await;
    let count = "SELECT count(DISTINCT id) AS visits FROM bot_visits";
    assert_eq!(folder.ask(count), ["{'visits': 400}"]);
}

/// A version before this one filled the memory with what is in the log, and was killed.
#[tokio::test]
async fn a_log_that_fills_the_memory_is_read_and_then_written() {
    let folder = Folder::new();
    let generous = EventStore::new(
        &EventsUrl::DuckDb(folder.file()),
        &folder.temp(),
        MEMORY * 8,
    );
    generous.apply(batch(1, visits(0..110))).await.unwrap();
    let log = folder.file().with_extension("duckdb.wal");
    let (file, copy) = (folder.file(), Folder::new());
    assert!(std::fs::metadata(&log).unwrap().len() > 100 << 20);
    std::fs::copy(&file, copy.file()).unwrap();
    std::fs::copy(&log, copy.file().with_extension("duckdb.wal")).unwrap();
    let store = copy.store();
    for part in 0..10 {
        let first = 1_000 + part * 8;
        let position = u64::try_from(part).unwrap() + 2;
        let applied = store.apply(batch(position, visits(first..first + 8))).await;
        applied.unwrap();
    }
    store.close().await;
    let count = "SELECT count(DISTINCT id) AS visits FROM bot_visits";
    assert_eq!(copy.ask(count), ["{'visits': 190}"]);
}
