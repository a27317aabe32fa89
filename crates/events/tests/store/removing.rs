//! Erasing, forgetting and purging.

use paneld_domain::ProjectKey;
use paneld_events::{Batch, StoreChange};

use crate::fixtures::*;

const COUNTS: &str = "SELECT (SELECT count(*) FROM events) AS events,
    (SELECT count(*) FROM sessions) AS sessions, (SELECT count(*) FROM bot_visits) AS bots,
    (SELECT count(*) FROM replay_chunks) AS chunks";

fn erase(profile: &str) -> StoreChange {
    StoreChange::EraseProfile {
        profile_id: profile.into(),
    }
}

/// What Ann and Bob did, on a device of each and one of both, after they had been nobody there.
fn ann_and_bob() -> Vec<StoreChange> {
    let mut changes = Vec::new();
    let visits = [
        ("ann's", "ann's"),
        ("ann's", "ann"),
        ("both's", "both's"),
        ("both's", "ann"),
        ("both's", "bob"),
        ("bob's", "bob's"),
        ("bob's", "bob"),
        ("", "ann"),
        ("", ""),
    ];
    for (number, (device, profile)) in (1..).zip(visits) {
        let id = format!("{profile} on {device}");
        let mut event = event(number, device, profile, 0);
        event.session_id = id.clone();
        changes.push(of_event(event));
        changes.push(of_session(session(&id, device, profile, 0)));
        changes.push(StoreChange::Replay(chunk(&id, 0, 0)));
    }
    changes
}

#[tokio::test]
async fn of_an_erased_profile_nothing_is_left_and_of_others_everything() {
    let folder = Folder::new();
    let store = folder.store();
    store.apply(batch(1, ann_and_bob())).await.unwrap();
    let mut elsewhere = batch(2, ann_and_bob());
    for (project, _) in &mut elsewhere.changes {
        *project = OTHER;
    }
    store.apply(elsewhere).await.unwrap();
    store.apply(batch(3, [erase("ann")])).await.unwrap();
    store.checkpoint().await.unwrap();
    store.close().await;
    let left = [
        "('bob on bob\\'s')",
        "('bob on both\\'s')",
        "('bob\\'s on bob\\'s')",
        "( on )",
    ];
    for (table, id) in [
        ("events", "session_id"),
        ("sessions", "id"),
        ("replay_chunks", "session_id"),
    ] {
        let sql = format!("SELECT {id} AS id FROM {table} WHERE project_key = 7");
        let found = folder.ask(&sql);
        assert_eq!(found.len(), left.len(), "{table}: {found:?}");
        assert!(!found.concat().contains("ann"), "{table}: {found:?}");
        let sql = format!("SELECT {id} AS id FROM {table} WHERE project_key = 8");
        assert_eq!(folder.ask(&sql).len(), 9, "{table}");
    }
}

#[tokio::test]
async fn behind_an_erasure_the_log_tells_nothing_of_whom_it_was() {
    let folder = Folder::new();
    let store = folder.store();
    let log = folder.file().with_extension("duckdb.wal");
    let tells_of_ann = || {
        let bytes = std::fs::read(&log).unwrap_or_default();
        bytes.windows(5).any(|window| window == b"ann's")
    };
    store.apply(batch(1, ann_and_bob())).await.unwrap();
    assert!(tells_of_ann());
    store.apply(batch(2, [erase("ann")])).await.unwrap();
    assert!(!tells_of_ann());
}

#[tokio::test]
async fn the_recording_of_a_session_that_is_another_s_by_now_goes_too() {
    let folder = Folder::new();
    let store = folder.store();
    let mut of_ann = event(1, "both's", "ann", 0);
    of_ann.session_id = "s".into();
    let changes = [
        of_event(of_ann),
        of_session(session("s", "both's", "bob", 0)),
        StoreChange::Replay(chunk("s", 0, 0)),
        erase("ann"),
    ];
    store.apply(batch(1, changes)).await.unwrap();
    store.close().await;
    let expected = ["{'events': 0, 'sessions': 1, 'bots': 0, 'chunks': 0}"];
    assert_eq!(folder.ask(COUNTS), expected);
}

#[tokio::test]
async fn an_erasure_in_a_batch_removes_what_came_before_it_only() {
    let folder = Folder::new();
    let store = folder.store();
    let changes = [
        of_event(event(1, "d", "ann", 0)),
        of_session(session("s", "d", "ann", 0)),
        erase("ann"),
        of_event(event(2, "d", "ann", 0)),
    ];
    store.apply(batch(1, changes)).await.unwrap();
    let page = all().list(&store).await;
    assert_eq!(page.rows, [event(2, "d", "ann", 0)]);
    let sessions = store.profile_sessions(PROJECT, "ann".into(), 9).await;
    assert_eq!(sessions.unwrap(), []);
}

/// One of each, at seconds 0 and 10, in both projects.
fn old_and_new() -> Batch {
    let mut changes = Vec::new();
    for project in [PROJECT, OTHER] {
        for second in [0, 10] {
            let id = format!("{second}");
            let rows = [
                of_event(event(1, "d", "d", second)),
                of_session(session(&id, "d", "d", second)),
                StoreChange::Bot(bot(1, second)),
                StoreChange::Replay(chunk(&id, 0, second)),
            ];
            changes.extend(rows.map(|row| (project, row)));
        }
    }
    Batch {
        position: 1,
        changes,
    }
}

/// What is left in both projects when this is done to the first.
async fn left_after(change: StoreChange) -> [Vec<String>; 2] {
    let folder = Folder::new();
    let store = folder.store();
    store.apply(old_and_new()).await.unwrap();
    store.apply(batch(2, [change])).await.unwrap();
    store.close().await;
    [PROJECT, OTHER].map(|ProjectKey(key)| {
        folder.ask(&format!(
            "SELECT 'event' AS kind, epoch_ms(created_at) FROM events WHERE project_key = {key}
             UNION ALL SELECT 'session', epoch_ms(created_at) FROM sessions WHERE project_key = {key}
             UNION ALL SELECT 'bot', epoch_ms(created_at) FROM bot_visits WHERE project_key = {key}
             UNION ALL SELECT 'chunk', epoch_ms(started_at) FROM replay_chunks WHERE project_key = {key}"
        ))
    })
}

#[tokio::test]
async fn what_is_old_is_forgotten() {
    let [left, elsewhere] = left_after(StoreChange::Forget {
        events_before: Some(at(10)),
        replays_before: at(0),
    })
    .await;
    // Everything at second 10, and the recording at second 0.
    assert_eq!(left.len(), 5, "{left:?}");
    let old: Vec<_> = left.iter().filter(|row| row.contains("0000123")).collect();
    assert!(old.iter().all(|row| row.contains("chunk")), "{old:?}");
    assert_eq!(elsewhere.len(), 8);
}

#[tokio::test]
async fn recordings_are_forgotten_by_themselves() {
    let [left, elsewhere] = left_after(StoreChange::Forget {
        events_before: None,
        replays_before: at(10),
    })
    .await;
    assert_eq!(left.len(), 7, "{left:?}");
    assert_eq!(elsewhere.len(), 8);
}

#[tokio::test]
async fn of_a_purged_project_nothing_is_left() {
    let [left, elsewhere] = left_after(StoreChange::Purge).await;
    assert_eq!(left, [""; 0]);
    assert_eq!(elsewhere.len(), 8);
}

/// A stranger can have a profile on as many devices as it likes.
#[tokio::test]
async fn of_many_devices_of_a_profile_those_that_it_used_last_are_told() {
    let folder = Folder::new();
    let store = folder.store();
    let visits = [
        ("old", 1),
        ("new", 2),
        ("newest", 3),
        ("old", 0),
        ("new", 4),
    ];
    let visits = (1..)
        .zip(visits)
        .map(|(number, (device, seconds))| of_event(event(number, device, "ann", seconds)));
    store.apply(batch(1, visits)).await.unwrap();
    for (most, expected) in [
        (0, &[][..]),
        (2, &["new", "newest"]),
        (9, &["new", "newest", "old"]),
    ] {
        let devices = store.profile_devices(PROJECT, "ann".into(), most).await;
        assert_eq!(devices.unwrap(), expected);
    }
}
