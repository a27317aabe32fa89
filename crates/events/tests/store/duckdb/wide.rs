//! How wide rows are kept.

use paneld_domain::ReplayChunk;
use paneld_events::StoreChange;

use crate::{
    fixtures::*,
    wide::{found, full_wide, people},
};

/// The widest text of any row.
const WIDEST: &str = "SELECT greatest(
    (SELECT max(list_sum(list_transform(map_entries(properties), lambda x: strlen(x.key) + strlen(x.value)))) FROM events),
    (SELECT max(list_sum(list_transform(map_entries(properties), lambda x: strlen(x.key) + strlen(x.value)))) FROM event_overflow),
    (SELECT max(list_sum(list_transform(groups, lambda x: strlen(x)))) FROM events),
    (SELECT max(list_sum(list_transform(groups, lambda x: strlen(x)))) FROM event_overflow),
    (SELECT max(list_sum(list_transform(map_entries(properties), lambda x: strlen(x.key) + strlen(x.value)))) FROM profiles),
    (SELECT max(list_sum(list_transform(groups, lambda x: strlen(x)))) FROM profiles),
    (SELECT max(list_sum(list_transform(map_entries(properties), lambda x: strlen(x.key) + strlen(x.value)))) FROM profile_overflow),
    (SELECT max(list_sum(list_transform(groups, lambda x: strlen(x)))) FROM profile_overflow)
    ) <= 4_000 AS narrow";

#[tokio::test]
async fn rows_have_a_bound_and_are_written_anew_with_the_rest_of_them() {
    let file = File::new();
    let store = file.store();
    let wide = full_wide(1);
    store
        .apply(batch(1, [of_event(wide.clone())]))
        .await
        .unwrap();
    store.copy_people(people(1, &["ann"])).await.unwrap();
    let before = found(&store).await;
    assert_eq!(before, [wide]);
    store.apply(batch(2, [StoreChange::Purge])).await.unwrap();
    store
        .apply(batch(3, [of_event(full_wide(2))]))
        .await
        .unwrap();
    let removals = store.removals(at(0)).await.unwrap().unwrap();
    store.compact(removals).await.unwrap();
    assert_eq!(found(&store).await, [full_wide(2)]);
    store.close().await;
    assert_eq!(file.ask(WIDEST), ["{'narrow': true}"]);
    let parts = "SELECT count(*) > 50 AS many FROM event_overflow";
    assert_eq!(file.ask(parts), ["{'many': true}"]);
}

#[tokio::test]
async fn a_recording_is_kept_in_pieces_and_whole() {
    let file = File::new();
    let store = file.store();
    let payload = "a🦆".repeat(50_000);
    let long = ReplayChunk {
        payload: payload.clone(),
        ..chunk("s", 1, 0)
    };
    let empty = ReplayChunk {
        payload: String::new(),
        ..chunk("s", 2, 0)
    };
    let changes = [long, empty].map(StoreChange::Replay);
    store.apply(batch(1, changes)).await.unwrap();
    store.close().await;
    let whole = "SELECT chunk_index AS index, string_agg(payload, '' ORDER BY piece)
            = if(chunk_index = 1, repeat('a🦆', 50000), '') AS is_whole,
            max(strlen(payload)) <= 4_000 AS is_narrow
        FROM replay_chunks GROUP BY chunk_index";
    let expected =
        [1, 2].map(|index| format!("{{'index': {index}, 'is_whole': true, 'is_narrow': true}}"));
    assert_eq!(file.ask(whole), expected);
}
