//! What a store has no room in memory for.

use paneld_domain::{BotVisit, Profile, ReplayChunk};
use paneld_events::{EventsError, PeopleCopies, PeopleRows, StoreChange};

use crate::fixtures::*;

/// A profile with one text of so many mebibytes, such as nobody can send.
fn huge(id: &str, mebibytes: usize) -> Profile {
    let mut profile = Profile::new(id.to_owned(), at(0));
    profile.avatar = "v".repeat(mebibytes << 20);
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
    let file = File::new();
    let store = file.store();
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
        .copy_people(copies(1, vec![huge("ann", 1)]))
        .await
        .unwrap();
    assert_eq!(store.copied_position().await.unwrap(), 1);
    assert!(!store.is_answering());
}

/// A folder with what is on the disk now, as if the process had been killed.
fn killed(file: &File) -> File {
    let copy = File::new();
    std::fs::copy(file.path(), copy.path()).unwrap();
    assert!(std::fs::metadata(file.log()).unwrap().len() > 100 << 20);
    std::fs::copy(file.log(), copy.log()).unwrap();
    copy
}

/// Recordings of a mebibyte each.
fn recordings(indices: std::ops::Range<u16>) -> Vec<StoreChange> {
    let recordings = indices.map(|index| {
        StoreChange::Replay(ReplayChunk {
            payload: "p".repeat(1 << 20),
            ..chunk("s", index, 0)
        })
    });
    recordings.collect()
}

const RECORDINGS: &str = "SELECT count(DISTINCT chunk_index) AS chunks,
    sum(length(payload)) >> 20 AS mebibytes FROM replay_chunks";

/// Texts longer than any that can be sent, which stay in memory until a checkpoint.
fn visits(numbers: std::ops::Range<u128>) -> Vec<StoreChange> {
    let visits = numbers.map(|number| {
        StoreChange::Bot(BotVisit {
            path: "p".repeat(16 << 20),
            ..bot(number, 0)
        })
    });
    visits.collect()
}

#[tokio::test]
async fn a_batch_without_room_leaves_nothing_and_has_room_in_parts() {
    let file = File::new();
    let store = file.store();
    let error = store.apply(batch(25, visits(0..25))).await.unwrap_err();
    assert!(matches!(error, EventsError::NoRoom(_)), "{error:?}");
    assert_eq!(store.applied_position().await.unwrap(), 0);
    for part in 0..10 {
        let recordings = recordings(part * 16..(part + 1) * 16);
        let position = u64::from(part) + 1;
        store.apply(batch(position, recordings)).await.unwrap();
    }
    assert_eq!(store.applied_position().await.unwrap(), 10);
    store.close().await;
    let all = ["{'chunks': 160, 'mebibytes': 160}"];
    assert_eq!(file.ask(RECORDINGS), all);
}

/// A version before this one filled the memory with what is in the log, and was killed.
#[tokio::test]
async fn a_log_that_fills_the_memory_is_read_and_then_written() {
    let file = File::new();
    let generous = file.store_with(MEMORY * 8);
    generous.apply(batch(1, recordings(0..110))).await.unwrap();
    let killed = killed(&file);
    let store = killed.store();
    for part in 0..10 {
        let recordings = recordings(1_000 + part * 8..1_000 + (part + 1) * 8);
        let position = u64::from(part) + 2;
        store.apply(batch(position, recordings)).await.unwrap();
    }
    store.close().await;
    let all = ["{'chunks': 190, 'mebibytes': 190}"];
    assert_eq!(killed.ask(RECORDINGS), all);
}

/// A version before this one wrote rows of any width, for whose checkpoint the memory is too
/// small: with more it is made, whenever there is no other way.
#[tokio::test]
async fn rows_wider_than_the_memory_are_written_with_more() {
    let file = File::new();
    let store = file.store();
    assert_eq!(store.applied_position().await.unwrap(), 0);
    store.close().await;
    let writer = duckdb::Connection::open(file.path()).unwrap();
    writer
        .execute_batch(
            "SET checkpoint_threshold = '4GB';
            INSERT INTO replay_chunks
            SELECT 7, 's', range, now(), now(), 1, true, repeat('p', 2 << 20), 0 FROM range(100)",
        )
        .unwrap();
    let killed = killed(&file);
    let store = killed.store();
    for part in 0..4 {
        let recordings = || recordings(1_000 + part * 20..1_000 + (part + 1) * 20);
        let position = u64::from(part) + 1;
        // Whoever applies tries twice, a second apart.
        if store.apply(batch(position, recordings())).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            store.apply(batch(position, recordings())).await.unwrap();
        }
    }
    assert!(store.is_up().await);
    store.close().await;
    let all = ["{'chunks': 180, 'mebibytes': 280}"];
    assert_eq!(killed.ask(RECORDINGS), all);
}
