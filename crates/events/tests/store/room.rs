//! What a store has no room in memory for.

use paneld_domain::Profile;
use paneld_events::{EventsError, PeopleCopies, PeopleRows};

use crate::fixtures::*;

/// A profile of so many mebibytes, such as a version before there were bounds let grow.
fn huge(id: &str, mebibytes: usize) -> Profile {
    let mut profile = Profile::new(id.to_owned(), at(0));
    profile.properties = (0..mebibytes * 64)
        .map(|key| (format!("k{key}"), "v".repeat(16 << 10)))
        .collect();
    profile
}

fn copies(position: u64, profiles: Vec<Profile>) -> PeopleCopies {
    let profiles = profiles.into_iter().map(|row| (PROJECT, row));
    PeopleCopies {
        position: Some(position),
        rows: PeopleRows {
            profiles: profiles.collect(),
            ..PeopleRows::default()
        },
        ..PeopleCopies::default()
    }
}

#[tokio::test]
async fn what_has_no_room_is_told_so_and_the_store_is_there_as_before() {
    let folder = Folder::new();
    let store = folder.store();
    store
        .apply(batch(1, [of_event(full_event())]))
        .await
        .unwrap();
    for _ in 0..2 {
        let refused = store.copy_people(copies(1, vec![huge("ann", 200)])).await;
        let error = refused.unwrap_err();
        assert!(matches!(error, EventsError::NoRoom(_)), "{error:?}");
        assert!(store.is_up().await);
        assert_eq!(store.count_events().await.unwrap()[&PROJECT], 1);
    }
    assert_eq!(store.copied_position().await.unwrap(), 0);
    store
        .copy_people(copies(1, vec![huge("ann", 0)]))
        .await
        .unwrap();
    assert_eq!(store.copied_position().await.unwrap(), 1);
    assert!(!store.is_answering());
}
