//! Writing the file anew, so that nothing is left of what was removed.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use paneld_domain::{Profile, Timestamp};
use paneld_events::{EventStore, EventsError, PeopleCopies, PeopleRows, StoreChange};

use crate::fixtures::*;

/// Names the file to the other process.
const FILE: &str = "PANELD_TEST_COMPACTED_FILE";

/// Texts of Ann that nobody else has.
const SECRETS: [&str; 5] = [
    "ann@secret.example",
    "Annabella",
    "a-property-of-ann",
    "device-of-ann",
    "recorded-of-ann",
];

/// The tables that have rows of the spool.
const ROWS: [&str; 8] = [
    "events",
    "sessions",
    "bot_visits",
    "replay_chunks",
    "profiles",
    "groups",
    "visitors",
    "pages",
];

/// The tables as they are declared.
const TABLES: &str = "SELECT table_name, column_name, column_index, column_default, data_type,
    is_nullable FROM duckdb_columns() WHERE NOT internal";

fn erase_ann() -> StoreChange {
    StoreChange::EraseProfile {
        profile_id: "ann".into(),
    }
}

fn profile(id: &str, first_name: &str, email: &str) -> Profile {
    Profile {
        first_name: first_name.into(),
        email: email.into(),
        ..Profile::new(id.into(), at(0))
    }
}

fn people(position: u64, rows: &[Profile]) -> PeopleCopies {
    PeopleCopies {
        position: Some(position),
        profile_ids: vec![(PROJECT, "ann".into()), (PROJECT, "bob".into())],
        rows: PeopleRows {
            profiles: rows.iter().map(|row| (PROJECT, row.clone())).collect(),
            ..PeopleRows::default()
        },
        ..PeopleCopies::default()
    }
}

/// What Ann and Bob did, many of them many times, so that there is more than one row group.
async fn fill(store: &EventStore) {
    let mut changes = Vec::new();
    for number in 0..6_000_u32 {
        let who = if number % 50 == 0 { "ann" } else { "bob" };
        let mut event = event(
            u128::from(number) + 1,
            &format!("device-of-{who}"),
            who,
            number.into(),
        );
        event.session_id = format!("session {} of {who}", number / 10);
        event.path = format!("/{}", number % 7);
        event.properties = [("secret".into(), format!("a-property-of-{who}"))].into();
        changes.push(of_event(event));
    }
    for who in ["ann", "bob"] {
        let id = format!("session 0 of {who}");
        changes.push(of_session(session(
            &id,
            &format!("device-of-{who}"),
            who,
            0,
        )));
        let mut chunk = chunk(&id, 0, 0);
        chunk.payload = format!("recorded-of-{who}");
        changes.push(StoreChange::Replay(chunk));
        changes.push(StoreChange::Bot(bot(1, 0)));
    }
    store.apply(batch(1, changes)).await.unwrap();
    let ann = profile("ann", "Annabella", "ann@secret.example");
    let bob = profile("bob", "Bobby", "bob@shop.example");
    store
        .copy_people(people(1, &[ann, bob.clone()]))
        .await
        .unwrap();
    store.checkpoint().await.unwrap();
    store.apply(batch(2, [erase_ann()])).await.unwrap();
    store.copy_people(people(2, &[bob])).await.unwrap();
    store.checkpoint().await.unwrap();
}

/// Which of Ann's texts are in some file of the folder.
fn found(folder: &Path) -> Vec<&'static str> {
    let mut bytes = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                bytes.extend(std::fs::read(path).unwrap());
            }
        }
    }
    let is_there = |secret: &&str| {
        let mut windows = bytes.windows(secret.len());
        windows.any(|window| window == secret.as_bytes())
    };
    SECRETS.into_iter().filter(is_there).collect()
}

/// Everything in the file, in its order.
fn content(file: &File) -> Vec<Vec<String>> {
    let rows = |table| format!("SELECT row_number() OVER (ORDER BY rowid), * FROM {table}");
    let mut content = ROWS.map(|table| file.ask(&rows(table))).to_vec();
    content.push(file.ask("SELECT * FROM applied, schema_version"));
    content
}

async fn compact(store: &EventStore) {
    let removals = store.removals(at(0)).await.unwrap().unwrap();
    store.compact(removals).await.unwrap();
    assert_eq!(store.removals(at(0)).await.unwrap(), None);
}

#[tokio::test]
async fn nothing_is_left_of_what_was_removed_and_everything_of_the_rest() {
    let file = File::new();
    let store = file.store();
    assert_eq!(store.removals(at(0)).await.unwrap(), None);
    fill(&store).await;
    store.close().await;
    assert_eq!(found(file.folder()), SECRETS, "the test finds nothing");
    let (before, tables) = (content(&file), file.ask(TABLES));

    let store = file.store();
    compact(&store).await;
    // It goes on as if nothing had been.
    assert_eq!(store.applied_position().await.unwrap(), 2);
    assert_eq!(store.copied_position().await.unwrap(), 2);
    assert_eq!(store.count_events().await.unwrap()[&PROJECT], 5_880);
    assert_eq!(found(file.folder()), Vec::<&str>::new());
    store.close().await;
    assert_eq!(content(&file), before);
    assert_eq!(file.ask(TABLES), tables);
    assert_eq!(file.wrong_numbers(), Vec::<String>::new());

    let store = file.store();
    let again = event(10_000, "device-of-bob", "bob", 9_000);
    store.apply(batch(3, [of_event(again)])).await.unwrap();
    assert_eq!(store.count_events().await.unwrap()[&PROJECT], 5_881);
    store.close().await;
    assert_eq!(file.wrong_numbers(), Vec::<String>::new());
    assert_eq!(found(file.folder()), Vec::<&str>::new());
}

#[tokio::test]
async fn removals_are_counted_until_the_file_is_written_anew() {
    let file = File::new();
    let store = file.store();
    let forget = |before| StoreChange::Forget {
        events_before: Some(before),
        replays_before: before,
    };
    let harmless = [of_event(event(1, "d", "bob", 0)), forget(at(-9))];
    store.apply(batch(1, harmless)).await.unwrap();
    assert_eq!(store.removals(at(0)).await.unwrap(), None);
    let mut store = store;
    for (position, removal) in (2..).zip([erase_ann(), forget(at(9)), StoreChange::Purge]) {
        store.apply(batch(position, [removal])).await.unwrap();
        let seen = at(position.cast_signed());
        let removals = store.removals(seen).await.unwrap().unwrap();
        assert_eq!(removals.since, seen);
        // It is the first time that counts, also after a restart.
        store.close().await;
        store = file.store();
        assert_eq!(store.removals(at(99)).await.unwrap(), Some(removals));
        store.compact(removals).await.unwrap();
        assert_eq!(store.removals(at(99)).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_removal_after_others_were_seen_is_still_to_be_done() {
    let file = File::new();
    let store = file.store();
    store.apply(batch(1, [erase_ann()])).await.unwrap();
    let seen = store.removals(at(0)).await.unwrap().unwrap();
    // Other files may have been written anew before this one.
    store.apply(batch(2, [StoreChange::Purge])).await.unwrap();
    store.compact(seen).await.unwrap();
    let later = store.removals(at(50)).await.unwrap().unwrap();
    assert_eq!((later.made, later.since), (seen.made + 1, at(50)));
}

#[tokio::test]
async fn questions_are_answered_meanwhile() {
    let file = File::new();
    let store = file.store();
    fill(&store).await;
    let asking = store.clone();
    let asked = tokio::spawn(async move {
        let mut answers = 0;
        while asking.removals(at(0)).await.unwrap().is_some() {
            assert_eq!(asking.count_events().await.unwrap()[&PROJECT], 5_880);
            answers += 1;
        }
        answers
    });
    compact(&store).await;
    let answers: u32 = asked.await.unwrap();
    assert!(answers > 0);
}

#[tokio::test]
async fn a_copy_that_cannot_be_made_leaves_everything_as_it_was() {
    let file = File::new();
    let store = file.store();
    fill(&store).await;
    let in_the_way = file.folder().join("events.duckdb.new");
    std::fs::create_dir(&in_the_way).unwrap();
    let removals = store.removals(at(0)).await.unwrap().unwrap();
    let error = store.compact(removals).await.unwrap_err();
    assert!(matches!(error, EventsError::Rejected(_)), "{error:?}");
    assert!(store.is_up().await);
    store.apply(batch(3, [])).await.unwrap();
    assert_eq!(store.removals(at(9)).await.unwrap(), Some(removals));
    std::fs::remove_dir(&in_the_way).unwrap();
    compact(&store).await;
    assert_eq!(found(file.folder()), Vec::<&str>::new());
}

#[tokio::test]
async fn a_copy_nobody_waits_for_and_a_store_that_is_closed_in_the_middle_do_no_harm() {
    let file = File::new();
    let store = file.store();
    fill(&store).await;
    for millis in [0, 5, 20, 50, 100] {
        let removals = store.removals(at(0)).await.unwrap();
        let Some(removals) = removals else { break };
        let compacted = store.compact(removals);
        let _ = tokio::time::timeout(Duration::from_millis(millis), compacted).await;
        assert_eq!(store.applied_position().await.unwrap(), 2);
    }
    let closing = store.clone();
    let removals = store.removals(at(0)).await.unwrap();
    let compacting = tokio::spawn(async move {
        if let Some(removals) = removals {
            let _ = closing.compact(removals).await;
        }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    store.close().await;
    compacting.await.unwrap();
    let store = file.store();
    assert_eq!(store.count_events().await.unwrap()[&PROJECT], 5_880);
    if store.removals(at(0)).await.unwrap().is_some() {
        compact(&store).await;
    }
    assert_eq!(found(file.folder()), Vec::<&str>::new());
}

/// Not a test by itself: what another process does until it is killed.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "tells the test that it begins")]
async fn the_process_that_compacts() {
    let Some(file) = std::env::var_os(FILE) else {
        return;
    };
    let file = Path::new(&file);
    let store = store_in(file, file.with_extension("temp"), MEMORY);
    let removals = store.removals(at(0)).await.unwrap().unwrap();
    println!("compacting");
    loop {
        store.compact(removals).await.unwrap();
    }
}

#[tokio::test]
async fn a_process_that_is_killed_in_the_middle_leaves_one_good_file() {
    let file = File::new();
    let store = file.store();
    fill(&store).await;
    store.close().await;
    let before = content(&file);
    for millis in [0, 3, 10, 25, 60, 120, 200, 350] {
        file.run("UPDATE removals SET compacted = 0");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "duckdb::compacting::the_process_that_compacts",
                "--nocapture",
            ])
            .env(FILE, file.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let has_begun = output
            .lines()
            .any(|line| line.unwrap().contains("compacting"));
        assert!(has_begun, "the other process failed");
        std::thread::sleep(Duration::from_millis(millis));
        child.kill().unwrap();
        child.wait().unwrap();

        let store = file.store();
        assert_eq!(
            store.applied_position().await.unwrap(),
            2,
            "after {millis} ms"
        );
        store.close().await;
        let left = file.folder().join("events.duckdb.new");
        assert!(!left.exists(), "after {millis} ms");
        assert_eq!(content(&file), before, "after {millis} ms");
    }
    file.run("UPDATE removals SET compacted = 0");
    let store = file.store();
    compact(&store).await;
    assert_eq!(found(file.folder()), Vec::<&str>::new());
}

#[tokio::test]
async fn a_file_of_an_earlier_version_is_written_anew_once() {
    let file = File::new();
    let store = file.store();
    fill(&store).await;
    store.close().await;
    // As version 4 had it.
    file.run(
        "DROP TABLE removals; DROP TABLE event_overflow; DROP TABLE profile_overflow;
        DROP TABLE group_overflow; ALTER TABLE events DROP overflow;
        ALTER TABLE replay_chunks DROP piece; DELETE FROM schema_version WHERE version > 4",
    );
    let store = file.store();
    let noon = Timestamp::from_timestamp_millis(0).unwrap();
    let removals = store.removals(noon).await.unwrap().unwrap();
    assert_eq!(removals.since, noon);
    store.compact(removals).await.unwrap();
    assert_eq!(found(file.folder()), Vec::<&str>::new());
    store.close().await;
    let store = file.store();
    assert_eq!(store.removals(noon).await.unwrap(), None);
}
