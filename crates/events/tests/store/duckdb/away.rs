//! Stores that are away, and processes that end.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use paneld_events::{EventStore, EventsError};

use crate::fixtures::*;

/// Names the file to the other process.
const FILE: &str = "PANELD_TEST_EVENTS_FILE";

/// Another process that has applied a batch to the store, and holds it. Killed when dropped.
struct OtherProcess(Child);

impl OtherProcess {
    fn start(file: &File) -> Self {
        let this = std::env::current_exe().unwrap();
        let mut child = Command::new(this)
            .args(["--exact", "duckdb::away::the_other_process", "--nocapture"])
            .env(FILE, file.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let ready = output.lines().any(|line| line.unwrap().contains("applied"));
        assert!(ready, "the other process failed");
        Self(child)
    }
}

impl Drop for OtherProcess {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Not a test by itself: what the other process runs, until it is killed.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "tells the test that it is ready")]
async fn the_other_process() {
    let Some(file) = std::env::var_os(FILE) else {
        return;
    };
    let file = Path::new(&file);
    let store = store_in(file, file.with_extension("temp"), MEMORY);
    let batch = batch(3, [of_event(full_event()), of_session(full_session())]);
    store.apply(batch).await.unwrap();
    println!("applied");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

async fn wait_until_up(store: &EventStore) {
    for _ in 0..50 {
        if store.is_up().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the store did not come back");
}

#[tokio::test]
async fn while_another_process_has_the_file_the_store_is_away_and_then_back() {
    let file = File::new();
    let other = OtherProcess::start(&file);
    let store = file.store();
    assert!(!store.is_up().await);
    for _ in 0..2 {
        let error = store.count_events().await.unwrap_err();
        let EventsError::Away(cause) = error else {
            panic!("{error:?}");
        };
        assert!(cause.to_string().contains("lock"), "{cause}");
    }
    drop(other);
    wait_until_up(&store).await;
    assert_eq!(store.count_events().await.unwrap()[&PROJECT], 1);
}

#[tokio::test]
async fn what_was_applied_is_there_after_the_process_was_killed() {
    let file = File::new();
    drop(OtherProcess::start(&file));
    let store = file.store();
    assert_eq!(store.applied_position().await.unwrap(), 3);
    let page = all().list(&store).await;
    assert_eq!(page.rows, [full_event()]);
    let sessions = store.profile_sessions(PROJECT, "profile".into(), 9).await;
    assert_eq!(sessions.unwrap(), [full_session()]);
}

#[tokio::test]
async fn a_damaged_file_makes_the_store_be_away_until_it_is_mended() {
    let file = File::new();
    std::fs::write(file.path(), "no database".repeat(1000)).unwrap();
    let store = file.store();
    let error = store.apply(batch(1, [])).await.unwrap_err();
    assert!(matches!(error, EventsError::Away(_)), "{error:?}");
    std::fs::remove_file(file.path()).unwrap();
    // Whoever writes tries again, and then it is back.
    let written = async {
        while store.apply(batch(1, [])).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let written = tokio::time::timeout(std::time::Duration::from_secs(20), written);
    written.await.unwrap();
    assert!(store.is_up().await);
}

#[tokio::test]
async fn a_file_that_was_removed_is_missed() {
    let file = File::new();
    let store = file.store();
    store.apply(batch(1, [])).await.unwrap();
    std::fs::remove_file(file.path()).unwrap();
    assert!(!store.is_up().await);
    let error = store.apply(batch(2, [])).await.unwrap_err();
    assert!(matches!(error, EventsError::Away(_)), "{error:?}");
}

#[tokio::test]
async fn what_killed_queries_left_in_the_temporary_folder_is_removed() {
    let file = File::new();
    std::fs::create_dir(file.temp()).unwrap();
    let leftover = file.temp().join("duckdb_temp_storage_DEFAULT-0.tmp");
    let other = file.temp().join("other");
    std::fs::write(&leftover, "").unwrap();
    std::fs::write(&other, "").unwrap();
    assert!(file.store().is_up().await);
    assert!(!leftover.exists());
    assert!(other.exists());
}
