//! Batches: whole or not at all, and once.

use paneld_domain::BotVisit;
use paneld_events::{EventStore, EventsError, StoreChange};

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
    assert_eq!(
        folder.ask("FROM bot_visits"),
        [
            "{'project_key': 7, 'id': 00000000-0000-0000-0000-000000000001, 'name': Bot, \
              'type': crawler, 'path': /, 'created_at': '2026-05-28 20:26:40.123'}"
        ]
    );
    assert_eq!(
        folder
            .ask("SELECT * EXCLUDE (payload, piece) FROM replay_chunks WHERE payload = '[\"🦆\"]'"),
        ["{'project_key': 7, 'session_id': s, 'chunk_index': 3, \
              'started_at': '2026-05-28 20:26:40.123', 'ended_at': '2026-05-28 20:26:41.123', \
              'events_count': 65535, 'is_full_snapshot': true}"]
    );
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

/// A store that has one position, and refuses [`bad_bot`].
async fn strict_store(folder: &Folder) -> EventStore {
    let store = folder.store();
    store.apply(batch(1, [])).await.unwrap();
    store.close().await;
    folder.run(
        "CREATE TABLE strict AS FROM bot_visits; DROP TABLE bot_visits;
         CREATE TABLE bot_visits (project_key BIGINT, id UUID, name VARCHAR CHECK (name <> 'bad'),
            type VARCHAR, path VARCHAR, created_at TIMESTAMP_MS)",
    );
    folder.store()
}

fn bad_bot() -> StoreChange {
    StoreChange::Bot(BotVisit {
        name: "bad".into(),
        ..bot(1, 0)
    })
}

#[tokio::test]
async fn of_a_batch_that_is_refused_nothing_is_there() {
    let folder = Folder::new();
    let store = strict_store(&folder).await;
    let changes = [
        of_event(full_event()),
        of_session(full_session()),
        bad_bot(),
    ];
    let error = store.apply(batch(2, changes)).await.unwrap_err();
    assert!(matches!(error, EventsError::Rejected(_)), "{error:?}");
    assert_eq!(store.applied_position().await.unwrap(), 1);
    assert!(store.count_events().await.unwrap().is_empty());

    let good = [of_event(full_event()), StoreChange::Bot(bot(1, 0))];
    store.apply(batch(2, good)).await.unwrap();
    assert_eq!(store.applied_position().await.unwrap(), 2);
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

/// Whether its row is updated or replaced, and whatever is remembered of it.
#[tokio::test]
async fn a_session_that_goes_on_is_there_once_whatever_happens_between() {
    let folder = Folder::new();
    let mut store = strict_store(&folder).await;
    let other = session("other", "device", "profile", -100);
    let changes = [of_session(other.clone())];
    store.apply(batch(2, changes)).await.unwrap();
    let mut session = full_session();
    for round in 1..=4_u64 {
        for position in [10 * round, 10 * round + 1] {
            session.ended_at += chrono::TimeDelta::seconds(1);
            session.exit_path = format!("/{position}");
            session.screen_view_count = u32::try_from(position).unwrap();
            session.revenue = position;
            let changes = [of_session(session.clone())];
            store.apply(batch(position, changes)).await.unwrap();
        }
        match round {
            1 => {
                let mut lost = session.clone();
                lost.profile_id = "nobody".into();
                let changes = [of_session(lost), bad_bot()];
                store.apply(batch(19, changes)).await.unwrap_err();
            }
            2 => store.checkpoint().await.unwrap(),
            3 => {
                store.close().await;
                store = folder.store();
            }
            _ => {}
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
