//! Copies of people.

use paneld_analytics::{GroupsRequest, Paging, ProfilesRequest, SortOrder};
use paneld_domain::{Group, Profile, ProjectKey};
use paneld_events::{EventStore, PeopleCopies, PeopleRows, Scope};

use crate::fixtures::*;

fn profile(id: &str, name: &str) -> Profile {
    let mut profile = Profile::new(id.into(), at(0));
    profile.first_name = name.into();
    profile.properties = [("🦆".into(), "quack".into()), ("a'b".into(), "\"".into())].into();
    profile.groups = ["acme".into(), "b, c".into()].into();
    profile.last_seen_at = at(7);
    profile
}

fn group(id: &str, name: &str) -> Group {
    let mut group = Group::new(id.into(), at(0));
    group.kind = "company".into();
    group.name = name.into();
    group.properties = [("seats".into(), "5".into())].into();
    group
}

fn rows(profiles: &[Profile], groups: &[Group]) -> PeopleRows {
    PeopleRows {
        profiles: profiles.iter().map(|row| (PROJECT, row.clone())).collect(),
        groups: groups.iter().map(|row| (PROJECT, row.clone())).collect(),
    }
}

/// Copies in which these ids were looked for.
fn copies(position: u64, ids: &[&str], rows: PeopleRows) -> PeopleCopies {
    let ids = ids.iter().map(|&id| (PROJECT, id.to_owned()));
    PeopleCopies {
        position,
        profile_ids: ids.clone().collect(),
        group_ids: ids.collect(),
        rows,
        ..PeopleCopies::default()
    }
}

async fn profiles_of(store: &EventStore, project: ProjectKey) -> Vec<Profile> {
    let scope = Scope {
        key: project,
        id: "shop".parse().unwrap(),
    };
    let request = ProfilesRequest {
        words: Vec::new(),
        email: None,
        properties: Default::default(),
        inactive_since: None,
        sessions: None,
        performed: None,
        filters: Vec::new(),
        order: SortOrder::Ascending,
        paging: Paging::default(),
    };
    store.list_profiles(scope, request).await.unwrap()
}

async fn groups_of(store: &EventStore, project: ProjectKey) -> Vec<Group> {
    let request = GroupsRequest {
        kind: None,
        search: None,
        paging: Paging::default(),
    };
    store.list_groups(project, request).await.unwrap()
}

#[tokio::test]
async fn copies_take_the_place_of_earlier_ones_and_those_of_the_gone_go() {
    let folder = Folder::new();
    let store = folder.store();
    assert_eq!(store.copied_position().await.unwrap(), 0);
    let both = [profile("ann", "Ann"), profile("bob", "Bob")];
    let first = rows(&both, &[group("acme", "Acme")]);
    let mut first = copies(4, &["ann", "bob", "acme"], first);
    first.rows.profiles.push((OTHER, profile("ann", "Ann")));
    store.copy_people(first).await.unwrap();
    assert_eq!(profiles_of(&store, PROJECT).await, both);
    assert_eq!(groups_of(&store, PROJECT).await, [group("acme", "Acme")]);
    let second = rows(&[profile("bob", "Bobby")], &[group("acme", "Acme Ltd")]);
    let ids = ["ann", "bob", "acme"];
    store.copy_people(copies(7, &ids, second)).await.unwrap();
    assert_eq!(
        profiles_of(&store, PROJECT).await,
        [profile("bob", "Bobby")]
    );
    assert_eq!(
        groups_of(&store, PROJECT).await,
        [group("acme", "Acme Ltd")]
    );
    assert_eq!(profiles_of(&store, OTHER).await, [profile("ann", "Ann")]);
    assert_eq!(store.copied_position().await.unwrap(), 7);
    // Events have a position of their own.
    assert_eq!(store.applied_position().await.unwrap(), 0);
}

#[tokio::test]
async fn nothing_is_copied_twice() {
    let folder = Folder::new();
    let store = folder.store();
    let new = rows(&[profile("ann", "Ann")], &[]);
    store.copy_people(copies(7, &["ann"], new)).await.unwrap();
    for position in [7, 3] {
        let old = rows(&[profile("ann", "Old")], &[]);
        let old = copies(position, &["ann"], old);
        store.copy_people(old).await.unwrap();
    }
    store.close().await;
    let store = folder.store();
    assert_eq!(profiles_of(&store, PROJECT).await, [profile("ann", "Ann")]);
    assert_eq!(store.copied_position().await.unwrap(), 7);
}

#[tokio::test]
async fn of_a_purged_project_nobody_is_left() {
    let folder = Folder::new();
    let store = folder.store();
    let mut all = copies(1, &[], rows(&[profile("ann", "")], &[group("acme", "")]));
    all.rows.profiles.push((OTHER, profile("ann", "")));
    store.copy_people(all).await.unwrap();
    let purged = PeopleCopies {
        position: 2,
        purged: vec![PROJECT],
        ..PeopleCopies::default()
    };
    store.copy_people(purged).await.unwrap();
    assert!(profiles_of(&store, PROJECT).await.is_empty());
    assert!(groups_of(&store, PROJECT).await.is_empty());
    assert_eq!(profiles_of(&store, OTHER).await.len(), 1);
}

#[tokio::test]
async fn new_copies_are_seen_when_they_are_complete() {
    let folder = Folder::new();
    let store = folder.store();
    let mut old = copies(1, &[], rows(&[profile("gone", "")], &[group("gone", "")]));
    old.rows.profiles.push((OTHER, profile("ann", "")));
    store.copy_people(old).await.unwrap();
    store.begin_new_copies().await.unwrap();
    for name in ["ann", "bob"] {
        let some = rows(&[profile(name, "new")], &[]);
        store.add_new_copies(some).await.unwrap();
        assert_eq!(profiles_of(&store, PROJECT).await, [profile("gone", "")]);
    }
    // Begun and never finished, as by a server that was stopped.
    store.begin_new_copies().await.unwrap();
    let some = rows(&[profile("ann", "new")], &[]);
    store.add_new_copies(some).await.unwrap();
    store.finish_new_copies(Some(PROJECT), None).await.unwrap();
    assert_eq!(profiles_of(&store, PROJECT).await, [profile("ann", "new")]);
    assert!(groups_of(&store, PROJECT).await.is_empty());
    assert_eq!(profiles_of(&store, OTHER).await.len(), 1);
    assert_eq!(store.copied_position().await.unwrap(), 1);
    store.begin_new_copies().await.unwrap();
    store.finish_new_copies(None, Some(9)).await.unwrap();
    assert!(profiles_of(&store, OTHER).await.is_empty());
    assert_eq!(store.copied_position().await.unwrap(), 9);
}

#[tokio::test]
async fn members_of_a_group_are_counted() {
    let folder = Folder::new();
    let store = folder.store();
    let mut profiles = Vec::new();
    for (number, id) in (0..).zip(["a", "b", "c"]) {
        let mut profile = profile(id, "");
        profile.created_at = at(number);
        profiles.push(profile);
    }
    profiles[0].groups.clear();
    store
        .copy_people(copies(1, &[], rows(&profiles, &[])))
        .await
        .unwrap();
    let members = store.group_members(PROJECT, "acme".into(), 1).await;
    let members = members.unwrap();
    assert_eq!((members.count, &members.newest[..]), (2, &profiles[2..]));
    let none = store.group_members(OTHER, "acme".into(), 1).await.unwrap();
    assert_eq!(none.count, 0);
}
