//! Copies of people.

use paneld_analytics::{GroupsRequest, Paging, ProfilesRequest, Shown, SortOrder};
use paneld_domain::{Group, Profile, ProjectKey, bounds::size_of};
use paneld_events::{EventStore, PeopleCopies, PeopleRows, Scope};

use crate::fixtures::*;

fn profile(id: &str, name: &str) -> Profile {
    let mut profile = Profile::new(id.into(), at(0));
    profile.first_name = name.into();
    profile.properties = [("🦆".into(), "quack".into()), ("a'b".into(), "\"".into())].into();
    profile.groups = ["acme".into(), "b, c".into()].into();
    profile.last_seen_at = at(7);
    profile.left_out = 3;
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
        position: Some(position),
        profile_ids: ids.clone().collect(),
        group_ids: ids.collect(),
        rows,
        ..PeopleCopies::default()
    }
}

/// The rows of a list that has room for all of them.
fn rows_of<T>(shown: Vec<Shown<T>>) -> Vec<T> {
    assert!(shown.iter().all(|shown| !shown.is_cut));
    shown.into_iter().map(|shown| shown.row).collect()
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
    rows_of(store.list_profiles(scope, request).await.unwrap())
}

async fn groups_of(store: &EventStore, project: ProjectKey) -> Vec<Group> {
    let request = GroupsRequest {
        kind: None,
        search: None,
        paging: Paging::default(),
    };
    rows_of(store.list_groups(project, request).await.unwrap())
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
async fn a_batch_that_is_copied_in_portions_has_its_position_with_the_last() {
    let folder = Folder::new();
    let store = folder.store();
    let portion = PeopleCopies {
        position: None,
        ..copies(0, &["ann"], rows(&[profile("ann", "Ann")], &[]))
    };
    // Twice, as after a crash between the two.
    for _ in 0..2 {
        store.copy_people(portion.clone()).await.unwrap();
    }
    assert_eq!(store.copied_position().await.unwrap(), 0);
    let last = rows(&[profile("bob", "Bob")], &[]);
    store.copy_people(copies(7, &["bob"], last)).await.unwrap();
    assert_eq!(store.copied_position().await.unwrap(), 7);
    let both = [profile("ann", "Ann"), profile("bob", "Bob")];
    assert_eq!(profiles_of(&store, PROJECT).await, both);
}

#[tokio::test]
async fn a_list_shows_as_much_as_an_answer_has_room_for() {
    let folder = Folder::new();
    let store = folder.store();
    let big = |number: usize| {
        let mut group = group(&format!("g{number:02}"), "Big");
        group.properties = (0..16)
            .map(|key| (format!("k{key:02}"), "v".repeat(15 << 10)))
            .collect();
        group
    };
    let groups = (0..60).map(big).collect::<Vec<_>>();
    for (position, groups) in (1..).zip(groups.chunks(10)) {
        let some = copies(position, &[], rows(&[], groups));
        store.copy_people(some).await.unwrap();
    }
    let request = GroupsRequest {
        kind: None,
        search: None,
        paging: Paging::first(100),
    };
    let shown = store.list_groups(PROJECT, request).await.unwrap();
    assert_eq!(shown.len(), 60);
    let sizes = shown.iter().map(|shown| size_of(&shown.row.properties));
    let all = sizes.sum::<usize>();
    assert!(all > 7 << 20 && all <= 8 << 20, "{all}");
    let whole = shown.iter().take_while(|shown| !shown.is_cut);
    assert_eq!(whole.count(), 34);
    assert!(shown[34..].iter().all(|shown| shown.is_cut));
}

#[tokio::test]
async fn of_a_purged_project_nobody_is_left() {
    let folder = Folder::new();
    let store = folder.store();
    let mut all = copies(1, &[], rows(&[profile("ann", "")], &[group("acme", "")]));
    all.rows.profiles.push((OTHER, profile("ann", "")));
    store.copy_people(all).await.unwrap();
    let purged = PeopleCopies {
        position: Some(2),
        purged: vec![PROJECT],
        ..PeopleCopies::default()
    };
    store.copy_people(purged).await.unwrap();
    assert!(profiles_of(&store, PROJECT).await.is_empty());
    assert!(groups_of(&store, PROJECT).await.is_empty());
    assert_eq!(profiles_of(&store, OTHER).await.len(), 1);
}

#[tokio::test]
async fn whoever_new_copies_leave_out_is_there_until_they_are_complete() {
    let folder = Folder::new();
    let store = folder.store();
    let mut old = copies(1, &[], rows(&[profile("gone", "")], &[group("gone", "")]));
    old.rows.profiles.push((OTHER, profile("ann", "")));
    store.copy_people(old).await.unwrap();
    let new = store.begin_new_copies().await.unwrap();
    for name in ["ann", "bob"] {
        let some = rows(&[profile(name, "new")], &[]);
        new.add(some).await.unwrap();
        // The new ones may be there already.
        let there = profiles_of(&store, PROJECT).await;
        assert!(there.contains(&profile("gone", "")), "{there:?}");
        assert_eq!(groups_of(&store, PROJECT).await, [group("gone", "")]);
    }
    // Begun and never finished, as by a server that was stopped.
    let new = store.begin_new_copies().await.unwrap();
    let some = rows(&[profile("ann", "new")], &[]);
    new.add(some).await.unwrap();
    new.finish(Some(PROJECT), None).await.unwrap();
    assert_eq!(profiles_of(&store, PROJECT).await, [profile("ann", "new")]);
    assert!(groups_of(&store, PROJECT).await.is_empty());
    assert_eq!(profiles_of(&store, OTHER).await.len(), 1);
    assert_eq!(store.copied_position().await.unwrap(), 1);
    let new = store.begin_new_copies().await.unwrap();
    new.finish(None, Some(9)).await.unwrap();
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
    assert_eq!(
        (members.count, &rows_of(members.newest)[..]),
        (2, &profiles[2..])
    );
    let none = store.group_members(OTHER, "acme".into(), 1).await.unwrap();
    assert_eq!(none.count, 0);
}
