//! Batches that are refused.

use paneld_domain::BotVisit;
use paneld_events::{EventStore, EventsError, StoreChange};

use crate::fixtures::*;

/// A store that has one position, and refuses [`bad_bot`].
async fn strict_store(file: &File) -> EventStore {
    let store = file.store();
    store.apply(batch(1, [])).await.unwrap();
    store.close().await;
    file.run(
        "CREATE TABLE strict AS FROM bot_visits; DROP TABLE bot_visits;
         CREATE TABLE bot_visits (project_key BIGINT, id UUID, name VARCHAR CHECK (name <> 'bad'),
            type VARCHAR, path VARCHAR, created_at TIMESTAMP_MS)",
    );
    file.store()
}

fn bad_bot() -> StoreChange {
    StoreChange::Bot(BotVisit {
        name: "bad".into(),
        ..bot(1, 0)
    })
}

#[tokio::test]
async fn of_a_batch_that_is_refused_nothing_is_there() {
    let file = File::new();
    let store = strict_store(&file).await;
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

/// Whether its row is updated or replaced, and whatever is remembered of it.
#[tokio::test]
async fn a_session_that_goes_on_is_there_once_whatever_happens_between() {
    let file = File::new();
    let mut store = strict_store(&file).await;
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
                store = file.store();
            }
            _ => {}
        }
    }
    let sessions = store.profile_sessions(PROJECT, "profile".into(), 10);
    assert_eq!(sessions.await.unwrap(), [session, other]);
}
