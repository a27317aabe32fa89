//! More events than there is memory for, in order.

use std::cmp::Reverse;

use paneld_analytics::EventsStart;

use crate::{fixtures::*, reading::streamed};

#[tokio::test]
async fn more_than_are_sorted_in_memory_are_streamed_in_order() {
    let file = fill_a_minute(120_000, "").await;
    streams_in_order(&file, 10, 110_000).await;
}

#[tokio::test]
async fn more_of_one_id_than_are_sorted_in_memory_are_streamed() {
    let file = fill_a_minute(120_000, "").await;
    file.run(
        "UPDATE events SET id = '00000000-0000-0000-0000-000000000007',
            created_at = (SELECT min(created_at) FROM events)",
    );
    streams_in_order(&file, 0, 120_000).await;
}

/// More than twice the memory that the store may take.
#[tokio::test]
async fn events_larger_than_the_memory_are_streamed_in_order() {
    let file = fill_a_minute(15_000, &"x".repeat(20_000)).await;
    streams_in_order(&file, 10, 14_000).await;
}

/// So many events of one minute, with this property.
async fn fill_a_minute(count: u64, property: &str) -> File {
    let file = File::new();
    let store = file.store();
    let mut first = event(1, "d", "d", 0);
    first.properties = [("text".into(), property.into())].into();
    store.apply(batch(1, [of_event(first)])).await.unwrap();
    store.close().await;
    file.run(&format!(
        "INSERT INTO events SELECT e.* REPLACE (gen_random_uuid() AS id,
            make_timestamp_ms(epoch_ms(e.created_at) + (range * 7919) % 20000) AS created_at)
        FROM events e, range({})",
        count - 1
    ));
    file
}

async fn streams_in_order(file: &File, offset: u64, limit: u64) {
    let expected = file.texts(&format!(
        "SELECT epoch_ms(created_at) || ' ' || id FROM events
        ORDER BY created_at DESC, id OFFSET {offset} LIMIT {limit}"
    ));
    let query = EventsQuery {
        limit,
        start: EventsStart::Offset(offset),
        ..all()
    };
    let found = streamed(&file.store(), query).await;
    let found = found.into_iter();
    let found = found.map(|(Reverse(time), id)| format!("{time} {id}"));
    let found = found.collect::<Vec<_>>();
    assert_eq!(found.len(), expected.len());
    assert!(found == expected, "another order");
}
