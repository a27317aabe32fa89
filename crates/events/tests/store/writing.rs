//! Batches: whole or not at all, and once.

use paneld_events::StoreChange;

use crate::fixtures::*;

#[tokio::test]
async fn an_event_comes_back_as_it_was() {
    let folder = Folder::new();
    let store = folder.store();
    let bare = event(1, "", "", -10);
    let changes = [full_event(), bare.clone()].map(of_event);
    store.apply(batch(1, changes)).await.unwrap();
    let page = all().list(&store).await;
    assert_eq!(page.rows, [full_event(), bare]);
    assert_eq!(page.total, 2);
}

#[tokio::test]
async fn a_session_comes_back_as_it_was() {
    let folder = Folder::new();
    let store = folder.store();
    let bare = session("bare", "device", "profile", -10);
    let changes = [full_session(), bare.clone()].map(of_session);
    store.apply(batch(1, changes)).await.unwrap();
    let sessions = store.profile_sessions(PROJECT, "profile".into(), 10);
    assert_eq!(sessions.await.unwrap(), [full_session(), bare]);
}

#[tokio::test]
async fn bots_and_recordings_are_kept_whole() {
    let folder = Folder::new();
    let store = folder.store();
    let changes = [
        StoreChange::Bot(bot(1, 0)),
        StoreChange::Replay(chunk("s", 3, 0)),
    ];
    store.apply(batch(1, changes)).await.unwrap();
    store.close().await;
    let columns = ["project_key", "id", "name", "type", "path", "created_at"];
    let bot = "7 00000000000000000000000000000001 Bot crawler / 2026-05-28 20:26:40.123";
    assert_eq!(folder.rows("bot_visits", &columns), [bot]);
    let columns = [
        "project_key",
        "session_id",
        "chunk_index",
        "started_at",
        "ended_at",
        "events_count",
        "is_full_snapshot",
        "payload",
    ];
    let recording = "7 s 3 2026-05-28 20:26:40.123 2026-05-28 20:26:41.123 65535 true [\"🦆\"]";
    assert_eq!(folder.rows("replay_chunks", &columns), [recording]);
}

#[tokio::test]
async fn the_position_is_that_of_the_last_batch_and_survives() {
    let folder = Folder::new();
    let store = folder.store();
    assert_eq!(store.applied_position().await.unwrap(), 0);
    store.apply(batch(5, [])).await.unwrap();
    store
        .apply(batch(9, [of_event(full_event())]))
        .await
        .unwrap();
    assert_eq!(store.applied_position().await.unwrap(), 9);
    store.close().await;
    let store = folder.store();
    assert_eq!(store.applied_position().await.unwrap(), 9);
    assert_eq!(store.count_events().await.unwrap()[&PROJECT], 1);
}

#[tokio::test]
async fn a_batch_that_is_sent_again_is_applied_once() {
    let folder = Folder::new();
    let store = folder.store();
    let batch = batch(1, [of_event(full_event())]);
    for _ in 0..3 {
        store.apply(batch.clone()).await.unwrap();
    }
    assert_eq!(store.count_events().await.unwrap()[&PROJECT], 1);
}

#[tokio::test]
async fn a_session_counts_once_and_its_last_row_wins() {
    let folder = Folder::new();
    let store = folder.store();
    let other = session("other", "device", "profile", -100);
    store
        .apply(batch(1, [of_session(other.clone())]))
        .await
        .unwrap();
    let mut last = session("s", "device", "profile", 0);
    for position in 2..10 {
        // Twice in each batch; the beginning moves back.
        for _ in 0..2 {
            last.screen_view_count += 1;
        }
        last.created_at = at(-60 * i64::try_from(position).unwrap());
        let changes = [
            of_session(session("s", "device", "profile", 5)),
            of_session(last.clone()),
        ];
        store.apply(batch(position, changes)).await.unwrap();
    }
    let sessions = store.profile_sessions(PROJECT, "profile".into(), 10);
    assert_eq!(sessions.await.unwrap(), [other, last]);
}

#[tokio::test]
async fn a_session_that_goes_on_is_there_once_whatever_happens_between() {
    let folder = Folder::new();
    let mut store = folder.store();
    let other = session("other", "device", "profile", -100);
    let changes = [of_session(other.clone())];
    store.apply(batch(1, changes)).await.unwrap();
    let mut session = full_session();
    for round in 1..=3_u64 {
        for position in [10 * round, 10 * round + 1] {
            session.ended_at += chrono::TimeDelta::seconds(1);
            session.exit_path = format!("/{position}");
            session.revenue = position;
            let changes = [of_session(session.clone())];
            store.apply(batch(position, changes)).await.unwrap();
        }
        if round == 1 {
            store.checkpoint().await.unwrap();
        } else {
            store.close().await;
            store = folder.store();
        }
    }
    let sessions = store.profile_sessions(PROJECT, "profile".into(), 10);
    assert_eq!(sessions.await.unwrap(), [session, other]);
}

#[tokio::test]
async fn sessions_of_two_projects_do_not_replace_each_other() {
    let folder = Folder::new();
    let store = folder.store();
    for (position, project) in [(1, PROJECT), (2, OTHER)] {
        let mut batch = batch(position, [of_session(full_session())]);
        batch.changes[0].0 = project;
        store.apply(batch).await.unwrap();
    }
    for project in [PROJECT, OTHER] {
        let sessions = store.profile_sessions(project, "profile".into(), 10);
        assert_eq!(sessions.await.unwrap().len(), 1);
    }
}
