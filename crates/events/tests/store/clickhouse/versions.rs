//! Earlier versions of sessions, which the server keeps until it finds the time to merge them: minutes.

use paneld_domain::Session;
use paneld_events::{EventStore, StoreChange};

use super::fixtures::*;
use crate::{fixtures::*, removing::erase};

/// A session that is written twice.
async fn written_twice(store: &EventStore, first: Session, second: Session) {
    for (position, session) in (1..).zip([first, second]) {
        let changes = [of_session(session)];
        store.apply(batch(position, changes)).await.unwrap();
    }
}

/// How many rows there are of a profile, of any version.
fn count_versions(folder: &Folder, profile: &str) -> String {
    let count = format!("SELECT count() FROM sessions WHERE profile_id = '{profile}'");
    folder.database().query(&count).trim_end().to_owned()
}

#[tokio::test]
async fn of_an_erased_session_no_earlier_version_counts_again() {
    let Some(folder) = folder("versions of sessions") else {
        return;
    };
    let store = folder.store();
    let [of_ann, of_bob] = ["ann", "bob"].map(|profile| session("s", "d", profile, 0));
    written_twice(&store, of_ann, of_bob).await;
    store.apply(batch(3, [erase("bob")])).await.unwrap();
    assert_eq!(sessions_of(&store, PROJECT).await, []);
    assert_eq!(count_versions(&folder, "ann"), "0");
}

#[tokio::test]
async fn of_somebody_erased_no_earlier_version_is_left_of_another_s_session() {
    let Some(folder) = folder("versions of sessions") else {
        return;
    };
    let store = folder.store();
    let [of_ann, of_bob] = ["ann", "bob"].map(|profile| session("s", "d", profile, 0));
    written_twice(&store, of_ann, of_bob.clone()).await;
    store.apply(batch(3, [erase("ann")])).await.unwrap();
    assert_eq!(sessions_of(&store, PROJECT).await, [of_bob]);
    assert_eq!(count_versions(&folder, "ann"), "0");
}

#[tokio::test]
async fn of_a_forgotten_session_no_earlier_version_counts_again() {
    let Some(folder) = folder("versions of sessions") else {
        return;
    };
    let store = folder.store();
    let [late, early] = [5, -60].map(|second| session("s", "d", "ann", second));
    written_twice(&store, late, early).await;
    let forget = StoreChange::Forget {
        events_before: Some(at(0)),
        replays_before: at(-100),
    };
    store.apply(batch(3, [forget])).await.unwrap();
    assert_eq!(sessions_of(&store, PROJECT).await, []);
}
