//! What is in the store of a version before, and what a stranger put there, does not make answers
//! without end.

use std::collections::BTreeMap;

use paneld_analytics::{ActivityRequest, EventsRequest, Paging, Window};
use paneld_domain::{Event, Zone, parse_timestamp};
use paneld_events::EventsError;

use crate::fixtures::*;

fn event_at(number: u128, device: &str, moment: &str) -> Event {
    Event {
        created_at: parse_timestamp(moment).unwrap(),
        ..event(number, device, "somebody", 0)
    }
}

#[tokio::test]
async fn what_is_older_than_the_year_2000_does_not_count() {
    let folder = Folder::new();
    let store = folder.store();
    let events = [
        event_at(1, "a", "0001-01-01T00:00:00Z"),
        event_at(2, "b", "1970-01-20T12:00:00Z"),
        event_at(3, "c", "2026-01-10T12:00:00Z"),
        event_at(4, "d", "9999-12-31T23:59:59Z"),
    ];
    store.apply(batch(1, events.map(of_event))).await.unwrap();
    let now = parse_timestamp("2026-01-12T12:00:00Z").unwrap();
    let request = ActivityRequest::active_users(1, Zone::UTC, now);
    let activity = store.activity(scope(), request).await.unwrap();
    let days = activity.active_users(1);
    let days = days.iter().map(|day| (day.date.to_string(), day.users));
    let expected = [("2026-01-10", 1), ("2026-01-11", 0), ("2026-01-12", 0)];
    let expected = expected.map(|(date, users)| (date.to_owned(), users));
    assert_eq!(days.collect::<Vec<_>>(), expected);

    let request = ActivityRequest::retention(Zone::UTC, now);
    let weeks = store.activity(scope(), request).await.unwrap().retention();
    assert_eq!(weeks.len(), 1);
    let request = ActivityRequest::engagement(Zone::UTC, now);
    let (days, people) = store.last_days(scope(), request).await.unwrap().unwrap();
    assert_eq!((days.count(), people.len()), (3, 1));
    // Nothing is lost for who takes it elsewhere.
    assert_eq!(all().list(&store).await.total, 4);
}

#[tokio::test]
async fn rows_of_any_size_make_no_answer_of_any_size() {
    let folder = Folder::new();
    let store = folder.store();
    let value = "x".repeat(16_000);
    let properties = (0..60).map(|place| (format!("k{place}"), value.clone()));
    let properties = properties.collect::<BTreeMap<_, _>>();
    let events = (0..40).map(|number| {
        of_event(Event {
            properties: properties.clone(),
            ..event(number, "d", "somebody", 0)
        })
    });
    store.apply(batch(1, events)).await.unwrap();
    let events = |limit| EventsRequest {
        window: Window::everything(),
        names: Vec::new(),
        columns: Vec::new(),
        properties: BTreeMap::new(),
        filters: Vec::new(),
        paging: Paging::first(limit),
    };
    let few = store.find_events(scope(), events(15)).await.unwrap();
    assert_eq!(few.len(), 15);
    let many = store.find_events(scope(), events(20)).await;
    assert!(matches!(many, Err(EventsError::TooLarge)), "{many:?}");
    let of_profile = store.profile_events(PROJECT, "somebody".to_owned(), 20);
    assert!(matches!(of_profile.await, Err(EventsError::TooLarge)));
    let page = store.list_events(scope(), all().request()).await;
    assert!(matches!(page, Err(EventsError::TooLarge)), "{page:?}");
    // The store is none the worse for it.
    assert!(store.is_up().await);
    assert_eq!(
        store.find_events(scope(), events(15)).await.unwrap().len(),
        15
    );
}
