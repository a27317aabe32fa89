//! What only a file can do.

use paneld_repository::{CatalogUrl, Repository, RepositoryError};

use crate::world::{Place, World};

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
