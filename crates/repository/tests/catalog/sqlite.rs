//! What only a file can do.

use std::{fs::Permissions, os::unix::fs::PermissionsExt as _, path::Path};

use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use paneld_domain::{Identity, PeopleChange, ProfileChange, ProfileChangeKind};
use paneld_repository::{CatalogUrl, Repository, RepositoryError};

use crate::world::{Place, World, now};

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_cannot_be_opened_is_unavailable_and_then_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.sqlite");
    let url = CatalogUrl::Sqlite(path.clone());
    std::fs::create_dir(&path).unwrap();
    let opened = Repository::open(&url).await;
    assert!(matches!(opened, Err(RepositoryError::Unavailable(_))));
    std::fs::remove_dir(&path).unwrap();
    let repository = Repository::open(&url).await.unwrap();
    assert!(repository.is_empty().await.unwrap());
}

/// What is written to a file that was removed is lost, and must not be acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_replaced_is_unavailable() {
    let world = World::new(Place::sqlite()).await;
    let CatalogUrl::Sqlite(path) = world.place.url() else {
        unreachable!("it was asked for a file");
    };
    let moved = path.with_extension("moved");
    std::fs::rename(&path, &moved).unwrap();
    let asked = world.repository.list_organizations().await;
    assert!(matches!(asked, Err(RepositoryError::Unavailable(_))));
    std::fs::rename(&moved, &path).unwrap();
    world.repository.list_organizations().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_catalog_is_not_made_unless_it_should_be() {
    let folder = tempfile::tempdir().unwrap();
    let url = CatalogUrl::Sqlite(folder.path().join("a #strange? näme%20.sqlite"));
    let absent = Repository::open_present(&url).await;
    assert!(matches!(absent, Err(RepositoryError::Unsuitable(_))));
    Repository::open(&url).await.unwrap();
    Repository::open_present(&url).await.unwrap();
    assert!(folder.path().join("a #strange? näme%20.sqlite").is_file());
}

/// How many of these people are in some file of the folder by their e-mail.
fn count_found(folder: &Path, people: std::ops::Range<u32>) -> usize {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let text = String::from_utf8_lossy(&bytes);
    people
        .filter(|person| text.contains(&email(*person)))
        .count()
}

fn email(person: u32) -> String {
    format!("{person:05}@secret.example")
}

/// As an earlier version did it, which did not overwrite what it deleted, and with rows that are
/// moved to and fro.
#[tokio::test(flavor = "multi_thread")]
async fn of_what_was_removed_nothing_is_left_in_any_file() {
    let world = World::new(Place::sqlite()).await;
    let CatalogUrl::Sqlite(path) = world.place.url() else {
        unreachable!("it was asked for a file");
    };
    let key = world.create_project().await.key;
    let mut changes = Vec::new();
    for person in 0..3_000 {
        let identity = Identity {
            email: email(person),
            ..Identity::default()
        };
        let change = ProfileChange {
            profile_id: format!("{:05}", person * 7_919 % 3_000),
            kind: ProfileChangeKind::Identified(Box::new(identity)),
        };
        changes.push((key, now(), PeopleChange::Profile(change)));
    }
    let applied = world.repository.apply_people("spool", 1, changes);
    applied.await.unwrap();
    let folder = path.parent().unwrap();
    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    other
        .batch_execute("DELETE FROM profiles WHERE email < '01500'")
        .unwrap();
    assert!(count_found(folder, 0..1_500) > 0, "the test finds nothing");

    // Who reads is waited for.
    let reading = world.another_process().await;
    let asked = tokio::spawn(async move {
        for _ in 0..50 {
            reading.list_organizations().await.unwrap();
        }
    });
    world.repository.compact().await.unwrap();
    asked.await.unwrap();
    assert_eq!(count_found(folder, 0..1_500), 0);
    assert_eq!(count_found(folder, 1_500..3_000), 1_500);
    let log = std::fs::metadata(folder.join("catalog.sqlite-wal"));
    assert_eq!(log.unwrap().len(), 0);
    world.repository.compact().await.unwrap();
    assert_eq!(
        world.repository.list_organizations().await.unwrap().len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_are_for_their_owner_alone() {
    let world = World::new(Place::sqlite()).await;
    let CatalogUrl::Sqlite(path) = world.place.url() else {
        unreachable!("it was asked for a file");
    };
    let files = ["", "-wal", "-shm"].map(|suffix| format!("{}{suffix}", path.display()));
    let mode = |file: &String| std::fs::metadata(file).unwrap().permissions().mode() & 0o777;
    assert_eq!(files.each_ref().map(mode), [0o600; 3]);
    for file in &files {
        std::fs::set_permissions(file, Permissions::from_mode(0o664)).unwrap();
    }
    let another = world.another_process().await;
    assert_eq!(files.each_ref().map(mode), [0o600; 3]);
    another.list_organizations().await.unwrap();
}
