//! Stores that are opened, closed and opened again.

use paneld_events::EventsError;

use crate::fixtures::*;

#[tokio::test]
async fn a_store_that_was_dropped_and_not_closed_keeps_everything() {
    let folder = Folder::new();
    let store = folder.store();
    store
        .apply(batch(1, [of_event(full_event())]))
        .await
        .unwrap();
    drop(store);
    let store = folder.store();
    assert_eq!(store.applied_position().await.unwrap(), 1);
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_left_alone() {
    let folder = Folder::new();
    let store = folder.store();
    store.apply(batch(1, [])).await.unwrap();
    store.close().await;
    folder.run("INSERT INTO schema_version VALUES (1000)");
    let EventsError::Away(cause) = folder.store().applied_position().await.unwrap_err() else {
        panic!("it is not away");
    };
    assert!(cause.to_string().contains("version 1000"), "{cause}");
}

#[tokio::test]
async fn a_closed_store_is_away_and_another_can_be_opened() {
    let folder = Folder::new();
    let store = folder.store();
    assert!(store.is_up().await);
    store.close().await;
    assert!(!store.is_up().await);
    let error = store.applied_position().await.unwrap_err();
    assert!(matches!(error, EventsError::Away(_)), "{error:?}");
    assert!(folder.store().is_up().await);
}
