//! What every backend of the catalog must do, beyond what the HTTP suite sees.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{collections::HashMap, net::IpAddr, time::Duration};

use paneld_auth::{CredentialStore as _, PlainSecret, SecretHash};
use paneld_domain::{
    Client, ClientChanges, ClientId, ClientType, Name, NewClient, NewProject, Organization,
    OrganizationChanges, PageRequest, ProjectChanges, Timestamp, parse_timestamp,
};
use paneld_repository::{
    Bootstrap, CatalogUrl, NewCredentials, Repository, RepositoryError, RootRule,
};
use tempfile::TempDir;

struct World {
    repository: Repository,
    organization: Organization,
    folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = open(&folder).await;
        let name = "Acme".parse().unwrap();
        let organization = repository.create_organization(name, now()).await.unwrap();
        Self {
            repository,
            organization,
            folder,
        }
    }

    async fn create_client(&self, client_type: ClientType, at: Timestamp) -> Client {
        let new = NewClient {
            name: name("Client"),
            client_type,
            project_id: None,
            settings: ClientChanges::default(),
        };
        let organization = self.organization.id.clone();
        let created = self
            .repository
            .create_client(organization, new, credentials(), at);
        created.await.unwrap()
    }

    async fn delete_client(&self, id: ClientId) -> Result<(), RepositoryError> {
        let peer = IpAddr::from([192, 0, 2, 7]);
        let organization = self.organization.id.clone();
        let rule = RootRule::Enforced { peer };
        self.repository
            .delete_client(organization, id, rule, now())
            .await
    }
}

async fn open(folder: &TempDir) -> Repository {
    Repository::open(&CatalogUrl::Sqlite(folder.path().join("catalog.sqlite")))
        .await
        .unwrap()
}

fn now() -> Timestamp {
    parse_timestamp("2026-01-15T10:30:00.123456Z").unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn credentials() -> NewCredentials {
    NewCredentials {
        id: ClientId::random(&mut rand::rng()),
        hash: SecretHash::of(&PlainSecret::generate()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn times_keep_their_microseconds_and_their_order() {
    let world = World::new().await;
    let second = parse_timestamp("2026-01-15T10:30:00Z").unwrap();
    // Texts of different lengths: no fraction, three digits, six digits.
    let times = [0, 1, 1_000, 123_456, 500_000].map(|us| second + Duration::from_micros(us));
    for at in times {
        world.create_client(ClientType::Root, at).await;
    }
    let organization = world.organization.id.clone();
    let listed = world
        .repository
        .list_clients(organization, None, PageRequest::default());
    let listed = listed.await.unwrap().items;
    let found = listed.iter().rev().map(|client| client.created_at);
    assert_eq!(found.collect::<Vec<_>>(), times);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_ties_neither_lose_nor_repeat() {
    let world = World::new().await;
    for _ in 0..25 {
        world.create_client(ClientType::Root, now()).await;
    }
    let mut page = PageRequest {
        limit: Some(4),
        after: None,
    };
    let mut seen = Vec::new();
    loop {
        let organization = world.organization.id.clone();
        let part = world
            .repository
            .list_clients(organization, None, page.clone());
        let part = part.await.unwrap();
        seen.extend(part.items.iter().map(|client| client.id.to_string()));
        page.after = part.next;
        if page.after.is_none() {
            break;
        }
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((seen.len(), &seen), (25, &sorted));
}

/// The root that the first one sees is the one that the second removes, unless they are in line.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_remove_the_last_roots_one_wins() {
    for _ in 0..20 {
        let world = World::new().await;
        let first = world.create_client(ClientType::Root, now()).await;
        let second = world.create_client(ClientType::Root, now()).await;
        // From another process, as the command line would: its own connections to the file.
        let other = World {
            repository: open(&world.folder).await,
            organization: world.organization.clone(),
            folder: tempfile::tempdir().unwrap(),
        };
        let (a, b) = tokio::join!(
            world.delete_client(first.id),
            other.delete_client(second.id)
        );
        let wins = [&a, &b].into_iter().filter(|result| result.is_ok()).count();
        assert_eq!(wins, 1, "{a:?} {b:?}");
        let loses = |result| matches!(result, Err(RepositoryError::LastRoot));
        assert!(loses(a) || loses(b));
    }
}

/// What actix does to the future of a caller that goes away, and what breaks Diesel's SQLite
/// connections unless units of work run on tasks of their own.
#[test]
fn a_caller_that_goes_away_breaks_nothing() {
    let main = tokio::runtime::Runtime::new().unwrap();
    let world = main.block_on(World::new());
    // An actix worker: a runtime of one thread.
    let worker = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    worker.block_on(async {
        for round in 0..50 {
            let organization = world.organization.id.clone();
            let new = NewProject {
                name: name("Shop"),
                settings: ProjectChanges::default(),
            };
            let client = NewClient {
                name: name("First client"),
                client_type: ClientType::Write,
                project_id: None,
                settings: ClientChanges::default(),
            };
            let creating = world.repository.create_project_with_client(
                organization,
                new,
                client,
                credentials(),
                now(),
            );
            // Dropped at the first, second, third … point where it waits.
            let patience = Duration::from_micros(round * 40);
            let _ = tokio::time::timeout(patience, creating).await;
        }
        // The next, innocent ones.
        let organization = world.organization.id.clone();
        let listed = world
            .repository
            .list_projects(organization, false, PageRequest::default());
        listed.await.unwrap();
        world.create_client(ClientType::Root, now()).await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_locked_by_another_is_unavailable_and_then_recovers() {
    let world = World::new().await;
    let path = world.folder.path().join("catalog.sqlite");
    // Moved away under a new reader: the file cannot be opened.
    let hidden = world.folder.path().join("hidden");
    drop(world.repository);
    std::fs::rename(&path, &hidden).unwrap();
    std::fs::create_dir(&path).unwrap();
    let opened = Repository::open(&CatalogUrl::Sqlite(path.clone())).await;
    assert!(matches!(opened, Err(RepositoryError::Unavailable(_))));
    std::fs::remove_dir(&path).unwrap();
    std::fs::rename(&hidden, &path).unwrap();
    let repository = open(&world.folder).await;
    assert_eq!(
        repository.list_organizations().await.unwrap(),
        [world.organization]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_use_does_not_replace_a_later_one() {
    let world = World::new().await;
    let client = world.create_client(ClientType::Root, now()).await;
    let later = now() + Duration::from_secs(60);
    for used_at in [later, now()] {
        let uses = HashMap::from([(client.id, used_at)]);
        world.repository.record_uses(uses).await.unwrap();
    }
    let found = world
        .repository
        .find_credentials(client.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.client.last_used_at, Some(later));
}

#[tokio::test(flavor = "multi_thread")]
async fn organizations_of_the_same_name_have_ids_of_their_own() {
    let world = World::new().await;
    let second = world
        .repository
        .create_organization(name("Acme"), now())
        .await
        .unwrap();
    assert_eq!(world.organization.id.as_str(), "acme");
    assert!(second.id.as_str().starts_with("acme-"));
}

/// A secret that was replaced, and whose grace is over, is another secret.
#[tokio::test(flavor = "multi_thread")]
async fn bootstrapping_knows_which_secrets_still_work() {
    let world = World::new().await;
    let given = credentials();
    let bootstrap = async |at: Timestamp| {
        let client = NewClient {
            name: name("First root client"),
            client_type: ClientType::Root,
            project_id: None,
            settings: ClientChanges::default(),
        };
        let credentials = given.clone();
        let outcome = world
            .repository
            .bootstrap(None, name("Mine"), client, credentials, at);
        outcome.await.unwrap()
    };
    assert_eq!(bootstrap(now()).await, Bootstrap::Created);
    assert_eq!(
        bootstrap(now()).await,
        Bootstrap::Present { same_secret: true }
    );

    let end = now() + Duration::from_secs(60);
    let organization = world.organization.id.clone();
    let hash = SecretHash::of(&PlainSecret::generate());
    let rotated = world
        .repository
        .rotate_secret(organization, given.id, hash, Some(end), now());
    rotated.await.unwrap();
    let just_before = end - Duration::from_micros(1);
    assert_eq!(
        bootstrap(just_before).await,
        Bootstrap::Present { same_secret: true }
    );
    assert_eq!(
        bootstrap(end).await,
        Bootstrap::Present { same_secret: false }
    );

    world.create_client(ClientType::Root, now()).await;
    world.delete_client(given.id).await.unwrap();
    assert_eq!(bootstrap(end).await, Bootstrap::Deleted);
}

/// Everyone may call their own organization as they like.
#[tokio::test(flavor = "multi_thread")]
async fn bootstrapping_does_not_fall_for_a_name() {
    let world = World::new().await;
    let changes = OrganizationChanges {
        name: Some(name("Operators")),
        zone: None,
    };
    let tenant = world.organization.id.clone();
    let renamed = world.repository.update_organization(tenant, changes, now());
    renamed.await.unwrap();
    let client = NewClient {
        name: name("First root client"),
        client_type: ClientType::Root,
        project_id: None,
        settings: ClientChanges::default(),
    };
    let given = credentials();
    let (asked, other) = (Some(name("Operators")), name("Mine"));
    let made = world
        .repository
        .bootstrap(asked, other, client, given.clone(), now());
    assert_eq!(made.await.unwrap(), Bootstrap::Created);
    let found = world
        .repository
        .find_credentials(given.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.organization.id.as_str(), "operators");
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
