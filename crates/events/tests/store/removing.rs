//! Erasing, forgetting and purging.

use paneld_domain::{ProjectKey, Timestamp};
use paneld_events::{Batch, EventStore, StoreChange};

use crate::fixtures::*;

pub(crate) fn erase(profile: &str) -> StoreChange {
    StoreChange::EraseProfile {
        profile_id: profile.into(),
    }
}

/// What Ann and Bob did, on a device of each and one of both, after they had been nobody there.
pub(crate) fn ann_and_bob() -> Vec<StoreChange> {
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

/// The ids of the sessions of events, and of sessions.
async fn visits_of(store: &EventStore, project: ProjectKey) -> [Vec<String>; 2] {
    let events = events_of(store, project).await.into_iter();
    let sessions = sessions_of(store, project).await.into_iter();
    let mut ids = [
        events.map(|event| event.session_id).collect::<Vec<_>>(),
        sessions.map(|session| session.id).collect(),
    ];
    ids.iter_mut().for_each(|ids| ids.sort());
    ids
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
    let left = [" on ", "bob on bob's", "bob on both's", "bob's on bob's"];
    assert_eq!(visits_of(&store, PROJECT).await, [&left; 2]);
    assert_eq!(visits_of(&store, OTHER).await.map(|ids| ids.len()), [9; 2]);
    store.close().await;
    let recordings = folder.rows("replay_chunks", &["project_key", "session_id"]);
    let (left, others) = (
        left.map(|id| format!("7 {id}")),
        recordings.get(4..).unwrap(),
    );
    assert_eq!(recordings[..4], left);
    assert!(others.len() == 9 && others.iter().all(|row| row.starts_with("8 ")));
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
    assert_eq!(events_of(&store, PROJECT).await, []);
    assert_eq!(sessions_of(&store, PROJECT).await.len(), 1);
    store.close().await;
    assert_eq!(folder.rows("replay_chunks", &["session_id"]), [""; 0]);
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

fn row(kind: &str, at: Timestamp) -> String {
    format!("{kind} at {}", printed(at))
}

/// What is left in both projects when this is done to the first.
async fn left_after(change: StoreChange) -> [Vec<String>; 2] {
    let folder = Folder::new();
    let store = folder.store();
    store.apply(old_and_new()).await.unwrap();
    store.apply(batch(2, [change])).await.unwrap();
    let mut left = [Vec::new(), Vec::new()];
    for (left, project) in left.iter_mut().zip([PROJECT, OTHER]) {
        let events = events_of(&store, project).await.into_iter();
        left.extend(events.map(|event| row("event", event.created_at)));
        let sessions = sessions_of(&store, project).await.into_iter();
        left.extend(sessions.map(|session| row("session", session.created_at)));
    }
    store.close().await;
    for (kind, table, time) in [
        ("bot", "bot_visits", "created_at"),
        ("chunk", "replay_chunks", "started_at"),
    ] {
        for found in folder.rows(table, &["project_key", time]) {
            let (project, at) = found.split_once(' ').unwrap();
            left[usize::from(project == "8")].push(format!("{kind} at {at}"));
        }
    }
    left
}

#[tokio::test]
async fn what_is_old_is_forgotten() {
    let [left, elsewhere] = left_after(StoreChange::Forget {
        events_before: Some(at(10)),
        replays_before: at(0),
    })
    .await;
    // Everything at second 10, and the recording at second 0.
    let kinds = ["event", "session", "bot", "chunk"];
    let mut expected = kinds.map(|kind| row(kind, at(10))).to_vec();
    expected.insert(3, row("chunk", at(0)));
    assert_eq!(left, expected);
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
